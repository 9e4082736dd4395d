//! Proof that an author signed two histories. Portable: it needs nothing but itself.

use crate::entry::{EntryRef, Header, HeaderError, SIGNATURE_DOMAIN};
use crate::identity::Signature;
use crate::limits::MAX_RUN_ENTRIES;

/// Headers from one sequence number up to a signed one, contiguous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedChain {
    /// At least one, at most [`MAX_RUN_ENTRIES`].
    pub headers: Vec<Header>,
    /// Over the last one's hash.
    pub signature: Signature,
}

/// Two signed chains of one author that differ in their first entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkEvidence {
    /// One history.
    pub one: SignedChain,
    /// The other.
    pub other: SignedChain,
}

/// Evidence that proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForkError {
    /// No headers, or more than a run can have.
    #[error("a chain has {0} headers; 1 to {MAX_RUN_ENTRIES} are allowed")]
    Length(usize),
    /// A header breaks the format's rules.
    #[error("header {at} is malformed: {cause}")]
    Header {
        /// Which.
        at: EntryRef,
        /// How.
        cause: HeaderError,
    },
    /// Headers that don't continue each other.
    #[error("header {at} does not continue the one before it")]
    Broken {
        /// Which.
        at: EntryRef,
    },
    /// A signature that does not verify.
    #[error("the signature of {at} does not verify")]
    Signature {
        /// The last header of the chain.
        at: EntryRef,
    },
    /// Different stores, authors or places.
    #[error("the two chains do not begin at the same place of the same log")]
    DifferentPlace,
    /// The same entry twice.
    #[error("the two chains begin with the same entry")]
    SameEntry,
}

impl SignedChain {
    fn verify(&self) -> Result<&Header, ForkError> {
        let (Some(first), Some(last)) = (self.headers.first(), self.headers.last()) else {
            return Err(ForkError::Length(0));
        };
        if self.headers.len() > MAX_RUN_ENTRIES {
            return Err(ForkError::Length(self.headers.len()));
        }
        for header in &self.headers {
            let at = header.at();
            header
                .check()
                .map_err(|cause| ForkError::Header { at, cause })?;
        }
        for (before, header) in self.headers.iter().zip(self.headers.iter().skip(1)) {
            let continues = header.store == before.store
                && header.author == before.author
                && Some(header.seq) == before.seq.checked_add(1)
                && header.prev == before.hash();
            if !continues {
                return Err(ForkError::Broken { at: header.at() });
            }
        }
        last.author
            .verify(SIGNATURE_DOMAIN, last.hash().as_bytes(), &self.signature)
            .map_err(|_| ForkError::Signature { at: last.at() })?;
        Ok(first)
    }
}

impl ForkEvidence {
    /// Checks the evidence; on success names the entry of which there are two.
    pub fn verify(&self) -> Result<EntryRef, ForkError> {
        let (one, other) = (self.one.verify()?, self.other.verify()?);
        if (one.store, one.at()) != (other.store, other.at()) {
            return Err(ForkError::DifferentPlace);
        }
        if one.hash() == other.hash() {
            return Err(ForkError::SameEntry);
        }
        Ok(one.at())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EntryHash, Hlc, Identity, StoreId};

    fn chain(me: &Identity, first: u64, len: u64, salt: u64) -> SignedChain {
        let mut prev = EntryHash::ZERO;
        let headers: Vec<Header> = (first..first + len)
            .map(|seq| {
                let header = Header {
                    store: StoreId::ZERO,
                    author: me.author(),
                    seq,
                    prev,
                    hlc: Hlc::from_millis(seq + salt),
                    deps: vec![],
                    ops: vec![],
                };
                prev = header.hash();
                header
            })
            .collect();
        SignedChain {
            signature: me.sign(SIGNATURE_DOMAIN, prev.as_bytes()),
            headers,
        }
    }

    #[test]
    fn two_histories_convict_and_nothing_less_does() {
        let (me, you) = (
            Identity::from_secret_bytes(&[1; 32]),
            Identity::from_secret_bytes(&[2; 32]),
        );
        let pair = |one, other| ForkEvidence { one, other }.verify();
        let good = pair(chain(&me, 3, 4, 0), chain(&me, 3, 2, 100));
        assert_eq!(
            good,
            Ok(EntryRef {
                author: me.author(),
                seq: 3
            })
        );
        assert_eq!(
            pair(chain(&me, 3, 4, 0), chain(&me, 3, 2, 0)),
            Err(ForkError::SameEntry)
        );
        assert_eq!(
            pair(chain(&me, 3, 4, 0), chain(&you, 3, 2, 1)),
            Err(ForkError::DifferentPlace)
        );
        let mut unsigned = chain(&me, 3, 2, 100);
        unsigned.signature = you.sign(SIGNATURE_DOMAIN, b"");
        assert!(matches!(
            pair(chain(&me, 3, 4, 0), unsigned),
            Err(ForkError::Signature { .. })
        ));
        let mut broken = chain(&me, 3, 3, 100);
        broken.headers.remove(1);
        assert!(matches!(
            pair(chain(&me, 3, 4, 0), broken),
            Err(ForkError::Broken { .. })
        ));
    }
}

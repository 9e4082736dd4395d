//! Proof that an author signed two histories. Portable: it needs nothing but itself. Format:
//! `proto/v1/fork.md`.

mod framing;

pub use self::framing::{ForkDecodeError, MAX_EVIDENCE_BYTES};
use crate::entry::{EntryRef, Header, HeaderError, SIGNATURE_DOMAIN};
use crate::hash::EntryHash;
use crate::identity::Signature;
use crate::limits::{MAX_RUN_BYTES, MAX_RUN_ENTRIES};
use crate::run::VerifiedRun;

/// Headers from one sequence number up to a signed one, contiguous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedChain {
    /// At least one, at most [`MAX_RUN_ENTRIES`], and at most [`MAX_RUN_BYTES`] in canonical form
    /// unless there is only one: what a run may hold.
    pub headers: Vec<Header>,
    /// Over the last one's hash.
    pub signature: Signature,
}

/// Two signed chains of one author that contradict each other: their first entries stand at the same
/// place and differ, or one chain's first entry names another entry before it than the one that the
/// other chain begins with.
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
    /// More bytes than a run can have.
    #[error("a chain has {0} bytes; at most {MAX_RUN_BYTES} are allowed for more than one header")]
    TooLarge(usize),
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
    /// Different stores or authors, or places more than one apart.
    #[error("the two chains do not begin at the same or adjoining places of one log")]
    DifferentPlace,
    /// The same entry twice, or an entry and the one that continues it.
    #[error("the two chains are one history")]
    SameHistory,
}

impl SignedChain {
    /// The headers of a run from `seq` on. `None` if the run doesn't reach that far.
    pub fn of(run: &VerifiedRun, seq: u64) -> Option<Self> {
        let entries = run.entries().iter().map(|entry| &entry.entry().header);
        let headers: Vec<Header> = entries
            .filter(|header| header.seq >= seq)
            .cloned()
            .collect();
        (!headers.is_empty()).then_some(Self {
            headers,
            signature: run.signature(),
        })
    }

    fn verify(&self) -> Result<(&Header, EntryHash), ForkError> {
        let (Some(first), Some(last)) = (self.headers.first(), self.headers.last()) else {
            return Err(ForkError::Length(0));
        };
        if self.headers.len() > MAX_RUN_ENTRIES {
            return Err(ForkError::Length(self.headers.len()));
        }
        let size = self.headers.iter().map(Header::encoded_len).sum();
        if size > MAX_RUN_BYTES && self.headers.len() > 1 {
            return Err(ForkError::TooLarge(size));
        }
        for header in &self.headers {
            let at = header.at();
            header
                .check()
                .map_err(|cause| ForkError::Header { at, cause })?;
        }
        let first_hash = first.hash();
        let mut tip = first_hash;
        for (before, header) in self.headers.iter().zip(self.headers.iter().skip(1)) {
            let continues = header.store == before.store
                && header.author == before.author
                && Some(header.seq) == before.seq.checked_add(1)
                && header.prev == tip;
            if !continues {
                return Err(ForkError::Broken { at: header.at() });
            }
            tip = header.hash();
        }
        last.author
            .verify(SIGNATURE_DOMAIN, tip.as_bytes(), &self.signature)
            .map_err(|_| ForkError::Signature { at: last.at() })?;
        Ok((first, first_hash))
    }
}

impl ForkEvidence {
    /// Checks the evidence; on success names the entry of which there are two.
    pub fn verify(&self) -> Result<EntryRef, ForkError> {
        let (one, one_hash) = self.one.verify()?;
        let (other, other_hash) = self.other.verify()?;
        if (one.store, one.author) != (other.store, other.author) {
            return Err(ForkError::DifferentPlace);
        }
        let same = match (
            one.seq.checked_sub(other.seq),
            other.seq.checked_sub(one.seq),
        ) {
            (Some(0), _) => one_hash == other_hash,
            (Some(1), _) => one.prev == other_hash,
            (_, Some(1)) => other.prev == one_hash,
            _ => return Err(ForkError::DifferentPlace),
        };
        if same {
            return Err(ForkError::SameHistory);
        }
        Ok(EntryRef {
            author: one.author,
            seq: one.seq.min(other.seq),
        })
    }
}

#[cfg(test)]
mod tests;

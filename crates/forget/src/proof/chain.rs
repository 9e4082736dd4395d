//! Signed headers: the evidence that an author wrote the entry that a receipt speaks of.

use nocturne_core::entry::SIGNATURE_DOMAIN;
use nocturne_core::{BadSignature, Bytes, EntryHash, EntryRef, Header, HeaderError, Signature};

use super::wire;

/// Contiguous headers of one log, the last of which its author signed. Holds: it links, and the
/// signature verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    headers: Vec<(Header, EntryHash)>,
    signature: Signature,
}

/// Headers that are no signed chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No header.
    #[error("a chain of headers is empty")]
    Empty,
    /// A header that breaks the format's rules.
    #[error("a header is malformed: {0}")]
    Header(#[from] HeaderError),
    /// A header that does not continue the one before.
    #[error("header {0} does not continue the header before it")]
    Broken(EntryRef),
    /// The author did not sign this.
    #[error("the signature of entry {0} does not verify")]
    Signature(EntryRef),
}

impl Chain {
    /// Checks links and signature.
    pub fn new(headers: Vec<Header>, signature: Signature) -> Result<Self, ChainError> {
        let mut linked: Vec<(Header, EntryHash)> = Vec::with_capacity(headers.len());
        for header in headers {
            if let Some((before, hash)) = linked.last() {
                let continues = header.store == before.store
                    && header.author == before.author
                    && Some(header.seq) == before.seq.checked_add(1)
                    && header.prev == *hash
                    && header.hlc > before.hlc;
                if !continues {
                    return Err(ChainError::Broken(header.at()));
                }
            }
            let hash = header.hash();
            linked.push((header, hash));
        }
        let (last, hash) = linked.last().ok_or(ChainError::Empty)?;
        last.author
            .verify(SIGNATURE_DOMAIN, hash.as_bytes(), &signature)
            .map_err(|_: BadSignature| ChainError::Signature(last.at()))?;
        Ok(Self {
            headers: linked,
            signature,
        })
    }

    /// Its headers with their hashes; never empty.
    pub fn headers(&self) -> &[(Header, EntryHash)] {
        &self.headers
    }

    /// How many headers.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.headers.len()
    }

    pub(super) fn to_wire(&self) -> wire::ProofChain {
        let headers = self.headers.iter();
        wire::ProofChain {
            headers: headers
                .map(|(header, _)| Bytes::from(header.encode()))
                .collect(),
            signature: Bytes::copy_from_slice(self.signature.as_bytes()),
        }
    }

    pub(super) fn from_wire(chain: &wire::ProofChain) -> Result<Self, ChainError> {
        let headers = chain.headers.iter().map(|header| Header::decode(header));
        let headers = headers.collect::<Result<Vec<_>, _>>()?;
        let at = headers.last().ok_or(ChainError::Empty)?.at();
        let signature = Signature::from_slice(&chain.signature).ok_or(ChainError::Signature(at))?;
        Self::new(headers, signature)
    }
}

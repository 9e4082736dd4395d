//! The offline verifier: from a file's bytes to what they prove.

use std::collections::BTreeMap;

use nocturne_core::merkle::{
    ConsistencyError, InclusionSetError, verify_consistency, verify_inclusion_set,
};
use nocturne_core::{EntryHash, EntryRef, Header};

use super::bundle::{Bundle, BundleError, Leaf};
use super::claims::{Claim, NotClaimed, Verdict};

/// Why a file proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The file cannot be read as a proof.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A receipt of another node than the one that signed the checkpoint.
    #[error("receipt {0} was issued by another node than the log's")]
    Issuer(u64),
    /// The receipts are not in the log.
    #[error("the receipts are not in the log: {0}")]
    Inclusion(#[from] InclusionSetError),
    /// The earlier checkpoint is of another node's log.
    #[error("the earlier checkpoint is of another log")]
    OtherLog,
    /// The log did not grow out of the earlier one: the node has rewritten its log.
    #[error("the log does not extend the earlier one: {0}")]
    Consistency(#[from] ConsistencyError),
    /// Chains out of order, overlapping, or beginning with an entry that no receipt speaks of.
    #[error("the headers are not those of the receipts' entries")]
    Chains,
    /// Headers for some receipts but not for this one.
    #[error("the proof has headers, but not that of receipt {0}")]
    MissingHeader(u64),
    /// A header that is not the one the receipt speaks of.
    #[error("receipt {0} does not agree with its entry's header")]
    HeaderMismatch(u64),
    /// The operation was written after the time that the decision speaks of.
    #[error("receipt {0} is for an operation written after its cut")]
    WrittenAfterCut(u64),
}

/// Verifies a proof file. Needs nothing but its bytes; at most [`super::MAX_BUNDLE`] are read.
///
/// ```
/// use nocturne_forget::proof::{ProofError, verify_bundle};
///
/// assert!(matches!(verify_bundle(b"no proof"), Err(ProofError::Bundle(_))));
/// ```
pub fn verify_bundle(bytes: &[u8]) -> Result<Verdict, ProofError> {
    Bundle::decode(bytes)?.verify()
}

impl Bundle {
    /// Checks that everything in the bundle holds together.
    pub fn verify(&self) -> Result<Verdict, ProofError> {
        let log = *self.checkpoint.checkpoint();
        let mut claims = vec![Claim::Log {
            node: log.node,
            size: log.size,
            root: log.root,
        }];
        if let Some(leaf) = self.leaves.iter().find(|l| l.receipt.issuer != log.node) {
            return Err(ProofError::Issuer(leaf.index));
        }
        let hashes: Vec<_> = self
            .leaves
            .iter()
            .map(|leaf| (leaf.index, leaf.receipt.leaf()))
            .collect();
        verify_inclusion_set(&hashes, log.size, &self.siblings, &log.root)?;
        if let Some(earlier) = &self.earlier {
            let before = earlier.checkpoint.checkpoint();
            if before.node != log.node {
                return Err(ProofError::OtherLog);
            }
            verify_consistency(
                before.size,
                &before.root,
                log.size,
                &log.root,
                &earlier.path,
            )?;
            claims.push(Claim::Extends {
                size: before.size,
                root: before.root,
            });
        }
        let headers = self.headers()?;
        for leaf in &self.leaves {
            let header = headers.as_ref().map(|headers| headers.header_of(leaf));
            let written = header.transpose()?.map(|header| header.hlc);
            claims.push(Claim::Forgot {
                index: leaf.index,
                receipt: leaf.receipt,
                written,
            });
        }
        let mut not_claimed = vec![
            NotClaimed::NoOtherCopy,
            NotClaimed::BlankMedium,
            NotClaimed::HonestNode,
            NotClaimed::SameLogForAll,
            NotClaimed::Clock,
        ];
        if headers.is_none() {
            not_claimed.insert(0, NotClaimed::Authorship);
        }
        Ok(Verdict {
            valid: true,
            level: 1,
            claims,
            not_claimed,
        })
    }

    /// The bundle's headers by place, if it has any. Chains ascend, do not overlap, and begin with
    /// an entry that a receipt speaks of, so that nothing can be put in or left out unnoticed.
    fn headers(&self) -> Result<Option<Headers<'_>>, ProofError> {
        if self.chains.is_empty() {
            return Ok(None);
        }
        let mut wanted = BTreeMap::new();
        for Leaf { receipt, .. } in &self.leaves {
            wanted.insert((receipt.store, receipt.operation.entry()), receipt.entry);
        }
        let mut headers = BTreeMap::new();
        for chain in &self.chains {
            for (position, (header, hash)) in chain.headers().iter().enumerate() {
                let place = (header.store, header.at());
                if position == 0 && !wanted.contains_key(&place) {
                    return Err(ProofError::Chains);
                }
                let ascends = headers
                    .last_key_value()
                    .is_none_or(|(last, _)| *last < place);
                if !ascends {
                    return Err(ProofError::Chains);
                }
                headers.insert(place, (header, *hash));
            }
        }
        Ok(Some(Headers(headers)))
    }
}

struct Headers<'a>(BTreeMap<(nocturne_core::StoreId, EntryRef), (&'a Header, EntryHash)>);

impl Headers<'_> {
    /// The header of the entry that a receipt speaks of, if it says the same as the receipt.
    fn header_of(&self, leaf: &Leaf) -> Result<&Header, ProofError> {
        let receipt = &leaf.receipt;
        let place = (receipt.store, receipt.operation.entry());
        let (header, hash) = self
            .0
            .get(&place)
            .ok_or(ProofError::MissingHeader(leaf.index))?;
        let op = header.ops.get(usize::from(receipt.operation.op));
        let agrees =
            *hash == receipt.entry && op.is_some_and(|op| op.commitment == receipt.commitment);
        if !agrees {
            return Err(ProofError::HeaderMismatch(leaf.index));
        }
        if header.hlc.millis() > receipt.as_of_ms {
            return Err(ProofError::WrittenAfterCut(leaf.index));
        }
        Ok(header)
    }
}

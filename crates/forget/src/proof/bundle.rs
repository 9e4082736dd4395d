//! A proof file's contents and their bytes.

use nocturne_core::Bytes;
use nocturne_core::merkle::TreeHash;
use prost::Message;

use super::chain::{Chain, ChainError};
use super::{MAX_BUNDLE, MAX_HEADERS, MAX_LEAVES, scan, wire};
use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::receipt::{Receipt, ReceiptError};

const VERSION: u32 = 1;

/// Receipts and what is needed to check them. Decoding checks form and signatures' notes only;
/// [`super::verify_bundle`] checks that it all holds together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The log that the receipts stand in.
    pub checkpoint: SignedCheckpoint,
    /// The receipts, ascending by index.
    pub leaves: Vec<Leaf>,
    /// What leads from them to the checkpoint's root, as `Tree::inclusion_set` gives it.
    pub siblings: Vec<TreeHash>,
    /// An earlier checkpoint, and the proof that the log has only grown since.
    pub earlier: Option<Earlier>,
    /// Signed headers of the entries that the receipts speak of: of none, or of all.
    pub chains: Vec<Chain>,
}

/// A receipt and its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// From 0.
    pub index: u64,
    /// The receipt.
    pub receipt: Receipt,
}

/// An earlier checkpoint of the same log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The checkpoint.
    pub checkpoint: SignedCheckpoint,
    /// RFC 9162 consistency proof to the bundle's checkpoint.
    pub path: Vec<TreeHash>,
}

/// Bytes that are no proof file, or contents that fit in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Over [`MAX_BUNDLE`].
    #[error("the proof has {0} bytes; at most {MAX_BUNDLE} are allowed")]
    TooLarge(usize),
    /// Over [`MAX_LEAVES`].
    #[error("the proof has more than {MAX_LEAVES} receipts")]
    TooManyLeaves,
    /// Over [`MAX_HEADERS`].
    #[error("the proof has more than {MAX_HEADERS} headers")]
    TooManyHeaders,
    /// Not the protobuf of a proof.
    #[error("this is not a proof file")]
    Framing,
    /// A proof, but not in its one encoding: something in it has been added or changed.
    #[error("the proof file has been altered: its encoding is not canonical")]
    NotCanonical,
    /// Made by a newer program.
    #[error("proof version {0} is not known here; a newer nocturne wrote it")]
    Version(u32),
    /// Joined hashes whose length is not a multiple of 32.
    #[error("a list of hashes has a length that is no multiple of 32")]
    Hashes,
    /// A checkpoint that does not verify.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A receipt that is none.
    #[error("receipt {index} of the log: {cause}")]
    Receipt {
        /// Its index.
        index: u64,
        /// Why.
        cause: ReceiptError,
    },
    /// A chain of headers that does not hold.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl Bundle {
    /// Canonical bytes of the file.
    pub fn encode(&self) -> Result<Vec<u8>, BundleError> {
        if self.leaves.len() > MAX_LEAVES {
            return Err(BundleError::TooManyLeaves);
        }
        let headers: usize = self.chains.iter().map(|chain| 1 + chain.len()).sum();
        if headers > MAX_HEADERS {
            return Err(BundleError::TooManyHeaders);
        }
        let message = wire::ProofBundle {
            version: VERSION,
            checkpoint: note(&self.checkpoint),
            leaves: self
                .leaves
                .iter()
                .map(|leaf| wire::ProofLeaf {
                    index: leaf.index,
                    receipt: Bytes::copy_from_slice(&leaf.receipt.encode()),
                })
                .collect(),
            siblings: joined(&self.siblings),
            earlier: self.earlier.as_ref().map(|earlier| wire::ProofEarlier {
                checkpoint: note(&earlier.checkpoint),
                path: joined(&earlier.path),
            }),
            chains: self.chains.iter().map(Chain::to_wire).collect(),
        };
        let len = message.encoded_len();
        if len > MAX_BUNDLE {
            return Err(BundleError::TooLarge(len));
        }
        Ok(message.encode_to_vec())
    }

    /// Reads a file's bytes. There is one encoding for each proof.
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(BundleError::TooLarge(bytes.len()));
        }
        scan::check_counts(bytes)?;
        let message = wire::ProofBundle::decode(bytes).map_err(|_| BundleError::Framing)?;
        if message.version != VERSION {
            return Err(BundleError::Version(message.version));
        }
        if message.encode_to_vec() != bytes {
            return Err(BundleError::NotCanonical);
        }
        let leaves = message.leaves.iter().map(|leaf| {
            let index = leaf.index;
            let receipt = Receipt::decode(&leaf.receipt)
                .map_err(|cause| BundleError::Receipt { index, cause })?;
            Ok(Leaf { index, receipt })
        });
        let earlier = message.earlier.map(|earlier| {
            Ok::<_, BundleError>(Earlier {
                checkpoint: SignedCheckpoint::parse(&earlier.checkpoint)?,
                path: split(&earlier.path)?,
            })
        });
        let chains = message.chains.iter().map(Chain::from_wire);
        Ok(Self {
            checkpoint: SignedCheckpoint::parse(&message.checkpoint)?,
            leaves: leaves.collect::<Result<_, BundleError>>()?,
            siblings: split(&message.siblings)?,
            earlier: earlier.transpose()?,
            chains: chains.collect::<Result<_, ChainError>>()?,
        })
    }
}

fn note(checkpoint: &SignedCheckpoint) -> Bytes {
    Bytes::from(checkpoint.to_string())
}

fn joined(hashes: &[TreeHash]) -> Bytes {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn split(joined: &[u8]) -> Result<Vec<TreeHash>, BundleError> {
    let (hashes, rest) = joined.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(BundleError::Hashes);
    }
    Ok(hashes.iter().copied().map(TreeHash::from_bytes).collect())
}

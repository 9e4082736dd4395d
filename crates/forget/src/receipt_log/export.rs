//! Proofs out of the log.

use super::{LogError, ReceiptLog, read};
use crate::checkpoint::SignedCheckpoint;
use crate::proof::{Bundle, Chain, Earlier, Leaf, MAX_LEAVES};

/// What a proof holds besides the receipts.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// A checkpoint that whoever gets the proof has seen before: the proof then shows that the log
    /// has only grown since.
    pub earlier: Option<SignedCheckpoint>,
    /// Signed headers of all entries that the receipts speak of; see
    /// [`crate::engine::Forgetter::chains`].
    pub chains: Vec<Chain>,
}

/// Why no proof was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// No receipt was asked for.
    #[error("there is no receipt to prove")]
    Nothing,
    /// More receipts than a proof file holds.
    #[error("{0} receipts do not fit into one proof; at most {MAX_LEAVES} do")]
    TooMany(usize),
    /// The earlier checkpoint is not of this log, or the log was rewritten since.
    #[error("the earlier checkpoint is not one of this log")]
    NotOurs,
    /// The log could not be read, or does not have a receipt that was asked for.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl ReceiptLog {
    /// A proof for the receipts at these indices, under a fresh checkpoint. Indices may come in
    /// any order.
    pub fn export(&self, indices: &[u64], options: ExportOptions) -> Result<Bundle, ExportError> {
        let mut indices = indices.to_vec();
        indices.sort_unstable();
        indices.dedup();
        if indices.is_empty() {
            return Err(ExportError::Nothing);
        }
        if indices.len() > MAX_LEAVES {
            return Err(ExportError::TooMany(indices.len()));
        }
        let inner = self.lock();
        let size = inner.tree.len();
        let siblings = inner
            .tree
            .inclusion_set(&indices, size)
            .map_err(LogError::from)?;
        let mut leaves = Vec::with_capacity(indices.len());
        for run in runs(&indices) {
            let Some(first) = run.first() else { continue };
            let receipts = read(&inner, *first, run.len())?;
            leaves.extend(
                receipts
                    .into_iter()
                    .map(|(index, receipt)| Leaf { index, receipt }),
            );
        }
        let earlier = options.earlier.map(|checkpoint| {
            let before = checkpoint.checkpoint();
            let ours = before.node == self.node()
                && inner.tree.root_at(before.size).ok() == Some(before.root);
            let path = inner.tree.consistency(before.size, size).ok();
            path.filter(|_| ours)
                .map(|path| Earlier { checkpoint, path })
                .ok_or(ExportError::NotOurs)
        });
        Ok(Bundle {
            checkpoint: self.sign(&inner.tree),
            leaves,
            siblings,
            earlier: earlier.transpose()?,
            chains: options.chains,
        })
    }
}

/// Stretches of consecutive indices.
fn runs(indices: &[u64]) -> impl Iterator<Item = &[u64]> {
    indices.chunk_by(|a, b| a.checked_add(1) == Some(*b))
}

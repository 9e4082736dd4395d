//! The signed headers of the entries that receipts speak of.

use std::collections::{BTreeMap, BTreeSet};

use nocturne_core::{AuthorId, EntryHash, EntryRef, Frontier, LogHead};
use nocturne_store::{RunsQuery, StorageError};

use super::Forgetter;
use crate::proof::{Chain, ChainError};
use crate::receipt::Receipt;

/// Runs that are read at once, in bytes.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Why the headers could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainsError {
    /// A receipt of another store.
    #[error("a receipt is of another store; its headers are there")]
    OtherStore,
    /// An entry that the store no longer has.
    #[error("entry {0} is not in the store")]
    Missing(EntryRef),
    /// Headers that the store holds do not verify: the disk is damaged.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] StorageError),
}

impl Forgetter {
    /// Signed headers of all entries that these receipts of this store speak of, for
    /// [`crate::receipt_log::ExportOptions::chains`]. Each chain reaches from the first such entry
    /// of a run to the run's signature. Reads the logs from the first entry asked for onwards.
    pub fn chains<'a>(
        &self,
        receipts: impl IntoIterator<Item = &'a Receipt>,
    ) -> Result<Vec<Chain>, ChainsError> {
        let mut wanted: BTreeMap<AuthorId, BTreeSet<u64>> = BTreeMap::new();
        for receipt in receipts {
            if receipt.store != self.handle.id() {
                return Err(ChainsError::OtherStore);
            }
            let at = receipt.operation;
            wanted.entry(at.author).or_default().insert(at.seq);
        }
        let mut chains = BTreeMap::new();
        let snapshot = self.handle.snapshot()?;
        let have = all_but(&snapshot.frontier()?, &wanted);
        let mut from_revision = Some(0);
        while let Some(revision) = from_revision
            && !wanted.is_empty()
        {
            let page = snapshot.runs_since(&RunsQuery {
                have: &have,
                from_revision: revision,
                max_bytes: PAGE_BYTES,
            })?;
            from_revision = page.next_revision;
            for run in page.runs {
                let Some(author) = run.entries().first().map(|entry| entry.header.author) else {
                    continue;
                };
                let Some(seqs) = wanted.get_mut(&author) else {
                    continue;
                };
                let mut headers = Vec::new();
                for entry in run.entries() {
                    if seqs.remove(&entry.header.seq) || !headers.is_empty() {
                        headers.push(entry.header.clone());
                    }
                }
                if seqs.is_empty() {
                    wanted.remove(&author);
                }
                if let Some(at) = headers.first().map(nocturne_core::Header::at) {
                    chains.insert(at, Chain::new(headers, run.signature())?);
                }
            }
        }
        match wanted.first_key_value() {
            Some((author, seqs)) => Err(ChainsError::Missing(EntryRef {
                author: *author,
                seq: seqs.first().copied().unwrap_or_default(),
            })),
            None => Ok(chains.into_values().collect()),
        }
    }
}

/// A frontier that has everything before the first entry that is wanted of each log, and all of
/// the logs of which nothing is.
fn all_but(frontier: &Frontier, wanted: &BTreeMap<AuthorId, BTreeSet<u64>>) -> Frontier {
    let mut have = Frontier::new();
    for (author, head) in frontier.iter() {
        let first = wanted.get(author).and_then(BTreeSet::first);
        let seq = first.map_or(head.seq, |first| first.saturating_sub(1));
        if seq > 0 {
            // Only the number is asked for.
            let hash = EntryHash::ZERO;
            have.advance(*author, LogHead { seq, hash });
        }
    }
    have
}

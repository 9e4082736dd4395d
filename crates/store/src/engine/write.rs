//! Local writes: batches become entries, linked, signed once for many, and applied like any other.

use std::collections::BTreeSet;

use nocturne_core::clock::write_time;
use nocturne_core::limits::{MAX_ENTRY_BYTES, MAX_PARENTS, MAX_RUN_BYTES, MAX_RUN_ENTRIES};
use nocturne_core::tips::{Deps, Tips};
use nocturne_core::{
    Bytes, Entry, EntryHash, EntryRef, Header, Hlc, OpBody, OpHeader, OpRef, SignedRun,
};

use super::Store;
use super::transact::Stage;
use crate::batch::{Batch, WriteError, Written};
use crate::error::{Damage, StorageError};
use crate::tables::HeadRow;

/// Entries of the own log that are linked and not signed yet.
#[derive(Debug, Default)]
struct Pending {
    entries: Vec<Entry>,
    bytes: usize,
    keys: BTreeSet<Bytes>,
    /// Hash of the last entry.
    tip: Option<EntryHash>,
}

/// An entry's operations, ready for its header.
type Parts = Vec<(OpBody, Vec<OpRef>)>;

impl Store {
    /// Writes each batch as one entry. A batch that is refused doesn't hinder the others.
    pub(super) fn write_batches(
        &mut self,
        stage: &mut Stage<'_>,
        batches: Vec<Batch>,
        now_ms: u64,
    ) -> Result<Vec<Result<Written, WriteError>>, StorageError> {
        let mut results = Vec::with_capacity(batches.len());
        if batches.is_empty() {
            return Ok(results);
        }
        let offsets: Vec<i64> = self.peer_offsets_ms.values().copied().collect();
        let time = write_time(now_ms, &offsets, self.max_drift_ms);
        if let Some(ahead_ms) = time.ahead_by_ms {
            tracing::warn!(
                ahead_ms,
                "the clock runs ahead of all peers; writing by theirs"
            );
        }
        let mut pending = Pending::default();
        for batch in batches {
            results.push(self.write_batch(stage, &batch, time.millis, now_ms, &mut pending)?);
        }
        self.sign_pending(stage, &mut pending, now_ms)?;
        Ok(results)
    }

    fn write_batch(
        &mut self,
        stage: &mut Stage<'_>,
        batch: &Batch,
        clock_ms: u64,
        now_ms: u64,
        pending: &mut Pending,
    ) -> Result<Result<Written, WriteError>, StorageError> {
        if let Err(error) = batch.check() {
            return Ok(Err(error));
        }
        if self.frozen.contains(&self.author()) {
            return Ok(Err(WriteError::Frozen));
        }
        // Heads must include what this transaction has written: what is pending is not applied yet,
        // so a batch on the same key begins a new run.
        let repeats = batch
            .operations()
            .iter()
            .any(|operation| pending.keys.contains(&operation.key));
        if repeats {
            self.sign_pending(stage, pending, now_ms)?;
        }
        let mut parts: Parts = Vec::with_capacity(batch.operations().len());
        for operation in batch.operations() {
            let Stage { keys, heads, .. } = &mut *stage;
            let heads = keys.heads(&operation.key, heads)?;
            let parents = parents_of(heads, &self.authors)?;
            match OpBody::new(operation, &mut *self.entropy) {
                Ok(body) => parts.push((body, parents)),
                Err(error) => return Ok(Err(error.into())),
            }
        }
        let deps = loop {
            match self.tips(pending).deps_of(&self.author()) {
                Deps::Ready(deps) => break deps,
                Deps::Gather(deps) => {
                    let gathered = self.link(stage, deps, Vec::new(), clock_ms, pending)?;
                    if let Err(error) = gathered {
                        return Ok(Err(error));
                    }
                    self.sign_pending(stage, pending, now_ms)?;
                }
            }
        };
        let linked = self.link(stage, deps, parts, clock_ms, pending)?;
        if linked.is_ok() {
            let keys = batch.operations().iter().map(|operation| &operation.key);
            pending.keys.extend(keys.cloned());
        }
        if linked.is_ok()
            && (pending.entries.len() >= MAX_RUN_ENTRIES || pending.bytes >= MAX_RUN_BYTES)
        {
            self.sign_pending(stage, pending, now_ms)?;
        }
        Ok(linked)
    }

    /// Tips of other logs; what is pending depends on all that the first of it saw.
    fn tips(&self, pending: &Pending) -> Tips {
        let mut tips = Tips::new();
        if pending.entries.is_empty() {
            for (author, log) in &self.logs {
                if log.tip {
                    tips.restore(EntryRef {
                        author: *author,
                        seq: log.seq,
                    });
                }
            }
        }
        tips
    }

    /// Makes the next entry of the own log and lets it wait for its signature.
    fn link(
        &mut self,
        stage: &mut Stage<'_>,
        deps: Vec<EntryRef>,
        parts: Parts,
        clock_ms: u64,
        pending: &mut Pending,
    ) -> Result<Result<Written, WriteError>, StorageError> {
        let author = self.author();
        let log = self.logs.get(&author);
        let (seq, prev, earlier) = match (pending.entries.last(), log) {
            (Some(entry), _) => {
                let hash = pending.tip.unwrap_or_else(|| entry.header.hash());
                (entry.header.seq, hash, entry.header.hlc)
            }
            (None, Some(log)) if log.seq > 0 => (log.seq, log.hash, log.hlc),
            _ => (0, EntryHash::from(self.shared.genesis_hash), Hlc::ZERO),
        };
        // Later than every standing cut too: what is written after a forget is a new write, even in
        // the same millisecond, and never born forgotten.
        let cuts = self.cuts.iter().map(|standing| standing.cut.as_of_ms).max();
        let mut after = earlier.max(cuts.map_or(Hlc::ZERO, Hlc::end_of_millis));
        let parents = parts.iter().flat_map(|(_, parents)| parents);
        for at in deps.iter().copied().chain(parents.map(OpRef::entry)) {
            after = after.max(self.hlc_of(stage, at)?);
        }
        let (Some(seq), Some(hlc)) = (seq.checked_add(1), Hlc::next(clock_ms, after)) else {
            return Ok(Err(WriteError::Exhausted));
        };
        let (bodies, ops) = parts
            .into_iter()
            .map(|(body, parents)| {
                let op = OpHeader {
                    commitment: body.commitment(),
                    parents,
                };
                (Some(body), op)
            })
            .unzip();
        let entry = Entry {
            header: Header {
                store: self.shared.id,
                author,
                seq,
                prev,
                hlc,
                deps,
                ops,
            },
            bodies,
        };
        let size = entry.size();
        if size > MAX_ENTRY_BYTES {
            return Ok(Err(WriteError::TooLarge(size)));
        }
        if !pending.entries.is_empty() && pending.bytes + size > MAX_RUN_BYTES {
            let now_ms = self.clock.now_ms();
            self.sign_pending(stage, pending, now_ms)?;
        }
        let written = Written {
            author,
            seq,
            hlc,
            hash: entry.header.hash(),
            ops: entry.header.ops.len(),
            revision: self.next_revision + pending.entries.len() as u64,
        };
        pending.bytes += size;
        pending.tip = Some(written.hash);
        pending.entries.push(entry);
        Ok(Ok(written))
    }

    fn hlc_of(&self, stage: &Stage<'_>, at: EntryRef) -> Result<Hlc, StorageError> {
        let log = self.logs.get(&at.author).ok_or(Damage::Entry(at))?;
        if log.seq == at.seq {
            return Ok(log.hlc);
        }
        let hlc = stage.hlc(log.number, at.seq)?;
        Ok(hlc.ok_or(Damage::Entry(at))?)
    }

    /// Signs what is pending as one run and applies it through the same path as a peer's.
    fn sign_pending(
        &mut self,
        stage: &mut Stage<'_>,
        pending: &mut Pending,
        now_ms: u64,
    ) -> Result<(), StorageError> {
        let entries = std::mem::take(pending).entries;
        let author = self.author();
        let Some(run) = SignedRun::sign(&self.identity, entries) else {
            return Ok(());
        };
        // What was just signed verifies, unless memory is failing.
        let run = run.verify().map_err(|_| Damage::Chain(author))?;
        self.apply(stage, run, now_ms)
    }
}

/// The heads that the next operation on a key supersedes.
fn parents_of(
    heads: &[HeadRow],
    authors: &crate::tables::Authors,
) -> Result<Vec<OpRef>, StorageError> {
    let mut heads = heads.to_vec();
    heads.sort_unstable_by_key(|head| std::cmp::Reverse(head.hlc));
    heads.truncate(MAX_PARENTS);
    let mut parents = Vec::with_capacity(heads.len());
    for head in heads {
        parents.push(authors.op(head.author, head.seq, head.op)?);
    }
    parents.sort_unstable();
    Ok(parents)
}

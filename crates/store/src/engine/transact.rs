//! One transaction: runs from peers and batches from callers, committed together.

use std::collections::BTreeSet;

use nocturne_core::{AuthorId, Hlc, VerifiedRun};
use redb::{ReadableTable, Table, WriteTransaction};

use super::Store;
use super::apply::ApplyOutcome;
use super::head_stage::{HeadStage, Place};
use super::rewrite::OpenBlock;
use crate::batch::{Batch, WriteError, Written};
use crate::block::{BlockView, StoredOp};
use crate::error::{Damage, StorageError};
use crate::seal::Nonce;
use crate::tables::{
    ARRIVALS, Arrival, BLOCKS, Bodiless, ERASURES, FORGOTTEN, FORKS, HEADS, LOGS, META, QUARANTINE,
    SPENT, VERSIONS, WANTED, meta,
};

/// The tables that a transaction writes, and what is gathered for its end.
pub(super) struct Stage<'t> {
    pub(super) heads: Table<'t, &'static [u8], &'static [u8]>,
    pub(super) versions: Table<'t, (&'static [u8], u64, u32, u64, u16), u8>,
    pub(super) blocks: Table<'t, (u32, u64), &'static [u8]>,
    pub(super) arrivals: Table<'t, u64, (u8, u32, u64, u32)>,
    pub(super) wanted: Table<'t, Place, bool>,
    pub(super) forgotten: Table<'t, Place, bool>,
    pub(super) erasures: Table<'t, u64, &'static [u8]>,
    pub(super) quarantine: Table<'t, (&'static [u8; 32], u64), &'static [u8]>,
    pub(super) spent: Table<'t, u64, ()>,
    pub(super) forks: Table<'t, &'static [u8; 32], &'static [u8]>,
    pub(super) keys: HeadStage,
    /// The block that is being rewritten, if one is.
    pub(super) open: Option<OpenBlock>,
    /// Logs whose rows changed.
    pub(super) logs: BTreeSet<AuthorId>,
    /// Logs that grew since what waits was last looked at.
    pub(super) grown: BTreeSet<AuthorId>,
    /// Something was written.
    pub(super) dirty: bool,
}

impl<'t> Stage<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, StorageError> {
        Ok(Self {
            heads: transaction.open_table(HEADS)?,
            versions: transaction.open_table(VERSIONS)?,
            blocks: transaction.open_table(BLOCKS)?,
            arrivals: transaction.open_table(ARRIVALS)?,
            wanted: transaction.open_table(WANTED)?,
            forgotten: transaction.open_table(FORGOTTEN)?,
            erasures: transaction.open_table(ERASURES)?,
            quarantine: transaction.open_table(QUARANTINE)?,
            spent: transaction.open_table(SPENT)?,
            forks: transaction.open_table(FORKS)?,
            keys: HeadStage::default(),
            open: None,
            logs: BTreeSet::new(),
            grown: BTreeSet::new(),
            dirty: false,
        })
    }

    /// Reads from the block that has an applied entry; `None` if the entry is not there.
    fn read<R>(
        &self,
        author: u32,
        seq: u64,
        read: impl FnOnce(&BlockView<'_>, usize) -> Result<R, Damage>,
    ) -> Result<Option<R>, StorageError> {
        let Some(row) = self.blocks.range((author, 0)..=(author, seq))?.next_back() else {
            return Ok(None);
        };
        let (key, bytes) = row?;
        let view = BlockView::new(bytes.value())?;
        let index = usize::try_from(seq - key.value().1).unwrap_or(usize::MAX);
        if index >= view.len() {
            return Ok(None);
        }
        Ok(Some(read(&view, index)?))
    }

    /// When an applied entry was written; `None` if it is not there.
    pub(super) fn hlc(&self, author: u32, seq: u64) -> Result<Option<Hlc>, StorageError> {
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method is not general enough over the view's lifetime"
        )]
        self.read(author, seq, |view, index| view.hlc(index))
    }

    /// An operation of an applied entry; `None` if there is no such operation.
    fn op(&self, place: Place) -> Result<Option<(StoredOp, Nonce)>, StorageError> {
        let (author, seq, op) = place;
        let found = self.read(author, seq, |view, index| {
            let op = view.op(index, op)?;
            Ok(op.map(|(_, op)| (op, view.nonce)))
        })?;
        found.ok_or(Damage::Row("blocks").into())
    }

    /// What is noted of an operation without a body.
    pub(super) fn bodiless(&self, place: Place) -> Result<Option<Bodiless>, StorageError> {
        for (forgotten, table) in [(false, &self.wanted), (true, &self.forgotten)] {
            if let Some(superseded) = table.get(place)? {
                let superseded = superseded.value();
                return Ok(Some(Bodiless {
                    forgotten,
                    superseded,
                }));
            }
        }
        Ok(None)
    }

    /// Notes an operation without a body.
    pub(super) fn note_bodiless(
        &mut self,
        place: Place,
        flags: Bodiless,
    ) -> Result<(), StorageError> {
        if flags.forgotten {
            self.wanted.remove(place)?;
            self.forgotten.insert(place, flags.superseded)?;
        } else {
            self.wanted.insert(place, flags.superseded)?;
        }
        self.dirty = true;
        Ok(())
    }

    pub(super) fn arrive(&mut self, revision: u64, arrival: Arrival) -> Result<u64, StorageError> {
        self.arrivals.insert(revision, arrival.row())?;
        self.dirty = true;
        let next = revision.checked_add(arrival.span());
        Ok(next.ok_or(Damage::Row("meta"))?)
    }
}

/// What one transaction did; every part of it is durable.
#[derive(Debug)]
pub struct Transacted {
    /// One for each batch.
    pub writes: Vec<Result<Written, WriteError>>,
    /// One for each run.
    pub runs: Vec<ApplyOutcome>,
}

impl Store {
    /// Applies runs, then writes batches, in one durable commit. An error means that nothing is
    /// known to be durable: drop the store and open it again.
    pub fn transact(
        &mut self,
        runs: Vec<VerifiedRun>,
        batches: Vec<Batch>,
    ) -> Result<Transacted, StorageError> {
        let transaction = self.shared.with_database(redb::Database::begin_write)?;
        let now_ms = self.clock.now_ms();
        let mut stage = Stage::open(&transaction)?;
        let spent = self.admit_quarantined(&mut stage, now_ms)?;
        let mut outcomes = Vec::with_capacity(runs.len());
        for run in runs {
            outcomes.push(self.offer(&mut stage, run, now_ms)?);
        }
        self.offer_admitted(&mut stage, now_ms)?;
        self.retry_waiting(&mut stage, now_ms)?;
        let writes = self.write_batches(&mut stage, batches, now_ms)?;
        self.retry_waiting(&mut stage, now_ms)?;
        self.finish(stage, &transaction)?;
        self.commit(transaction)?;
        if spent {
            self.puncture_spent()?;
        }
        Ok(Transacted {
            writes,
            runs: outcomes,
        })
    }

    /// Writes what was gathered. Nothing is written when nothing happened.
    pub(super) fn finish(
        &mut self,
        mut stage: Stage<'_>,
        transaction: &WriteTransaction,
    ) -> Result<(), StorageError> {
        stage.close_block()?;
        let orphans = stage.keys.settle_all(&stage.heads)?;
        self.supersede_orphans(&mut stage, orphans)?;
        let Stage {
            keys,
            mut heads,
            mut versions,
            logs,
            dirty,
            ..
        } = stage;
        keys.write(&mut heads, &mut versions)?;
        if !dirty {
            return Ok(());
        }
        let mut rows = transaction.open_table(LOGS)?;
        for author in logs {
            let Some(log) = self.logs.get(&author) else {
                continue;
            };
            let (hash, hlc) = (log.hash.as_bytes(), log.hlc.bits());
            rows.insert(log.number, (author.as_bytes(), log.seq, hash, hlc, log.tip))?;
        }
        let mut table = transaction.open_table(META)?;
        for (key, value) in [
            (meta::NEXT_NUMBER, self.next_number),
            (meta::NEXT_REVISION, self.next_revision),
            (meta::NEXT_ERASURE, self.next_erasure),
        ] {
            table.insert(key, &value.to_be_bytes()[..])?;
        }
        Ok(())
    }

    /// Parents that were no heads of their key: find where they are and supersede them there.
    fn supersede_orphans(
        &mut self,
        stage: &mut Stage<'_>,
        orphans: BTreeSet<Place>,
    ) -> Result<(), StorageError> {
        for place in orphans {
            if let Some(flags) = stage.bodiless(place)? {
                let superseded = true;
                stage.note_bodiless(
                    place,
                    Bodiless {
                        superseded,
                        ..flags
                    },
                )?;
                continue;
            }
            // A place that doesn't exist in its entry supersedes nothing.
            let Some((stored, nonce)) = stage.op(place)? else {
                continue;
            };
            let (author, seq, op) = place;
            let at = self.authors.op(author, seq, op)?;
            if let Some(operation) = self.unseal(at, &stored, &nonce)? {
                stage.keys.supersede(operation.key, place);
            }
        }
        Ok(())
    }

    /// Makes the transaction durable and shows it to readers.
    pub(super) fn commit(&mut self, transaction: WriteTransaction) -> Result<(), StorageError> {
        if self.shared.authors().len() != self.authors.len() {
            self.shared.publish_authors(self.authors.clone());
        }
        transaction.commit()?;
        self.shared.publish_frontier(self.frontier.clone());
        let next = self.next_revision;
        self.shared.revision.send_if_modified(|revision| {
            let moved = *revision != next;
            *revision = next;
            moved
        });
        Ok(())
    }
}

//! Applying runs: what is checked, in which order, and what becomes of each.

use nocturne_core::rules::{self, Link, TimeError};
use nocturne_core::{AuthorId, EntryRef, Hlc, VerifiedRun};

use super::Store;
use super::transact::Stage;
use crate::error::{Damage, StorageError};

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// So many of its entries are new, applied and durable.
    Applied(u64),
    /// All of it was there already.
    Known,
    /// It waits, in memory, for this entry or for its author to be admitted.
    Waiting(EntryRef),
    /// It is from the future: it waits, durably, for the clock.
    Quarantined,
    /// It is not taken.
    Refused(Refusal),
}

/// Why a run is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It belongs to another store.
    #[error("it belongs to another store")]
    OtherStore,
    /// It contradicts the log that is here.
    #[error("it contradicts the log that is here at {0}")]
    Diverges(EntryRef),
    /// Its author has signed two histories.
    #[error("its author has signed two histories")]
    Frozen,
    /// It is not later than what it builds on.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// It would have to wait, and there is no room.
    #[error("there is no room to let it wait")]
    NoRoom,
}

impl Store {
    /// Checks one run against the log and applies it, or says why not yet.
    pub(super) fn offer(
        &mut self,
        stage: &mut Stage<'_>,
        run: VerifiedRun,
        now_ms: u64,
    ) -> Result<ApplyOutcome, StorageError> {
        let author = run.author();
        if run.store() != self.shared.id {
            return Ok(ApplyOutcome::Refused(Refusal::OtherStore));
        }
        if self.frozen.contains(&author) {
            return Ok(ApplyOutcome::Refused(Refusal::Frozen));
        }
        let run = match rules::link(&run, &self.frontier, self.shared.genesis_hash) {
            Link::Known => return Ok(ApplyOutcome::Known),
            Link::Gap { missing } => {
                let at = EntryRef {
                    author,
                    seq: missing,
                };
                let before = EntryRef {
                    author,
                    seq: run.first_seq().saturating_sub(1),
                };
                return Ok(self.wait(&run, before, at));
            }
            Link::Diverges { at } => {
                self.convict(stage, &run)?;
                let at = EntryRef { author, seq: at };
                return Ok(ApplyOutcome::Refused(Refusal::Diverges(at)));
            }
            Link::Continues => run,
            Link::Overlaps { have } => match run.after(have) {
                Some(rest) => rest,
                None => return Ok(ApplyOutcome::Known),
            },
        };
        if !self.is_admitted(&author) {
            let at = EntryRef {
                author,
                seq: run.first_seq(),
            };
            return Ok(self.wait(&run, at, at));
        }
        let last = run.entries().last().map(|entry| entry.entry().header.hlc);
        let last = last.unwrap_or(Hlc::ZERO);
        if rules::is_quarantined(last, now_ms, self.max_drift_ms) {
            return self.quarantine(stage, &run, last);
        }
        if let Some(missing) = rules::missing_dependency(&run, &self.frontier) {
            return Ok(self.wait(&run, missing, missing));
        }
        if let Err(error) = self.check_time(stage, &run)? {
            return Ok(ApplyOutcome::Refused(Refusal::Time(error)));
        }
        let count = run.entries().len() as u64;
        self.apply(stage, run, now_ms)?;
        Ok(ApplyOutcome::Applied(count))
    }

    /// Lets a run wait until `cause` is applied; `at` is what the caller is told.
    fn wait(&mut self, run: &VerifiedRun, cause: EntryRef, at: EntryRef) -> ApplyOutcome {
        if self.waiting.add(run, cause) {
            ApplyOutcome::Waiting(at)
        } else {
            ApplyOutcome::Refused(Refusal::NoRoom)
        }
    }

    /// Offers again what waited for authors who have been admitted.
    pub(super) fn offer_admitted(
        &mut self,
        stage: &mut Stage<'_>,
        now_ms: u64,
    ) -> Result<(), StorageError> {
        if std::mem::take(&mut self.admission_changed) {
            for author in self.waiting.authors() {
                if self.is_admitted(&author) {
                    for run in self.waiting.take(&author) {
                        self.offer(stage, run, now_ms)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn is_admitted(&self, author: &AuthorId) -> bool {
        let admitted = self.admitted.as_ref();
        admitted.is_none_or(|admitted| admitted.contains(author))
    }

    /// Offers again what waited for entries that this transaction has applied, until nothing moves
    /// any more.
    pub(super) fn retry_waiting(
        &mut self,
        stage: &mut Stage<'_>,
        now_ms: u64,
    ) -> Result<(), StorageError> {
        while let Some(author) = stage.grown.pop_first() {
            let seq = self.frontier.seq(&author);
            for run in self.waiting.freed_by(author, seq) {
                self.offer(stage, run, now_ms)?;
            }
        }
        Ok(())
    }

    fn check_time(
        &self,
        stage: &Stage<'_>,
        run: &VerifiedRun,
    ) -> Result<Result<(), TimeError>, StorageError> {
        let first = run.first_seq();
        for entry in run.entries() {
            let header = &entry.entry().header;
            let checked = rules::check_time(header, |at| -> Result<Hlc, StorageError> {
                if at.author == run.author() && at.seq >= first {
                    let index = usize::try_from(at.seq - first).unwrap_or(usize::MAX);
                    let earlier = run.entries().get(index);
                    return Ok(earlier.map_or(Hlc::MAX, |entry| entry.entry().header.hlc));
                }
                let log = self.logs.get(&at.author).ok_or(Damage::Entry(at))?;
                // A log's times rise: if even its last is earlier, this one is.
                if log.seq == at.seq || log.hlc < header.hlc {
                    return Ok(log.hlc);
                }
                let hlc = stage.hlc(log.number, at.seq)?;
                Ok(hlc.ok_or(Damage::Entry(at))?)
            })?;
            if checked.is_err() {
                return Ok(checked);
            }
        }
        Ok(Ok(()))
    }
}

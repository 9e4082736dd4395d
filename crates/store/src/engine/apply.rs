//! Applying runs: what is checked, in which order, and what becomes of each.

use nocturne_core::fork::{ForkEvidence, SignedChain};
use nocturne_core::rules::{self, Link, TimeError};
use nocturne_core::{
    Entry, EntryHash, EntryRef, Header, Hlc, LogHead, OpRef, Operation, VerifiedEntry, VerifiedRun,
};

use redb::ReadableTable;

use super::Store;
use super::head_stage::Place;
use super::transact::Stage;
use crate::block::{Block, MAX_BLOCK_BYTES, MAX_BLOCK_ENTRIES, Stored, StoredEntry, StoredOp};
use crate::erasure::{Action, Erasure};
use crate::error::{Damage, StorageError};
use crate::seal::{self, Nonce};
use crate::tables::{Arrival, Bodiless, HeadRow, Log};

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
                return Ok(self.wait(run, at));
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
        if let Some(admitted) = &self.admitted
            && !admitted.contains(&author)
        {
            let at = EntryRef {
                author,
                seq: run.first_seq(),
            };
            return Ok(self.wait(run, at));
        }
        let last = run.entries().last().map(|entry| entry.entry().header.hlc);
        if rules::is_quarantined(last.unwrap_or(Hlc::ZERO), now_ms, self.max_drift_ms) {
            return self.quarantine(stage, &run);
        }
        if let Some(missing) = rules::missing_dependency(&run, &self.frontier) {
            return Ok(self.wait(run, missing));
        }
        if let Err(error) = self.check_time(stage, &run)? {
            return Ok(ApplyOutcome::Refused(Refusal::Time(error)));
        }
        let count = run.entries().len() as u64;
        self.apply(stage, run, now_ms)?;
        Ok(ApplyOutcome::Applied(count))
    }

    fn wait(&mut self, run: VerifiedRun, at: EntryRef) -> ApplyOutcome {
        if self.waiting.add(run) {
            ApplyOutcome::Waiting(at)
        } else {
            ApplyOutcome::Refused(Refusal::NoRoom)
        }
    }

    /// Offers what waits again until nothing moves any more.
    pub(super) fn retry_waiting(
        &mut self,
        stage: &mut Stage<'_>,
        now_ms: u64,
    ) -> Result<(), StorageError> {
        while !self.waiting.is_empty() {
            let mut moved = false;
            for run in self.waiting.take_all() {
                let outcome = self.offer(stage, run, now_ms)?;
                moved |= matches!(outcome, ApplyOutcome::Applied(_));
            }
            if !moved {
                break;
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
                let entry = stage.entry(log.number, at.seq)?;
                Ok(entry.ok_or(Damage::Entry(at))?.0.hlc)
            })?;
            if checked.is_err() {
                return Ok(checked);
            }
        }
        Ok(Ok(()))
    }

    /// Applies a run that has passed every check.
    pub(super) fn apply(
        &mut self,
        stage: &mut Stage<'_>,
        run: VerifiedRun,
        now_ms: u64,
    ) -> Result<(), StorageError> {
        let author = run.author();
        let number = self.authors.add(author);
        let first_seq = run.first_seq();
        let count = u32::try_from(run.entries().len()).unwrap_or(u32::MAX);
        let ops: u64 = run
            .entries()
            .iter()
            .map(|entry| entry.entry().header.ops.len() as u64)
            .sum();
        self.allocate_numbers(self.next_number.saturating_add(ops))?;
        let signature = run.signature();
        let mut prev = run.prev();
        let mut block = self.new_block(prev);
        let mut block_seq = first_seq;
        let mut block_bytes = 0;
        for entry in run.into_entries() {
            let size = entry.entry().size();
            let full = block.entries.len() >= MAX_BLOCK_ENTRIES
                || (block_bytes + size > MAX_BLOCK_BYTES && !block.entries.is_empty());
            if full {
                let next_seq = block_seq + block.entries.len() as u64;
                let next = self.new_block(prev);
                let full = std::mem::replace(&mut block, next);
                self.insert_block(stage, (number, block_seq), full)?;
                block_seq = next_seq;
                block_bytes = 0;
            }
            prev = entry.hash();
            block_bytes += size;
            let stored = self.apply_entry(stage, number, entry, now_ms)?;
            block.entries.push(stored);
        }
        block.signature = Some(signature);
        self.insert_block(stage, (number, block_seq), block)?;
        let arrival = Arrival::Run {
            author: number,
            first_seq,
            count,
        };
        self.next_revision = stage.arrive(self.next_revision, arrival)?;
        Ok(())
    }

    fn new_block(&mut self, prev: EntryHash) -> Block {
        Block {
            prev,
            nonce: self.nonce(),
            signature: None,
            entries: Vec::new(),
        }
    }

    /// Seals a new block's bodies and writes it.
    fn insert_block(
        &self,
        stage: &mut Stage<'_>,
        place: (u32, u64),
        mut block: Block,
    ) -> Result<(), StorageError> {
        let nonce = block.nonce;
        self.shared.with_keyring(|keyring| {
            let mut keys = keyring.cursor();
            for (seq, entry) in (place.1..).zip(&mut block.entries) {
                for (op, stored) in (0..).zip(&mut entry.ops) {
                    if let Stored::Sealed { number, bytes } = &mut stored.body {
                        let at = || self.authors.op(place.0, seq, op);
                        let key = match keys.key(*number) {
                            Some(key) => key,
                            None => return Err(Damage::Key(at()?)),
                        };
                        seal::seal(&key, &nonce, bytes);
                    }
                }
            }
            Ok(())
        })?;
        stage.blocks.insert(place, &block.encode()[..])?;
        Ok(())
    }

    /// Takes one entry into the indexes and gives it numbers; its bodies are not sealed yet.
    fn apply_entry(
        &mut self,
        stage: &mut Stage<'_>,
        number: u32,
        entry: VerifiedEntry,
        now_ms: u64,
    ) -> Result<StoredEntry, StorageError> {
        let hash = entry.hash();
        let Entry { header, bodies } = entry.into_entry();
        let first_number = self.next_number;
        self.next_number += header.ops.len() as u64;
        let deps = self.advance_log(stage, number, &header, hash)?;
        let mut ops = Vec::with_capacity(header.ops.len());
        for ((index, op), body) in (0_u16..).zip(&header.ops).zip(bodies) {
            let parents = self.places(&op.parents)?;
            let at = OpRef {
                author: header.author,
                seq: header.seq,
                op: index,
            };
            let place = (number, header.seq, index);
            let stored = match body {
                None => {
                    let flags = Bodiless {
                        forgotten: false,
                        superseded: false,
                    };
                    stage.bodiless.insert(place, flags.to_bits())?;
                    stage.keys.supersede_anywhere(parents.iter().copied());
                    Stored::Wanted
                }
                Some(body) => {
                    let operation = body.operation().ok();
                    if let Some(cut) = self.covering_cut(operation.as_ref(), header.hlc) {
                        self.bear_forgotten(stage, at, hash, op.commitment, cut, now_ms)?;
                        stage.keys.supersede_anywhere(parents.iter().copied());
                        Stored::Forgotten
                    } else {
                        match operation {
                            Some(operation) => {
                                let head = HeadRow {
                                    author: number,
                                    seq: header.seq,
                                    op: index,
                                    hlc: header.hlc,
                                    kind: operation.kind,
                                };
                                // Copied: a slice would keep the peer's whole message alive.
                                let key = crate::tables::owned(&operation.key);
                                stage.keys.edit(key, parents.clone(), head);
                            }
                            None => stage.keys.supersede_anywhere(parents.iter().copied()),
                        }
                        Stored::Sealed {
                            number: first_number + u64::from(index),
                            bytes: body.joined().to_vec(),
                        }
                    }
                }
            };
            ops.push(StoredOp {
                commitment: op.commitment,
                parents,
                body: stored,
            });
        }
        Ok(StoredEntry {
            hlc: header.hlc,
            first_number,
            deps,
            ops,
        })
    }

    /// Moves the log's head and the tips; returns the dependencies by author number.
    fn advance_log(
        &mut self,
        stage: &mut Stage<'_>,
        number: u32,
        header: &Header,
        hash: EntryHash,
    ) -> Result<Vec<(u32, u64)>, StorageError> {
        let mut deps = Vec::with_capacity(header.deps.len());
        for dep in &header.deps {
            let log = self.logs.get_mut(&dep.author).ok_or(Damage::Entry(*dep))?;
            deps.push((log.number, dep.seq));
            if log.tip && log.seq == dep.seq {
                log.tip = false;
                stage.logs.insert(dep.author);
            }
        }
        let log = Log {
            number,
            seq: header.seq,
            hash,
            hlc: header.hlc,
            tip: true,
        };
        self.logs.insert(header.author, log);
        stage.logs.insert(header.author);
        let head = LogHead {
            seq: header.seq,
            hash,
        };
        self.frontier.advance(header.author, head);
        Ok(deps)
    }

    fn places(&self, parents: &[OpRef]) -> Result<Vec<Place>, StorageError> {
        let mut out = Vec::with_capacity(parents.len());
        for parent in parents {
            let number = self.authors.number(&parent.author);
            let number = number.ok_or(Damage::Entry(parent.entry()))?;
            out.push((number, parent.seq, parent.op));
        }
        Ok(out)
    }

    /// The index of a standing cut that covers the operation.
    pub(super) fn covering_cut(&self, operation: Option<&Operation>, hlc: Hlc) -> Option<usize> {
        let operation = operation?;
        self.cuts
            .iter()
            .position(|cut| cut.cut.reaches(hlc) && cut.covers.covers(operation, hlc))
    }

    /// Records an operation whose body is never written because a cut came before it.
    pub(super) fn bear_forgotten(
        &mut self,
        stage: &mut Stage<'_>,
        at: OpRef,
        entry: EntryHash,
        commitment: nocturne_core::Commitment,
        cut: usize,
        now_ms: u64,
    ) -> Result<(), StorageError> {
        let Some(cut) = self.cuts.get(cut).map(|standing| standing.cut.clone()) else {
            return Ok(());
        };
        let number = self.authors.number(&at.author);
        let number = number.ok_or(Damage::Entry(at.entry()))?;
        let place = (number, at.seq, at.op);
        let before = stage.bodiless.get(place)?.map(|flags| flags.value());
        let flags = Bodiless {
            forgotten: true,
            superseded: before.is_some_and(|bits| Bodiless::from_bits(bits).superseded),
        };
        stage.bodiless.insert(place, flags.to_bits())?;
        let digest = self.frontier.digest();
        let generation = self.keyring_generation();
        let erasure = Erasure {
            number: self.next_erasure,
            at,
            entry,
            commitment,
            action: Action::BornForgotten,
            cut: cut.id,
            policy: cut.policy,
            reason: cut.reason,
            as_of_ms: cut.as_of_ms,
            erased_ms: now_ms,
            frontier_before: digest,
            frontier_after: digest,
            keyring_before: generation,
            keyring_after: generation,
            done: true,
        };
        stage
            .erasures
            .insert(erasure.number, &erasure.encode()[..])?;
        self.next_erasure += 1;
        stage.dirty = true;
        Ok(())
    }

    /// The operation, if its content is here and valid.
    pub(super) fn unseal(
        &self,
        at: OpRef,
        stored: &StoredOp,
        block_nonce: &Nonce,
    ) -> Result<Option<Operation>, StorageError> {
        let (number, nonce, bytes) = match &stored.body {
            Stored::Forgotten | Stored::Wanted => return Ok(None),
            Stored::Sealed { number, bytes } => (*number, block_nonce, bytes),
            Stored::SealedLater {
                number,
                nonce,
                bytes,
            } => (*number, nonce, bytes),
        };
        let key = self.shared.with_keyring(|keyring| keyring.key(number));
        let key = key.ok_or(Damage::Key(at))?;
        let body = seal::unseal(&key, nonce, bytes, stored.commitment).ok_or(Damage::Body(at))?;
        Ok(body.operation().ok())
    }

    /// Keeps proof that an author signed two histories, if the run gives it, and freezes the author.
    fn convict(&mut self, stage: &mut Stage<'_>, run: &VerifiedRun) -> Result<(), StorageError> {
        let Some(evidence) = self.evidence(stage, run)? else {
            return Ok(());
        };
        if evidence.verify().is_err() {
            return Ok(());
        }
        let author = run.author();
        let bytes = evidence.encode();
        stage.forks.insert(author.as_bytes(), &bytes[..])?;
        stage.dirty = true;
        self.frozen.insert(author);
        tracing::warn!(%author, "the author has signed two histories and is frozen");
        Ok(())
    }

    /// Our signed chain beside the run's, from the first entry in which they differ.
    fn evidence(
        &self,
        stage: &Stage<'_>,
        run: &VerifiedRun,
    ) -> Result<Option<ForkEvidence>, StorageError> {
        let author = run.author();
        let Some(log) = self.logs.get(&author) else {
            return Ok(None);
        };
        let first = run.first_seq();
        let Some(row) = stage
            .blocks
            .range((log.number, 0)..=(log.number, first))?
            .next_back()
        else {
            return Ok(None);
        };
        let start = row?.0.value().1;
        let mut ours: Vec<Header> = Vec::new();
        let mut skip: Option<usize> = None;
        for row in stage.blocks.range((log.number, start)..=(log.number, log.seq))? {
            let (key, bytes) = row?;
            let block = Block::decode(bytes.value())?;
            let mut prev = block.prev;
            for (seq, entry) in (key.value().1..).zip(&block.entries) {
                let header = entry.header(self.shared.id, author, seq, prev, &self.authors)?;
                prev = header.hash();
                let index = seq.checked_sub(first).and_then(|at| usize::try_from(at).ok());
                let theirs = index.and_then(|index| run.entries().get(index));
                if skip.is_none() && theirs.is_some_and(|theirs| theirs.hash() != prev) {
                    skip = index;
                }
                if skip.is_some() {
                    ours.push(header);
                }
            }
            if let (Some(skip), Some(signature)) = (skip, block.signature) {
                let theirs = run.entries().iter().skip(skip);
                return Ok(Some(ForkEvidence {
                    one: SignedChain {
                        headers: ours,
                        signature,
                    },
                    other: SignedChain {
                        headers: theirs.map(|entry| entry.entry().header.clone()).collect(),
                        signature: run.signature(),
                    },
                }));
            }
        }
        Ok(None)
    }
}

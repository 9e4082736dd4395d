//! Entries into the database: numbered, sealed into blocks, and taken into the indexes.

use nocturne_core::{
    Entry, EntryHash, Header, LogHead, OpBody, OpRef, Operation, VerifiedEntry, VerifiedRun,
};

use super::Store;
use super::cuts::Born;
use super::head_stage::Place;
use super::transact::Stage;
use crate::block::{Block, MAX_BLOCK_BYTES, MAX_BLOCK_ENTRIES, Stored, StoredEntry, StoredOp};
use crate::error::{Damage, StorageError};
use crate::seal::{self, Nonce};
use crate::tables::{Arrival, Bodiless, HeadRow, Log};

impl Store {
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
        stage.grown.insert(author);
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
                        let Some(key) = keys.key(*number) else {
                            return Err(Damage::Key(self.authors.op(place.0, seq, op)?));
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
        // Nothing is gathered for a store without cuts: most have none.
        let cuts: Vec<Option<usize>> = if self.has_cuts() {
            let operation = |body: &Option<OpBody>| body.as_ref()?.operation().ok();
            let covering = |body| self.covering_cut(operation(body).as_ref(), header.hlc);
            bodies.iter().map(covering).collect()
        } else {
            Vec::new()
        };
        // Receipts name the frontier before and after the entry that was born forgotten.
        let covered = cuts.iter().any(Option::is_some);
        let before = covered.then(|| self.frontier_digest());
        let deps = self.advance_log(stage, number, &header, hash)?;
        let mut ops = Vec::with_capacity(header.ops.len());
        for ((index, op), body) in (0_u16..).zip(&header.ops).zip(bodies) {
            let cut = cuts.get(usize::from(index)).copied().flatten();
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
                    stage.note_bodiless(place, flags)?;
                    stage.keys.supersede_anywhere(parents.iter().copied());
                    Stored::Wanted
                }
                Some(body) => {
                    if let Some(cut) = cut {
                        let born = Born {
                            at,
                            entry: hash,
                            commitment: op.commitment,
                            frontier_before: before,
                        };
                        self.bear_forgotten(stage, &born, cut, now_ms)?;
                        stage.keys.supersede_anywhere(parents.iter().copied());
                        Stored::Forgotten
                    } else {
                        match body.operation().ok() {
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
        self.digest = None;
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
}

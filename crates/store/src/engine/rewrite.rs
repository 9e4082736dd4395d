//! Rewriting blocks one after the other: operations of one block share its decoding, its hashing and
//! its writing, however many of them change.

use nocturne_core::{EntryHash, Hlc, OpRef};
use redb::ReadableTable;

use super::Store;
use super::transact::Stage;
use crate::block::{Block, Stored, StoredOp};
use crate::error::{Damage, StorageError};
use crate::seal::Nonce;

/// A block that is open for changes.
#[derive(Debug)]
pub(super) struct OpenBlock {
    place: (u32, u64),
    block: Block,
    /// Of every entry.
    hashes: Vec<EntryHash>,
    changed: bool,
}

/// An operation in an open block.
#[derive(Debug)]
pub(super) struct Opened<'b> {
    /// When its entry was written.
    pub(super) hlc: Hlc,
    /// Hash of its entry.
    pub(super) hash: EntryHash,
    pub(super) nonce: Nonce,
    pub(super) stored: &'b mut StoredOp,
}

impl OpenBlock {
    fn holds(&self, author: u32, seq: u64) -> bool {
        let (of, first) = self.place;
        let index = seq
            .checked_sub(first)
            .and_then(|index| usize::try_from(index).ok());
        of == author && index.is_some_and(|index| index < self.block.entries.len())
    }

    fn operation(&mut self, seq: u64, op: u16) -> Option<Opened<'_>> {
        let index = usize::try_from(seq.checked_sub(self.place.1)?).ok()?;
        let entry = self.block.entries.get_mut(index)?;
        Some(Opened {
            hlc: entry.hlc,
            hash: *self.hashes.get(index)?,
            nonce: self.block.nonce,
            stored: entry.ops.get_mut(usize::from(op))?,
        })
    }
}

impl Stage<'_> {
    /// Writes the open block if it changed.
    pub(super) fn close_block(&mut self) -> Result<(), StorageError> {
        if let Some(open) = self.open.take().filter(|open| open.changed) {
            self.blocks.insert(open.place, &open.block.encode()[..])?;
            self.dirty = true;
        }
        Ok(())
    }
}

impl Store {
    /// Opens the block that has an operation; `None` if its entry has no such operation.
    pub(super) fn open_operation<'s>(
        &self,
        stage: &'s mut Stage<'_>,
        at: OpRef,
    ) -> Result<Option<Opened<'s>>, StorageError> {
        let missing = Damage::Entry(at.entry());
        let author = self.authors.number(&at.author).ok_or(missing)?;
        if !stage
            .open
            .as_ref()
            .is_some_and(|open| open.holds(author, at.seq))
        {
            stage.close_block()?;
            let (place, block) = {
                let row = stage
                    .blocks
                    .range((author, 0)..=(author, at.seq))?
                    .next_back();
                let (place, bytes) = row.ok_or(missing)??;
                (place.value(), Block::decode(bytes.value())?)
            };
            let mut hashes = Vec::with_capacity(block.entries.len());
            let mut hash = block.prev;
            for (seq, entry) in (place.1..=u64::MAX).zip(&block.entries) {
                let header = entry.header(self.shared.id, at.author, seq, hash, &self.authors)?;
                hash = header.hash();
                hashes.push(hash);
            }
            let open = OpenBlock {
                place,
                block,
                hashes,
                changed: false,
            };
            if !open.holds(author, at.seq) {
                return Err(missing.into());
            }
            stage.open = Some(open);
        }
        let open = stage.open.as_mut();
        Ok(open.and_then(|open| open.operation(at.seq, at.op)))
    }

    /// Replaces one operation's stored body; returns what it was, with its entry's time and hash.
    pub(super) fn rewrite(
        &self,
        stage: &mut Stage<'_>,
        at: OpRef,
        body: Stored,
    ) -> Result<(Stored, Hlc, EntryHash), StorageError> {
        let opened = self.open_operation(stage, at)?;
        let opened = opened.ok_or(Damage::Entry(at.entry()))?;
        let before = std::mem::replace(&mut opened.stored.body, body);
        let (hlc, hash) = (opened.hlc, opened.hash);
        if let Some(open) = &mut stage.open {
            open.changed = true;
        }
        Ok((before, hlc, hash))
    }
}

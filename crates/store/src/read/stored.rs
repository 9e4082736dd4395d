//! Single entries, operations and bodies of a snapshot.

use nocturne_core::{EntryRef, Hlc, OpBody, OpRef};

use super::{Content, Snapshot};
use crate::block::{BlockView, Stored, StoredEntry, StoredOp};
use crate::error::{Damage, StorageError};
use crate::seal::{self, Nonce};
use crate::tables::{Bodiless, FORGOTTEN, LOGS, WANTED};

impl Snapshot {
    /// The body, or why there is none.
    pub(crate) fn unseal(
        &self,
        at: OpRef,
        stored: &StoredOp,
        nonce: &Nonce,
    ) -> Result<Result<OpBody, Content>, StorageError> {
        let (number, nonce, bytes) = match &stored.body {
            Stored::Forgotten => return Ok(Err(Content::Forgotten)),
            Stored::Wanted => return Ok(Err(Content::Wanted)),
            Stored::Sealed { number, bytes } => (*number, nonce, bytes),
            Stored::SealedLater {
                number,
                nonce,
                bytes,
            } => (*number, nonce, bytes),
        };
        let Some(key) = self.shared.with_keyring(|keyring| keyring.key(number)) else {
            return self.missing_key(at);
        };
        let body = seal::unseal(&key, nonce, bytes, stored.commitment);
        Ok(Ok(body.ok_or(Damage::Body(at))?))
    }

    /// No key: forgotten after this snapshot was taken, or lost.
    fn missing_key(&self, at: OpRef) -> Result<Result<OpBody, Content>, StorageError> {
        // In this order: what is no longer being forgotten is marked as forgotten in a newer view.
        if self.shared.is_forgetting(&at) {
            return Ok(Err(Content::Forgotten));
        }
        let now = self.shared.snapshot()?;
        let number = now.authors.number(&at.author);
        let number = number.ok_or(Damage::Entry(at.entry()))?;
        match now.op((number, at.seq, at.op))?.1.body {
            Stored::Forgotten => Ok(Err(Content::Forgotten)),
            _ => Err(Damage::Key(at).into()),
        }
    }

    /// Reads from the block that has an entry; damage if the entry is not there.
    fn in_block<R>(
        &self,
        author: u32,
        seq: u64,
        read: impl FnOnce(&BlockView<'_>, usize) -> Result<R, Damage>,
    ) -> Result<R, StorageError> {
        let row = self.blocks.range((author, 0)..=(author, seq))?.next_back();
        if let Some(row) = row {
            let (key, bytes) = row?;
            let view = BlockView::new(bytes.value())?;
            let index = seq.checked_sub(key.value().1);
            let index = index.and_then(|index| usize::try_from(index).ok());
            if let Some(index) = index.filter(|index| *index < view.len()) {
                return Ok(read(&view, index)?);
            }
        }
        Err(Damage::Entry(self.authors.entry(author, seq)?).into())
    }

    pub(super) fn entry(
        &self,
        author: u32,
        seq: u64,
    ) -> Result<(StoredEntry, Nonce), StorageError> {
        self.in_block(author, seq, |view, index| {
            Ok((view.entry(index)?, view.nonce))
        })
    }

    pub(super) fn hlc(&self, author: u32, seq: u64) -> Result<Hlc, StorageError> {
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method is not general enough over the view's lifetime"
        )]
        self.in_block(author, seq, |view, index| view.hlc(index))
    }

    /// An operation with its entry's time; damage if it is not there.
    pub(super) fn op(
        &self,
        place: (u32, u64, u16),
    ) -> Result<(Hlc, StoredOp, Nonce), StorageError> {
        match self.find_op(place)? {
            Some(found) => Ok(found),
            None => Err(Damage::Entry(self.authors.entry(place.0, place.1)?).into()),
        }
    }

    /// An operation of an entry that is here, with the entry's time; `None` if the entry has fewer
    /// operations. Nothing else of the entry is copied.
    pub(super) fn find_op(
        &self,
        place: (u32, u64, u16),
    ) -> Result<Option<(Hlc, StoredOp, Nonce)>, StorageError> {
        let (author, seq, op) = place;
        self.in_block(author, seq, |view, index| {
            let found = view.op(index, op)?;
            Ok(found.map(|(hlc, stored)| (hlc, stored, view.nonce)))
        })
    }

    /// Whether this view has an entry, and its author's number. Not the frontier that is published:
    /// it may be newer.
    pub(super) fn has(&self, at: EntryRef) -> Result<Option<u32>, StorageError> {
        let Some(number) = self.authors.number(&at.author) else {
            return Ok(None);
        };
        let log = self.transaction.open_table(LOGS)?.get(number)?;
        let last = log.map_or(0, |row| row.value().1);
        Ok((1..=last).contains(&at.seq).then_some(number))
    }

    pub(crate) fn bodiless(
        &self,
        place: (u32, u64, u16),
    ) -> Result<Option<Bodiless>, StorageError> {
        for (forgotten, table) in [(false, WANTED), (true, FORGOTTEN)] {
            if let Some(superseded) = self.transaction.open_table(table)?.get(place)? {
                let superseded = superseded.value();
                return Ok(Some(Bodiless {
                    forgotten,
                    superseded,
                }));
            }
        }
        Ok(None)
    }
}

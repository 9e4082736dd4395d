//! Every operation that is here, for selections that no index answers.

use std::collections::VecDeque;

use nocturne_core::{Commitment, EntryHash, Hlc, OpRef, Operation};
use redb::Range;

use super::{Content, Snapshot};
use crate::block::Block;
use crate::error::StorageError;

/// An operation with what a policy can ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullOperation {
    /// Which.
    pub at: OpRef,
    /// When its entry was written.
    pub hlc: Hlc,
    /// Hash of its entry.
    pub entry: EntryHash,
    /// Its commitment.
    pub commitment: Commitment,
    /// What it says.
    pub operation: Operation,
    /// Salt and operation, in bytes.
    pub size: u64,
}

/// All operations whose content is here, log by log. Reads one block at a time.
pub struct Operations<'a> {
    snapshot: &'a Snapshot,
    blocks: Range<'static, (u32, u64), &'static [u8]>,
    ready: VecDeque<FullOperation>,
}

impl std::fmt::Debug for Operations<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operations").finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Every operation whose content is here and valid.
    pub fn operations(&self) -> Result<Operations<'_>, StorageError> {
        Ok(Operations {
            snapshot: self,
            blocks: self.blocks.range::<(u32, u64)>(..)?,
            ready: VecDeque::new(),
        })
    }
}

impl Operations<'_> {
    fn block(&mut self, author: u32, first_seq: u64, bytes: &[u8]) -> Result<(), StorageError> {
        let authors = &self.snapshot.authors;
        let store = self.snapshot.shared.id;
        let block = Block::decode(bytes)?;
        let mut prev = block.prev;
        for (seq, entry) in (first_seq..).zip(&block.entries) {
            let header = entry.header(store, authors.id(author)?, seq, prev, authors)?;
            prev = header.hash();
            for (op, stored) in (0..).zip(&entry.ops) {
                let at = authors.op(author, seq, op)?;
                let content = self.snapshot.content_of(at, stored, &block.nonce)?;
                if let Content::Here(operation) = content {
                    let size = match &stored.body {
                        crate::block::Stored::Sealed { bytes, .. }
                        | crate::block::Stored::SealedLater { bytes, .. } => bytes.len() as u64,
                        _ => 0,
                    };
                    self.ready.push_back(FullOperation {
                        at,
                        hlc: entry.hlc,
                        entry: prev,
                        commitment: stored.commitment,
                        operation,
                        size,
                    });
                }
            }
        }
        Ok(())
    }
}

impl Iterator for Operations<'_> {
    type Item = Result<FullOperation, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(operation) = self.ready.pop_front() {
                return Some(Ok(operation));
            }
            let done = match self.blocks.next()? {
                Ok((key, bytes)) => {
                    let (author, seq) = key.value();
                    self.block(author, seq, bytes.value())
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = done {
                return Some(Err(error));
            }
        }
    }
}

//! Snapshots: what the store was at one moment. Reading never waits for the writer.

mod erased;
mod events;
mod operations;
mod scan;
mod serve;
mod stored;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use nocturne_core::{AuthorId, Bytes, EntryRef, Frontier, Hlc, LogHead, OpKind, OpRef, Operation};
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable};

pub use events::{Change, Event};
pub use operations::{FullOperation, Operations};
pub use scan::{Scan, ScanRange};
pub use serve::{RunsPage, RunsQuery};

use crate::block::StoredOp;
use crate::error::StorageError;
use crate::seal::Nonce;
use crate::shared::Shared;
use crate::tables::{
    ARRIVALS, ArrivalRow, Authors, BLOCKS, HEADS, HeadRow, LOGS, META, VERSIONS, kind_from, meta,
    meta_u64,
};

/// What became of an operation's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// It is here.
    Here(Operation),
    /// It is here and no valid operation: a recorded no-op.
    Invalid,
    /// It was forgotten here.
    Forgotten,
    /// It has not come yet: its sender had forgotten it.
    Wanted,
}

impl Content {
    /// The operation, if it is here and valid.
    pub const fn operation(&self) -> Option<&Operation> {
        match self {
            Self::Here(operation) => Some(operation),
            Self::Invalid | Self::Forgotten | Self::Wanted => None,
        }
    }
}

/// One version of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Which operation made it.
    pub at: OpRef,
    /// When.
    pub hlc: Hlc,
    /// What it is.
    pub content: Content,
    /// The versions that it superseded.
    pub parents: Vec<OpRef>,
}

/// A key with the value that reads return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: Bytes,
    /// The winner's value.
    pub value: Bytes,
    /// The winner.
    pub at: OpRef,
    /// When the winner was written.
    pub hlc: Hlc,
    /// Whether there are other heads: concurrent writes that the next write will merge.
    pub conflict: bool,
}

/// A consistent view of the store. Holding one keeps what it sees on disk, and keeps a scrub from
/// running: hold it for a read, not for a day.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) shared: Arc<Shared>,
    pub(crate) authors: Arc<Authors>,
    pub(crate) transaction: ReadTransaction,
    pub(crate) heads: ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(crate) blocks: ReadOnlyTable<(u32, u64), &'static [u8]>,
}

impl Snapshot {
    pub(crate) fn new(
        shared: Arc<Shared>,
        transaction: ReadTransaction,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            heads: transaction.open_table(HEADS)?,
            blocks: transaction.open_table(BLOCKS)?,
            // After the transaction began: the list can only name more authors than it uses.
            authors: shared.authors(),
            shared,
            transaction,
        })
    }

    /// The winner's value; `None` if the key is missing, deleted or forgotten.
    pub fn get(&self, key: &[u8]) -> Result<Option<Row>, StorageError> {
        let Some(heads) = self.heads.get(key)? else {
            return Ok(None);
        };
        let heads = HeadRow::decode(heads.value())?;
        self.row(Bytes::copy_from_slice(key), &heads)
    }

    fn row(&self, key: Bytes, heads: &[HeadRow]) -> Result<Option<Row>, StorageError> {
        let Some(winner) = self.authors.winner(heads)? else {
            return Ok(None);
        };
        if winner.kind == OpKind::Delete {
            return Ok(None);
        }
        let Content::Here(operation) = self.content(winner.place())? else {
            return Ok(None);
        };
        Ok(Some(Row {
            key,
            value: operation.value,
            at: self.authors.op(winner.author, winner.seq, winner.op)?,
            hlc: winner.hlc,
            conflict: heads.len() > 1,
        }))
    }

    /// All heads of a key, the winner first; more than one is a conflict that the next write heals.
    pub fn heads(&self, key: &[u8]) -> Result<Vec<Version>, StorageError> {
        let Some(heads) = self.heads.get(key)? else {
            return Ok(Vec::new());
        };
        let mut versions = HeadRow::decode(heads.value())?
            .iter()
            .map(|head| self.version(head.place()))
            .collect::<Result<Vec<_>, _>>()?;
        newest_first(&mut versions);
        Ok(versions)
    }

    /// Every version of a key that is known, newest first. Versions that were forgotten are listed
    /// as such while a later version still names them as superseded.
    pub fn history(&self, key: &[u8]) -> Result<Vec<Version>, StorageError> {
        let mut todo: VecDeque<(u32, u64, u16)> = VecDeque::new();
        if let Some(heads) = self.heads.get(key)? {
            todo.extend(HeadRow::decode(heads.value())?.iter().map(HeadRow::place));
        }
        let versions = self.transaction.open_table(VERSIONS)?;
        for row in
            versions.range((key, 0, 0, 0, 0)..=(key, u64::MAX, u32::MAX, u64::MAX, u16::MAX))?
        {
            let (_, _, author, seq, op) = row?.0.value();
            todo.push_back((author, seq, op));
        }
        let mut seen: BTreeSet<(u32, u64, u16)> = todo.iter().copied().collect();
        let mut out = Vec::new();
        while let Some(place) = todo.pop_front() {
            let version = self.version(place)?;
            // A parent that isn't indexed under this key is of this key only if it is forgotten or
            // awaited: then nothing but the place is known of it.
            for parent in &version.parents {
                let Some(number) = self.authors.number(&parent.author) else {
                    continue;
                };
                let place = (number, parent.seq, parent.op);
                if seen.insert(place) && self.bodiless(place)?.is_some() {
                    todo.push_back(place);
                }
            }
            out.push(version);
        }
        newest_first(&mut out);
        Ok(out)
    }

    /// The value at a moment, that moment included: the latest version not later than it. An index
    /// lookup, whatever the length of the history.
    pub fn get_at(&self, key: &[u8], time: Hlc) -> Result<Option<Row>, StorageError> {
        let mut candidates: Vec<HeadRow> = Vec::new();
        if let Some(heads) = self.heads.get(key)? {
            candidates = HeadRow::decode(heads.value())?;
            candidates.retain(|head| head.hlc <= time);
        }
        let current = candidates.len();
        let versions = self.transaction.open_table(VERSIONS)?;
        let end = (key, time.bits(), u32::MAX, u64::MAX, u16::MAX);
        for row in versions.range((key, 0, 0, 0, 0)..=end)?.rev() {
            let (row, kind) = row?;
            let (_, hlc, author, seq, op) = row.value();
            // Only those of the same instant can compete: the author decides between them.
            if candidates
                .get(current)
                .is_some_and(|first| first.hlc.bits() != hlc)
            {
                break;
            }
            candidates.push(HeadRow {
                author,
                seq,
                op,
                hlc: Hlc::from_bits(hlc),
                kind: kind_from(kind.value(), "versions")?,
            });
        }
        let Some(winner) = self.authors.winner(&candidates)?.copied() else {
            return Ok(None);
        };
        let row = self.row(Bytes::copy_from_slice(key), &[winner])?;
        Ok(row.map(|row| Row {
            conflict: current > 1 && candidates.iter().take(current).any(|head| *head == winner),
            ..row
        }))
    }

    /// The next revision: one more than the last that this snapshot has.
    pub fn revision(&self) -> Result<u64, StorageError> {
        meta_u64(&self.transaction.open_table(META)?, meta::NEXT_REVISION)
    }

    /// What it has of every log.
    pub fn frontier(&self) -> Result<Frontier, StorageError> {
        let mut frontier = Frontier::new();
        for row in self.transaction.open_table(LOGS)?.iter()? {
            let (_, row) = row?;
            let (author, seq, hash, _, _) = row.value();
            let head = LogHead {
                seq,
                hash: nocturne_core::EntryHash::from_bytes(*hash),
            };
            if seq > 0 {
                frontier.advance(AuthorId::from_bytes(*author), head);
            }
        }
        Ok(frontier)
    }

    fn version(&self, place: (u32, u64, u16)) -> Result<Version, StorageError> {
        let (author, seq, op) = place;
        let (hlc, stored, nonce) = self.op(place)?;
        self.version_of(self.authors.op(author, seq, op)?, hlc, &stored, &nonce)
    }

    fn version_of(
        &self,
        at: OpRef,
        hlc: Hlc,
        stored: &StoredOp,
        nonce: &Nonce,
    ) -> Result<Version, StorageError> {
        let parents = stored
            .parents
            .iter()
            .map(|(author, seq, op)| self.authors.op(*author, *seq, *op))
            .collect::<Result<_, _>>()?;
        Ok(Version {
            at,
            hlc,
            content: self.content_of(at, stored, nonce)?,
            parents,
        })
    }

    fn content(&self, place: (u32, u64, u16)) -> Result<Content, StorageError> {
        let (author, seq, op) = place;
        let (_, stored, nonce) = self.op(place)?;
        self.content_of(self.authors.op(author, seq, op)?, &stored, &nonce)
    }

    fn content_of(
        &self,
        at: OpRef,
        stored: &StoredOp,
        nonce: &Nonce,
    ) -> Result<Content, StorageError> {
        Ok(match self.unseal(at, stored, nonce)? {
            Ok(body) => body.operation().map_or(Content::Invalid, Content::Here),
            Err(missing) => missing,
        })
    }

    /// When the entry was written; `None` if it is not here.
    pub fn hlc_of(&self, at: EntryRef) -> Result<Option<Hlc>, StorageError> {
        match self.has(at)? {
            Some(author) => self.hlc(author, at.seq).map(Some),
            None => Ok(None),
        }
    }

    fn arrivals(&self) -> Result<ReadOnlyTable<u64, ArrivalRow>, StorageError> {
        Ok(self.transaction.open_table(ARRIVALS)?)
    }
}

fn newest_first(versions: &mut [Version]) {
    versions.sort_by_key(|version| {
        std::cmp::Reverse((
            version.hlc,
            version.at.author,
            version.at.seq,
            version.at.op,
        ))
    });
}

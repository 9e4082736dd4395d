//! The whole schema of the database. A table's name carries its version.

use nocturne_core::{AuthorId, Bytes, EntryHash, EntryRef, Hlc, OpKind, OpRef};
use redb::TableDefinition;

use crate::error::{Damage, StorageError};

/// Format of everything below. A greater one was written by a newer program.
pub(crate) const FORMAT: u64 = 1;

/// Single values: see [`meta`].
pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta_v1");
/// Author, last seq, last hash, last hlc, is a tip.
pub(crate) type LogRow = (&'static [u8; 32], u64, &'static [u8; 32], u64, bool);
/// See [`Arrival::row`].
pub(crate) type ArrivalRow = (u8, u32, u64, u32);

/// Author number → its log. A number is given at the author's first entry and keeps the other
/// tables' keys short.
pub(crate) const LOGS: TableDefinition<'_, u32, LogRow> = TableDefinition::new("logs_v1");
/// (author number, first seq) → block: see `block.rs`.
pub(crate) const BLOCKS: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("blocks_v1");
/// Key → its heads.
pub(crate) const HEADS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("heads_v1");
/// (key, hlc, author number, seq, operation) → kind, of operations that were superseded.
pub(crate) const VERSIONS: TableDefinition<'_, (&[u8], u64, u32, u64, u16), u8> =
    TableDefinition::new("versions_v1");
/// First revision → what arrived: see [`Arrival`].
pub(crate) const ARRIVALS: TableDefinition<'_, u64, (u8, u32, u64, u32)> =
    TableDefinition::new("arrivals_v1");
/// (author number, seq, operation) → whether some operation names it as parent, of operations whose
/// bodies are wanted from peers.
pub(crate) const WANTED: TableDefinition<'_, (u32, u64, u16), bool> =
    TableDefinition::new("wanted_v1");
/// The same of operations forgotten here: a table of its own, because there may be millions, and
/// every sync asks what is wanted.
pub(crate) const FORGOTTEN: TableDefinition<'_, (u32, u64, u16), bool> =
    TableDefinition::new("forgotten_v1");
/// (author, first seq) → sealed run that is too far in the future.
pub(crate) const QUARANTINE: TableDefinition<'_, (&[u8; 32], u64), &[u8]> =
    TableDefinition::new("quarantine_v1");
/// Numbers whose keys have served and are to be punctured: of runs that left the quarantine.
pub(crate) const SPENT: TableDefinition<'_, u64, ()> = TableDefinition::new("spent_v1");
/// Cut id → cut: its predicate covers what arrives late.
pub(crate) const CUTS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("cuts_v1");
/// Erasure number → erasure without a receipt yet.
pub(crate) const ERASURES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("erasures_v1");
/// Erasure number → key, while a forget is under way: once the body's key is punctured, nothing
/// else tells which index rows to remove.
pub(crate) const PLAN: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("plan_v1");
/// Author → proof that it signed two histories; such an author is frozen.
pub(crate) const FORKS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("forks_v1");

/// Keys of [`META`].
pub(crate) mod meta {
    /// [`super::FORMAT`].
    pub(crate) const FORMAT: &str = "format";
    /// Canonical genesis record.
    pub(crate) const GENESIS: &str = "genesis";
    /// 16 random bytes that tie the keyring to this database.
    pub(crate) const INSTANCE: &str = "instance";
    /// The next operation number.
    pub(crate) const NEXT_NUMBER: &str = "next_number";
    /// The next revision.
    pub(crate) const NEXT_REVISION: &str = "next_revision";
    /// The next erasure number.
    pub(crate) const NEXT_ERASURE: &str = "next_erasure";
    /// No keyring older than this may be used: it could still hold punctured keys.
    pub(crate) const KEYRING_FLOOR: &str = "keyring_floor";
    /// Present while erased rows may still stand in free pages.
    pub(crate) const SCRUB_DUE: &str = "scrub_due";
}

/// A row of [`WANTED`] or [`FORGOTTEN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bodiless {
    /// Forgotten here; otherwise it is wanted from peers.
    pub(crate) forgotten: bool,
    /// Some operation names it as parent.
    pub(crate) superseded: bool,
}

/// A row of [`ARRIVALS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// A run of `count` entries, one revision each.
    Run {
        author: u32,
        first_seq: u64,
        count: u32,
    },
    /// An operation was forgotten here.
    Forgotten { author: u32, seq: u64, op: u32 },
    /// A body that was wanted has come.
    Supplied { author: u32, seq: u64, op: u32 },
}

impl Arrival {
    pub(crate) const fn row(self) -> (u8, u32, u64, u32) {
        match self {
            Self::Run {
                author,
                first_seq,
                count,
            } => (0, author, first_seq, count),
            Self::Forgotten { author, seq, op } => (1, author, seq, op),
            Self::Supplied { author, seq, op } => (2, author, seq, op),
        }
    }

    pub(crate) const fn read(row: (u8, u32, u64, u32)) -> Result<Self, Damage> {
        let (kind, author, seq, last) = row;
        match kind {
            0 => Ok(Self::Run {
                author,
                first_seq: seq,
                count: last,
            }),
            1 => Ok(Self::Forgotten {
                author,
                seq,
                op: last,
            }),
            2 => Ok(Self::Supplied {
                author,
                seq,
                op: last,
            }),
            _ => Err(Damage::Row("arrivals")),
        }
    }

    /// First and last seq of a run that arrived.
    pub(crate) fn seqs(first_seq: u64, count: u32) -> Result<(u64, u64), Damage> {
        let last = u64::from(count)
            .checked_sub(1)
            .and_then(|more| first_seq.checked_add(more));
        last.filter(|last| first_seq > 0 && *last < u64::MAX)
            .map(|last| (first_seq, last))
            .ok_or(Damage::Row("arrivals"))
    }

    /// How many revisions the row stands for.
    pub(crate) const fn span(self) -> u64 {
        match self {
            Self::Run { count, .. } => count as u64,
            Self::Forgotten { .. } | Self::Supplied { .. } => 1,
        }
    }
}

/// A head as the index keeps it: authors by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeadRow {
    pub(crate) author: u32,
    pub(crate) seq: u64,
    pub(crate) op: u16,
    pub(crate) hlc: Hlc,
    pub(crate) kind: OpKind,
}

const HEAD_LEN: usize = 4 + 8 + 2 + 8 + 1;

pub(crate) const fn kind_from(number: u8, table: &'static str) -> Result<OpKind, Damage> {
    match number {
        1 => Ok(OpKind::Put),
        2 => Ok(OpKind::Delete),
        _ => Err(Damage::Row(table)),
    }
}

impl HeadRow {
    pub(crate) fn encode(heads: &[Self]) -> Vec<u8> {
        let mut out = Vec::with_capacity(heads.len() * HEAD_LEN);
        for head in heads {
            out.extend_from_slice(&head.author.to_be_bytes());
            out.extend_from_slice(&head.seq.to_be_bytes());
            out.extend_from_slice(&head.op.to_be_bytes());
            out.extend_from_slice(&head.hlc.bits().to_be_bytes());
            out.push(head.kind.number());
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Self>, Damage> {
        const BAD: Damage = Damage::Row("heads");
        let (rows, rest) = bytes.as_chunks::<HEAD_LEN>();
        if !rest.is_empty() || rows.is_empty() {
            return Err(BAD);
        }
        rows.iter()
            .map(|row| {
                let (author, row) = row.split_first_chunk::<4>().ok_or(BAD)?;
                let (seq, row) = row.split_first_chunk::<8>().ok_or(BAD)?;
                let (op, row) = row.split_first_chunk::<2>().ok_or(BAD)?;
                let (hlc, row) = row.split_first_chunk::<8>().ok_or(BAD)?;
                let [kind] = *row else { return Err(BAD) };
                Ok(Self {
                    author: u32::from_be_bytes(*author),
                    seq: u64::from_be_bytes(*seq),
                    op: u16::from_be_bytes(*op),
                    hlc: Hlc::from_bits(u64::from_be_bytes(*hlc)),
                    kind: kind_from(kind, "heads")?,
                })
            })
            .collect()
    }

    pub(crate) const fn place(&self) -> (u32, u64, u16) {
        (self.author, self.seq, self.op)
    }
}

/// Author numbers and ids, both ways. Numbers are never reused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Authors {
    ids: Vec<AuthorId>,
    numbers: std::collections::BTreeMap<AuthorId, u32>,
}

impl Authors {
    pub(crate) fn number(&self, id: &AuthorId) -> Option<u32> {
        self.numbers.get(id).copied()
    }

    pub(crate) fn id(&self, number: u32) -> Result<AuthorId, Damage> {
        usize::try_from(number)
            .ok()
            .and_then(|index| self.ids.get(index))
            .copied()
            .ok_or(Damage::Author(number))
    }

    pub(crate) fn add(&mut self, id: AuthorId) -> u32 {
        if let Some(number) = self.number(&id) {
            return number;
        }
        let number = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        self.ids.push(id);
        self.numbers.insert(id, number);
        number
    }

    pub(crate) fn op(&self, author: u32, seq: u64, op: u16) -> Result<OpRef, Damage> {
        Ok(OpRef {
            author: self.id(author)?,
            seq,
            op,
        })
    }

    pub(crate) fn entry(&self, author: u32, seq: u64) -> Result<EntryRef, Damage> {
        Ok(EntryRef {
            author: self.id(author)?,
            seq,
        })
    }

    pub(crate) const fn len(&self) -> usize {
        self.ids.len()
    }

    /// The winner among heads: time, then author id, then place.
    pub(crate) fn winner<'h>(&self, heads: &'h [HeadRow]) -> Result<Option<&'h HeadRow>, Damage> {
        let mut best = None;
        for head in heads {
            let rank = (head.hlc, self.id(head.author)?, head.seq, head.op);
            if best.is_none_or(|(greatest, _)| greatest < rank) {
                best = Some((rank, head));
            }
        }
        Ok(best.map(|(_, head)| head))
    }
}

/// A row of [`LOGS`], in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) number: u32,
    pub(crate) seq: u64,
    pub(crate) hash: EntryHash,
    pub(crate) hlc: Hlc,
    pub(crate) tip: bool,
}

/// Reads a number from [`META`]; 0 if it is not there.
pub(crate) fn meta_u64(
    table: &impl redb::ReadableTable<&'static str, &'static [u8]>,
    key: &str,
) -> Result<u64, StorageError> {
    let Some(value) = table.get(key)? else {
        return Ok(0);
    };
    let bytes: [u8; 8] = value.value().try_into().map_err(|_| Damage::Row("meta"))?;
    Ok(u64::from_be_bytes(bytes))
}

/// Copies a value out of the database.
pub(crate) fn owned(value: &[u8]) -> Bytes {
    Bytes::copy_from_slice(value)
}

//! Blocks: entries of one log as they lie on disk, bodies sealed.
//!
//! Layout, big-endian: version u8 · signed u8 · count u16 · nonce 12 · prev 32 · signature 64 ·
//! count × end offset u32 · entries. An entry: hlc u64 · first number u64 · dep count u16 · deps
//! (author number u32, seq u64) · op count u16 · ops. An op: state u8 · commitment 32 · parent count
//! u16 · parents (author number u32, seq u64, op u16) · and by state: 0 sealed in place (length u32,
//! bytes; its number is the entry's first number plus its index), 1 forgotten, 2 wanted, 3 sealed
//! later (number u64, length u32, bytes under a nonce 12 of its own).
//! The offsets let one entry be read without the others.

mod input;

use nocturne_core::{AuthorId, StoreId};
use nocturne_core::{Commitment, EntryHash, EntryRef, Header, Hlc, OpHeader, OpRef, Signature};

use input::Input;

use crate::error::Damage;
use crate::seal::Nonce;
use crate::tables::Authors;

const VERSION: u8 = 1;
const FIXED: usize = 1 + 1 + 2 + 12 + 32 + 64;
/// Most entries in a block: one read costs at most the decoding of one entry, one rewrite at most
/// the copying of this many.
pub(crate) const MAX_BLOCK_ENTRIES: usize = 256;
/// Largest block in bytes unless it is one larger entry.
pub(crate) const MAX_BLOCK_BYTES: usize = 64 * 1024;
const DEP_LEN: usize = 4 + 8;
const PARENT_LEN: usize = 4 + 8 + 2;
const BAD: Damage = Damage::Row("blocks");

/// An operation's body as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stored {
    Sealed {
        number: u64,
        bytes: Vec<u8>,
    },
    Forgotten,
    Wanted,
    SealedLater {
        number: u64,
        nonce: Nonce,
        bytes: Vec<u8>,
    },
}

impl Stored {
    /// The number whose key opens it.
    pub(crate) const fn number(&self) -> Option<u64> {
        match self {
            Self::Sealed { number, .. } | Self::SealedLater { number, .. } => Some(*number),
            Self::Forgotten | Self::Wanted => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredOp {
    pub(crate) commitment: Commitment,
    pub(crate) parents: Vec<(u32, u64, u16)>,
    pub(crate) body: Stored,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredEntry {
    pub(crate) hlc: Hlc,
    pub(crate) first_number: u64,
    pub(crate) deps: Vec<(u32, u64)>,
    pub(crate) ops: Vec<StoredOp>,
}

impl StoredEntry {
    /// The header that was signed.
    pub(crate) fn header(
        &self,
        store: StoreId,
        author: AuthorId,
        seq: u64,
        prev: EntryHash,
        authors: &Authors,
    ) -> Result<Header, Damage> {
        let mut deps = Vec::with_capacity(self.deps.len());
        for (author, seq) in &self.deps {
            deps.push(EntryRef {
                author: authors.id(*author)?,
                seq: *seq,
            });
        }
        let mut ops = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            let mut parents = Vec::with_capacity(op.parents.len());
            for (author, seq, op) in &op.parents {
                parents.push(OpRef {
                    author: authors.id(*author)?,
                    seq: *seq,
                    op: *op,
                });
            }
            ops.push(OpHeader {
                commitment: op.commitment,
                parents,
            });
        }
        Ok(Header {
            store,
            author,
            seq,
            prev,
            hlc: self.hlc,
            deps,
            ops,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.hlc.bits().to_be_bytes());
        out.extend_from_slice(&self.first_number.to_be_bytes());
        out.extend_from_slice(&len16(self.deps.len()));
        for (author, seq) in &self.deps {
            out.extend_from_slice(&author.to_be_bytes());
            out.extend_from_slice(&seq.to_be_bytes());
        }
        out.extend_from_slice(&len16(self.ops.len()));
        for op in &self.ops {
            out.push(match op.body {
                Stored::Sealed { .. } => 0,
                Stored::Forgotten => 1,
                Stored::Wanted => 2,
                Stored::SealedLater { .. } => 3,
            });
            out.extend_from_slice(op.commitment.as_bytes());
            out.extend_from_slice(&len16(op.parents.len()));
            for (author, seq, op) in &op.parents {
                out.extend_from_slice(&author.to_be_bytes());
                out.extend_from_slice(&seq.to_be_bytes());
                out.extend_from_slice(&op.to_be_bytes());
            }
            match &op.body {
                Stored::Sealed { bytes, .. } => {
                    out.extend_from_slice(&len32(bytes.len()));
                    out.extend_from_slice(bytes);
                }
                Stored::SealedLater {
                    number,
                    nonce,
                    bytes,
                } => {
                    out.extend_from_slice(&number.to_be_bytes());
                    out.extend_from_slice(nonce);
                    out.extend_from_slice(&len32(bytes.len()));
                    out.extend_from_slice(bytes);
                }
                Stored::Forgotten | Stored::Wanted => {}
            }
        }
    }

    fn read(bytes: &[u8]) -> Result<Self, Damage> {
        let mut input = Input(bytes);
        let hlc = Hlc::from_bits(input.u64()?);
        let first_number = input.u64()?;
        let dep_count = input.u16()?;
        let mut deps = Vec::with_capacity(usize::from(dep_count));
        for _ in 0..dep_count {
            deps.push((input.u32()?, input.u64()?));
        }
        let op_count = input.u16()?;
        let mut ops = Vec::with_capacity(usize::from(op_count));
        for index in 0..op_count {
            ops.push(StoredOp::read(&mut input, first_number, index)?);
        }
        if !input.0.is_empty() {
            return Err(BAD);
        }
        Ok(Self {
            hlc,
            first_number,
            deps,
            ops,
        })
    }
}

impl StoredOp {
    fn read(input: &mut Input<'_>, first_number: u64, index: u16) -> Result<Self, Damage> {
        let state = input.u8()?;
        let commitment = Commitment::from_bytes(input.array()?);
        let parent_count = input.u16()?;
        let mut parents = Vec::with_capacity(usize::from(parent_count));
        for _ in 0..parent_count {
            parents.push((input.u32()?, input.u64()?, input.u16()?));
        }
        let body = match state {
            0 => Stored::Sealed {
                number: first_number.checked_add(u64::from(index)).ok_or(BAD)?,
                bytes: input.sized()?.to_vec(),
            },
            1 => Stored::Forgotten,
            2 => Stored::Wanted,
            3 => Stored::SealedLater {
                number: input.u64()?,
                nonce: input.array()?,
                bytes: input.sized()?.to_vec(),
            },
            _ => return Err(BAD),
        };
        Ok(Self {
            commitment,
            parents,
            body,
        })
    }

    /// Steps over one without copying it.
    fn skip(input: &mut Input<'_>) -> Result<(), Damage> {
        let state = input.u8()?;
        input.take(32)?;
        let parent_count = input.u16()?;
        input.take(usize::from(parent_count) * PARENT_LEN)?;
        match state {
            0 => drop(input.sized()?),
            1 | 2 => {}
            3 => {
                input.take(8 + 12)?;
                input.sized()?;
            }
            _ => return Err(BAD),
        }
        Ok(())
    }
}

/// A whole block, to be written or rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) prev: EntryHash,
    pub(crate) nonce: Nonce,
    pub(crate) signature: Option<Signature>,
    pub(crate) entries: Vec<StoredEntry>,
}

impl Block {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let size: usize = self.entries.len() * 160;
        let mut out = Vec::with_capacity(FIXED + size);
        out.push(VERSION);
        out.push(u8::from(self.signature.is_some()));
        out.extend_from_slice(&len16(self.entries.len()));
        out.extend_from_slice(&self.nonce);
        out.extend_from_slice(self.prev.as_bytes());
        let unsigned = Signature::from_bytes([0; 64]);
        out.extend_from_slice(self.signature.unwrap_or(unsigned).as_bytes());
        let mut entries = Vec::with_capacity(size);
        for entry in &self.entries {
            entry.write(&mut entries);
            out.extend_from_slice(&len32(entries.len()));
        }
        out.extend_from_slice(&entries);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let view = BlockView::new(bytes)?;
        let mut entries = Vec::with_capacity(view.len());
        for index in 0..view.len() {
            entries.push(view.entry(index)?);
        }
        Ok(Self {
            prev: view.prev,
            nonce: view.nonce,
            signature: view.signature,
            entries,
        })
    }
}

/// A block in the database's memory, of which single entries are read.
#[derive(Debug)]
pub(crate) struct BlockView<'a> {
    pub(crate) prev: EntryHash,
    pub(crate) nonce: Nonce,
    pub(crate) signature: Option<Signature>,
    ends: &'a [[u8; 4]],
    entries: &'a [u8],
}

impl<'a> BlockView<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, Damage> {
        let mut input = Input(bytes);
        if input.u8()? != VERSION {
            return Err(BAD);
        }
        let signed = input.u8()? == 1;
        let count = usize::from(input.u16()?);
        let nonce = input.array()?;
        let prev = EntryHash::from_bytes(input.array()?);
        let signature = Signature::from_bytes(input.array()?);
        let (ends, _) = input.take(count * 4)?.as_chunks::<4>();
        if count == 0 {
            return Err(BAD);
        }
        Ok(Self {
            prev,
            nonce,
            signature: signed.then_some(signature),
            ends,
            entries: input.0,
        })
    }

    pub(crate) const fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn entry(&self, index: usize) -> Result<StoredEntry, Damage> {
        StoredEntry::read(self.bytes(index)?)
    }

    /// When an entry was written.
    pub(crate) fn hlc(&self, index: usize) -> Result<Hlc, Damage> {
        Ok(Hlc::from_bits(Input(self.bytes(index)?).u64()?))
    }

    /// One operation and its entry's time; `None` if the entry has fewer operations. Copies nothing
    /// else of the entry, which may have 4,096 of them and 4 MiB.
    pub(crate) fn op(&self, index: usize, op: u16) -> Result<Option<(Hlc, StoredOp)>, Damage> {
        let mut input = Input(self.bytes(index)?);
        let hlc = Hlc::from_bits(input.u64()?);
        let first_number = input.u64()?;
        let dep_count = input.u16()?;
        input.take(usize::from(dep_count) * DEP_LEN)?;
        if op >= input.u16()? {
            return Ok(None);
        }
        for _ in 0..op {
            StoredOp::skip(&mut input)?;
        }
        Ok(Some((hlc, StoredOp::read(&mut input, first_number, op)?)))
    }

    fn bytes(&self, index: usize) -> Result<&'a [u8], Damage> {
        let end_at = |index: usize| -> Result<usize, Damage> {
            let end = self.ends.get(index).ok_or(BAD)?;
            usize::try_from(u32::from_be_bytes(*end)).map_err(|_| BAD)
        };
        let start = match index.checked_sub(1) {
            Some(before) => end_at(before)?,
            None => 0,
        };
        self.entries.get(start..end_at(index)?).ok_or(BAD)
    }
}

fn len16(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

fn len32(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests;

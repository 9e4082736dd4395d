//! Entries: a header that is kept and bodies that can be dropped. Layout: `proto/v1/entry.md`.

use std::fmt;

use bytes::Bytes;

use crate::genesis::StoreId;
use crate::hash::{Commitment, Context, EntryHash};
use crate::hlc::Hlc;
use crate::identity::AuthorId;
use crate::layout::{Reader, Short, len_u16};
use crate::limits::{MAX_DEPS, MAX_ENTRY_BYTES, MAX_OPS, MAX_PARENTS};
use crate::operation::OpBody;

/// The version that this program writes.
pub const VERSION: u8 = 1;
/// What an author's signature over an entry hash is for.
pub const SIGNATURE_DOMAIN: &str = "nocturne/v1/entry";

/// An entry by its place: author and sequence number (from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryRef {
    /// Whose log.
    pub author: AuthorId,
    /// Which entry of it, from 1.
    pub seq: u64,
}

/// An operation by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpRef {
    /// Whose log.
    pub author: AuthorId,
    /// Which entry of it, from 1.
    pub seq: u64,
    /// Which operation of the entry, from 0.
    pub op: u16,
}

impl OpRef {
    /// The entry that the operation stands in.
    pub const fn entry(&self) -> EntryRef {
        EntryRef {
            author: self.author,
            seq: self.seq,
        }
    }
}

impl fmt::Display for EntryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.author, self.seq)
    }
}

impl fmt::Display for OpRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.author, self.seq, self.op)
    }
}

/// What the header keeps of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpHeader {
    /// Salted hash of the operation.
    pub commitment: Commitment,
    /// The heads that it supersedes: sorted, distinct.
    pub parents: Vec<OpRef>,
}

/// The part of an entry that is hashed, signed and kept. No key, value, tag or subject is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The store it belongs to.
    pub store: StoreId,
    /// Who wrote it.
    pub author: AuthorId,
    /// Its place in the author's log, from 1.
    pub seq: u64,
    /// Hash of the entry before; of the genesis record for the first.
    pub prev: EntryHash,
    /// When, in hybrid logical time.
    pub hlc: Hlc,
    /// Tips of the other logs that the author had when it wrote: sorted, one per author.
    pub deps: Vec<EntryRef>,
    /// Its operations.
    pub ops: Vec<OpHeader>,
}

/// A header that breaks the format's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The bytes end early or go on too long.
    #[error("the header's bytes do not fit their layout")]
    Layout,
    /// Made by a newer program.
    #[error("entry version {0} is not known here; a newer nocturne wrote it")]
    Version(u8),
    /// Sequence numbers begin at 1.
    #[error("sequence number 0 does not exist")]
    Seq,
    /// More dependencies than allowed.
    #[error("{0} dependencies; at most {MAX_DEPS} are allowed")]
    TooManyDeps(usize),
    /// Dependencies out of order, twice the same author, on seq 0, or on the own log.
    #[error("dependencies must be sorted, one per author, and not the own log")]
    DepOrder,
    /// More operations than allowed.
    #[error("{0} operations; at most {MAX_OPS} are allowed")]
    TooManyOps(usize),
    /// More parents than allowed.
    #[error("{0} parents; at most {MAX_PARENTS} are allowed")]
    TooManyParents(usize),
    /// Parents out of order, twice, on seq 0, or not before the entry.
    #[error("parents must be sorted, distinct, and older than the entry")]
    ParentOrder,
    /// Header, or header and the bodies that are present, over the limit.
    #[error("the entry has {0} bytes; at most {MAX_ENTRY_BYTES} are allowed")]
    TooLarge(usize),
    /// Not as many bodies (present or absent) as operations.
    #[error("an entry has one body, present or absent, for each operation")]
    BodyCount,
}

impl From<Short> for HeaderError {
    fn from(Short: Short) -> Self {
        Self::Layout
    }
}

impl Header {
    /// Its place.
    pub const fn at(&self) -> EntryRef {
        EntryRef {
            author: self.author,
            seq: self.seq,
        }
    }

    /// Length of the canonical bytes.
    pub fn encoded_len(&self) -> usize {
        let ops: usize = self.ops.iter().map(|op| 34 + 42 * op.parents.len()).sum();
        1 + 16 + 32 + 8 + 32 + 8 + 2 + 40 * self.deps.len() + 2 + ops
    }

    /// Canonical bytes: a fixed layout, one for each header.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        out.push(VERSION);
        out.extend_from_slice(self.store.as_bytes());
        out.extend_from_slice(self.author.as_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(self.prev.as_bytes());
        out.extend_from_slice(&self.hlc.bits().to_be_bytes());
        out.extend_from_slice(&len_u16(self.deps.len()));
        for dep in &self.deps {
            out.extend_from_slice(dep.author.as_bytes());
            out.extend_from_slice(&dep.seq.to_be_bytes());
        }
        out.extend_from_slice(&len_u16(self.ops.len()));
        for op in &self.ops {
            out.extend_from_slice(op.commitment.as_bytes());
            out.extend_from_slice(&len_u16(op.parents.len()));
            for parent in &op.parents {
                out.extend_from_slice(parent.author.as_bytes());
                out.extend_from_slice(&parent.seq.to_be_bytes());
                out.extend_from_slice(&parent.op.to_be_bytes());
            }
        }
        out
    }

    /// Reads canonical bytes and checks the format's rules.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(Bytes::copy_from_slice(bytes));
        let header = Self::read(&mut reader)?;
        if reader.is_empty() {
            Ok(header)
        } else {
            Err(HeaderError::Layout)
        }
    }

    /// Reads one header where several stand one after the other: the layout says where it ends.
    pub(crate) fn read(reader: &mut Reader) -> Result<Self, HeaderError> {
        let version = reader.u8()?;
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        let store = StoreId::from_bytes(reader.array()?);
        let author = AuthorId::from_bytes(reader.array()?);
        let seq = reader.u64()?;
        let prev = EntryHash::from_bytes(reader.array()?);
        let hlc = Hlc::from_bits(reader.u64()?);
        let dep_count = usize::from(reader.u16()?);
        if dep_count > MAX_DEPS {
            return Err(HeaderError::TooManyDeps(dep_count));
        }
        let mut deps = Vec::with_capacity(dep_count);
        for _ in 0..dep_count {
            deps.push(EntryRef {
                author: AuthorId::from_bytes(reader.array()?),
                seq: reader.u64()?,
            });
        }
        let op_count = usize::from(reader.u16()?);
        if op_count > MAX_OPS {
            return Err(HeaderError::TooManyOps(op_count));
        }
        let mut ops = Vec::new();
        for _ in 0..op_count {
            let commitment = Commitment::from_bytes(reader.array()?);
            let parent_count = usize::from(reader.u16()?);
            if parent_count > MAX_PARENTS {
                return Err(HeaderError::TooManyParents(parent_count));
            }
            let mut parents = Vec::new();
            for _ in 0..parent_count {
                parents.push(OpRef {
                    author: AuthorId::from_bytes(reader.array()?),
                    seq: reader.u64()?,
                    op: reader.u16()?,
                });
            }
            ops.push(OpHeader {
                commitment,
                parents,
            });
        }
        let header = Self {
            store,
            author,
            seq,
            prev,
            hlc,
            deps,
            ops,
        };
        header.check()?;
        Ok(header)
    }

    /// Checks what can be seen on the header alone.
    pub fn check(&self) -> Result<(), HeaderError> {
        if self.seq == 0 {
            return Err(HeaderError::Seq);
        }
        if self.deps.len() > MAX_DEPS {
            return Err(HeaderError::TooManyDeps(self.deps.len()));
        }
        let deps_fit = self.deps.is_sorted_by(|a, b| a.author < b.author)
            && self
                .deps
                .iter()
                .all(|dep| dep.seq > 0 && dep.author != self.author);
        if !deps_fit {
            return Err(HeaderError::DepOrder);
        }
        if self.ops.len() > MAX_OPS {
            return Err(HeaderError::TooManyOps(self.ops.len()));
        }
        for op in &self.ops {
            if op.parents.len() > MAX_PARENTS {
                return Err(HeaderError::TooManyParents(op.parents.len()));
            }
            let parents_fit = op.parents.is_sorted_by(|a, b| a < b)
                && op.parents.iter().all(|parent| {
                    parent.seq > 0 && (parent.author != self.author || parent.seq < self.seq)
                });
            if !parents_fit {
                return Err(HeaderError::ParentOrder);
            }
        }
        // Within the counts above a header could still take 170 MiB.
        let size = self.encoded_len();
        if size > MAX_ENTRY_BYTES {
            return Err(HeaderError::TooLarge(size));
        }
        Ok(())
    }

    /// The hash that the next entry names as `prev` and that signatures are made over.
    pub fn hash(&self) -> EntryHash {
        EntryHash::from_bytes(
            *Context::Entry
                .hasher()
                .update(&self.encode())
                .finalize()
                .as_bytes(),
        )
    }
}

/// A header with its operations' bodies; a body is absent when whoever sent it had forgotten it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What is signed.
    pub header: Header,
    /// One for each operation of the header.
    pub bodies: Vec<Option<OpBody>>,
}

impl Entry {
    /// Canonical header and bodies, in bytes.
    pub fn size(&self) -> usize {
        let bodies: usize = self.bodies.iter().flatten().map(OpBody::len).sum();
        self.header.encoded_len() + bodies
    }

    /// Checks header rules, size and that there is one body, present or absent, per operation.
    pub fn check(&self) -> Result<(), HeaderError> {
        self.header.check()?;
        if self.bodies.len() != self.header.ops.len() {
            return Err(HeaderError::BodyCount);
        }
        let size = self.size();
        if size > MAX_ENTRY_BYTES {
            return Err(HeaderError::TooLarge(size));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

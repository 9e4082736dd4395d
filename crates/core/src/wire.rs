//! Protobuf framing of runs: what can be rebuilt is not sent. See `proto/v1/entry.proto`.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::entry::{Entry, EntryRef, Header, HeaderError, OpHeader, OpRef, VERSION};
use crate::genesis::StoreId;
use crate::hash::{Commitment, EntryHash};
use crate::hlc::Hlc;
use crate::identity::{AuthorId, Signature};
use crate::limits::{MAX_DEPS, MAX_OPS, MAX_PARENTS, MAX_RUN_ENTRIES};
use crate::operation::OpBody;
use crate::run::SignedRun;

/// The generated messages.
#[expect(missing_docs, reason = "generated; documented in entry.proto")]
pub mod messages {
    include!(concat!(env!("OUT_DIR"), "/nocturne.v1.rs"));
}

/// Most authors that one session may name.
pub const MAX_SESSION_AUTHORS: usize = 1 << 20;

/// Turns runs into messages; keeps the author table of what it has sent.
#[derive(Debug, Default)]
pub struct RunEncoder {
    index: BTreeMap<AuthorId, u32>,
    fresh: Vec<AuthorId>,
}

impl RunEncoder {
    /// With an empty author table.
    pub fn new() -> Self {
        Self::default()
    }

    fn author(&mut self, author: &AuthorId) -> u32 {
        if let Some(index) = self.index.get(author) {
            return *index;
        }
        let index = u32::try_from(self.index.len()).unwrap_or(u32::MAX);
        self.index.insert(*author, index);
        self.fresh.push(*author);
        index
    }

    /// Authors named for the first time since the last call: they go into the same
    /// [`messages::Runs`] as the runs that name them.
    pub fn take_new_authors(&mut self) -> Vec<Bytes> {
        self.fresh
            .drain(..)
            .map(|author| Bytes::copy_from_slice(author.as_bytes()))
            .collect()
    }

    /// One run. `None` if it is empty.
    pub fn run(&mut self, run: &SignedRun) -> Option<messages::Run> {
        let first = &run.entries().first()?.header;
        let mut hlc = first.hlc;
        let entries = run
            .entries()
            .iter()
            .map(|entry| {
                let delta = entry.header.hlc.bits().wrapping_sub(hlc.bits());
                hlc = entry.header.hlc;
                self.entry(entry, delta)
            })
            .collect();
        Some(messages::Run {
            author: self.author(&first.author),
            first_seq: first.seq,
            prev: Bytes::copy_from_slice(first.prev.as_bytes()),
            first_hlc: first.hlc.bits(),
            entries,
            signature: Bytes::copy_from_slice(run.signature().as_bytes()),
            version: u32::from(VERSION),
        })
    }

    fn entry(&mut self, entry: &Entry, hlc_delta: u64) -> messages::Entry {
        let mut deps = Vec::with_capacity(entry.header.deps.len() * 2);
        for dep in &entry.header.deps {
            deps.extend([u64::from(self.author(&dep.author)), dep.seq]);
        }
        let operations = entry
            .header
            .ops
            .iter()
            .zip(&entry.bodies)
            .map(|(op, body)| {
                let mut parents = Vec::with_capacity(op.parents.len() * 3);
                for parent in &op.parents {
                    let author = u64::from(self.author(&parent.author));
                    parents.extend([author, parent.seq, u64::from(parent.op)]);
                }
                messages::Operation {
                    body: body
                        .as_ref()
                        .map(|body| body.joined().clone())
                        .unwrap_or_default(),
                    commitment: match body {
                        Some(_) => Bytes::new(),
                        None => Bytes::copy_from_slice(op.commitment.as_bytes()),
                    },
                    parents,
                }
            })
            .collect();
        messages::Entry {
            hlc_delta,
            deps,
            operations,
        }
    }
}

/// Messages that make no run: the sender's fault, except for an unknown version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunDecodeError {
    /// Headers of a version that this program doesn't know: the store pauses, the peer is not to
    /// blame.
    #[error("entry version {0} is not known here; a newer nocturne wrote it")]
    Version(u32),
    /// An author id that is not 32 bytes.
    #[error("an author id is not 32 bytes long")]
    AuthorId,
    /// More authors than a session may name.
    #[error("more than {MAX_SESSION_AUTHORS} authors in one session")]
    TooManyAuthors,
    /// An index beyond the author table.
    #[error("author index {0} has not been named")]
    UnknownAuthor(u64),
    /// No entries, or more than allowed.
    #[error("a run has {0} entries; 1 to {MAX_RUN_ENTRIES} are allowed")]
    EntryCount(usize),
    /// A field of the wrong length, or numbers that don't come in groups.
    #[error("a field of the run has the wrong length")]
    FieldLength,
    /// Both body and commitment, or neither.
    #[error("an operation has either a body or a commitment")]
    BodyOrCommitment,
    /// A sequence number or a time that overflows.
    #[error("a sequence number or time of the run overflows")]
    Overflow,
    /// Over a limit of the header.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// Turns messages back into runs; keeps the author table of what the peer has sent.
#[derive(Debug)]
pub struct RunDecoder {
    store: StoreId,
    authors: Vec<AuthorId>,
}

impl RunDecoder {
    /// For runs of one store.
    pub const fn new(store: StoreId) -> Self {
        Self {
            store,
            authors: Vec::new(),
        }
    }

    /// Appends newly named authors to the table.
    pub fn new_authors(&mut self, ids: &[Bytes]) -> Result<(), RunDecodeError> {
        if self.authors.len().saturating_add(ids.len()) > MAX_SESSION_AUTHORS {
            return Err(RunDecodeError::TooManyAuthors);
        }
        for id in ids {
            self.authors
                .push(AuthorId::from_slice(id).ok_or(RunDecodeError::AuthorId)?);
        }
        Ok(())
    }

    fn author(&self, index: u64) -> Result<AuthorId, RunDecodeError> {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.authors.get(index))
            .copied()
            .ok_or(RunDecodeError::UnknownAuthor(index))
    }

    /// One run, with headers and their chain rebuilt. Verify it before use.
    ///
    /// Its bodies share the message's memory: see [`VerifiedRun::detached`].
    ///
    /// [`VerifiedRun::detached`]: crate::VerifiedRun::detached
    pub fn run(&self, run: messages::Run) -> Result<SignedRun, RunDecodeError> {
        if run.version != u32::from(VERSION) {
            return Err(RunDecodeError::Version(run.version));
        }
        let count = run.entries.len();
        if count == 0 || count > MAX_RUN_ENTRIES {
            return Err(RunDecodeError::EntryCount(count));
        }
        let author = self.author(u64::from(run.author))?;
        let signature = Signature::from_slice(&run.signature).ok_or(RunDecodeError::FieldLength)?;
        let mut prev = EntryHash::from_slice(&run.prev).ok_or(RunDecodeError::FieldLength)?;
        let mut hlc = run.first_hlc;
        let mut entries = Vec::with_capacity(count);
        let mut hashes = Vec::with_capacity(count);
        for (message, index) in run.entries.into_iter().zip(0..) {
            let seq = run
                .first_seq
                .checked_add(index)
                .ok_or(RunDecodeError::Overflow)?;
            hlc = hlc
                .checked_add(message.hlc_delta)
                .ok_or(RunDecodeError::Overflow)?;
            let (ops, bodies) = self.operations(message.operations)?;
            let header = Header {
                store: self.store,
                author,
                seq,
                prev,
                hlc: Hlc::from_bits(hlc),
                deps: self.deps(&message.deps)?,
                ops,
            };
            prev = header.hash();
            hashes.push(prev);
            entries.push(Entry { header, bodies });
        }
        Ok(SignedRun::rebuilt(entries, hashes, signature))
    }

    fn deps(&self, flat: &[u64]) -> Result<Vec<EntryRef>, RunDecodeError> {
        if flat.len() > MAX_DEPS * 2 {
            return Err(HeaderError::TooManyDeps(flat.len() / 2).into());
        }
        let (pairs, rest) = flat.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(RunDecodeError::FieldLength);
        }
        pairs
            .iter()
            .map(|&[author, seq]| {
                Ok(EntryRef {
                    author: self.author(author)?,
                    seq,
                })
            })
            .collect()
    }

    fn operations(
        &self,
        messages: Vec<messages::Operation>,
    ) -> Result<(Vec<OpHeader>, Vec<Option<OpBody>>), RunDecodeError> {
        if messages.len() > MAX_OPS {
            return Err(HeaderError::TooManyOps(messages.len()).into());
        }
        let mut ops = Vec::with_capacity(messages.len());
        let mut bodies = Vec::with_capacity(messages.len());
        for message in messages {
            let (commitment, body) = match (message.body.is_empty(), message.commitment.is_empty())
            {
                (false, true) => {
                    let body =
                        OpBody::from_joined(message.body).ok_or(RunDecodeError::FieldLength)?;
                    (body.commitment(), Some(body))
                }
                (true, false) => {
                    let commitment = Commitment::from_slice(&message.commitment)
                        .ok_or(RunDecodeError::FieldLength)?;
                    (commitment, None)
                }
                _ => return Err(RunDecodeError::BodyOrCommitment),
            };
            ops.push(OpHeader {
                commitment,
                parents: self.parents(&message.parents)?,
            });
            bodies.push(body);
        }
        Ok((ops, bodies))
    }

    fn parents(&self, flat: &[u64]) -> Result<Vec<OpRef>, RunDecodeError> {
        if flat.len() > MAX_PARENTS * 3 {
            return Err(HeaderError::TooManyParents(flat.len() / 3).into());
        }
        let (triples, rest) = flat.as_chunks::<3>();
        if !rest.is_empty() {
            return Err(RunDecodeError::FieldLength);
        }
        triples
            .iter()
            .map(|&[author, seq, op]| {
                Ok(OpRef {
                    author: self.author(author)?,
                    seq,
                    op: u16::try_from(op).map_err(|_| RunDecodeError::Overflow)?,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;

//! A store in memory: the data model and nothing else. For tests, for simulations, and as the
//! oracle that the durable store is compared with.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::entry::{Entry, EntryRef, Header, OpHeader, OpRef};
use crate::frontier::{Frontier, LogHead};
use crate::genesis::Genesis;
use crate::hash::EntryHash;
use crate::heads::{self, Head};
use crate::hlc::Hlc;
use crate::identity::{AuthorId, Entropy, Identity};
use crate::operation::{InvalidOperation, OpBody, OpKind, Operation};
use crate::rules::{self, Link, TimeError};
use crate::run::{RunError, SignedRun, VerifiedEntry, VerifiedRun};
use crate::tips::{Deps, Tips};

/// Runs that wait for what they build on; more are refused.
pub const MAX_WAITING: usize = 4_096;

/// All entries of a store and the state that follows from them.
#[derive(Debug, Clone)]
pub struct Replica {
    genesis: Genesis,
    frontier: Frontier,
    tips: Tips,
    entries: BTreeMap<EntryRef, VerifiedEntry>,
    /// In order of arrival, which is a causal order.
    arrived: Vec<VerifiedRun>,
    heads: BTreeMap<Bytes, Vec<Head>>,
    waiting: Vec<VerifiedRun>,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is part of the state now, and so is whatever waited for it: this many entries in all.
    Applied(usize),
    /// All of it was there already.
    Known,
    /// It waits for an entry.
    Waiting,
}

/// Why a run was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// It belongs to another store.
    #[error("the run belongs to another store")]
    OtherStore,
    /// It contradicts the log.
    #[error("the run contradicts the log of its author at {0}")]
    Diverges(EntryRef),
    /// It moves back in time.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// Too many runs wait already.
    #[error("{MAX_WAITING} runs wait already")]
    WaitingRoomFull,
}

/// Why a write was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// An operation breaks a limit.
    #[error(transparent)]
    Operation(#[from] InvalidOperation),
    /// The log has reached the end of time or of its numbers.
    #[error("the log is at the end of its time or numbers")]
    Exhausted,
    /// More or larger operations than one entry takes, or one run if tips were gathered first.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The entry would contradict what is there; the identity is in use elsewhere.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl Replica {
    /// An empty store.
    pub const fn new(genesis: Genesis) -> Self {
        Self {
            genesis,
            frontier: Frontier::new(),
            tips: Tips::new(),
            entries: BTreeMap::new(),
            arrived: Vec::new(),
            heads: BTreeMap::new(),
            waiting: Vec::new(),
        }
    }

    /// How the store began.
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// What is applied.
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Writes one entry and returns the run that carries it (more than one entry when tips had to
    /// be gathered first).
    pub fn write(
        &mut self,
        identity: &Identity,
        clock_ms: u64,
        operations: Vec<Operation>,
        entropy: &mut dyn Entropy,
    ) -> Result<VerifiedRun, WriteError> {
        let mut tips = self.tips.clone();
        let mut entries: Vec<Entry> = Vec::new();
        let author = identity.author();
        let mut last = self.frontier.get(&author);
        let deps = loop {
            match tips.deps_of(&author) {
                Deps::Ready(deps) => break deps,
                Deps::Gather(deps) => {
                    let entry = self.entry(author, last, clock_ms, deps, vec![], &entries)?;
                    last = Some(head_of(&entry));
                    tips.apply(&entry.header);
                    entries.push(entry);
                }
            }
        };
        let mut parts = Vec::with_capacity(operations.len());
        for operation in operations {
            let parents = heads::parents(self.heads(&operation.key));
            parts.push((OpBody::new(&operation, entropy)?, parents));
        }
        entries.push(self.entry(author, last, clock_ms, deps, parts, &entries)?);
        let run = SignedRun::sign(identity, entries).ok_or(RunError::Empty)?;
        let run = run.verify()?;
        self.apply(run.clone())?;
        Ok(run)
    }

    fn entry(
        &self,
        author: AuthorId,
        last: Option<LogHead>,
        clock_ms: u64,
        deps: Vec<EntryRef>,
        parts: Vec<(OpBody, Vec<OpRef>)>,
        pending: &[Entry],
    ) -> Result<Entry, WriteError> {
        let prev = last.map_or(EntryHash::from(self.genesis.hash()), |head| head.hash);
        let seq = last
            .map_or(0, |head| head.seq)
            .checked_add(1)
            .ok_or(WriteError::Exhausted)?;
        let own = EntryRef {
            author,
            seq: seq - 1,
        };
        let parents = parts.iter().flat_map(|(_, parents)| parents);
        let after = deps
            .iter()
            .copied()
            .chain(parents.map(OpRef::entry))
            .chain([own])
            .filter_map(|at| self.hlc_of(at))
            .chain(pending.last().map(|entry| entry.header.hlc))
            .max()
            .unwrap_or(Hlc::ZERO);
        let hlc = Hlc::next(clock_ms, after).ok_or(WriteError::Exhausted)?;
        let ops = parts.iter().map(|(body, parents)| OpHeader {
            commitment: body.commitment(),
            parents: parents.clone(),
        });
        Ok(Entry {
            header: Header {
                store: self.genesis.store_id(),
                author,
                seq,
                prev,
                hlc,
                deps,
                ops: ops.collect(),
            },
            bodies: parts.into_iter().map(|(body, _)| Some(body)).collect(),
        })
    }

    fn hlc_of(&self, at: EntryRef) -> Option<Hlc> {
        self.entries.get(&at).map(|entry| entry.entry().header.hlc)
    }

    /// Applies a run, or lets it wait for what it builds on.
    pub fn apply(&mut self, run: VerifiedRun) -> Result<Applied, ApplyError> {
        let outcome = self.apply_one(run)?;
        let Applied::Applied(mut count) = outcome else {
            return Ok(outcome);
        };
        // What waited may be ready now; go round until nothing moves.
        loop {
            let before = count;
            for run in std::mem::take(&mut self.waiting) {
                // A run that turns out invalid is dropped: it was only ever kept in hope.
                if let Ok(Applied::Applied(more)) = self.apply_one(run) {
                    count += more;
                }
            }
            if count == before {
                return Ok(Applied::Applied(count));
            }
        }
    }

    fn apply_one(&mut self, run: VerifiedRun) -> Result<Applied, ApplyError> {
        if run.store() != self.genesis.store_id() {
            return Err(ApplyError::OtherStore);
        }
        let run = match rules::link(&run, &self.frontier, self.genesis.hash()) {
            Link::Known => return Ok(Applied::Known),
            Link::Gap { .. } => return self.wait(run),
            Link::Diverges { at } => {
                return Err(ApplyError::Diverges(EntryRef {
                    author: run.author(),
                    seq: at,
                }));
            }
            Link::Continues => run,
            Link::Overlaps { have } => match run.after(have) {
                Some(rest) => rest,
                None => return Ok(Applied::Known),
            },
        };
        if rules::missing_dependency(&run, &self.frontier).is_some() {
            return self.wait(run);
        }
        self.check_time(&run)?;
        for entry in run.entries() {
            self.apply_entry(entry);
        }
        let count = run.entries().len();
        self.arrived.push(run);
        Ok(Applied::Applied(count))
    }

    fn wait(&mut self, run: VerifiedRun) -> Result<Applied, ApplyError> {
        let same = |other: &VerifiedRun| (other.tip(), other.prev()) == (run.tip(), run.prev());
        if self.waiting.iter().any(same) {
            return Ok(Applied::Waiting);
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(ApplyError::WaitingRoomFull);
        }
        self.waiting.push(run.detached());
        Ok(Applied::Waiting)
    }

    fn check_time(&self, run: &VerifiedRun) -> Result<(), TimeError> {
        let own = |at: EntryRef| {
            let index = usize::try_from(at.seq.checked_sub(run.first_seq())?).ok()?;
            let entry = run.entries().get(index)?;
            (at.author == run.author()).then_some(entry.entry().header.hlc)
        };
        let known = |at| Ok(self.hlc_of(at).or_else(|| own(at)).unwrap_or(Hlc::MAX));
        for entry in run.entries() {
            let header = &entry.entry().header;
            match rules::check_time(header, known) {
                Ok(checked) => checked?,
                Err(never) => {
                    let never: std::convert::Infallible = never;
                    match never {}
                }
            }
        }
        Ok(())
    }

    fn apply_entry(&mut self, entry: &VerifiedEntry) {
        let header = &entry.entry().header;
        self.tips.apply(header);
        let head = LogHead {
            seq: header.seq,
            hash: entry.hash(),
        };
        self.frontier.advance(header.author, head);
        for (index, (op, body)) in header.ops.iter().zip(&entry.entry().bodies).enumerate() {
            // A parent is named by place: it is removed whatever its key is.
            for parent in &op.parents {
                self.supersede(*parent);
            }
            let Some(Ok(operation)) = body.as_ref().map(OpBody::operation) else {
                continue;
            };
            let head = Head {
                at: OpRef {
                    author: header.author,
                    seq: header.seq,
                    op: u16::try_from(index).unwrap_or(u16::MAX),
                },
                hlc: header.hlc,
                kind: operation.kind,
            };
            heads::add(self.heads.entry(operation.key).or_default(), head);
        }
        self.entries.insert(header.at(), entry.clone());
    }

    fn supersede(&mut self, parent: OpRef) {
        let Some(key) = self.operation(parent).map(|operation| operation.key) else {
            return;
        };
        if let Some(heads) = self.heads.get_mut(&key) {
            heads::supersede(heads, &[parent]);
            if heads.is_empty() {
                self.heads.remove(&key);
            }
        }
    }

    /// A key's heads; empty if it was never written.
    pub fn heads(&self, key: &[u8]) -> &[Head] {
        self.heads.get(key).map_or(&[], Vec::as_slice)
    }

    /// The operation at a place.
    pub fn operation(&self, at: OpRef) -> Option<Operation> {
        let entry = self.entries.get(&at.entry())?.entry();
        let body = entry.bodies.get(usize::from(at.op))?.as_ref()?;
        body.operation().ok()
    }

    /// The winner's value; `None` if the key is missing or deleted.
    pub fn get(&self, key: &[u8]) -> Option<Bytes> {
        let winner = heads::winner(self.heads(key))?;
        match winner.kind {
            OpKind::Put => Some(self.operation(winner.at)?.value),
            OpKind::Delete => None,
        }
    }

    /// Every key with a head, sorted, with its heads in order of place: two replicas with the same
    /// entries have the same state.
    pub fn state(&self) -> BTreeMap<Bytes, Vec<Head>> {
        let mut state = self.heads.clone();
        for heads in state.values_mut() {
            heads.sort_unstable_by_key(|head| head.at);
        }
        state
    }

    /// The runs that a peer with this frontier lacks, in a causal order.
    pub fn runs_since(&self, have: &Frontier) -> Vec<VerifiedRun> {
        self.arrived
            .iter()
            .filter_map(|run| run.clone().after(have.seq(&run.author())))
            .collect()
    }
}

fn head_of(entry: &Entry) -> LogHead {
    LogHead {
        seq: entry.header.seq,
        hash: entry.header.hash(),
    }
}

#[cfg(test)]
mod tests;

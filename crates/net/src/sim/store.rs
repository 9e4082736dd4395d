//! A node's store in a simulation: a replica in memory that can forget bodies, and that answers
//! what a session asks at once.

use std::collections::{BTreeMap, BTreeSet};

use nocturne_core::replica::{Applied, ApplyError, Replica, WriteError};
use nocturne_core::{
    AuthorId, Commitment, Entropy, Frontier, Genesis, Identity, OpBody, OpRef, Operation,
    SignedRun, VerifiedRun,
};

use crate::proto::{Cursor, Load, Loaded, Persist, Persisted, Rejection, RunOutcome};
use crate::rng::Rng;

impl Entropy for Rng {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            for (byte, drawn) in chunk.iter_mut().zip(self.next().to_be_bytes()) {
                *byte = drawn;
            }
        }
    }
}

/// A replica with an identity, and what it has forgotten and lacks.
#[derive(Debug, Clone)]
pub struct SimStore {
    identity: Identity,
    replica: Replica,
    rng: Rng,
    /// Every operation that came, with its body if it is here.
    ops: BTreeMap<OpRef, (Commitment, Option<OpBody>)>,
    /// Forgotten here: not sent, not taken.
    forgotten: BTreeSet<OpRef>,
}

impl SimStore {
    /// An empty store; identity and salts follow from the seed.
    pub fn new(genesis: Genesis, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        Self {
            identity: Identity::generate(&mut rng),
            replica: Replica::new(genesis),
            rng,
            ops: BTreeMap::new(),
            forgotten: BTreeSet::new(),
        }
    }

    /// Who writes here.
    pub fn author(&self) -> AuthorId {
        self.identity.author()
    }

    /// The state.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// What is applied.
    pub fn frontier(&self) -> &Frontier {
        self.replica.frontier()
    }

    /// Places whose body is missing and wanted.
    pub fn wanted(&self) -> impl Iterator<Item = OpRef> + '_ {
        self.ops
            .iter()
            .filter(|(at, (_, body))| body.is_none() && !self.forgotten.contains(at))
            .map(|(at, _)| *at)
    }

    /// Writes one entry.
    pub fn write(
        &mut self,
        clock_ms: u64,
        operations: Vec<Operation>,
    ) -> Result<VerifiedRun, WriteError> {
        let run = self
            .replica
            .write(&self.identity, clock_ms, operations, &mut self.rng)?;
        self.note(&run);
        Ok(run)
    }

    /// Drops a body for good. The replica's state keeps what it showed; what is tested here is
    /// that the body does not travel.
    pub fn forget(&mut self, at: OpRef) {
        self.forgotten.insert(at);
        if let Some((_, body)) = self.ops.get_mut(&at) {
            *body = None;
        }
    }

    /// The body at a place, if it is here.
    pub fn body(&self, at: OpRef) -> Option<&OpBody> {
        self.ops.get(&at)?.1.as_ref()
    }

    fn note(&mut self, run: &VerifiedRun) {
        for entry in run.entries() {
            let header = &entry.entry().header;
            for (index, (op, body)) in header.ops.iter().zip(&entry.entry().bodies).enumerate() {
                let at = OpRef {
                    author: header.author,
                    seq: header.seq,
                    op: u16::try_from(index).unwrap_or(u16::MAX),
                };
                let known = self.ops.entry(at).or_insert((op.commitment, None));
                if known.1.is_none() && !self.forgotten.contains(&at) {
                    known.1.clone_from(body);
                }
            }
        }
    }

    /// A run as it leaves this store: with the bodies that are here.
    fn outgoing(&self, run: VerifiedRun) -> SignedRun {
        let signature = run.signature();
        let entries = run.into_entries().into_iter().map(|entry| {
            let mut entry = entry.into_entry();
            for (index, body) in entry.bodies.iter_mut().enumerate() {
                let at = OpRef {
                    author: entry.header.author,
                    seq: entry.header.seq,
                    op: u16::try_from(index).unwrap_or(u16::MAX),
                };
                *body = self.body(at).cloned();
            }
            entry
        });
        SignedRun::new(entries.collect(), signature)
    }

    /// Does what a session asks to read.
    pub fn load(&self, load: Load) -> Loaded {
        match load {
            Load::Runs {
                have,
                after,
                max_bytes,
            } => {
                let mut skip = after.map_or(0, |Cursor(index)| index);
                let mut filled = 0;
                let mut runs = Vec::new();
                let missing = self.replica.runs_since(&have);
                let total = missing.len() as u64;
                for run in missing
                    .into_iter()
                    .skip(usize::try_from(skip).unwrap_or(usize::MAX))
                {
                    if filled >= max_bytes {
                        break;
                    }
                    filled += run.size();
                    skip += 1;
                    runs.push(self.outgoing(run));
                }
                Loaded::Runs {
                    runs,
                    next: (skip < total).then_some(Cursor(skip)),
                }
            }
            Load::Wanted { after, limit } => Loaded::Wanted {
                refs: self
                    .wanted()
                    .filter(|at| after.is_none_or(|after| *at > after))
                    .take(limit)
                    .collect(),
            },
            Load::Bodies { refs, max_bytes } => {
                let mut filled = 0;
                let mut answered = 0;
                let mut bodies = Vec::new();
                for at in refs {
                    if filled >= max_bytes {
                        break;
                    }
                    answered += 1;
                    if let Some(body) = self.body(at) {
                        filled += body.len();
                        bodies.push((at, body.clone()));
                    }
                }
                Loaded::Bodies { bodies, answered }
            }
            Load::Frontier => Loaded::Frontier {
                digest: self.frontier().digest(),
            },
        }
    }

    /// Does what a session asks to store.
    pub fn persist(&mut self, persist: Persist) -> Persisted {
        match persist {
            Persist::Runs(runs) => {
                Persisted::Runs(runs.into_iter().map(|run| self.apply(run)).collect())
            }
            Persist::Bodies(bodies) => {
                let (mut stored, mut invalid) = (0, 0);
                for (at, body) in bodies {
                    let forgotten = self.forgotten.contains(&at);
                    match self.ops.get_mut(&at) {
                        Some((commitment, slot)) if *commitment == body.commitment() => {
                            if slot.is_none() && !forgotten {
                                *slot = Some(body);
                                stored += 1;
                            }
                        }
                        Some(_) | None => invalid += 1,
                    }
                }
                Persisted::Bodies { stored, invalid }
            }
        }
    }

    /// Verifies and applies one run.
    pub fn apply(&mut self, run: SignedRun) -> RunOutcome {
        let run = match run.verify() {
            Ok(run) => run,
            Err(error) => return RunOutcome::Invalid(error),
        };
        match self.replica.apply(run.clone()) {
            Ok(Applied::Applied(entries)) => {
                self.note(&run);
                RunOutcome::Applied {
                    entries: entries as u64,
                }
            }
            Ok(Applied::Known) => RunOutcome::Known,
            Ok(Applied::Waiting) => {
                self.note(&run);
                RunOutcome::Waiting
            }
            Err(ApplyError::Diverges(_)) => RunOutcome::Rejected(Rejection::Diverged),
            Err(_) => RunOutcome::Rejected(Rejection::Refused),
        }
    }
}

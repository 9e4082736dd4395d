//! The actor: one thread that owns the engine, drains its mailbox, commits once for all of it, and
//! answers after the commit.

use std::collections::BTreeSet;

use nocturne_core::{AuthorId, OpBody, OpRef, VerifiedRun};
use tokio::sync::{mpsc, oneshot};

use crate::batch::{Batch, WriteError, Written};
use crate::engine::{ApplyOutcome, Depth, Findings, Store};
use crate::erasure::{ForgetError, ForgetRequest, Forgotten, ScrubError};
use crate::error::{ActorError, Damage, StorageError};

/// Commands that may wait: enough that a thousand callers fill one commit, few enough that a stuck
/// disk is felt by them rather than by memory.
pub(crate) const MAILBOX: usize = 1_024;
/// Commands taken into one commit.
const MAX_COMMANDS: usize = 1_024;
/// Entries taken into one commit: bounds the memory that a transaction holds.
const MAX_ENTRIES: usize = 65_536;
/// Bytes taken into one commit, for the same reason: an entry may have 4 MiB.
const MAX_BYTES: usize = 64 * 1024 * 1024;

pub(crate) type Reply<T> = oneshot::Sender<T>;

type WriteReply = Reply<Result<Vec<Result<Written, WriteError>>, ActorError>>;
type ApplyReply = Reply<Result<Vec<ApplyOutcome>, ActorError>>;

pub(crate) enum Command {
    Write {
        batches: Vec<Batch>,
        reply: WriteReply,
    },
    Apply {
        runs: Vec<VerifiedRun>,
        reply: ApplyReply,
    },
    Supply {
        bodies: Vec<(OpRef, OpBody)>,
        reply: Reply<Result<u64, ActorError>>,
    },
    Forget {
        request: ForgetRequest,
        reply: Reply<Result<Forgotten, ForgetError>>,
    },
    Scrub {
        reply: Reply<Result<(), ScrubError>>,
    },
    Receipted {
        erasures: Vec<u64>,
        reply: Reply<Result<(), ActorError>>,
    },
    Admit {
        authors: Option<BTreeSet<AuthorId>>,
        reply: Reply<Result<(), ActorError>>,
    },
    PeerClock {
        peer: AuthorId,
        offset_ms: i64,
        reply: Reply<Result<(), ActorError>>,
    },
    Verify {
        depth: Depth,
        reply: Reply<Result<Findings, ActorError>>,
    },
    Standing {
        reply: Reply<Result<Standing, ActorError>>,
    },
    Shutdown {
        reply: Reply<Result<(), ActorError>>,
    },
}

/// What is held back here, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Entries that wait in memory for what they build on.
    pub waiting_entries: u64,
    /// Runs from the future, kept until the clock catches up.
    pub quarantined_runs: u64,
    /// Authors of whom two histories are proven.
    pub frozen: Vec<AuthorId>,
    /// Operations whose bodies have not come.
    pub wanted: u64,
    /// Operations forgotten here.
    pub forgotten: u64,
    /// Keys with at least one head.
    pub keys: u64,
}

/// Writes and runs that wait for one commit, with whom to answer.
#[derive(Default)]
struct Group {
    runs: Vec<VerifiedRun>,
    batches: Vec<Batch>,
    applies: Vec<(usize, ApplyReply)>,
    writes: Vec<(usize, WriteReply)>,
    entries: usize,
    bytes: usize,
}

pub(crate) struct Actor {
    store: Option<Store>,
    failure: Option<StorageError>,
    mailbox: mpsc::Receiver<Command>,
}

impl Actor {
    pub(crate) const fn new(store: Store, mailbox: mpsc::Receiver<Command>) -> Self {
        Self {
            store: Some(store),
            failure: None,
            mailbox,
        }
    }

    /// Runs until the last handle is gone or somebody asks for shutdown.
    pub(crate) fn run(mut self) {
        while let Some(command) = self.mailbox.blocking_recv() {
            let mut group = Group::default();
            let mut next = Some(command);
            let mut taken = 0;
            while let Some(command) = next.take() {
                taken += 1;
                if let Some(command) = group.take(command) {
                    // Anything else keeps its place in the order: what came before is committed first.
                    self.commit(std::mem::take(&mut group));
                    if self.serve(command) {
                        return;
                    }
                }
                if taken < MAX_COMMANDS && group.has_room() {
                    next = self.mailbox.try_recv().ok();
                }
            }
            self.commit(group);
        }
    }

    /// Runs one operation of the engine. After a failure of the storage, or a panic on what lies on
    /// the disk, the engine is dropped and every later call returns the first cause.
    fn with_store<T>(
        &mut self,
        f: impl FnOnce(&mut Store) -> Result<T, StorageError>,
    ) -> Result<T, ActorError> {
        let Some(store) = &mut self.store else {
            return Err(self.cause());
        };
        let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(store)));
        match attempt {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                self.poison(error.clone());
                Err(error.into())
            }
            Err(_) => {
                let error = StorageError::Damaged(Damage::Page);
                self.poison(error.clone());
                Err(error.into())
            }
        }
    }

    fn poison(&mut self, error: StorageError) {
        tracing::error!(%error, "the store takes no more writes");
        self.failure = Some(error);
        self.store = None;
    }

    fn cause(&self) -> ActorError {
        self.failure
            .clone()
            .map_or(ActorError::Closed, ActorError::Storage)
    }

    fn commit(&mut self, group: Group) {
        if group.applies.is_empty() && group.writes.is_empty() {
            return;
        }
        let Group {
            runs,
            batches,
            applies,
            writes,
            ..
        } = group;
        match self.with_store(|store| store.transact(runs, batches)) {
            Ok(done) => {
                let mut outcomes = done.runs.into_iter();
                for (count, reply) in applies {
                    let part = outcomes.by_ref().take(count).collect();
                    let _ = reply.send(Ok(part));
                }
                let mut results = done.writes.into_iter();
                for (count, reply) in writes {
                    let part = results.by_ref().take(count).collect();
                    let _ = reply.send(Ok(part));
                }
            }
            Err(error) => {
                for (_, reply) in applies {
                    let _ = reply.send(Err(error.clone()));
                }
                for (_, reply) in writes {
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
    }

    /// Serves what is not grouped; `true` to stop.
    fn serve(&mut self, command: Command) -> bool {
        match command {
            Command::Write { .. } | Command::Apply { .. } => {}
            Command::Supply { bodies, reply } => {
                let _ = reply.send(self.with_store(|store| store.supply(bodies)));
            }
            Command::Forget { request, reply } => {
                // A refusal is the caller's; only a failure of the storage poisons.
                let mut refused = None;
                let done = self.with_store(|store| match store.forget(request) {
                    Ok(forgotten) => Ok(Some(forgotten)),
                    Err(ForgetError::Actor(ActorError::Storage(error))) => Err(error),
                    Err(error) => {
                        refused = Some(error);
                        Ok(None)
                    }
                });
                let _ = reply.send(match (done, refused) {
                    (Ok(Some(forgotten)), _) => Ok(forgotten),
                    (Ok(None), Some(error)) => Err(error),
                    (Ok(None), None) => Err(ActorError::Closed.into()),
                    (Err(error), _) => Err(error.into()),
                });
            }
            Command::Scrub { reply } => {
                let mut busy = false;
                let done = self.with_store(|store| match store.scrub() {
                    Ok(()) => Ok(()),
                    Err(ScrubError::Actor(ActorError::Storage(error))) => Err(error),
                    Err(_) => {
                        busy = true;
                        Ok(())
                    }
                });
                let _ = reply.send(match done {
                    Ok(()) if busy => Err(ScrubError::Readers),
                    Ok(()) => Ok(()),
                    Err(error) => Err(error.into()),
                });
            }
            Command::Receipted { erasures, reply } => {
                let _ = reply.send(self.with_store(|store| store.receipted(&erasures)));
            }
            Command::Admit { authors, reply } => {
                let done = self.with_store(|store| {
                    store.admit(authors);
                    // Whoever waited for this is offered again.
                    store.transact(Vec::new(), Vec::new()).map(|_| ())
                });
                let _ = reply.send(done);
            }
            Command::PeerClock {
                peer,
                offset_ms,
                reply,
            } => {
                let _ = reply.send(self.with_store(|store| {
                    store.note_peer_clock(peer, offset_ms);
                    Ok(())
                }));
            }
            Command::Verify { depth, reply } => {
                let _ = reply.send(self.with_store(|store| store.verify(depth)));
            }
            Command::Standing { reply } => {
                let _ = reply.send(self.with_store(|store| store.standing()));
            }
            Command::Shutdown { reply } => {
                self.mailbox.close();
                self.store = None;
                let _ = reply.send(Ok(()));
                return true;
            }
        }
        false
    }
}

impl Group {
    const fn has_room(&self) -> bool {
        self.entries < MAX_ENTRIES && self.bytes < MAX_BYTES
    }

    /// Takes what can share a commit; gives anything else back.
    fn take(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::Write { batches, reply } => {
                self.entries += batches.len();
                self.bytes += batches.iter().map(Batch::size).sum::<usize>();
                self.writes.push((batches.len(), reply));
                self.batches.extend(batches);
                None
            }
            Command::Apply { runs, reply } => {
                self.entries += runs.iter().map(|run| run.entries().len()).sum::<usize>();
                self.bytes += runs.iter().map(VerifiedRun::size).sum::<usize>();
                self.applies.push((runs.len(), reply));
                self.runs.extend(runs);
                None
            }
            other => Some(other),
        }
    }
}

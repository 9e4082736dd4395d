//! What everyone holds: a cloneable handle with async and blocking calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use nocturne_core::{
    AuthorId, Bytes, Frontier, Genesis, OpBody, OpRef, Operation, StoreId, VerifiedRun,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::actor::{Actor, Command, MAILBOX, Reply, Standing};
use crate::batch::{Batch, WriteError, Written};
use crate::engine::{ApplyOutcome, Depth, Findings, Store};
use crate::erasure::{ForgetError, ForgetRequest, Forgotten, ScrubError};
use crate::error::{ActorError, StorageError};
use crate::read::{Row, Snapshot};
use crate::shared::Shared;
use crate::watch::Watcher;

/// A store, to be cloned and passed around. Writes go through one thread and are answered when they
/// are durable; reads go around it. When the last handle is dropped the thread finishes what is
/// queued and stops; dropping never waits.
#[derive(Debug, Clone)]
pub struct StoreHandle {
    shared: Arc<Shared>,
    author: AuthorId,
    mailbox: mpsc::Sender<Command>,
}

/// The store's thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the store's thread could not be started: {0}")]
pub struct SpawnError(#[source] std::io::Error);

/// Makes a pair of calls, async and blocking, that send one command and await its reply.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident, $blocking:ident($($arg:ident: $type:ty),*) -> $ok:ty, $error:ty => $command:expr;)*) => {$(
        $(#[$doc])*
        pub async fn $name(&self, $($arg: $type),*) -> Result<$ok, $error> {
            let (reply, answer) = oneshot::channel();
            let command = ($command)(reply);
            self.mailbox.send(command).await.map_err(|_| ActorError::Closed)?;
            answer.await.map_err(|_| ActorError::Closed)?
        }

        /// The same, blocking. Not from async code.
        pub fn $blocking(&self, $($arg: $type),*) -> Result<$ok, $error> {
            let (reply, answer) = oneshot::channel();
            let command = ($command)(reply);
            self.mailbox.blocking_send(command).map_err(|_| ActorError::Closed)?;
            answer.blocking_recv().map_err(|_| ActorError::Closed)?
        }
    )*};
}

type Results = Vec<Result<Written, WriteError>>;

impl StoreHandle {
    /// Starts the store's thread.
    pub fn spawn(store: Store) -> Result<Self, SpawnError> {
        let (mailbox, commands) = mpsc::channel(MAILBOX);
        let handle = Self {
            shared: Arc::clone(&store.shared),
            author: store.author(),
            mailbox,
        };
        std::thread::Builder::new()
            .name(format!("store {}", handle.id()))
            .spawn(move || Actor::new(store, commands).run())
            .map_err(SpawnError)?;
        Ok(handle)
    }

    /// The store's id.
    pub fn id(&self) -> StoreId {
        self.shared.id
    }

    /// How the store began.
    pub fn genesis(&self) -> &Genesis {
        &self.shared.genesis
    }

    /// Who writes through this handle.
    pub const fn author(&self) -> AuthorId {
        self.author
    }

    /// What is durable here of every log.
    pub fn frontier(&self) -> Arc<Frontier> {
        self.shared.frontier()
    }

    /// A consistent view of now.
    pub fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.shared.snapshot()
    }

    /// The winner's value; `None` if the key is missing, deleted or forgotten.
    pub fn get(&self, key: &[u8]) -> Result<Option<Row>, StorageError> {
        self.snapshot()?.get(key)
    }

    /// The next revision, and a way to await that it moves.
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.shared.revision.subscribe()
    }

    /// Events of keys with a prefix, from a revision on (0 for all that is here), and then live.
    pub fn watch(&self, prefix: impl Into<Bytes>, from_revision: u64) -> Watcher {
        Watcher::new(self.clone(), prefix.into(), from_revision)
    }

    /// Writes one batch as one entry.
    pub async fn write(&self, batch: Batch) -> Result<Written, WriteError> {
        single(self.write_many(vec![batch]).await?)
    }

    /// The same, blocking. Not from async code.
    pub fn write_blocking(&self, batch: Batch) -> Result<Written, WriteError> {
        single(self.write_many_blocking(vec![batch])?)
    }

    /// Sets a key.
    pub async fn put(
        &self,
        key: impl Into<Bytes>,
        value: impl Into<Bytes>,
    ) -> Result<Written, WriteError> {
        self.write(Operation::put(key, value).into()).await
    }

    /// Deletes a key.
    pub async fn delete(&self, key: impl Into<Bytes>) -> Result<Written, WriteError> {
        self.write(Operation::delete(key).into()).await
    }

    calls! {
        /// Writes many batches, an entry each, with as few signatures and commits as can be. Every
        /// batch has its own result.
        write_many, write_many_blocking(batches: Vec<Batch>) -> Results, ActorError
            => |reply: Reply<Result<Results, ActorError>>| Command::Write { batches, reply };
        /// Applies runs, durably; one outcome for each.
        apply, apply_blocking(runs: Vec<VerifiedRun>) -> Vec<ApplyOutcome>, ActorError
            => |reply| Command::Apply { runs, reply };
        /// Takes bodies that were wanted; returns how many.
        supply_bodies, supply_bodies_blocking(bodies: Vec<(OpRef, OpBody)>) -> u64, ActorError
            => |reply| Command::Supply { bodies, reply };
        /// Forgets operations by a cut, irreversibly: see [`Store::forget`].
        forget, forget_blocking(request: ForgetRequest) -> Forgotten, ForgetError
            => |reply| Command::Forget { request, reply };
        /// Rewrites the database file without what was dropped: see [`Store::scrub`].
        scrub, scrub_blocking() -> (), ScrubError => |reply| Command::Scrub { reply };
        /// Takes erasures off the list, by number: their receipts are durable.
        receipted, receipted_blocking(erasures: Vec<u64>) -> (), ActorError
            => |reply| Command::Receipted { erasures, reply };
        /// Applies only these authors' entries from now on (everybody's with `None`).
        admit, admit_blocking(authors: Option<BTreeSet<AuthorId>>) -> (), ActorError
            => |reply| Command::Admit { authors, reply };
        /// Notes a peer's clock minus the own one, in milliseconds.
        note_peer_clock, note_peer_clock_blocking(peer: AuthorId, offset_ms: i64) -> (), ActorError
            => |reply| Command::PeerClock { peer, offset_ms, reply };
        /// Checks what lies on disk.
        verify, verify_blocking(depth: Depth) -> Findings, ActorError
            => |reply| Command::Verify { depth, reply };
        /// What is held back here.
        standing, standing_blocking() -> Standing, ActorError
            => |reply| Command::Standing { reply };
        /// Finishes what is queued and stops; later writes say that it is closed. The files are
        /// closed when the last handle, watcher and snapshot is gone.
        shutdown, shutdown_blocking() -> (), ActorError => |reply| Command::Shutdown { reply };
    }
}

fn single(results: Results) -> Result<Written, WriteError> {
    results
        .into_iter()
        .next()
        .unwrap_or(Err(WriteError::Actor(ActorError::Closed)))
}

//! What goes into a session and what comes out.

use std::sync::Arc;

use bytes::Bytes;
use nocturne_core::{Frontier, FrontierDigest, OpBody, OpRef, RunError, SignedRun};

use super::error::SessionError;
use super::report::Report;

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// A frame came from the peer, its length prefix taken off.
    Message(Bytes),
    /// An [`Output::Load`] is done.
    Loaded(Loaded),
    /// An [`Output::Persist`] is done: what it accepted is durable. In the order they were asked.
    Persisted(Persisted),
    /// The store can't do what was asked.
    Failed(LocalFailure),
    /// The peer finished its side of the stream.
    Ended,
    /// The time of [`super::Session::poll_timeout`] has come.
    Timeout,
}

/// Something to do.
#[derive(Debug)]
pub enum Output {
    /// Send this frame; its length prefix is included.
    Send(Bytes),
    /// Read from the store and answer with [`Input::Loaded`]. One at a time for each kind.
    Load(Load),
    /// Verify and store, then answer with [`Input::Persisted`]. Order must be kept.
    Persist(Persist),
    /// The session is over. Nothing follows.
    Finished(Result<Report, SessionError>),
}

/// Where a listing of runs goes on; only the store knows what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub u64);

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Load {
    /// Runs that `have` lacks, in arrival order, about `max_bytes` of them (at least one).
    Runs {
        /// What the peer has.
        have: Arc<Frontier>,
        /// Where to go on; from the beginning if absent.
        after: Option<Cursor>,
        /// How much to give, in bytes of canonical entries.
        max_bytes: usize,
    },
    /// Places of bodies that are missing and wanted, ascending, greater than `after`.
    Wanted {
        /// Where to go on.
        after: Option<OpRef>,
        /// How many at most.
        limit: usize,
    },
    /// Those of these bodies that are there, until about `max_bytes` are together.
    Bodies {
        /// Which.
        refs: Vec<OpRef>,
        /// How much to give, in bytes.
        max_bytes: usize,
    },
    /// The digest of the durable frontier.
    Frontier,
}

/// What was read.
#[derive(Debug)]
pub enum Loaded {
    /// Answers [`Load::Runs`].
    Runs {
        /// In arrival order.
        runs: Vec<SignedRun>,
        /// Where to go on; absent when there are no more.
        next: Option<Cursor>,
    },
    /// Answers [`Load::Wanted`]; fewer than the limit means that there are no more.
    Wanted {
        /// Ascending.
        refs: Vec<OpRef>,
    },
    /// Answers [`Load::Bodies`], in the order of the question, absent ones left out.
    Bodies {
        /// Bodies with their places.
        bodies: Vec<(OpRef, OpBody)>,
        /// How many of the refs this answers, from the first on; at least one.
        answered: usize,
    },
    /// Answers [`Load::Frontier`].
    Frontier {
        /// What is durable now.
        digest: FrontierDigest,
    },
}

/// What to store.
#[derive(Debug)]
pub enum Persist {
    /// Runs as they came; verify them first.
    Runs(Vec<SignedRun>),
    /// Bodies as they came; check each against its header's commitment first.
    Bodies(Vec<(OpRef, OpBody)>),
}

/// What became of it.
#[derive(Debug)]
pub enum Persisted {
    /// One outcome for each run, in order.
    Runs(Vec<RunOutcome>),
    /// Counts of bodies.
    Bodies {
        /// Stored now.
        stored: u64,
        /// Did not match their headers: the peer's fault.
        invalid: u64,
    },
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// Applied and durable.
    Applied {
        /// Entries that were new, and entries that had waited for them.
        entries: u64,
    },
    /// All of it was there already.
    Known,
    /// Kept until what it builds on is there, or until the clock catches up.
    Waiting,
    /// Not taken; the rest of this author's log is not taken either. Others go on.
    Rejected(Rejection),
    /// It does not verify.
    Invalid(RunError),
}

/// Why one author's log is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The peer's log and the one here are different: the author's log has forked, or one side
    /// was restored from an old copy.
    #[error("the log here and the peer's have diverged")]
    Diverged,
    /// The store does not take it (author frozen or not a writer, time running backwards, waiting
    /// room full).
    #[error("the store does not take entries of this author")]
    Refused,
}

/// Why the store here could not do its part; the driver knows the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalFailure {
    /// It could not be read.
    #[error("reading failed")]
    Read,
    /// It could not be written.
    #[error("writing failed")]
    Write,
    /// It is closing or paused.
    #[error("the store is not available")]
    Unavailable,
}

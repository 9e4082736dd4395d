//! Everything that can go wrong in a command, and what the user is told about it.
//!
//! The variants keep their causes. [`NodeError::report`] turns any of them into the one line, code
//! and exit code that `CLI.md` promises; the tables behind it are in `error/tables.rs`.

mod tables;

use std::io;
use std::path::PathBuf;

use nocturne_core::{AuthorId, StoreId};
use nocturne_forget::cut::ParseCutIdError;
use nocturne_forget::engine::{ChainsError, ForgetError};
use nocturne_forget::policy::ParsePolicyError;
use nocturne_forget::proof::{BundleError, ProofError};
use nocturne_forget::receipt_log::{ExportError as ProofExportError, LogError};
use nocturne_net::iroh::BindError;
use nocturne_net::transport::ConnectError;
use nocturne_store::{
    ActorError, EntropyError, LedgerError, OpenError, SpawnError, StorageError, WriteError,
};

use crate::cli::InputError;
use crate::config::ConfigError;
use crate::daemon::DaemonError;
use crate::data_dir::DataDirError;
use crate::export::ExportError;
use crate::import::ImportError;
use crate::join::JoinRefusal;
use crate::report::{ErrorReport, Exit};
use crate::residue::ResidueError;
use crate::ticket::TicketError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An argument, or a file that an argument names.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A store can't be opened.
    #[error("cannot open store {store} in {}: {source}", path.display())]
    Open {
        /// Which.
        store: StoreId,
        /// Its directory.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// The receipts can't be opened.
    #[error("cannot open the receipts in {}: {source}", path.display())]
    Receipts {
        /// Their file.
        path: PathBuf,
        /// Why.
        source: LogError,
    },
    /// A store's thread can't be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The machine has no randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// No store of that name or id.
    #[error("there is no store `{0}`")]
    UnknownStore(Box<str>),
    /// The root store is written by its own commands only.
    #[error("the store `root` is the mesh's control plane and takes no direct writes")]
    RootIsReserved,
    /// This node may not write.
    #[error("this node is a reader")]
    Reader,
    /// A write was refused or failed.
    #[error("not written: {0}")]
    Write(#[from] WriteError),
    /// The key has no value.
    #[error("no value for the key {key}: it is {why}")]
    NoValue {
        /// The key, escaped.
        key: Box<str>,
        /// What became of it.
        why: NoValue,
    },
    /// The key has no history.
    #[error("no versions of the key {0}: it is {absent}", absent = NoValue::Absent)]
    NoVersions(Box<str>),
    /// A read failed.
    #[error("cannot read: {0}")]
    Read(#[from] StorageError),
    /// A store is closed or failed.
    #[error("the store failed: {0}")]
    Actor(#[from] ActorError),
    /// An import was refused.
    #[error("import refused: {0}")]
    Import(#[from] ImportError),
    /// An export stopped.
    #[error("export stopped: {0}")]
    Export(#[from] ExportError),
    /// Searching raw bytes failed.
    #[error(transparent)]
    Residue(#[from] ResidueError),
    /// The ticket is no ticket.
    #[error("not a ticket: {0}")]
    Ticket(#[from] TicketError),
    /// The ticket's time is over by this machine's clock.
    #[error("the ticket expired at {0}")]
    TicketExpired(Box<str>),
    /// The inviter refused.
    #[error("the inviter {inviter} refused: {refusal}")]
    JoinRefused {
        /// Who.
        inviter: AuthorId,
        /// Why.
        refusal: JoinRefusal,
    },
    /// The inviter answered with something else than the mesh of the ticket.
    #[error("the inviter {0} answered with another mesh than the ticket's")]
    OtherMesh(AuthorId),
    /// A peer can't be reached.
    #[error("cannot reach {peer}: {source}")]
    Unreachable {
        /// Who, by name or id.
        peer: Box<str>,
        /// Why.
        source: ConnectError,
    },
    /// None of the peers can be reached.
    #[error("no peer can be reached: {0}")]
    NoPeer(Box<str>),
    /// The mesh has no other member.
    #[error("there is nobody to sync with: this node is the only member")]
    Alone,
    /// Not everything was exchanged in time.
    #[error("not equal with {0} within the time given")]
    SyncTimeout(Box<str>),
    /// No member of that name or id.
    #[error("there is no member `{0}`")]
    UnknownPeer(Box<str>),
    /// Several members of that name or beginning of an id.
    #[error("`{0}` names several members")]
    AmbiguousPeer(Box<str>),
    /// The network endpoint can't be set up.
    #[error("cannot go on the network: {0}")]
    Bind(#[from] BindError),
    /// The daemon's socket can't be bound.
    #[error("cannot make the socket {}: {source}", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Signals can't be awaited.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    /// The daemon did not answer.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// A policy that is none.
    #[error("not a policy: {0}")]
    Policy(#[from] ParsePolicyError),
    /// No policy of that name.
    #[error("there is no policy `{name}` for the store {store}")]
    UnknownPolicy {
        /// Its name.
        name: Box<str>,
        /// The store.
        store: Box<str>,
    },
    /// A policy or store name that is none.
    #[error("`{0}` is no name: {source}", source = crate::mesh::BadName)]
    BadName(Box<str>),
    /// Forgetting across the mesh was asked for.
    #[error("not forgotten: this version forgets on one node, not across the mesh")]
    OnlyHere,
    /// Forgetting failed.
    #[error("not forgotten: {0}")]
    Forget(#[from] ForgetError),
    /// The receipts failed.
    #[error("cannot read the receipts: {0}")]
    ReceiptLog(#[from] LogError),
    /// A cut's name that is none.
    #[error("not a cut: {0}")]
    CutId(#[from] ParseCutIdError),
    /// There is nothing to export as proof.
    #[error("no proof made: {0}")]
    ProofExport(#[from] ProofExportError),
    /// A proof can't be written down.
    #[error("no proof made: {0}")]
    Bundle(#[from] BundleError),
    /// The headers for a proof can't be had.
    #[error("no proof made: {0}")]
    Chains(#[from] ChainsError),
    /// A proof that proves nothing.
    #[error("the proof {} is invalid: {source}", path.display())]
    Proof {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ProofError,
    },
    /// A check found something.
    #[error("{problems} problem(s) found, the first in {place}: {first}")]
    Unsound {
        /// How many.
        problems: usize,
        /// Where the first is.
        place: Box<str>,
        /// What it is.
        first: Box<str>,
    },
    /// A background task ended in a way that it never should.
    #[error("an internal task failed, most likely on damaged data: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// What the daemon, or the node in this process, reported.
    #[error("{}", .0.message)]
    Reported(ErrorReport),
}

/// Why a key has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoValue {
    /// Nothing is known of it. Once all versions are forgotten that is so, too: the key itself is
    /// gone.
    #[error("not set here, or was forgotten")]
    Absent,
    /// Its winner is a delete.
    #[error("deleted")]
    Deleted,
    /// Its winner's content was forgotten.
    #[error("forgotten")]
    Forgotten,
    /// Its winner's content has not come yet.
    #[error("known, but its content has not come yet")]
    Wanted,
}

impl From<LedgerError> for NodeError {
    fn from(error: LedgerError) -> Self {
        Self::ReceiptLog(error.into())
    }
}

impl From<ErrorReport> for NodeError {
    fn from(report: ErrorReport) -> Self {
        Self::Reported(report)
    }
}

impl NodeError {
    /// What the user is told.
    pub fn report(&self) -> ErrorReport {
        if let Self::Reported(report) = self {
            return report.clone();
        }
        let (code, exit) = self.class();
        ErrorReport {
            code: code.to_owned(),
            message: self.to_string(),
            hint: self.hint(),
            exit,
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Reported(report) => report.exit,
            other => other.class().1,
        }
    }
}

//! Code, exit code and hint of every error.

use nocturne_forget::engine::ForgetError;
use nocturne_store::{ActorError, OpenError, StorageError, WriteError};

use super::{NoValue, NodeError};
use crate::data_dir::{DataDirError, IdentityError, StateError};
use crate::join::JoinRefusal;
use crate::report::Exit;

impl NodeError {
    /// The word for scripts and the exit code.
    #[expect(
        clippy::match_same_arms,
        reason = "a table: one row an error, in the enum's order"
    )]
    pub(super) fn class(&self) -> (&'static str, Exit) {
        match self {
            Self::DataDir(error) => data_dir(error),
            Self::Config(_) => ("config", Exit::Usage),
            Self::Input(_) => ("input", Exit::Usage),
            Self::Open { source, .. } => open(source),
            Self::Receipts { source, .. } | Self::ReceiptLog(source) => match source {
                nocturne_forget::receipt_log::LogError::Ledger(
                    nocturne_store::LedgerError::Storage(error),
                ) => storage(error),
                nocturne_forget::receipt_log::LogError::Ledger(_) => ("failed", Exit::Failed),
                _ => ("damaged", Exit::Damaged),
            },
            Self::Spawn(_) | Self::Entropy(_) | Self::Signals(_) => ("failed", Exit::Failed),
            Self::Task(error) if error.is_panic() => ("damaged", Exit::Damaged),
            Self::Task(_) => ("failed", Exit::Failed),
            Self::UnknownStore(_) => ("unknown-store", Exit::NotFound),
            Self::RootIsReserved => ("root-reserved", Exit::Refused),
            Self::Reader => ("reader", Exit::Refused),
            Self::Write(error) => write(error),
            Self::NoValue { .. } | Self::NoVersions(_) => ("not-found", Exit::NotFound),
            Self::Read(error) => storage(error),
            Self::Actor(error) => actor(error),
            Self::Import(_) => ("import-refused", Exit::Failed),
            Self::Export(_) => ("export-stopped", Exit::Failed),
            Self::Residue(_) => ("unreadable", Exit::Failed),
            Self::Ticket(_) => ("not-a-ticket", Exit::Usage),
            Self::TicketExpired(_) => ("ticket-expired", Exit::Refused),
            Self::JoinRefused { refusal, .. } => match refusal {
                JoinRefusal::UnknownTicket => ("ticket-unknown", Exit::Refused),
                JoinRefusal::Used => ("ticket-used", Exit::Refused),
                JoinRefusal::Expired => ("ticket-expired", Exit::Refused),
                JoinRefusal::BadRequest => ("join-refused", Exit::Refused),
                JoinRefusal::Failed | JoinRefusal::Broken => ("join-failed", Exit::Unreachable),
            },
            Self::OtherMesh(_) => ("other-mesh", Exit::Refused),
            Self::Unreachable { .. } | Self::NoPeer(_) => ("unreachable", Exit::Unreachable),
            Self::Alone => ("alone", Exit::Unreachable),
            Self::SyncTimeout(_) => ("sync-timeout", Exit::Unreachable),
            Self::UnknownPeer(_) => ("unknown-peer", Exit::NotFound),
            Self::AmbiguousPeer(_) => ("ambiguous-peer", Exit::Usage),
            Self::Bind(_) | Self::Socket { .. } => ("bind", Exit::Failed),
            Self::Daemon(_) => ("daemon", Exit::Unreachable),
            Self::Policy(_) => ("invalid-policy", Exit::Usage),
            Self::UnknownPolicy { .. } => ("unknown-policy", Exit::NotFound),
            Self::BadName(_) | Self::CutId(_) => ("usage", Exit::Usage),
            Self::OnlyHere => ("only-local", Exit::Usage),
            Self::Forget(error) => match error {
                ForgetError::Read(error) => storage(error),
                ForgetError::Actor(error) => actor(error),
                ForgetError::Predicate(_) => ("input", Exit::Usage),
                _ => ("not-forgotten", Exit::Failed),
            },
            Self::ProofExport(_) | Self::Bundle(_) | Self::Chains(_) => ("no-proof", Exit::Failed),
            Self::Proof { .. } => ("invalid-proof", Exit::Damaged),
            Self::Unsound { .. } => ("damaged", Exit::Damaged),
            Self::Reported(report) => ("reported", report.exit),
        }
    }

    /// What to do about it, as a sentence; empty when there is nothing to say.
    #[expect(
        clippy::match_same_arms,
        reason = "a table: one row an error, in the enum's order"
    )]
    pub(super) fn hint(&self) -> String {
        match self {
            Self::DataDir(error) => data_dir_hint(error),
            Self::Config(_) => "Correct the setting; `nocturne help` lists what there is".into(),
            Self::Open { source, path, .. } => open_hint(source, path),
            Self::Receipts { path, .. } => {
                format!(
                    "Restore {} from a backup; the stores are not affected",
                    path.display()
                )
            }
            Self::UnknownStore(_) => "`nocturne status` lists the stores".into(),
            Self::RootIsReserved => "Use `invite`, `join` or `policy`".into(),
            Self::Reader => {
                "Ask a writer to write, or join with a ticket made without --reader".into()
            }
            Self::NoValue { why, .. } => match why {
                NoValue::Forgotten => "`nocturne receipts` shows when it was forgotten".into(),
                NoValue::Deleted => "`nocturne history KEY` shows earlier versions".into(),
                NoValue::Wanted => "`nocturne sync` fetches it from a peer that has it".into(),
                NoValue::Absent => String::new(),
            },
            Self::Import(_) => "Nothing was written; correct the input and try again".into(),
            Self::Ticket(_) => "Copy the whole line that `nocturne invite` printed".into(),
            Self::TicketExpired(_) => "Ask for a new ticket: `nocturne invite`".into(),
            Self::JoinRefused { refusal, .. } => match refusal {
                JoinRefusal::Failed | JoinRefusal::Broken => {
                    "Run the same `nocturne join` again".into()
                }
                _ => "Ask for a new ticket: `nocturne invite`".into(),
            },
            Self::Unreachable { .. } => {
                "Check that `nocturne serve` runs there and that its address can be reached".into()
            }
            Self::NoPeer(_) => "Start `nocturne serve` on one of them, or check the network".into(),
            Self::Alone => "Invite another node: `nocturne invite`".into(),
            Self::SyncTimeout(_) => "Run it again, or give it longer with --timeout".into(),
            Self::UnknownPeer(_) => "`nocturne peer list` lists the members".into(),
            Self::AmbiguousPeer(_) => "Give more of the id".into(),
            Self::Bind(_) => "Choose another address with --listen IP:PORT".into(),
            Self::Daemon(_) => "Look at the daemon's log and start `nocturne serve` again".into(),
            Self::Policy(_) => "`nocturne help policy set` shows one that works".into(),
            Self::UnknownPolicy { .. } => "`nocturne policy list` lists them".into(),
            Self::OnlyHere => "Add --local, on every node that has it".into(),
            Self::ProofExport(_) => "`nocturne receipts` lists what can be proved".into(),
            Self::Proof { .. } => "It proves nothing; ask whoever issued it for another".into(),
            Self::Unsound { .. } => {
                "Stop using this data directory and restore it, or join again as a new node".into()
            }
            Self::Task(_) => "`nocturne verify --deep` names everything that is damaged".into(),
            Self::Read(error) => storage_hint(error),
            Self::Actor(ActorError::Storage(error)) => storage_hint(error),
            Self::Write(WriteError::Actor(ActorError::Storage(error))) => storage_hint(error),
            Self::Reported(report) => report.hint.clone(),
            _ => String::new(),
        }
    }
}

#[expect(
    clippy::match_same_arms,
    reason = "a table: one row an error, in the enum's order"
)]
fn data_dir(error: &DataDirError) -> (&'static str, Exit) {
    match error {
        DataDirError::Missing { .. } => ("no-data-dir", Exit::Failed),
        DataDirError::AlreadyInitialised { .. } => ("already-initialised", Exit::Failed),
        DataDirError::AlreadyInMesh { .. } => ("already-in-mesh", Exit::Failed),
        DataDirError::Unfinished { .. } => ("unfinished", Exit::Failed),
        DataDirError::InUse { .. } => ("in-use", Exit::Failed),
        DataDirError::StateMissing { .. } => ("damaged", Exit::Damaged),
        DataDirError::Identity(error) => match error {
            IdentityError::Missing { .. } => ("identity-missing", Exit::Damaged),
            IdentityError::Damaged { .. } => ("identity-damaged", Exit::Damaged),
            IdentityError::Swapped { .. } => ("identity-swapped", Exit::Damaged),
            IdentityError::Exposed { .. } => ("identity-exposed", Exit::Refused),
            IdentityError::Io { .. } => ("failed", Exit::Failed),
        },
        DataDirError::State(_) => ("damaged", Exit::Damaged),
        DataDirError::Io { .. } => ("failed", Exit::Failed),
    }
}

fn data_dir_hint(error: &DataDirError) -> String {
    match error {
        DataDirError::Missing { .. } => {
            "Make one with `nocturne init` or `nocturne join TICKET`, or name one with --data-dir".into()
        }
        DataDirError::AlreadyInitialised { .. } => {
            "Nothing was changed; use it, or name another directory with --data-dir".into()
        }
        DataDirError::AlreadyInMesh { .. } => {
            "Nothing was changed; to join another mesh name another directory with --data-dir".into()
        }
        DataDirError::Unfinished { joining: true, .. } => {
            "Run the same `nocturne join TICKET` again to finish".into()
        }
        DataDirError::Unfinished { joining: false, .. } => {
            "Run `nocturne init` again to finish".into()
        }
        DataDirError::InUse { .. } => {
            "Wait until it is done, or stop it; a running `nocturne serve` answers commands by itself".into()
        }
        DataDirError::StateMissing { .. } => "Restore state.json from a backup".into(),
        DataDirError::Identity(error) => match error {
            IdentityError::Missing { path }
            | IdentityError::Damaged { path }
            | IdentityError::Swapped { path, .. } => {
                format!("Put this node's own key back to {}; nothing was changed", path.display())
            }
            IdentityError::Exposed { path, .. } => format!("Run `chmod 600 {}`", path.display()),
            IdentityError::Io { .. } => String::new(),
        },
        DataDirError::State(StateError::Damaged { .. }) => {
            "Restore the file from a backup; nothing was changed".into()
        }
        DataDirError::State(StateError::Newer { .. }) => "Use a newer nocturne".into(),
        DataDirError::Io { .. } => String::new(),
    }
}

fn open(error: &OpenError) -> (&'static str, Exit) {
    match error {
        OpenError::InUse => ("in-use", Exit::Failed),
        OpenError::Storage(error) => storage(error),
        OpenError::Missing
        | OpenError::OtherStore { .. }
        | OpenError::Genesis(_)
        | OpenError::Replaced
        | OpenError::KeyringMissing
        | OpenError::Keyring(_)
        | OpenError::KeyringOfOther
        | OpenError::KeyringStale { .. } => ("damaged", Exit::Damaged),
        _ => ("failed", Exit::Failed),
    }
}

fn open_hint(error: &OpenError, path: &std::path::Path) -> String {
    match error {
        OpenError::Storage(
            StorageError::Damaged(_) | StorageError::Database(_) | StorageError::Io(_),
        )
        | OpenError::Missing
        | OpenError::Genesis(_)
        | OpenError::OtherStore { .. } => {
            format!(
                "Restore {} from a backup, or join the mesh as a new node",
                path.display()
            )
        }
        _ => String::new(),
    }
}

fn storage(error: &StorageError) -> (&'static str, Exit) {
    match error {
        StorageError::Full => ("disk-full", Exit::Failed),
        StorageError::Damaged(_) => ("damaged", Exit::Damaged),
        StorageError::Database(_) => ("database", Exit::Damaged),
        // A file that ends before what it should hold was cut short.
        StorageError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            ("damaged", Exit::Damaged)
        }
        _ => ("disk", Exit::Failed),
    }
}

fn storage_hint(error: &StorageError) -> String {
    match error {
        StorageError::Damaged(_) => "`nocturne verify` names everything that is damaged".into(),
        StorageError::Full => {
            "Nothing that was acknowledged is lost; a daemon must be started again".into()
        }
        _ => String::new(),
    }
}

fn actor(error: &ActorError) -> (&'static str, Exit) {
    match error {
        ActorError::Storage(error) => storage(error),
        _ => ("closed", Exit::Failed),
    }
}

fn write(error: &WriteError) -> (&'static str, Exit) {
    match error {
        WriteError::Empty
        | WriteError::TooManyOperations(_)
        | WriteError::DuplicateKey(_)
        | WriteError::Operation(_)
        | WriteError::TooLarge(_) => ("input", Exit::Usage),
        WriteError::Frozen => ("frozen", Exit::Refused),
        WriteError::Actor(error) => actor(error),
        _ => ("failed", Exit::Failed),
    }
}

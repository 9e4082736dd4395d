//! The command line: what can be typed, with an example in every command's help.

mod commands;
mod data;
mod evidence;
mod inputs;
mod mesh;
mod run;
mod usage;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use data::{
    BatchArgs, DeleteArgs, ExportArgs, ExportFormat, GetArgs, HistoryArgs, ImportArgs, PutArgs,
    ScanArgs, WatchArgs,
};
pub use evidence::{
    ForgetArgs, PolicyCommand, ProofCommand, ReceiptsArgs, ResidueArgs, VerifyArgs,
};
pub use inputs::InputError;
pub use mesh::{DemoArgs, InitArgs, InviteArgs, JoinArgs, PeerCommand, ServeArgs, SyncArgs};
pub use run::main;

/// A peer-to-peer key-value store that works offline, merges without losing work, and forgets with
/// proof.
#[derive(Debug, Parser)]
#[command(
    name = "nocturne",
    version,
    propagate_version = true,
    disable_help_subcommand = false
)]
#[command(
    after_help = "Start here:\n  nocturne init\n  nocturne put greeting hello\n  nocturne get greeting\n\n\
    Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 refused, 6 unreachable, 7 damaged."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The data directory [default: the platform's, such as ~/.local/share/nocturne]
    #[arg(long, global = true, value_name = "DIR", env = "NOCTURNE_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// The store, by name or UUID; `root` is the control plane
    #[arg(
        long,
        global = true,
        value_name = "NAME|UUID",
        env = "NOCTURNE_STORE",
        default_value = "main"
    )]
    pub store: String,
    /// Print one JSON document on stdout; streams print one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Log more to stderr (-v, -vv, -vvv)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a node, a mesh, and its stores `root` and `main`
    Init(InitArgs),
    /// Show this node's id
    #[command(after_help = "Example:\n  nocturne id")]
    Id,
    /// Run the daemon: connect to peers, sync, answer other commands
    Serve(ServeArgs),
    /// Make a single-use ticket with which another node can join
    Invite(InviteArgs),
    /// Join a mesh with a ticket
    Join(JoinArgs),
    /// The members of the mesh
    #[command(subcommand)]
    Peer(PeerCommand),
    /// Set a key to a value
    Put(PutArgs),
    /// Print a key's value
    Get(GetArgs),
    /// Delete a key
    Delete(DeleteArgs),
    /// List keys and values in order of key
    Scan(ScanArgs),
    /// List all versions of a key, newest first
    History(HistoryArgs),
    /// Write several operations as one entry, all or nothing
    Batch(BatchArgs),
    /// Print changes as they come, until interrupted
    Watch(WatchArgs),
    /// Exchange with peers until nothing is missing on either side
    Sync(SyncArgs),
    /// Show mesh, stores, peers and disk use
    #[command(after_help = "Example:\n  nocturne status --json")]
    Status,
    /// Write the rows of a CSV or JSON file, or the files of a directory
    Import(ImportArgs),
    /// Write rows or files from the store: the inverse of import
    Export(ExportArgs),
    /// Retention policies: what may be forgotten
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Forget: destroy content irreversibly, with a receipt
    Forget(ForgetArgs),
    /// List this node's receipts, or export them as a proof file
    Receipts(ReceiptsArgs),
    /// Proof files
    #[command(subcommand)]
    Proof(ProofCommand),
    /// Check stores and receipts: chains, signatures, commitments, indexes
    Verify(VerifyArgs),
    /// Search for bytes in every file of the data directory
    Residue(ResidueArgs),
    /// Show the whole thing on this machine's own files: three nodes over real QUIC on loopback
    Demo(DemoArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  nocturne completions bash > ~/.local/share/bash-completion/completions/nocturne"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

//! Arguments of the commands about forgetting and its evidence.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::data::KeyForm;
use crate::mesh::Name;

/// `policy`
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Set a policy from a TOML or JSON file
    #[command(
        after_help = "Example:\n  cat > logs.toml <<'END'\n  [[forget]]\n  name = \"old logs\"\n  \
        when = { all = [ { key_prefix = \"log/\" }, { age_at_least = \"30d\" } ] }\n  END\n  \
        nocturne policy set logs --file logs.toml"
    )]
    Set {
        /// What to call it
        name: Name,
        /// The policy; `-` reads stdin
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// List the store's policies
    #[command(after_help = "Example:\n  nocturne policy list")]
    List,
    /// Show a policy and explain it in words
    #[command(after_help = "Example:\n  nocturne policy show logs")]
    Show {
        /// Which policy
        name: Name,
    },
    /// Remove a policy; what it forgot stays forgotten
    #[command(after_help = "Example:\n  nocturne policy remove logs")]
    Remove {
        /// Which policy
        name: Name,
    },
    /// Count what a policy would forget now; changes nothing
    #[command(after_help = "Example:\n  nocturne policy test logs")]
    Test {
        /// Which policy
        name: Name,
        /// A test never changes anything; accepted for symmetry with `forget`
        #[arg(long)]
        dry_run: bool,
    },
}

/// `forget`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  nocturne forget greeting --local\n  \
    nocturne forget --subject alice@example.org --local --dry-run\n  nocturne forget --policy logs --local\n\n\
    Forgetting is irreversible: keys are destroyed, content is dropped, receipts are appended.")]
#[command(group(clap::ArgGroup::new("what").required(true).args(["key", "prefix", "subject", "policy"])))]
pub struct ForgetArgs {
    /// All versions of this key
    pub key: Option<String>,
    /// All versions of all keys that begin with this
    #[arg(long)]
    pub prefix: Option<String>,
    /// Everything about this subject
    #[arg(long)]
    pub subject: Option<String>,
    /// What this policy selects
    #[arg(long, value_name = "NAME")]
    pub policy: Option<Name>,
    /// Only count
    #[arg(long)]
    pub dry_run: bool,
    /// Return when it is done; on this node it always is
    #[arg(long)]
    pub wait: bool,
    /// On this node; this version cannot forget across the mesh
    #[arg(long)]
    pub local: bool,
    #[command(flatten)]
    pub(crate) form: KeyForm,
}

/// `receipts`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  nocturne receipts\n  nocturne receipts --export receipts.proof && \
    nocturne proof verify receipts.proof"
)]
pub struct ReceiptsArgs {
    /// Only those of this cut
    #[arg(long, value_name = "ID")]
    pub cut: Option<String>,
    /// Write them as a proof file that anyone can check offline
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
}

/// `proof`
#[derive(Debug, Subcommand)]
pub enum ProofCommand {
    /// Check a proof file, offline and without a data directory
    #[command(
        after_help = "Example:\n  nocturne proof verify receipts.proof\n\nAn invalid proof: exit 7."
    )]
    Verify {
        /// The proof file
        file: PathBuf,
    },
}

/// `verify`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  nocturne verify --deep\n\nSomething wrong: exit 7, naming it.")]
pub struct VerifyArgs {
    /// Also decrypt every body and compare it with its commitment
    #[arg(long)]
    pub deep: bool,
}

/// `residue`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  nocturne residue 'a value that was forgotten'\n\n\
    Reads the raw bytes of every file, database pages and old keyrings included. Needs no lock and works\n\
    beside a daemon. Finding nothing is the good case: exit 0 either way, with {\"matches\":[]}."
)]
pub struct ResidueArgs {
    /// The bytes to look for, as text; `-` reads them from stdin
    pub pattern: String,
    /// The pattern is hex
    #[arg(long)]
    pub hex: bool,
}

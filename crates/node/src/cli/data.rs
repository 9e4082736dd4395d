//! Arguments of the commands about keys and values.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::time::At;

/// How keys are given.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct KeyForm {
    /// Keys on this command line are hex
    #[arg(long)]
    pub key_hex: bool,
}

/// What goes with an operation.
#[derive(Debug, Clone, Args)]
pub(crate) struct Labels {
    /// A label that policies can ask for; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Whom the data is about
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Option<String>,
}

/// `put`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  nocturne put greeting hello --tag demo\n  date | nocturne put now -\n  \
    nocturne put logo --value-file logo.png"
)]
pub struct PutArgs {
    /// The key
    pub key: String,
    /// The value; `-` reads it from stdin
    #[arg(required_unless_present = "value_file", allow_hyphen_values = true)]
    pub value: Option<String>,
    /// Take the value from a file
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    pub value_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) form: KeyForm,
    #[command(flatten)]
    pub(crate) labels: Labels,
}

/// `delete`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  nocturne delete greeting")]
pub struct DeleteArgs {
    /// The key
    pub key: String,
    #[command(flatten)]
    pub(crate) form: KeyForm,
    #[command(flatten)]
    pub(crate) labels: Labels,
}

/// `get`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  nocturne get greeting\n  nocturne get greeting --at 2026-11-20T18:00:00Z\n\n\
    The value's bytes are printed as they are, with a line end only on a terminal. A key that is\n\
    missing or deleted: exit 3."
)]
pub struct GetArgs {
    /// The key
    pub key: String,
    /// As it was then: RFC 3339, Unix milliseconds, or an hlc
    #[arg(long, value_name = "TIME")]
    pub at: Option<At>,
    /// Show all concurrent values, the winner first
    #[arg(long, conflicts_with = "at")]
    pub heads: bool,
    #[command(flatten)]
    pub(crate) form: KeyForm,
}

/// `scan`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  nocturne scan log/ --limit 10 --reverse\n  nocturne scan --from a --to b --json"
)]
pub struct ScanArgs {
    /// Only keys that begin with this
    pub prefix: Option<String>,
    /// From this key on
    #[arg(long, value_name = "KEY")]
    pub from: Option<String>,
    /// Up to, but without, this key
    #[arg(long, value_name = "KEY")]
    pub to: Option<String>,
    /// Greatest key first
    #[arg(long)]
    pub reverse: bool,
    /// At most so many rows
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// As it was then: RFC 3339, Unix milliseconds, or an hlc
    #[arg(long, value_name = "TIME")]
    pub at: Option<At>,
    #[command(flatten)]
    pub(crate) form: KeyForm,
}

/// `history`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  nocturne history greeting")]
pub struct HistoryArgs {
    /// The key
    pub key: String,
    #[command(flatten)]
    pub(crate) form: KeyForm,
}

/// `batch`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  printf '%s\\n' '{\"op\":\"put\",\"key\":\"a\",\"value\":\"1\"}' \
    '{\"op\":\"delete\",\"key\":\"b\"}' | nocturne batch -\n\n\
    A line is {\"op\":\"put\",\"key\",\"value\"} or {\"op\":\"delete\",\"key\"}, with \"tags\" and \"subject\" if\n\
    wanted. At most 4,096 lines and 4 MiB."
)]
pub struct BatchArgs {
    /// JSON lines; `-` reads stdin
    pub file: PathBuf,
}

/// `watch`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  nocturne watch log/ --from-revision 0 --json")]
pub struct WatchArgs {
    /// Only keys that begin with this
    pub prefix: Option<String>,
    /// From this revision on, also what happened before now
    #[arg(long, value_name = "N")]
    pub from_revision: Option<u64>,
    #[command(flatten)]
    pub(crate) form: KeyForm,
}

/// `import`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  nocturne import people.csv --prefix people/ --key email --subject email\n  \
    nocturne import ./notes --prefix notes/\n\n\
    CSV (with a header), a JSON array, JSON lines: a row is one put, its value the row as a JSON object,\n\
    its key PREFIX and the key column (else the row's number). A directory: a file is one put. The whole\n\
    input is checked before the first write. Importing the same input again is harmless."
)]
pub struct ImportArgs {
    /// The file or directory
    pub input: PathBuf,
    /// Goes before every key
    #[arg(long, default_value = "")]
    pub prefix: String,
    /// The column that makes the key
    #[arg(long, value_name = "COLUMN")]
    pub key: Option<String>,
    /// The column that names whom a row is about
    #[arg(long, value_name = "COLUMN")]
    pub subject: Option<String>,
}

/// `export`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  nocturne export --prefix people/ --out people.csv\n  \
    nocturne export --prefix notes/ --format dir --out ./notes-copy\n\n\
    CSV, JSON and JSON lines write values that are JSON objects, one row a key; `dir` writes every value\n\
    as a file named by its key without PREFIX."
)]
pub struct ExportArgs {
    /// Only keys that begin with this
    #[arg(long, default_value = "")]
    pub prefix: String,
    /// Where to; must not exist [default: stdout]
    #[arg(long, value_name = "FILE|DIR")]
    pub out: Option<PathBuf>,
    /// How [default: by the name of FILE, else jsonl]
    #[arg(long)]
    pub format: Option<ExportFormat>,
}

/// How an export is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A header, then a row a value.
    Csv,
    /// One array.
    Json,
    /// One object a line.
    Jsonl,
    /// A file a value.
    Dir,
}

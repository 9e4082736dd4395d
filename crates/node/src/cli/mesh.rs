//! Arguments of the commands about nodes and their mesh.

use std::net::SocketAddr;
use std::time::Duration;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::inputs::duration;
use crate::mesh::{Name, Role};

/// `init`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  nocturne init --name laptop")]
pub struct InitArgs {
    /// What to call this node [default: the host's name]
    #[arg(long)]
    pub name: Option<Name>,
}

/// Where and how to be on the network.
#[derive(Debug, Clone, Args)]
pub(crate) struct NetArgs {
    /// The UDP address to listen on; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT")]
    pub listen: Option<SocketAddr>,
    /// Use no relay: reach peers directly only
    #[arg(long)]
    pub no_relay: bool,
}

/// `serve`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  nocturne serve --listen 0.0.0.0:4480 --no-relay\n\n\
    The first line on stdout says that it is ready. SIGTERM or SIGINT drains and stops with 0."
)]
pub struct ServeArgs {
    #[command(flatten)]
    pub(crate) net: NetArgs,
    /// The HTTP interface; this version has none to turn on
    #[arg(long, value_name = "off")]
    pub http: Option<Http>,
    /// No gossip: ask peers on start and then rarely
    #[arg(long)]
    pub low_power: bool,
}

/// What `--http` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Http {
    /// No HTTP.
    Off,
}

/// `invite`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  nocturne invite --expires 1h --role server\n\n\
    The ticket is a secret: whoever has it can join, once. The daemon of this node must run while\n\
    the other node joins."
)]
pub struct InviteArgs {
    /// How long the ticket lasts
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    pub expires: Duration,
    /// What the joiner becomes: whom to prefer for sync
    #[arg(long, value_name = "server|device", default_value = "device", value_parser = role)]
    pub role: Role,
    /// The joiner may read but not write
    #[arg(long)]
    pub reader: bool,
}

fn role(text: &str) -> Result<Role, String> {
    text.parse()
        .map_err(|_| "expected `server` or `device`".to_owned())
}

/// `join`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  nocturne --data-dir ./b join TICKET --name phone")]
pub struct JoinArgs {
    /// What `nocturne invite` printed on the other node
    pub ticket: String,
    /// What to call this node [default: the host's name]
    #[arg(long)]
    pub name: Option<Name>,
    /// Return once this node is a member, before its stores are synced
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    pub(crate) net: NetArgs,
}

/// `peer`
#[derive(Debug, Subcommand)]
pub enum PeerCommand {
    /// List the members of the mesh
    #[command(after_help = "Example:\n  nocturne peer list --json")]
    List,
}

/// `sync`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  nocturne sync --timeout 10s")]
pub struct SyncArgs {
    /// Only with this member: its name, id, or the beginning of its id
    pub peer: Option<String>,
    /// Give up after this long
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub timeout: Duration,
}

/// `demo`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  nocturne demo\n  nocturne demo --dir ~/notes --keep /tmp/demo\n\n\
    Needs no data directory and touches none. Exit 1 if any claim that it prints does not hold."
)]
pub struct DemoArgs {
    /// The directory tree whose files are imported
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Leave the three data directories here, to look at afterwards
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

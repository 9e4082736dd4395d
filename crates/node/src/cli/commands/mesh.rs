//! `init`, `id`, `serve`, `invite`, `join`.

use tokio::task::spawn_blocking;

use super::{Context, Outcome, millis};
use crate::api::{InitialStores, Item, Request};
use crate::cli::mesh::NetArgs;
use crate::cli::{InitArgs, InviteArgs, JoinArgs, ServeArgs, run};
use crate::data_dir::DataDirError;
use crate::error::NodeError;
use crate::joining::{JoinOptions, join as join_mesh};
use crate::mesh::Access;
use crate::network::NetworkOptions;
use crate::ticket::Ticket;

pub(super) async fn init(context: &mut Context<'_>, args: InitArgs) -> Outcome {
    let layout = context.layout.clone();
    let config = run::config(&layout)?;
    let begun = spawn_blocking(move || crate::node::init(&layout, &config, args.name)).await??;
    context.print(&Item::Initialised {
        node: begun.node.to_string(),
        mesh: begun.mesh.to_string(),
        stores: InitialStores {
            root: begun.mesh.to_string(),
            main: begun.main.to_string(),
        },
    })
}

/// Reads, without the lock: the state file is only ever replaced as a whole.
pub(super) fn id(context: &mut Context<'_>) -> Outcome {
    let state = context.layout.read_state()?.ok_or_else(|| {
        NodeError::from(DataDirError::Missing {
            path: context.layout.root().to_owned(),
        })
    })?;
    context.print(&Item::Node {
        node: state.node.to_string(),
    })
}

fn overridden(mut options: NetworkOptions, net: &NetArgs) -> NetworkOptions {
    if let Some(listen) = net.listen {
        options.listen = listen;
    }
    if net.no_relay {
        options.relay = nocturne_net::iroh::Relay::Off;
    }
    options
}

pub(super) async fn serve(context: &mut Context<'_>, args: ServeArgs) -> Outcome {
    let layout = context.layout.clone();
    if !layout.root().is_dir() {
        return Err(DataDirError::Missing {
            path: layout.root().to_owned(),
        }
        .into());
    }
    let mut config = run::config(&layout)?;
    config.low_power |= args.low_power;
    let options = overridden(NetworkOptions::serving(&config), &args.net);
    let printer = &mut *context.printer;
    let ready = |item: Item| printer.item(&item).and_then(|()| printer.flush());
    crate::serve::serve(layout, config, options, ready).await?;
    Ok(Ok(()))
}

pub(super) async fn invite(context: &mut Context<'_>, args: &InviteArgs) -> Outcome {
    let request = Request::Invite {
        expires_in_ms: millis(args.expires),
        role: args.role,
        access: if args.reader {
            Access::Reader
        } else {
            Access::Writer
        },
    };
    context.relay(request).await
}

pub(super) async fn join(context: &mut Context<'_>, args: JoinArgs) -> Outcome {
    let ticket: Ticket = args.ticket.parse()?;
    let layout = context.layout.clone();
    let config = run::config(&layout)?;
    let mut network = overridden(NetworkOptions::passing(&config), &args.net);
    // The ticket says where the inviter is.
    network.discovery = false;
    let options = JoinOptions {
        ticket,
        name: args.name,
        wait: !args.no_wait,
        network,
    };
    let joined = join_mesh(layout, config, options).await?;
    context.print(&joined)
}

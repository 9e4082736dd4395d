//! `join`: the joiner's side, from a ticket to a node with synced stores.
//!
//! Interrupted anywhere, the same `join` again goes on: the identity and the ticket's mesh are
//! written down before the inviter hears of them, and an inviter that had committed the node before
//! the answer was lost answers the node itself once more.

use nocturne_core::{AuthorId, Genesis, Identity};
use nocturne_net::framing::{FrameDecoder, frame};
use nocturne_net::iroh::{BindError, IrohNode, JOIN_ALPN};
use nocturne_net::transport::{CloseReason, Closed, Connection, StreamError, Transport};
use nocturne_store::{Clock, SystemClock, SystemEntropy};
use tokio::task::spawn_blocking;
use tokio::time::{Duration, timeout};

use crate::api::Item;
use crate::config::Config;
use crate::data_dir::{DataDirError, Layout, Lock, Pending, State, create_identity};
use crate::error::NodeError;
use crate::join::{JoinRefusal, JoinRequest, MAX_MESSAGE, decode_answer};
use crate::mesh::Name;
use crate::network::{Network, NetworkOptions};
use crate::node::{Node, default_name, make_joined};
use crate::ticket::Ticket;
use crate::time::Rfc3339;

/// How long the inviter may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the first sync may take before `join` gives up waiting for it.
const FIRST_SYNC: Duration = Duration::from_mins(10);

/// What `join` was told.
#[derive(Debug)]
pub struct JoinOptions {
    /// The ticket.
    pub ticket: Ticket,
    /// What to be called.
    pub name: Option<Name>,
    /// Whether to sync before it returns.
    pub wait: bool,
    /// How to be on the network.
    pub network: NetworkOptions,
}

/// Joins the ticket's mesh.
pub async fn join(layout: Layout, config: Config, options: JoinOptions) -> Result<Item, NodeError> {
    let ticket = options.ticket.clone();
    let prepared = spawn_blocking({
        let (layout, ticket) = (layout.clone(), ticket.clone());
        move || prepare(&layout, &ticket)
    });
    let (lock, mut state, identity, genesis) = prepared.await??;
    let genesis = if let Some(genesis) = genesis {
        genesis
    } else {
        let name = options
            .name
            .unwrap_or_else(|| default_name(&identity.author()));
        let genesis = ask(&ticket, &identity, &name, &options.network).await?;
        state.pending = Some(Pending::Join {
            mesh: ticket.mesh,
            root: Some(genesis.clone()),
        });
        layout.write_state(&state)?;
        genesis
    };
    let made = spawn_blocking({
        let (layout, config) = (layout.clone(), config.clone());
        move || make_joined(&layout, &config, &identity, &genesis, state)
    });
    made.await??;
    drop(lock);
    arrive(layout, config, &ticket, options.wait, options.network).await
}

/// Everything before the network: an identity, and the intent written down.
fn prepare(
    layout: &Layout,
    ticket: &Ticket,
) -> Result<(Lock, State, Identity, Option<Genesis>), NodeError> {
    let lock = layout.create_and_lock()?;
    let existing = layout.read_state()?;
    let path = layout.root().to_owned();
    if let Some(state) = &existing {
        if let Some(mesh) = state.mesh {
            return Err(DataDirError::AlreadyInMesh {
                path,
                node: state.node,
                mesh,
            }
            .into());
        }
        if let Some(Pending::Init { .. }) = state.pending {
            return Err(DataDirError::Unfinished {
                path,
                joining: false,
            }
            .into());
        }
    }
    let identity = match &existing {
        Some(state) => crate::data_dir::read_identity(&layout.identity(), Some(state.node)),
        None => create_identity(&layout.identity(), &mut SystemEntropy::new()?),
    }
    .map_err(DataDirError::from)?;
    let mut state = existing.unwrap_or_else(|| State::new(identity.author()));
    let genesis = match state.pending.take() {
        Some(Pending::Join {
            mesh,
            root: Some(root),
        }) if mesh != ticket.mesh => {
            return Err(DataDirError::AlreadyInMesh {
                path,
                node: state.node,
                mesh: root.store_id(),
            }
            .into());
        }
        Some(Pending::Join { root, .. }) => root,
        Some(Pending::Init { .. }) | None => None,
    };
    state.pending = Some(Pending::Join {
        mesh: ticket.mesh,
        root: genesis.clone(),
    });
    state
        .peers
        .entry(ticket.inviter.id)
        .or_default()
        .learn(&ticket.inviter);
    layout.write_state(&state)?;
    Ok((lock, state, identity, genesis))
}

/// Asks the inviter, with the ticket's key; once more with the own one if the ticket is used, for it
/// may have been used by this very node.
async fn ask(
    ticket: &Ticket,
    identity: &Identity,
    name: &Name,
    network: &NetworkOptions,
) -> Result<Genesis, NodeError> {
    let request = JoinRequest::encode(ticket, identity, name);
    let refused = |refusal| NodeError::JoinRefused {
        inviter: ticket.inviter.id,
        refusal,
    };
    match exchange(ticket, &ticket.key(), &request, network).await? {
        Ok(genesis) => Ok(genesis),
        Err(JoinRefusal::Used) => match exchange(ticket, identity, &request, network).await? {
            Ok(genesis) => Ok(genesis),
            Err(JoinRefusal::Failed) => Err(refused(JoinRefusal::Failed)),
            Err(_) => Err(refused(JoinRefusal::Used)),
        },
        Err(refusal) => Err(refused(refusal)),
    }
}

async fn exchange(
    ticket: &Ticket,
    as_whom: &Identity,
    request: &[u8],
    network: &NetworkOptions,
) -> Result<Result<Genesis, JoinRefusal>, NodeError> {
    let endpoint = IrohNode::builder(as_whom)
        .listen(network.listen)
        .relay(network.relay.clone())
        .protocol(JOIN_ALPN)
        .bind()
        .await?;
    let transport = endpoint.transport(JOIN_ALPN).ok_or(BindError::Setup)?;
    let inviter = ticket.inviter.id;
    let outcome = match transport.connect(&ticket.inviter).await {
        Ok(connection) => match timeout(PATIENCE, converse(&*connection, request)).await {
            Ok(Ok(answer)) => match decode_answer(&answer, ticket) {
                Some(genesis) => Ok(Ok(genesis)),
                None => Err(NodeError::OtherMesh(inviter)),
            },
            Ok(Err(refusal)) => Ok(Err(refusal)),
            Err(_) => Ok(Err(JoinRefusal::Broken)),
        },
        Err(nocturne_net::transport::ConnectError::Refused(reason)) => {
            Ok(Err(JoinRefusal::from_reason(reason)))
        }
        Err(source) if SystemClock.now_ms() > ticket.expires_ms => {
            tracing::debug!(%source, "the inviter cannot be reached, and the ticket has expired anyway");
            Err(NodeError::TicketExpired(
                Rfc3339(ticket.expires_ms).to_string().into(),
            ))
        }
        Err(source) => Err(NodeError::Unreachable {
            peer: format!("the inviter {inviter}").into(),
            source,
        }),
    };
    endpoint.close(CloseReason::Done).await;
    outcome
}

async fn converse(connection: &dyn Connection, request: &[u8]) -> Result<Vec<u8>, JoinRefusal> {
    let talk = async {
        let (mut send, mut recv) = connection.open_stream().await?;
        send.write(frame(request)).await?;
        send.finish()?;
        let mut decoder = FrameDecoder::new(MAX_MESSAGE);
        loop {
            match decoder.next_frame() {
                Ok(Some(answer)) => return Ok(Some(answer)),
                Ok(None) => {}
                Err(_) => return Ok(None),
            }
            match recv.read(decoder.read_hint()).await? {
                Some(data) => decoder.push(data),
                None => return Ok(None),
            }
        }
    };
    let error = match talk.await {
        Ok(Some(answer)) => return Ok(answer.to_vec()),
        Ok(None) => return Err(JoinRefusal::Broken),
        Err(error) => error,
    };
    // A refusal closes the connection; which error the stream saw of it first is chance.
    let closed = match error {
        StreamError::Connection(closed) => closed,
        _ => connection.closed().await,
    };
    Err(match closed {
        Closed::ByPeer(reason) => JoinRefusal::from_reason(reason),
        _ => JoinRefusal::Broken,
    })
}

/// Opens the new node and syncs it.
async fn arrive(
    layout: Layout,
    config: Config,
    ticket: &Ticket,
    wait: bool,
    options: NetworkOptions,
) -> Result<Item, NodeError> {
    let node = Node::open(layout, config).await?;
    if wait {
        let network = Network::start(&node, options).await?;
        let settled = network
            .settle(&node, Some(ticket.inviter.id), FIRST_SYNC)
            .await;
        network.stop(&node).await;
        settled?;
    }
    let mesh = node.mesh();
    let others: Vec<AuthorId> = mesh
        .members
        .iter()
        .map(|(id, _)| id)
        .filter(|id| *id != node.id())
        .collect();
    let joined = Item::Joined {
        mesh: node.root.id().to_string(),
        node: node.id().to_string(),
        peers: others.iter().map(ToString::to_string).collect(),
    };
    node.shutdown().await?;
    Ok(joined)
}

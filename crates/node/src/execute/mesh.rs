//! `invite` and `sync`.

use std::sync::Arc;

use nocturne_core::{AuthorId, Entropy, Identity};
use nocturne_net::transport::PeerAddr;
use nocturne_store::{Batch, SystemEntropy};
use tokio::time::Duration;
use zeroize::Zeroizing;

use super::{Out, give};
use crate::api::Item;
use crate::error::NodeError;
use crate::mesh::{Access, Invite, Role};
use crate::network::{Network, NetworkOptions};
use crate::node::Node;
use crate::ticket::Ticket;
use crate::time::Rfc3339;

pub(super) async fn invite(
    node: &Arc<Node>,
    expires_in_ms: u64,
    role: Role,
    access: Access,
    out: &Out,
) -> Result<(), NodeError> {
    let mut seed = Zeroizing::new([0; 32]);
    SystemEntropy::new()?.fill(seed.as_mut_slice());
    let key = Identity::from_secret_bytes(&seed).author();
    let expires_ms = node.clock.now_ms().saturating_add(expires_in_ms);
    let invite = Invite {
        by: node.id(),
        expires_ms,
        role,
        access,
        used_by: None,
    };
    node.write_root(invite.issue(key).into_iter().collect::<Batch>())
        .await?;
    let inviter = own_address(node);
    let nowhere = inviter.direct.is_empty() && inviter.relay.is_none();
    let genesis = node.root.genesis().hash();
    let ticket = Ticket {
        mesh: node.root.id(),
        genesis,
        inviter,
        seed,
        expires_ms,
    };
    let expires_at = Rfc3339(expires_ms).to_string();
    give(
        out,
        Item::Invited {
            ticket: ticket.to_string(),
            expires_at,
        },
    )
    .await?;
    if nowhere {
        let text = "This node has not been on the network yet, so the ticket says nowhere to find it: \
                    start `nocturne serve`, then invite again.";
        give(
            out,
            Item::Note {
                text: text.to_owned(),
            },
        )
        .await?;
    }
    Ok(())
}

/// Where the daemon is; without one, where it said it was when it last ran, or will listen.
fn own_address(node: &Node) -> PeerAddr {
    if let Some(network) = node.network() {
        return network.local_addr();
    }
    let mesh = node.mesh();
    let announced = mesh
        .members
        .get(&node.id())
        .and_then(|member| member.address.clone());
    announced.unwrap_or_else(|| {
        let listen = node.config.listen;
        let address = PeerAddr::new(node.id());
        if listen.port() == 0 || listen.ip().is_unspecified() {
            address
        } else {
            address.with_direct(listen)
        }
    })
}

pub(super) async fn sync(
    node: &Arc<Node>,
    peer: Option<&str>,
    timeout_ms: u64,
) -> Result<Item, NodeError> {
    let only = peer.map(|text| find(node, text)).transpose()?;
    if only.is_none() && node.mesh().members.iter().all(|(id, _)| id == node.id()) {
        return Err(NodeError::Alone);
    }
    let limit = Duration::from_millis(timeout_ms);
    if let Some(network) = node.network() {
        return network.settle(node, only, limit).await;
    }
    let network = Network::start(node, NetworkOptions::passing(&node.config)).await?;
    let settled = network.settle(node, only, limit).await;
    network.stop(node).await;
    settled
}

/// The member that a text names.
fn find(node: &Node, text: &str) -> Result<AuthorId, NodeError> {
    match node.mesh().members.find(text).as_slice() {
        [one] if *one != node.id() => Ok(*one),
        [] | [_] => Err(NodeError::UnknownPeer(text.into())),
        _ => Err(NodeError::AmbiguousPeer(text.into())),
    }
}

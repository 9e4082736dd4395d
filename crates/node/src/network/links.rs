//! Connections that stand, by peer. Either side may have opened one; over each, both may sync.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use nocturne_core::{AuthorId, StoreId};
use nocturne_net::driver::{Served, serve_connection};
use nocturne_net::transport::{CloseReason, ConnectError, Connection, Transport};
use nocturne_store::StoreHandle;

use super::{Network, guard, sync_options};
use crate::node::Node;

/// A peer needs one; a few more stand for a moment when both sides dial, or one comes back from
/// another address.
const MAX_PER_PEER: usize = 4;

type Connections = Vec<Arc<dyn Connection>>;

/// The newest connection of a peer is the one that is used.
#[derive(Debug, Default)]
pub(super) struct Links {
    by_peer: Mutex<BTreeMap<AuthorId, Connections>>,
}

impl Links {
    pub(super) fn current(&self, peer: &AuthorId) -> Option<Arc<dyn Connection>> {
        guard(&self.by_peer)
            .get(peer)
            .and_then(|links| links.last())
            .cloned()
    }

    fn add(&self, connection: &Arc<dyn Connection>) {
        let mut by_peer = guard(&self.by_peer);
        let links = by_peer.entry(connection.peer()).or_default();
        if links.len() >= MAX_PER_PEER {
            // The oldest is the likeliest to be dead.
            links.remove(0).close(CloseReason::Superseded);
        }
        links.push(Arc::clone(connection));
    }

    fn remove(&self, connection: &Arc<dyn Connection>) {
        let mut by_peer = guard(&self.by_peer);
        if let Some(links) = by_peer.get_mut(&connection.peer()) {
            links.retain(|link| !Arc::ptr_eq(link, connection));
            if links.is_empty() {
                by_peer.remove(&connection.peer());
            }
        }
    }
}

/// Takes in what members open.
pub(super) async fn accept(node: Arc<Node>, network: Arc<Network>) {
    while let Some(connection) = network.sync.accept().await {
        network.hold(&node, connection);
    }
}

impl Network {
    /// Keeps a connection and answers what the peer asks over it, until it ends.
    pub(super) fn hold(self: &Arc<Self>, node: &Arc<Node>, connection: Arc<dyn Connection>) {
        self.links.add(&connection);
        let (node, network) = (Arc::clone(node), Arc::clone(self));
        self.spawn(async move {
            let peer = connection.peer();
            note_seen(&node, peer).await;
            // A new connection is news: whoever dialled, both sides look what is missing.
            network.wake(Some(peer));
            let lookup = {
                let node = Arc::clone(&node);
                Arc::new(move |id: StoreId| served(&node, peer, id))
            };
            let noted = Arc::new(|served: Served| {
                if let Err(error) = &served.outcome {
                    tracing::debug!(peer = %served.peer, %error, "a peer's sync failed");
                }
            });
            serve_connection(Arc::clone(&connection), lookup, sync_options(&node), noted).await;
            network.links.remove(&connection);
            note_seen(&node, peer).await;
            network.wake(Some(peer));
        });
    }

    /// A connection to a peer: one that stands, or a new one.
    pub(super) async fn link(
        self: &Arc<Self>,
        node: &Arc<Node>,
        peer: AuthorId,
    ) -> Result<Arc<dyn Connection>, ConnectError> {
        if let Some(link) = self.links.current(&peer) {
            return Ok(link);
        }
        let address = node.known_peer(peer).address(peer);
        let connection = self.sync.connect(&address).await?;
        self.hold(node, Arc::clone(&connection));
        Ok(connection)
    }
}

/// The store, if this peer may sync it: a member that was removed meanwhile may not.
fn served(node: &Node, peer: AuthorId, id: StoreId) -> Option<StoreHandle> {
    let member = node.mesh().members.may_connect(&peer);
    member.then(|| node.handle(id)).flatten()
}

async fn note_seen(node: &Node, peer: AuthorId) {
    if let Err(error) = node.saw_peer(peer).await {
        tracing::warn!(%error, "cannot note when a peer was seen");
    }
}

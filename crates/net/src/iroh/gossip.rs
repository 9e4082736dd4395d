//! iroh-gossip behind our trait, with guards against what it does to careless callers.
//!
//! - One payload over its limit wedges the whole instance for good: payloads are checked before.
//! - A bootstrap peer that is away when a topic is joined is never tried again: a keeper dials it.
//! - Receivers lose events under load: the loss is passed on as [`GossipEvent::Lagged`].

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::iroh::Endpoint;
use ::iroh::address_lookup::memory::MemoryLookup;
use ::iroh::endpoint::{Connection, WeakConnectionHandle};
use bytes::Bytes;
use futures_core::Stream as _;
use iroh_gossip::api::{Event, GossipReceiver, GossipSender};
use iroh_gossip::net::Gossip as IrohGossipInstance;
use nocturne_core::AuthorId;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::keeper;
use super::{author, to_iroh};
use crate::gossip::{Gossip, GossipError, GossipEvent, Topic, TopicId};
use crate::transport::{BoxFuture, PeerAddr};

/// iroh-gossip's limit for a message with its framing. Every node must have the same.
const MESSAGE_LIMIT: usize = 64 * 1024;
/// Kept free for that framing: it takes some 40 bytes.
const FRAMING: usize = 64;
/// How long to wait for iroh-gossip to take a message or to stop, before it counts as wedged.
const PATIENCE: Duration = Duration::from_secs(5);
/// Lists of peers that may wait for a keeper.
const PEER_LISTS: usize = 16;

/// Gossip over an [`super::IrohNode`]'s endpoint.
#[derive(Debug, Clone)]
pub struct IrohGossip {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    instance: IrohGossipInstance,
    endpoint: Endpoint,
    lookup: MemoryLookup,
    connect_timeout: Duration,
    /// Connections that gossip runs over, so that no second one is dialled for another topic.
    connections: Mutex<BTreeMap<AuthorId, WeakConnectionHandle>>,
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, BTreeMap<AuthorId, WeakConnectionHandle>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn is_connected(&self, peer: &AuthorId) -> bool {
        let handle = self.connections().get(peer).cloned();
        handle
            .and_then(|handle| handle.upgrade())
            .is_some_and(|connection| connection.close_reason().is_none())
    }

    async fn take_in(&self, connection: Connection) {
        let peer = author(&connection.remote_id());
        {
            let mut connections = self.connections();
            connections.retain(|_, known| known.upgrade().is_some());
            connections.insert(peer, connection.weak_handle());
        }
        let handing = self.instance.handle_connection(connection);
        if timeout(PATIENCE, handing).await.is_err() {
            tracing::warn!(%peer, "gossip does not take a connection");
        }
    }

    /// Makes sure that gossip has a connection to the peer; whether it has one now.
    pub(super) async fn reach(&self, addr: &PeerAddr) -> bool {
        if self.is_connected(&addr.id) {
            return true;
        }
        let Ok(target) = to_iroh(addr) else {
            return false;
        };
        self.lookup.add_endpoint_info(target.clone());
        let dialling = self.endpoint.connect(target, iroh_gossip::ALPN);
        match timeout(self.connect_timeout, dialling).await {
            Ok(Ok(connection)) => {
                self.take_in(connection).await;
                true
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

impl IrohGossip {
    pub(super) fn new(endpoint: Endpoint, lookup: MemoryLookup, connect_timeout: Duration) -> Self {
        let instance = IrohGossipInstance::builder()
            .max_message_size(MESSAGE_LIMIT)
            .spawn(endpoint.clone());
        Self {
            shared: Arc::new(Shared {
                instance,
                endpoint,
                lookup,
                connect_timeout,
                connections: Mutex::default(),
            }),
        }
    }

    pub(super) async fn take_in(&self, connection: Connection) {
        self.shared.take_in(connection).await;
    }

    pub(super) async fn shutdown(&self) {
        let stopping = self.shared.instance.shutdown();
        if timeout(PATIENCE, stopping).await.is_err() {
            tracing::warn!("gossip does not stop");
        }
    }
}

impl Gossip for IrohGossip {
    fn join(
        &self,
        topic: TopicId,
        bootstrap: Vec<PeerAddr>,
    ) -> BoxFuture<'_, Result<Box<dyn Topic>, GossipError>> {
        Box::pin(async move {
            // Peers are dialled by the keeper, which doesn't give up.
            let joining = self.shared.instance.subscribe(topic.into(), Vec::new());
            let joined = timeout(PATIENCE, joining)
                .await
                .map_err(|_| GossipError::Closed)?
                .map_err(|_| GossipError::Closed)?;
            let (sender, receiver) = joined.split();
            let neighbors = Arc::new(Mutex::new(BTreeSet::new()));
            let (peers, lists) = mpsc::channel(PEER_LISTS);
            peers.try_send(bootstrap).ok();
            let keeping = keeper::keep(
                self.shared.clone(),
                sender.clone(),
                neighbors.clone(),
                lists,
            );
            Ok(Box::new(IrohTopic {
                sender,
                receiver,
                neighbors,
                peers,
                keeper: tokio::spawn(keeping).abort_handle(),
            }) as Box<dyn Topic>)
        })
    }
}

#[derive(Debug)]
struct IrohTopic {
    sender: GossipSender,
    receiver: GossipReceiver,
    neighbors: Arc<Mutex<BTreeSet<AuthorId>>>,
    peers: mpsc::Sender<Vec<PeerAddr>>,
    keeper: AbortHandle,
}

impl IrohTopic {
    fn neighbors(&self) -> MutexGuard<'_, BTreeSet<AuthorId>> {
        self.neighbors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for IrohTopic {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Topic for IrohTopic {
    fn max_message(&self) -> usize {
        MESSAGE_LIMIT - FRAMING
    }

    fn broadcast(&mut self, payload: Bytes) -> BoxFuture<'_, Result<(), GossipError>> {
        Box::pin(async move {
            let (len, max) = (payload.len(), self.max_message());
            if len > max {
                return Err(GossipError::TooLarge { len, max });
            }
            match timeout(PATIENCE, self.sender.broadcast(payload)).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(GossipError::Closed),
            }
        })
    }

    fn recv(&mut self) -> BoxFuture<'_, Result<GossipEvent, GossipError>> {
        Box::pin(async move {
            let event = poll_fn(|cx| Pin::new(&mut self.receiver).poll_next(cx)).await;
            match event {
                Some(Ok(Event::Received(message))) => Ok(GossipEvent::Message {
                    from: author(&message.delivered_from),
                    payload: message.content,
                }),
                Some(Ok(Event::Lagged)) => Ok(GossipEvent::Lagged),
                Some(Ok(Event::NeighborUp(id))) => {
                    let id = author(&id);
                    self.neighbors().insert(id);
                    Ok(GossipEvent::NeighborUp(id))
                }
                Some(Ok(Event::NeighborDown(id))) => {
                    let id = author(&id);
                    self.neighbors().remove(&id);
                    Ok(GossipEvent::NeighborDown(id))
                }
                Some(Err(_)) | None => Err(GossipError::Closed),
            }
        })
    }

    fn join_peers(&mut self, peers: Vec<PeerAddr>) {
        // A full queue means that the keeper has enough to dial; it keeps trying those.
        self.peers.try_send(peers).ok();
    }
}

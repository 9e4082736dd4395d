//! An endpoint and the connections that come to it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use ::iroh::Endpoint;
use ::iroh::address_lookup::memory::MemoryLookup;
use ::iroh::endpoint::Incoming;
use nocturne_core::{AuthorId, Identity};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::admission::{Admission, Gate};
use super::builder::IrohBuilder;
use super::connection::{IrohConnection, connect_error};
use super::gossip::IrohGossip;
use super::{author, to_iroh};
use crate::transport::{BoxFuture, CloseReason, ConnectError, Connection, PeerAddr, Transport};

/// Connections of one protocol that may wait to be taken; more are closed as busy.
const ACCEPT_QUEUE: usize = 64;
/// Handshakes at once: each costs memory and a signature before the peer is known.
const HANDSHAKES: usize = 64;
/// Beyond this many, a peer must first prove that its address is real (QUIC retry).
const UNPROVED_HANDSHAKES: usize = 16;
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

type Queue = Arc<tokio::sync::Mutex<mpsc::Receiver<Arc<dyn Connection>>>>;
type Inlets = BTreeMap<&'static [u8], mpsc::Sender<Arc<dyn Connection>>>;

/// One endpoint with its protocols. Cheap to clone; close it with [`IrohNode::close`].
#[derive(Debug, Clone)]
pub struct IrohNode {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    id: AuthorId,
    gate: Gate,
    lookup: MemoryLookup,
    queues: BTreeMap<&'static [u8], Queue>,
    gossip: Option<IrohGossip>,
    connect_timeout: Duration,
    open: Arc<Open>,
    acceptor: AbortHandle,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Connections that may still be open, so that a close can tell every peer why.
#[derive(Debug, Default)]
struct Open(Mutex<Vec<Weak<IrohConnection>>>);

impl Open {
    fn track(&self, connection: ::iroh::endpoint::Connection) -> Arc<dyn Connection> {
        let connection = Arc::new(IrohConnection::new(connection));
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|known| known.strong_count() > 0);
        open.push(Arc::downgrade(&connection));
        connection
    }

    fn close(&self, reason: CloseReason) {
        let open = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in open.iter().filter_map(Weak::upgrade) {
            connection.close(reason);
        }
    }
}

impl IrohNode {
    /// Begins to set up an endpoint with this identity. A process may have several.
    pub fn builder(identity: &Identity) -> IrohBuilder {
        IrohBuilder::new(identity)
    }

    pub(super) fn start(
        endpoint: Endpoint,
        gate: Gate,
        lookup: MemoryLookup,
        protocols: impl Iterator<Item = &'static [u8]>,
        gossip: bool,
        connect_timeout: Duration,
    ) -> Self {
        let mut inlets = Inlets::new();
        let mut queues = BTreeMap::new();
        for alpn in protocols {
            let (inlet, queue) = mpsc::channel(ACCEPT_QUEUE);
            inlets.insert(alpn, inlet);
            queues.insert(alpn, Arc::new(tokio::sync::Mutex::new(queue)));
        }
        let gossip =
            gossip.then(|| IrohGossip::new(endpoint.clone(), lookup.clone(), connect_timeout));
        let open = Arc::new(Open::default());
        let acceptor = tokio::spawn(accept_loop(
            endpoint.clone(),
            Arc::new(inlets),
            gossip.clone(),
            open.clone(),
        ));
        Self {
            inner: Arc::new(Inner {
                id: author(&endpoint.id()),
                endpoint,
                gate,
                lookup,
                queues,
                gossip,
                connect_timeout,
                open,
                acceptor: acceptor.abort_handle(),
            }),
        }
    }

    /// Who this endpoint is.
    pub fn id(&self) -> AuthorId {
        self.inner.id
    }

    /// The transport of one of the protocols that were set up.
    pub fn transport(&self, alpn: &[u8]) -> Option<IrohTransport> {
        let (alpn, queue) = self.inner.queues.get_key_value(alpn)?;
        Some(IrohTransport {
            node: self.clone(),
            alpn,
            queue: queue.clone(),
        })
    }

    /// Gossip, if it was set up.
    pub fn gossip(&self) -> Option<IrohGossip> {
        self.inner.gossip.clone()
    }

    /// Exchanges the admission. Connections that are open stay open.
    pub fn set_admission(&self, admission: impl Admission + 'static) {
        self.inner.gate.set(Arc::new(admission));
    }

    /// Keeps an address, so that the peer can be dialled by its id alone (as gossip does).
    pub fn remember(&self, addr: &PeerAddr) -> Result<(), ConnectError> {
        self.inner.lookup.add_endpoint_info(to_iroh(addr)?);
        Ok(())
    }

    /// The sockets that are listened on.
    pub fn sockets(&self) -> Vec<SocketAddr> {
        self.inner.endpoint.bound_sockets()
    }

    /// Where others may find this endpoint, as far as it is known now: the sockets (loopback for
    /// those that listen everywhere), the machine's addresses, and the relay.
    pub fn local_addr(&self) -> PeerAddr {
        let known = self.inner.endpoint.addr();
        let mut direct: Vec<SocketAddr> = known.ip_addrs().copied().collect();
        for mut socket in self.sockets() {
            if socket.ip().is_unspecified() {
                socket.set_ip(match socket.ip() {
                    IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                    IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                });
            }
            direct.push(socket);
        }
        direct.sort_unstable();
        direct.dedup();
        PeerAddr {
            id: self.inner.id,
            direct,
            relay: known.relay_urls().next().map(ToString::to_string),
        }
    }

    /// Closes every connection with this reason, leaves gossip, and stops.
    pub async fn close(&self, reason: CloseReason) {
        self.inner.open.close(reason);
        if let Some(gossip) = &self.inner.gossip {
            gossip.shutdown().await;
        }
        self.inner.endpoint.close().await;
        self.inner.acceptor.abort();
    }
}

/// One protocol of an [`IrohNode`].
#[derive(Debug, Clone)]
pub struct IrohTransport {
    node: IrohNode,
    alpn: &'static [u8],
    queue: Queue,
}

impl IrohTransport {
    /// The endpoint that it is part of.
    pub fn node(&self) -> &IrohNode {
        &self.node
    }
}

impl Transport for IrohTransport {
    fn local_id(&self) -> AuthorId {
        self.node.id()
    }

    fn local_addr(&self) -> PeerAddr {
        self.node.local_addr()
    }

    fn connect<'a>(
        &'a self,
        addr: &'a PeerAddr,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, ConnectError>> {
        Box::pin(async move {
            let inner = &self.node.inner;
            let connecting = inner.endpoint.connect(to_iroh(addr)?, self.alpn);
            match timeout(inner.connect_timeout, connecting).await {
                Ok(Ok(connection)) => Ok(inner.open.track(connection)),
                Ok(Err(error)) => {
                    tracing::debug!(peer = %addr.id, %error, "connecting failed");
                    Err(connect_error(&error))
                }
                Err(_) => Err(ConnectError::Timeout),
            }
        })
    }

    fn accept(&self) -> BoxFuture<'_, Option<Arc<dyn Connection>>> {
        Box::pin(async move { self.queue.lock().await.recv().await })
    }

    /// Closes the whole endpoint, with all its protocols.
    fn close(&self, reason: CloseReason) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.node.close(reason).await })
    }
}

async fn accept_loop(
    endpoint: Endpoint,
    inlets: Arc<Inlets>,
    gossip: Option<IrohGossip>,
    open: Arc<Open>,
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    while let Some(incoming) = endpoint.accept().await {
        let busy = HANDSHAKES - handshakes.available_permits().min(HANDSHAKES);
        if busy >= UNPROVED_HANDSHAKES && !incoming.remote_addr_validated() {
            // An error means that it was proved meanwhile; the peer tries again.
            incoming.retry().ok();
            continue;
        }
        let Ok(permit) = handshakes.clone().try_acquire_owned() else {
            incoming.refuse();
            continue;
        };
        let (inlets, gossip, open) = (inlets.clone(), gossip.clone(), open.clone());
        tokio::spawn(async move {
            take_in(incoming, &inlets, gossip, &open).await;
            drop(permit);
        });
    }
}

/// Finishes a handshake (in which the gate has its say) and hands the connection to its protocol.
async fn take_in(incoming: Incoming, inlets: &Inlets, gossip: Option<IrohGossip>, open: &Open) {
    let Ok(Ok(connection)) = timeout(HANDSHAKE_TIMEOUT, incoming).await else {
        return;
    };
    if connection.alpn() == iroh_gossip::ALPN {
        if let Some(gossip) = gossip {
            gossip.take_in(connection).await;
        }
        return;
    }
    let inlet = inlets.get(connection.alpn()).cloned();
    let connection = open.track(connection);
    match inlet.map(|inlet| inlet.try_send(connection.clone())) {
        Some(Ok(())) => {}
        Some(Err(mpsc::error::TrySendError::Full(_))) => connection.close(CloseReason::Busy),
        Some(Err(mpsc::error::TrySendError::Closed(_))) | None => {
            connection.close(CloseReason::Shutdown);
        }
    }
}

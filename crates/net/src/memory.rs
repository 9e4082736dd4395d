//! A network inside one process: for tests, examples and embedding several nodes in one program.
//!
//! Nothing is encrypted and a peer's identity is what it registered as. It needs no runtime: its
//! futures work on any executor.

mod gossip;
mod link;
mod wake;

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use nocturne_core::AuthorId;

pub use self::gossip::MemoryGossip;
use self::link::{Link, MemoryConnection, Side};
use self::wake::Wakers;
use crate::transport::{BoxFuture, CloseReason, ConnectError, Connection, PeerAddr, Transport};

/// Connections that may wait to be accepted; more are refused as busy.
const ACCEPT_QUEUE: usize = 64;

/// The "wire" that endpoints of one process share.
#[derive(Debug, Clone, Default)]
pub struct MemoryNetwork {
    hub: Arc<Mutex<Hub>>,
}

#[derive(Debug, Default)]
struct Hub {
    endpoints: BTreeMap<AuthorId, Endpoint>,
    links: Vec<(AuthorId, AuthorId, Arc<Link>)>,
    topics: gossip::Topics,
}

#[derive(Debug, Default)]
struct Endpoint {
    waiting: VecDeque<Arc<dyn Connection>>,
    wakers: Wakers,
}

impl MemoryNetwork {
    /// An empty network.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an endpoint. One that is registered already under this identity is replaced and stops
    /// accepting.
    pub fn endpoint(&self, id: AuthorId) -> MemoryTransport {
        let mut hub = self.lock();
        if let Some(mut old) = hub.endpoints.insert(id, Endpoint::default()) {
            old.wakers.wake();
        }
        MemoryTransport {
            id,
            network: self.clone(),
        }
    }

    /// Gossip for the node `id`.
    pub fn gossip(&self, id: AuthorId) -> MemoryGossip {
        MemoryGossip::new(id, self.clone())
    }

    /// Breaks every connection between two endpoints, as a failing path would. New ones may be
    /// made at once.
    pub fn sever(&self, a: AuthorId, b: AuthorId) {
        let mut hub = self.lock();
        hub.links.retain(|(x, y, link)| {
            let hit = (*x == a && *y == b) || (*x == b && *y == a);
            if hit {
                link.lose();
            }
            !hit && !link.is_closed()
        });
    }

    fn lock(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An endpoint of a [`MemoryNetwork`].
#[derive(Debug, Clone)]
pub struct MemoryTransport {
    id: AuthorId,
    network: MemoryNetwork,
}

impl Transport for MemoryTransport {
    fn local_id(&self) -> AuthorId {
        self.id
    }

    fn local_addr(&self) -> PeerAddr {
        PeerAddr::new(self.id)
    }

    fn connect<'a>(
        &'a self,
        addr: &'a PeerAddr,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, ConnectError>> {
        Box::pin(async move {
            let mut hub = self.network.lock();
            if !hub.endpoints.contains_key(&self.id) {
                return Err(ConnectError::TransportClosed);
            }
            let Some(target) = hub.endpoints.get_mut(&addr.id) else {
                return Err(ConnectError::Unreachable);
            };
            if target.waiting.len() >= ACCEPT_QUEUE {
                return Err(ConnectError::Refused(CloseReason::Busy));
            }
            let link = Arc::new(Link::default());
            target.waiting.push_back(Arc::new(MemoryConnection::new(
                link.clone(),
                Side::Accepted,
                self.id,
            )));
            target.wakers.wake();
            hub.links.retain(|(_, _, link)| !link.is_closed());
            hub.links.push((self.id, addr.id, link.clone()));
            let connection = MemoryConnection::new(link, Side::Connected, addr.id);
            Ok(Arc::new(connection) as Arc<dyn Connection>)
        })
    }

    fn accept(&self) -> BoxFuture<'_, Option<Arc<dyn Connection>>> {
        Box::pin(poll_fn(move |cx| {
            let mut hub = self.network.lock();
            let Some(endpoint) = hub.endpoints.get_mut(&self.id) else {
                return Poll::Ready(None);
            };
            if let Some(connection) = endpoint.waiting.pop_front() {
                return Poll::Ready(Some(connection));
            }
            endpoint.wakers.register(cx.waker());
            Poll::Pending
        }))
    }

    fn close(&self, reason: CloseReason) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut hub = self.network.lock();
            if let Some(mut endpoint) = hub.endpoints.remove(&self.id) {
                endpoint.wakers.wake();
            }
            hub.links.retain(|(a, b, link)| {
                if *a == self.id {
                    link.close(Side::Connected, reason);
                } else if *b == self.id {
                    link.close(Side::Accepted, reason);
                }
                !link.is_closed()
            });
        })
    }
}

//! The node on the network: who may connect, which connections stand, and what is synced when.
//!
//! Members hold connections to each other and sync every store over them: when one comes up, when
//! gossip says that something is missing, and every so often whatever gossip says. Others don't get
//! past the handshake, except a ticket's key on its way to join.

mod admission;
mod inviting;
mod links;
mod peers;
mod pulse;
mod rounds;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nocturne_core::{AuthorId, Entropy, StoreId};
use nocturne_net::driver::SyncOptions;
use nocturne_net::iroh::{BindError, IrohNode, IrohTransport, JOIN_ALPN, Relay, SYNC_ALPN};
use nocturne_net::proto::Deadlines;
use nocturne_net::transport::{CloseReason, PeerAddr};
use nocturne_store::{Batch, SystemEntropy};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::error::NodeError;
use crate::mesh::announce_address;
use crate::node::Node;
use admission::Gate;
use links::Links;

/// How long a peer may take to say hello: a connection that has died is noticed by this.
const GREETING: Duration = Duration::from_secs(5);
/// How long a connection attempt may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How to be on the network.
#[derive(Debug, Clone)]
pub struct NetworkOptions {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Which relay to use.
    pub relay: Relay,
    /// Whether to announce and look in the local network.
    pub discovery: bool,
    /// Whether to stay: keep connections to all members, gossip, answer joins, announce addresses.
    /// Without it the node only does what it is asked, and answers its peers meanwhile.
    pub stay: bool,
}

impl NetworkOptions {
    /// As the settings say, to stay.
    pub fn serving(config: &crate::config::Config) -> Self {
        Self {
            listen: config.listen,
            relay: config.relay.clone(),
            discovery: config.discovery,
            stay: true,
        }
    }

    /// For one command: at a free port, since the configured one is the daemon's.
    pub fn passing(config: &crate::config::Config) -> Self {
        Self {
            listen: SocketAddr::new(config.listen.ip(), 0),
            stay: false,
            ..Self::serving(config)
        }
    }
}

/// A node's endpoint with its connections and the tasks around them.
#[derive(Debug)]
pub struct Network {
    endpoint: IrohNode,
    sync: IrohTransport,
    /// Whether peers can find this node here and dial it.
    stays: bool,
    links: Links,
    /// Entries that we had of a store when we were last equal with a peer.
    equal_at: Mutex<BTreeMap<(AuthorId, StoreId), u64>>,
    /// Wakes a peer's loop: something is to be synced with it.
    kicks: Mutex<BTreeMap<AuthorId, Arc<Notify>>>,
    stop: watch::Sender<bool>,
    tasks: Mutex<JoinSet<()>>,
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Network {
    /// Goes on the network. The node refers to it until [`Network::stop`].
    pub async fn start(node: &Arc<Node>, options: NetworkOptions) -> Result<Arc<Self>, NodeError> {
        let endpoint = bind_again(node, &options).await?;
        let Some(sync) = endpoint.transport(SYNC_ALPN) else {
            return Err(BindError::Setup.into());
        };
        let network = Arc::new(Self {
            sync,
            stays: options.stay,
            links: Links::default(),
            equal_at: Mutex::default(),
            kicks: Mutex::default(),
            stop: watch::Sender::new(false),
            tasks: Mutex::new(JoinSet::new()),
            endpoint,
        });
        network.spawn(links::accept(Arc::clone(node), Arc::clone(&network)));
        node.set_network(Some(Arc::clone(&network)));
        if options.stay {
            if let Some(joins) = network.endpoint.transport(JOIN_ALPN) {
                network.spawn(inviting::accept(Arc::clone(node), joins));
            }
            network.announce(node).await?;
            network.spawn(peers::keep_all(Arc::clone(node), Arc::clone(&network)));
            if let Some(gossip) = network.endpoint.gossip() {
                network.spawn(pulse::keep(Arc::clone(node), Arc::clone(&network), gossip));
            }
        }
        Ok(network)
    }

    /// Closes every connection, telling peers why, and ends all tasks.
    pub async fn stop(self: &Arc<Self>, node: &Node) {
        self.stop.send_replace(true);
        node.set_network(None);
        self.endpoint.close(CloseReason::Shutdown).await;
        let mut tasks = std::mem::take(&mut *guard(&self.tasks));
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
    }

    /// Runs a task until it ends or the network stops.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut stopped = self.stop.subscribe();
        let mut tasks = guard(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            tokio::select! {
                biased;
                () = async { stopped.wait_for(|stop| *stop).await.ok(); } => {}
                () = task => {}
            }
        });
    }

    /// Where this node can be found.
    pub fn local_addr(&self) -> PeerAddr {
        self.endpoint.local_addr()
    }

    /// Whether a connection to the peer stands.
    pub fn is_connected(&self, peer: &AuthorId) -> bool {
        self.links.current(peer).is_some()
    }

    /// Entries of all stores that the peer is not known to have; `None` if it was never compared
    /// with.
    pub fn lag(&self, node: &Node, peer: AuthorId) -> Option<u64> {
        let equal_at = guard(&self.equal_at);
        let mut lag = None;
        for handle in node.handles() {
            if let Some(then) = equal_at.get(&(peer, handle.id())) {
                let behind = handle.frontier().entries().saturating_sub(*then);
                lag = Some(lag.unwrap_or(0) + behind);
            }
        }
        lag
    }

    /// Says in the root store where this node can be found, if it moved since it last said so.
    async fn announce(&self, node: &Node) -> Result<(), NodeError> {
        let address = self.local_addr();
        let mesh = node.mesh();
        let known = mesh
            .members
            .get(&node.id())
            .and_then(|member| member.address.as_ref());
        if known == Some(&address) || node.may_write().is_err() {
            return Ok(());
        }
        node.write_root(Batch::from(announce_address(&address)))
            .await?;
        Ok(())
    }

    fn kick(&self, peer: AuthorId) -> Arc<Notify> {
        Arc::clone(guard(&self.kicks).entry(peer).or_default())
    }

    /// Wakes the loops of these peers, or of all.
    fn wake(&self, peer: Option<AuthorId>) {
        let kicks = guard(&self.kicks);
        match peer {
            Some(peer) => {
                if let Some(kick) = kicks.get(&peer) {
                    kick.notify_one();
                }
            }
            None => kicks.values().for_each(|kick| kick.notify_one()),
        }
    }
}

/// Where any port will do, a daemon takes the one it had before, if it is still free: its peers look
/// for it there.
async fn bind_again(node: &Arc<Node>, options: &NetworkOptions) -> Result<IrohNode, NodeError> {
    if !options.stay || options.listen.port() != 0 {
        return Ok(bind(node, options).await?);
    }
    let mut endpoint = None;
    if let Some(port) = node.last_port() {
        let listen = SocketAddr::new(options.listen.ip(), port);
        endpoint = bind(
            node,
            &NetworkOptions {
                listen,
                ..options.clone()
            },
        )
        .await
        .ok();
    }
    let endpoint = match endpoint {
        Some(endpoint) => endpoint,
        None => bind(node, options).await?,
    };
    if let Some(socket) = endpoint.sockets().first() {
        node.had_port(socket.port()).await?;
    }
    Ok(endpoint)
}

async fn bind(node: &Arc<Node>, options: &NetworkOptions) -> Result<IrohNode, BindError> {
    let builder = |discovery: bool| {
        let builder = IrohNode::builder(&node.identity)
            .listen(options.listen)
            .relay(options.relay.clone())
            .local_discovery(discovery)
            .gossip(options.stay && !node.config.low_power)
            .protocol(SYNC_ALPN)
            .admission(Gate::new(node))
            .connect_timeout(CONNECT);
        if options.stay {
            builder.protocol(JOIN_ALPN)
        } else {
            builder
        }
    };
    match builder(options.discovery).bind().await {
        // A machine without multicast is still a node.
        Err(BindError::Discovery) if options.discovery => {
            tracing::warn!("local discovery is not possible here; going on without");
            builder(false).bind().await
        }
        bound => bound,
    }
}

fn sync_options(node: &Node) -> SyncOptions {
    let deadlines = Deadlines {
        greeting_ms: u64::try_from(GREETING.as_millis()).unwrap_or(u64::MAX),
        ..Deadlines::default()
    };
    SyncOptions {
        clock: Arc::clone(&node.clock),
        deadlines,
        ..SyncOptions::default()
    }
}

/// Between half and one and a half of a duration, so that nodes don't move in step.
fn jittered(mean: Duration) -> Duration {
    let mut bytes = [0; 2];
    if let Ok(mut entropy) = SystemEntropy::new() {
        entropy.fill(&mut bytes);
    }
    mean.mul_f64(0.5 + f64::from(u16::from_be_bytes(bytes)) / f64::from(u16::MAX))
}

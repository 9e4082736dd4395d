//! One of the demo's nodes: what a daemon is made of, without the process around it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nocturne_core::Identity;
use nocturne_net::iroh::{IrohNode, Relay, SYNC_ALPN};
use nocturne_net::transport::{CloseReason, Closed, ConnectError, Transport};
use nocturne_store::{StoreHandle, SystemEntropy};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::failed;
use crate::api::{BatchOp, Item, Request};
use crate::bytes_json::JsonBytes;
use crate::config::Config;
use crate::data_dir::Layout;
use crate::error::NodeError;
use crate::execute::execute;
use crate::joining::{JoinOptions, join};
use crate::mesh::{Access, Name, Role};
use crate::network::{Network, NetworkOptions};
use crate::node::{Node, init};
use crate::ticket::Ticket;

/// How long anything between the nodes may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A node with its data directory.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) layout: Layout,
    node: Arc<Node>,
    network: Mutex<Option<Arc<Network>>>,
    follower: JoinHandle<()>,
}

/// On loopback, and nothing from outside of this machine.
fn config() -> Config {
    Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        relay: Relay::Off,
        discovery: false,
        ..Config::default()
    }
}

fn named(name: &'static str) -> Option<Name> {
    name.parse().ok()
}

impl Member {
    /// Founds the mesh.
    pub(super) async fn found(base: &Path, name: &'static str) -> Result<Self, NodeError> {
        let layout = Layout::new(base.join(name));
        let made = spawn_blocking({
            let layout = layout.clone();
            move || init(&layout, &config(), named(name))
        });
        made.await??;
        Self::open(name, layout).await
    }

    /// Joins the mesh of a ticket.
    pub(super) async fn join(
        base: &Path,
        name: &'static str,
        ticket: &Ticket,
    ) -> Result<Self, NodeError> {
        let layout = Layout::new(base.join(name));
        join(layout.clone(), config(), options(ticket, name)).await?;
        Self::open(name, layout).await
    }

    /// Whether a further node that comes with this ticket is refused.
    pub(super) async fn refused(base: &Path, ticket: &Ticket) -> Result<bool, NodeError> {
        let layout = Layout::new(base.join("intruder"));
        let outcome = join(layout.clone(), config(), options(ticket, "intruder")).await;
        std::fs::remove_dir_all(layout.root()).ok();
        match outcome {
            Ok(_) => Ok(false),
            Err(NodeError::JoinRefused { .. }) => Ok(true),
            Err(other) => Err(other),
        }
    }

    async fn open(name: &'static str, layout: Layout) -> Result<Self, NodeError> {
        let node = Node::open(layout.clone(), config()).await?;
        let follower = tokio::spawn({
            let node = Arc::clone(&node);
            async move { node.follow_root().await }
        });
        let member = Self {
            name,
            layout,
            node,
            network: Mutex::default(),
            follower,
        };
        member.go_online().await?;
        Ok(member)
    }

    pub(super) async fn go_online(&self) -> Result<(), NodeError> {
        let options = NetworkOptions::serving(&config());
        let network = Network::start(&self.node, options).await?;
        self.put_network(Some(network));
        Ok(())
    }

    pub(super) async fn go_offline(&self) {
        if let Some(network) = self.put_network(None) {
            network.stop(&self.node).await;
        }
    }

    fn put_network(&self, network: Option<Arc<Network>>) -> Option<Arc<Network>> {
        let mut slot = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *slot, network)
    }

    pub(super) async fn close(&self) -> Result<(), NodeError> {
        self.go_offline().await;
        self.follower.abort();
        self.node.shutdown().await
    }

    /// Asks as the command line would.
    pub(super) async fn ask(&self, request: Request) -> Result<Vec<Item>, NodeError> {
        let (sender, mut items) = mpsc::channel(64);
        let node = Arc::clone(&self.node);
        let running = tokio::spawn(async move { execute(&node, request, &sender).await });
        let mut answers = Vec::new();
        while let Some(item) = items.recv().await {
            answers.push(item);
        }
        running.await??;
        Ok(answers)
    }

    pub(super) async fn invite(&self) -> Result<Ticket, NodeError> {
        let request = Request::Invite {
            expires_in_ms: 600_000,
            role: Role::Device,
            access: Access::Writer,
        };
        for item in self.ask(request).await? {
            if let Item::Invited { ticket, .. } = item {
                return Ok(ticket.parse()?);
            }
        }
        Err(failed("no ticket", self.name))
    }

    /// Exchanges with a peer, or with all, until nothing is missing.
    pub(super) async fn sync(&self, peer: Option<&str>) -> Result<(), NodeError> {
        let timeout_ms = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        let request = Request::Sync {
            peer: peer.map(str::to_owned),
            timeout_ms,
        };
        self.ask(request).await.map(drop)
    }

    pub(super) fn store(&self) -> Result<StoreHandle, NodeError> {
        self.node.store("main")
    }

    pub(super) async fn write(&self, ops: Vec<BatchOp>) -> Result<(), NodeError> {
        let request = Request::Write {
            store: "main".to_owned(),
            ops,
            batch: true,
        };
        self.ask(request).await.map(drop)
    }

    pub(super) async fn put(&self, key: &str, value: &str) -> Result<(), NodeError> {
        let op = BatchOp::Put {
            key: JsonBytes::from(key.to_owned()),
            value: JsonBytes::from(value.to_owned()),
            tags: Vec::new(),
            subject: None,
        };
        self.write(vec![op]).await
    }

    pub(super) fn value(&self, key: &str) -> Result<Option<Vec<u8>>, NodeError> {
        let row = self.store()?.get(key.as_bytes())?;
        Ok(row.map(|row| row.value.to_vec()))
    }

    /// Whether somebody with a key that the mesh doesn't know is closed before a stream is taken.
    pub(super) async fn turns_strangers_away(&self) -> Result<bool, NodeError> {
        let Some(network) = self.node.network() else {
            return Ok(false);
        };
        let stranger = Identity::generate(&mut SystemEntropy::new()?);
        let endpoint = IrohNode::builder(&stranger)
            .listen(config().listen)
            .relay(Relay::Off)
            .protocol(SYNC_ALPN)
            .bind()
            .await?;
        let connected = match endpoint.transport(SYNC_ALPN) {
            Some(transport) => transport.connect(&network.local_addr()).await,
            None => return Ok(false),
        };
        let turned_away = match connected {
            Err(ConnectError::Refused(CloseReason::NotMember)) => true,
            Err(_) => false,
            // The handshake may return before the refusal arrives; the connection ends with it.
            Ok(connection) => matches!(
                timeout(PATIENCE, connection.closed()).await,
                Ok(Closed::ByPeer(CloseReason::NotMember))
            ),
        };
        endpoint.close(CloseReason::Done).await;
        Ok(turned_away)
    }
}

fn options(ticket: &Ticket, name: &'static str) -> JoinOptions {
    JoinOptions {
        ticket: ticket.clone(),
        name: named(name),
        wait: true,
        network: NetworkOptions::passing(&config()),
    }
}

//! How an endpoint is set up.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::iroh::address_lookup::memory::MemoryLookup;
use ::iroh::endpoint::presets;
use ::iroh::{Endpoint, RelayMode, SecretKey, Watcher};
use iroh_mdns_address_lookup::MdnsAddressLookup;
use nocturne_core::Identity;
use tokio::time::timeout;

use super::CONNECT_TIMEOUT;
use super::admission::{Admission, Decision, Gate};
use super::node::IrohNode;

/// Name under which nodes announce themselves in the local network.
const MDNS_SERVICE: &str = "nocturne";

/// How long to wait for the machine's own addresses.
const ADDRESS_PATIENCE: Duration = Duration::from_millis(500);

/// Which relay helps peers that can't reach each other directly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Relay {
    /// None: direct connections only.
    #[default]
    Off,
    /// iroh's public ones.
    Public,
    /// One's own, by URL.
    Url(String),
}

/// Why an endpoint can't be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// An address can't be listened on.
    #[error("cannot listen: {0}")]
    Listen(#[source] io::Error),
    /// Two addresses of one family without a route to tell them apart, or no address at all.
    #[error("the listening addresses cannot be used together")]
    Addresses,
    /// Not a relay's URL.
    #[error("the relay's URL is not valid")]
    Relay,
    /// The local network can't be searched.
    #[error("local discovery (mDNS) is not possible here")]
    Discovery,
    /// Cryptography or the network monitor could not be set up.
    #[error("the network endpoint cannot be set up")]
    Setup,
}

/// Sets up an [`IrohNode`].
pub struct IrohBuilder {
    secret: SecretKey,
    listen: Vec<SocketAddr>,
    relay: Relay,
    discovery: bool,
    gossip: bool,
    protocols: Vec<&'static [u8]>,
    admission: Arc<dyn Admission>,
    connect_timeout: Duration,
}

impl std::fmt::Debug for IrohBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IrohBuilder")
            .field("id", &super::author(&self.secret.public()))
            .field("listen", &self.listen)
            .field("relay", &self.relay)
            .field("discovery", &self.discovery)
            .field("gossip", &self.gossip)
            .finish_non_exhaustive()
    }
}

impl IrohBuilder {
    pub(super) fn new(identity: &Identity) -> Self {
        Self {
            secret: SecretKey::from_bytes(&identity.secret_bytes()),
            listen: Vec::new(),
            relay: Relay::Off,
            discovery: false,
            gossip: false,
            protocols: Vec::new(),
            admission: Arc::new(|_: &nocturne_core::AuthorId, _: &[u8]| Decision::Accept),
            connect_timeout: CONNECT_TIMEOUT,
        }
    }

    /// Listens on this address; port 0 takes a free one. Without any, on all addresses of the
    /// machine at a free port.
    #[must_use]
    pub fn listen(mut self, addr: SocketAddr) -> Self {
        self.listen.push(addr);
        self
    }

    /// Uses a relay. Off unless called.
    #[must_use]
    pub fn relay(mut self, relay: Relay) -> Self {
        self.relay = relay;
        self
    }

    /// Announces this node in the local network and finds others there (mDNS). Off unless called.
    #[must_use]
    pub fn local_discovery(mut self, on: bool) -> Self {
        self.discovery = on;
        self
    }

    /// Speaks a protocol: connections for it are accepted into its [`super::IrohTransport`].
    #[must_use]
    pub fn protocol(mut self, alpn: &'static [u8]) -> Self {
        self.protocols.push(alpn);
        self
    }

    /// Takes part in gossip.
    #[must_use]
    pub fn gossip(mut self, on: bool) -> Self {
        self.gossip = on;
        self
    }

    /// Decides who gets in. Everyone, unless called.
    #[must_use]
    pub fn admission(mut self, admission: impl Admission + 'static) -> Self {
        self.admission = Arc::new(admission);
        self
    }

    /// How long a connection attempt may take.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Opens the sockets and starts to accept. Needs a tokio runtime with time and I/O.
    pub async fn bind(self) -> Result<IrohNode, BindError> {
        let gate = Gate::new(self.admission);
        let lookup = MemoryLookup::new();
        let mut alpns: Vec<Vec<u8>> = self.protocols.iter().map(|alpn| alpn.to_vec()).collect();
        if self.gossip {
            alpns.push(iroh_gossip::ALPN.to_vec());
        }
        let relay_mode = match &self.relay {
            Relay::Off => RelayMode::Disabled,
            Relay::Public => RelayMode::Default,
            Relay::Url(url) => RelayMode::custom([url.parse().map_err(|_| BindError::Relay)?]),
        };
        let mut builder = Endpoint::builder(presets::Minimal)
            .relay_mode(relay_mode)
            .secret_key(self.secret)
            .alpns(alpns)
            .hooks(gate.clone())
            .address_lookup(lookup.clone());
        if !self.listen.is_empty() {
            builder = builder.clear_ip_transports();
            for addr in &self.listen {
                builder = builder.bind_addr(*addr).map_err(|_| BindError::Addresses)?;
            }
        }
        if self.discovery {
            builder =
                builder.address_lookup(MdnsAddressLookup::builder().service_name(MDNS_SERVICE));
        }
        let endpoint = builder.bind().await.map_err(bind_error)?;
        wait_for_addresses(&endpoint).await;
        let protocols: BTreeSet<_> = self.protocols.into_iter().collect();
        Ok(IrohNode::start(
            endpoint,
            gate,
            lookup,
            protocols.into_iter(),
            self.gossip,
            self.connect_timeout,
        ))
    }
}

/// The machine's own addresses are looked up in the background; they should be in the first invite
/// already. A machine without network has none to wait for.
async fn wait_for_addresses(endpoint: &Endpoint) {
    let everywhere = |socket: &SocketAddr| socket.ip().is_unspecified();
    if !endpoint.bound_sockets().iter().any(everywhere) {
        return;
    }
    let mut known = endpoint.watch_addr();
    let waiting = async {
        while known.get().ip_addrs().next().is_none() {
            if known.updated().await.is_err() {
                return;
            }
        }
    };
    timeout(ADDRESS_PATIENCE, waiting).await.ok();
}

fn bind_error(error: ::iroh::endpoint::BindError) -> BindError {
    use ::iroh::endpoint::BindError as Iroh;
    tracing::debug!(%error, "binding an endpoint failed");
    match error {
        Iroh::Sockets { source, .. } | Iroh::CreateQuicEndpoint { source, .. } => {
            BindError::Listen(source)
        }
        Iroh::InvalidTransportConfig { .. } => BindError::Addresses,
        Iroh::AddressLookup { .. } => BindError::Discovery,
        _ => BindError::Setup,
    }
}

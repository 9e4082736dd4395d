//! QUIC by iroh: endpoints, streams, local discovery, and gossip by iroh-gossip.
//!
//! An [`IrohNode`] is one endpoint. Each protocol (ALPN) that it speaks has an [`IrohTransport`] of
//! its own, so that sync, joining and gossip share socket and identity and never see each other's
//! connections. Strangers are turned away by the [`Admission`] right after the handshake, before
//! any stream of theirs is looked at.
//!
//! No outside service is needed on one machine or in one local network: relays are off unless
//! asked for, addresses are given with the peer or found by mDNS.
//!
//! ```
//! use nocturne_core::{AuthorId, Entropy, Identity};
//! use nocturne_net::iroh::{Decision, IrohNode, SYNC_ALPN};
//! use nocturne_net::transport::{CloseReason, Transport};
//!
//! # struct Seed(u8);
//! # impl Entropy for Seed { fn fill(&mut self, out: &mut [u8]) { out.fill(self.0); } }
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! let (alice, bob) = (Identity::generate(&mut Seed(1)), Identity::generate(&mut Seed(2)));
//! let (alice_id, loopback) = (alice.author(), "127.0.0.1:0".parse()?);
//! let one = IrohNode::builder(&alice).listen(loopback).protocol(SYNC_ALPN).bind().await?;
//! let two = IrohNode::builder(&bob)
//!     .listen(loopback)
//!     .protocol(SYNC_ALPN)
//!     .admission(move |peer: &AuthorId, _alpn: &[u8]| {
//!         if *peer == alice_id { Decision::Accept } else { Decision::Reject(CloseReason::NotMember) }
//!     })
//!     .bind()
//!     .await?;
//! let (from, to) = (one.transport(SYNC_ALPN).unwrap(), two.transport(SYNC_ALPN).unwrap());
//! let connection = from.connect(&to.local_addr()).await?;
//! assert_eq!(connection.peer(), bob.author());
//! one.close(CloseReason::Shutdown).await;
//! two.close(CloseReason::Shutdown).await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admission;
mod builder;
mod connection;
mod gossip;
mod keeper;
mod node;

use std::time::Duration;

use ::iroh::EndpointAddr;
use nocturne_core::AuthorId;

pub use self::admission::{Admission, Decision};
pub use self::builder::{BindError, IrohBuilder, Relay};
pub use self::gossip::IrohGossip;
pub use self::node::{IrohNode, IrohTransport};
use crate::transport::{ConnectError, PeerAddr};

/// The protocol of sync sessions.
pub const SYNC_ALPN: &[u8] = b"nocturne/1";
/// The protocol by which a new node joins a mesh.
pub const JOIN_ALPN: &[u8] = b"nocturne/join/1";

/// How long a connection attempt may take, unless set otherwise. iroh itself gives up on a dead
/// address after 30 s only.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

fn to_iroh(addr: &PeerAddr) -> Result<EndpointAddr, ConnectError> {
    let id =
        ::iroh::PublicKey::from_bytes(addr.id.as_bytes()).map_err(|_| ConnectError::BadAddress)?;
    let mut out = EndpointAddr::new(id);
    for direct in &addr.direct {
        out = out.with_ip_addr(*direct);
    }
    if let Some(relay) = &addr.relay {
        let url = relay.parse().map_err(|_| ConnectError::BadAddress)?;
        out = out.with_relay_url(url);
    }
    Ok(out)
}

fn author(id: &::iroh::PublicKey) -> AuthorId {
    AuthorId::from_bytes(*id.as_bytes())
}

//! Endpoints on loopback.

use std::net::SocketAddr;

use nocturne_core::{Entropy, Identity};
use nocturne_net::iroh::{IrohBuilder, IrohNode, SYNC_ALPN};

/// The same bytes over and over: identities that differ by their seed.
pub(crate) struct Seed(pub(crate) u8);

impl Entropy for Seed {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

pub(crate) fn identity(seed: u8) -> Identity {
    Identity::generate(&mut Seed(seed))
}

pub(crate) fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

pub(crate) fn builder(seed: u8) -> IrohBuilder {
    IrohNode::builder(&identity(seed))
        .listen(loopback())
        .protocol(SYNC_ALPN)
}

pub(crate) async fn node(seed: u8) -> IrohNode {
    builder(seed).gossip(true).bind().await.unwrap()
}

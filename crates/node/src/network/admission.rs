//! Who gets past the handshake.

use std::sync::Arc;

use nocturne_core::AuthorId;
use nocturne_net::iroh::{Admission, Decision, JOIN_ALPN};
use nocturne_net::transport::CloseReason;
use nocturne_store::Clock;
use tokio::sync::watch;

use crate::join::JoinRefusal;
use crate::mesh::Mesh;
use crate::node::Node;

/// Members for everything; the keys of this node's open tickets for joining; nobody else.
pub(super) struct Gate {
    mesh: watch::Receiver<Arc<Mesh>>,
    me: AuthorId,
    clock: Arc<dyn Clock>,
}

impl Gate {
    pub(super) fn new(node: &Node) -> Self {
        Self {
            mesh: node.watch_mesh(),
            me: node.id(),
            clock: Arc::clone(&node.clock),
        }
    }
}

impl Admission for Gate {
    fn decide(&self, peer: &AuthorId, alpn: &[u8]) -> Decision {
        let mesh = self.mesh.borrow();
        if mesh.members.may_connect(peer) {
            return Decision::Accept;
        }
        if alpn != JOIN_ALPN {
            return Decision::Reject(CloseReason::NotMember);
        }
        match JoinRefusal::of(mesh.invites.get(peer), self.me, self.clock.now_ms()) {
            None => Decision::Accept,
            Some(refusal) => Decision::Reject(refusal.reason()),
        }
    }
}

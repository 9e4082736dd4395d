//! Who gets past the handshake.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use ::iroh::endpoint::{AfterHandshakeOutcome, Connection, EndpointHooks, Side};
use nocturne_core::AuthorId;

use crate::transport::CloseReason;

/// What to do with a peer that has proved its identity and wants to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Let it in.
    Accept,
    /// Close the connection with this code before any stream is looked at.
    Reject(CloseReason),
}

/// Decides about incoming connections. Called on the network's task: it must answer at once, from
/// memory.
pub trait Admission: Send + Sync {
    /// May this peer connect for this protocol?
    fn decide(&self, peer: &AuthorId, alpn: &[u8]) -> Decision;
}

impl<F> Admission for F
where
    F: Fn(&AuthorId, &[u8]) -> Decision + Send + Sync,
{
    fn decide(&self, peer: &AuthorId, alpn: &[u8]) -> Decision {
        self(peer, alpn)
    }
}

/// The admission in force; can be exchanged while the endpoint runs.
#[derive(Clone)]
pub(super) struct Gate {
    admission: Arc<RwLock<Arc<dyn Admission>>>,
}

impl Gate {
    pub(super) fn new(admission: Arc<dyn Admission>) -> Self {
        Self {
            admission: Arc::new(RwLock::new(admission)),
        }
    }

    pub(super) fn set(&self, admission: Arc<dyn Admission>) {
        *self
            .admission
            .write()
            .unwrap_or_else(PoisonError::into_inner) = admission;
    }

    pub(super) fn decide(&self, peer: &AuthorId, alpn: &[u8]) -> Decision {
        let admission = self
            .admission
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        admission.decide(peer, alpn)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl EndpointHooks for Gate {
    async fn after_handshake<'a>(&'a self, conn: &'a Connection) -> AfterHandshakeOutcome {
        // A peer that was dialled has proved to be who was dialled.
        if conn.side() == Side::Client {
            return AfterHandshakeOutcome::accept();
        }
        let peer = super::author(&conn.remote_id());
        match self.decide(&peer, conn.alpn()) {
            Decision::Accept => AfterHandshakeOutcome::accept(),
            Decision::Reject(reason) => {
                tracing::debug!(%peer, %reason, "turned a connection away");
                AfterHandshakeOutcome::Reject {
                    error_code: reason.code().into(),
                    reason: reason.to_string().into_bytes(),
                }
            }
        }
    }
}

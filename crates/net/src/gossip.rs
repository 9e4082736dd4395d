//! What live propagation needs from a network: topics with broadcast and receive.
//!
//! Gossip is a hint. Messages may be lost, duplicated and reordered, and nothing sent while a peer
//! was away ever reaches it: correctness rests on anti-entropy.

use std::fmt;

use bytes::Bytes;
use nocturne_core::AuthorId;

use crate::transport::{BoxFuture, PeerAddr};

/// Names a topic; secret to the store's members, since who knows it can listen.
pub type TopicId = [u8; 32];

/// Why a topic can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GossipError {
    /// The gossip service has stopped or the topic was left.
    #[error("gossip has stopped")]
    Closed,
    /// The message is larger than [`Topic::max_message`]; nothing was sent.
    #[error("a message of {len} bytes exceeds gossip's limit of {max}")]
    TooLarge {
        /// The message's length in bytes.
        len: usize,
        /// The most that is allowed.
        max: usize,
    },
}

/// What happens on a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GossipEvent {
    /// A message; who wrote it is not known, only who handed it on.
    Message {
        /// The neighbour that delivered it.
        from: AuthorId,
        /// The payload.
        payload: Bytes,
    },
    /// Messages were dropped because they were not taken fast enough.
    Lagged,
    /// A direct neighbour appeared.
    NeighborUp(AuthorId),
    /// A direct neighbour went away.
    NeighborDown(AuthorId),
}

/// A gossip service.
pub trait Gossip: fmt::Debug + Send + Sync {
    /// Joins a topic, through any of `bootstrap` that can be reached; does not wait for them.
    fn join(
        &self,
        topic: TopicId,
        bootstrap: Vec<PeerAddr>,
    ) -> BoxFuture<'_, Result<Box<dyn Topic>, GossipError>>;
}

/// A joined topic. Dropping it leaves the topic.
pub trait Topic: fmt::Debug + Send {
    /// The largest payload in bytes that [`Self::broadcast`] takes.
    fn max_message(&self) -> usize;

    /// Sends to everyone on the topic, as far as they can be reached now. Two broadcasts of equal
    /// bytes may arrive as one.
    fn broadcast(&mut self, payload: Bytes) -> BoxFuture<'_, Result<(), GossipError>>;

    /// The next event. Cancel-safe.
    fn recv(&mut self) -> BoxFuture<'_, Result<GossipEvent, GossipError>>;

    /// Tries (again) to reach peers that should be on the topic. Returns at once.
    fn join_peers(&mut self, peers: Vec<PeerAddr>);
}

//! Keeps one store current over gossip, and says when a sync is due.
//!
//! What is written here is broadcast once it is durable: the runs themselves when they fit a
//! message, else an announcement. What others broadcast is verified and applied. Whatever gossip
//! can't give (a gap, an announcement, lost messages, a new neighbour, or nothing for a while)
//! becomes a [`Pull`] on the caller's channel: the caller has the connections and runs
//! [`super::sync_once`]. Gossip is a hint; the pulls are what correctness rests on.

mod inbox;
mod outbox;
mod service;

use std::sync::Arc;
use std::time::Duration;

use nocturne_core::AuthorId;
use nocturne_store::StoreHandle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::gossip::Gossip;
use crate::transport::PeerAddr;

/// Pulls that may wait for the caller; more are dropped, since any later sync covers them.
pub const PULL_QUEUE: usize = 64;
/// Mean time between anti-entropy pulls, unless set otherwise.
pub const SYNC_INTERVAL: Duration = Duration::from_mins(1);
/// Lists of peers that may wait to be joined.
const PEER_LISTS: usize = 16;

/// A sync that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pull {
    /// With whom; anyone reachable if not said.
    pub peer: Option<AuthorId>,
    /// Why.
    pub reason: PullReason,
}

/// Why a sync is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullReason {
    /// A run came whose predecessors are missing here.
    Gap,
    /// The peer has entries that did not fit a message.
    Announcement,
    /// Messages were lost on the way or for lack of room here.
    Lagged,
    /// A neighbour appeared: each may have what the other lacks.
    Neighbor,
    /// It has been a while.
    Interval,
}

/// What a live service is made of.
#[derive(Debug, Clone)]
pub struct LiveConfig {
    /// The store.
    pub store: StoreHandle,
    /// The gossip service; the topic follows from the store's genesis.
    pub gossip: Arc<dyn Gossip>,
    /// Peers that should be on the topic.
    pub peers: Vec<PeerAddr>,
    /// Mean time between anti-entropy pulls; the actual one varies between half and one and a half
    /// of it, so that nodes don't move in step.
    pub interval: Duration,
    /// Where that variation comes from.
    pub seed: u64,
}

/// A running service. Dropping it stops it.
#[derive(Debug)]
pub struct Live {
    peers: mpsc::Sender<Vec<PeerAddr>>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Live {
    /// Starts the service. Needs a tokio runtime.
    pub fn start(config: LiveConfig, pulls: mpsc::Sender<Pull>) -> Self {
        let (peers, lists) = mpsc::channel(PEER_LISTS);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(service::run(config, pulls, lists, stopped));
        Self {
            peers,
            stop,
            task: Some(task),
        }
    }

    /// Names more peers that should be on the topic.
    pub fn join_peers(&self, peers: Vec<PeerAddr>) {
        // A full queue means that enough are being tried.
        self.peers.try_send(peers).ok();
    }

    /// Leaves the topic and waits until what was received is stored.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            task.await.ok();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

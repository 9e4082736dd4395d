//! Syncing all stores with a peer, and with all peers until nothing moves any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_core::{AuthorId, StoreId};
use nocturne_net::driver::{SyncError, sync_once};
use nocturne_net::proto::{RefuseReason, Report, SessionError};
use nocturne_net::transport::{CloseReason, Closed, ConnectError, Connection, StreamError};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Duration, Instant, timeout_at};

use super::{Network, guard, sync_options};
use crate::api::{Item, Reached, StoreSync};
use crate::clock::Stopwatch;
use crate::error::NodeError;
use crate::mesh::Status;
use crate::node::Node;

/// Between two rounds that moved nothing and still were not equal: what is missing is on its way
/// through somebody else.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a peer that cannot be dialled is waited for where it may dial us: it may have started a
/// moment ago, at an address that nobody has heard of yet.
const GRACE: Duration = Duration::from_secs(2);

/// What one pass over all stores with one peer did.
#[derive(Debug, Default)]
pub(super) struct Tally {
    stores: BTreeMap<StoreId, StoreSync>,
    /// Whether all stores ended with equal frontiers.
    pub equal: bool,
    /// Entries that came or went.
    pub moved: u64,
}

/// Why a pass over a peer's stores ended early.
#[derive(Debug)]
pub(super) enum PassError {
    Connect(ConnectError),
    Sync(SyncError),
    Node(NodeError),
}

impl PassError {
    /// For people; `None` for what a moment may cure.
    fn lasting(&self) -> Option<String> {
        match self {
            Self::Connect(error) => Some(error.to_string()),
            Self::Sync(SyncError::Stream(StreamError::Connection(Closed::ByPeer(
                reason @ (CloseReason::NotMember | CloseReason::Violation),
            )))) => Some(format!("it turned this node away: {reason}")),
            Self::Sync(SyncError::Session(
                error @ (SessionError::Version(_) | SessionError::Local(_)),
            )) => Some(error.to_string()),
            Self::Sync(_) => None,
            Self::Node(error) => Some(error.to_string()),
        }
    }
}

impl std::fmt::Display for PassError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Sync(error) => error.fmt(f),
            Self::Node(error) => error.fmt(f),
        }
    }
}

impl Network {
    /// Syncs every store with one peer, the root first: it may declare stores that are synced then.
    pub(super) async fn pass(
        self: &Arc<Self>,
        node: &Arc<Node>,
        peer: AuthorId,
    ) -> Result<Tally, PassError> {
        let link = self.link(node, peer).await.map_err(PassError::Connect)?;
        let mut tally = Tally {
            equal: true,
            ..Tally::default()
        };
        let root = node.root.id();
        self.one(node, &link, root, &mut tally).await?;
        node.refresh().await.map_err(PassError::Node)?;
        for store in node.applications() {
            let before = tally.moved;
            self.one(node, &link, store.handle.id(), &mut tally).await?;
            if tally.moved > before {
                // What came too late for a cut was born forgotten: its receipts are due.
                let resumed = spawn_blocking(move || store.forgetter.resume()).await;
                resumed
                    .map_err(NodeError::from)
                    .and_then(|resumed| Ok(resumed?))
                    .map_err(PassError::Node)?;
            }
        }
        Ok(tally)
    }

    async fn one(
        &self,
        node: &Node,
        link: &Arc<dyn Connection>,
        id: StoreId,
        tally: &mut Tally,
    ) -> Result<(), PassError> {
        let Some(handle) = node.handle(id) else {
            return Ok(());
        };
        let watch = Stopwatch::start();
        match sync_once(&**link, &handle, &sync_options(node)).await {
            Ok(report) => {
                self.note(node, link.peer(), &handle, &report);
                tally.add(node, id, &report, watch.elapsed_ms());
                Ok(())
            }
            // The peer has not heard of the store yet: it will, through the root store.
            Err(SyncError::Session(SessionError::Refused(
                RefuseReason::UnknownStore | RefuseReason::Busy,
            ))) => {
                tally.equal = false;
                Ok(())
            }
            Err(error) => {
                if matches!(
                    error,
                    SyncError::Stream(_)
                        | SyncError::Session(SessionError::Timeout(_) | SessionError::Ended(_))
                ) {
                    // Whatever is wrong with this connection, the next pass shall have a new one.
                    link.close(CloseReason::Timeout);
                }
                Err(PassError::Sync(error))
            }
        }
    }

    fn note(
        &self,
        node: &Node,
        peer: AuthorId,
        handle: &nocturne_store::StoreHandle,
        report: &Report,
    ) {
        if report.converged {
            let entries = handle.frontier().entries();
            guard(&self.equal_at).insert((peer, handle.id()), entries);
        }
        if let Some((here, there)) = report.own_log_behind {
            tracing::warn!(
                store = %node.store_name(handle.id()), here, there,
                "a peer knows more of this node's own log: was this data directory restored from an old copy?"
            );
        }
        for (author, why) in &report.rejected {
            tracing::warn!(%author, ?why, "a log could not be brought together");
        }
    }

    /// Passes with the peer, or with every active member, until nothing moves and all that can be
    /// reached are equal, or until the time is over. Returns what was moved and how each peer ended.
    pub async fn settle(
        self: &Arc<Self>,
        node: &Arc<Node>,
        only: Option<AuthorId>,
        limit: Duration,
    ) -> Result<Item, NodeError> {
        let deadline = Instant::now() + limit;
        let patient_until = if self.stays {
            Instant::now() + GRACE
        } else {
            Instant::now()
        };
        let mut stores = BTreeMap::new();
        let mut reached: BTreeMap<AuthorId, Reached> = BTreeMap::new();
        loop {
            let before = node.digests();
            let mut passes = JoinSet::new();
            // Asked anew each time: a round may bring word of members that nobody here knew.
            for id in targets(node, only) {
                if reached.get(&id).is_none_or(|known| known.problem.is_none()) {
                    let (node, network) = (Arc::clone(node), Arc::clone(self));
                    passes.spawn(async move {
                        (id, timeout_at(deadline, network.pass(&node, id)).await)
                    });
                }
            }
            let (mut all_equal, mut moved) = (true, 0);
            while let Some(done) = passes.join_next().await {
                let (id, pass) = done?;
                let (mut synced, mut problem) = (false, None);
                match pass {
                    Ok(Ok(tally)) => {
                        synced = tally.equal;
                        moved += tally.moved;
                        tally.merge_into(&mut stores);
                    }
                    Ok(Err(PassError::Connect(_))) if Instant::now() < patient_until => {}
                    Ok(Err(error)) => problem = error.lasting(),
                    Err(_) if !self.is_connected(&id) => {
                        problem = Some(ConnectError::Timeout.to_string());
                    }
                    Err(_) => {}
                }
                all_equal &= synced || problem.is_some();
                let name = node.peer_name(id);
                reached.insert(
                    id,
                    Reached {
                        node: id.to_string(),
                        name,
                        synced,
                        problem,
                    },
                );
            }
            let known = targets(node, only)
                .iter()
                .all(|id| reached.contains_key(id));
            let settled = all_equal && known && moved == 0 && before == node.digests();
            if settled || Instant::now() >= deadline {
                return verdict(settled, stores, reached);
            }
            if moved == 0 {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The members to sync with.
fn targets(node: &Node, only: Option<AuthorId>) -> Vec<AuthorId> {
    if let Some(only) = only {
        return vec![only];
    }
    let mesh = node.mesh();
    let others = mesh
        .members
        .iter()
        .filter(|(id, member)| *id != node.id() && member.status == Status::Active);
    others.map(|(id, _)| id).collect()
}

fn verdict(
    settled: bool,
    stores: BTreeMap<StoreId, StoreSync>,
    reached: BTreeMap<AuthorId, Reached>,
) -> Result<Item, NodeError> {
    let peers: Vec<Reached> = reached.into_values().collect();
    let lost = |peer: &&Reached| peer.problem.is_some();
    if peers.iter().all(|peer| peer.problem.is_some()) {
        let why: Vec<String> = peers
            .iter()
            .map(|peer| {
                format!(
                    "{} ({})",
                    peer.name,
                    peer.problem.as_deref().unwrap_or_default()
                )
            })
            .collect();
        return Err(NodeError::NoPeer(why.join(", ").into()));
    }
    if !settled {
        let late: Vec<&str> = peers
            .iter()
            .filter(|p| !lost(p) && !p.synced)
            .map(|peer| peer.name.as_str())
            .collect();
        let late = if late.is_empty() {
            "everyone".to_owned()
        } else {
            late.join(", ")
        };
        return Err(NodeError::SyncTimeout(late.into()));
    }
    Ok(Item::Synced {
        stores: stores.into_values().collect(),
        peers,
    })
}

impl Tally {
    fn add(&mut self, node: &Node, id: StoreId, report: &Report, elapsed_ms: u64) {
        self.equal &= report.converged;
        self.moved += report.entries_received + report.entries_sent + report.bodies_received;
        let store = self.stores.entry(id).or_insert_with(|| StoreSync {
            store: id.to_string(),
            name: node.store_name(id),
            ..StoreSync::default()
        });
        store.entries_received += report.entries_received;
        store.entries_sent += report.entries_sent;
        store.bytes_received += report.bytes_received;
        store.bytes_sent += report.bytes_sent;
        store.elapsed_ms += elapsed_ms;
    }

    fn merge_into(self, all: &mut BTreeMap<StoreId, StoreSync>) {
        for (id, store) in self.stores {
            match all.get_mut(&id) {
                None => {
                    all.insert(id, store);
                }
                Some(known) => {
                    known.entries_received += store.entries_received;
                    known.entries_sent += store.entries_sent;
                    known.bytes_received += store.bytes_received;
                    known.bytes_sent += store.bytes_sent;
                    known.elapsed_ms += store.elapsed_ms;
                }
            }
        }
    }
}

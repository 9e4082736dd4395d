//! A loop for every member: stay connected, sync when there is reason to, and every so often anyway.

use std::collections::BTreeSet;
use std::sync::Arc;

use nocturne_core::AuthorId;
use tokio::time::{Duration, timeout};

use super::{Network, jittered};
use crate::node::Node;

/// First wait after a failure; it doubles up to the longest.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);
/// How much rarer a low-power node asks.
const LOW_POWER_FACTOR: u32 = 10;

/// Starts a loop for every member, and for those that come.
pub(super) async fn keep_all(node: Arc<Node>, network: Arc<Network>) {
    let mut mesh = node.watch_mesh();
    let mut known = BTreeSet::new();
    loop {
        let members: Vec<AuthorId> = {
            let mesh = mesh.borrow_and_update();
            mesh.members
                .iter()
                .map(|(id, _)| id)
                .filter(|id| *id != node.id())
                .collect()
        };
        for id in members {
            if known.insert(id) {
                network.spawn(keep(Arc::clone(&node), Arc::clone(&network), id));
            }
        }
        // A change of the mesh is a change worth telling everybody: a store, an address, a member.
        network.wake(None);
        if mesh.changed().await.is_err() {
            return;
        }
    }
}

async fn keep(node: Arc<Node>, network: Arc<Network>, peer: AuthorId) {
    let kick = network.kick(peer);
    let mut backoff = FIRST_BACKOFF;
    let interval = node.config.sync_interval
        * if node.config.low_power {
            LOW_POWER_FACTOR
        } else {
            1
        };
    while node.mesh().members.get(&peer).is_some() {
        let wait = if node.mesh().members.may_connect(&peer) {
            match network.pass(&node, peer).await {
                Ok(tally) => {
                    backoff = FIRST_BACKOFF;
                    // Not equal: somebody wrote meanwhile, or something is still on its way.
                    if tally.equal { interval } else { FIRST_BACKOFF }
                }
                Err(error) => {
                    tracing::debug!(%peer, %error, "cannot sync");
                    let wait = backoff;
                    backoff = (backoff * 2).min(LONGEST_BACKOFF);
                    wait
                }
            }
        } else {
            interval
        };
        let _ = timeout(jittered(wait), kick.notified()).await;
    }
}

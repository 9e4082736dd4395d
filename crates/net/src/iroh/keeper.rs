//! Keeps a topic connected: dials peers that should be on it and aren't neighbours, again and
//! again, since iroh-gossip tries each only once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use iroh_gossip::api::GossipSender;
use nocturne_core::AuthorId;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::gossip::Shared;
use crate::transport::PeerAddr;

/// Peers kept for a topic; any of them leads to the rest.
const MAX_PEERS: usize = 256;
/// With so many neighbours the topic holds together by itself.
const ENOUGH_NEIGHBORS: usize = 3;
/// Dials in one round, so that a round ends.
const DIALS: usize = 4;
/// Wait before the second round.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Longest wait between rounds: it doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

pub(super) async fn keep(
    shared: Arc<Shared>,
    sender: GossipSender,
    neighbors: Arc<Mutex<BTreeSet<AuthorId>>>,
    mut lists: mpsc::Receiver<Vec<PeerAddr>>,
) {
    let mut peers: BTreeMap<AuthorId, PeerAddr> = BTreeMap::new();
    let mut last = AuthorId::ZERO;
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::select! {
            biased;
            list = lists.recv() => {
                let Some(list) = list else { return };
                for addr in list {
                    if peers.len() < MAX_PEERS || peers.contains_key(&addr.id) {
                        peers.insert(addr.id, addr);
                    }
                }
                pause = FIRST_PAUSE;
            }
            () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
        let near = neighbors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if near.len() >= ENOUGH_NEIGHBORS {
            continue;
        }
        // Round robin: begin after the one that was tried last.
        let (before, after): (Vec<_>, Vec<_>) = peers
            .values()
            .filter(|addr| !near.contains(&addr.id))
            .partition(|addr| addr.id <= last);
        let next: Vec<PeerAddr> = after
            .into_iter()
            .chain(before)
            .take(DIALS)
            .cloned()
            .collect();
        for addr in next {
            last = addr.id;
            if shared.reach(&addr).await
                && let Ok(id) = ::iroh::PublicKey::from_bytes(addr.id.as_bytes())
            {
                // If gossip has stopped, the topic's reader learns it.
                sender.join_peers(vec![id]).await.ok();
            }
        }
    }
}

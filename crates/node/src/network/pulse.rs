//! Live propagation: a gossip topic for every store, whose gaps wake the peers' loops.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_core::{Entropy, StoreId};
use nocturne_net::driver::live::{Live, LiveConfig, PULL_QUEUE, PullReason};
use nocturne_net::iroh::IrohGossip;
use nocturne_net::transport::PeerAddr;
use nocturne_store::SystemEntropy;
use tokio::sync::mpsc;

use super::Network;
use crate::node::Node;

/// Keeps a live service for every store, and tells it of every member.
pub(super) async fn keep(node: Arc<Node>, network: Arc<Network>, gossip: IrohGossip) {
    let (pulls, mut due) = mpsc::channel(PULL_QUEUE);
    let mut mesh = node.watch_mesh();
    let mut services: BTreeMap<StoreId, Live> = BTreeMap::new();
    loop {
        mesh.borrow_and_update();
        let peers = addresses(&node);
        for store in node.handles() {
            if let Some(service) = services.get(&store.id()) {
                service.join_peers(peers.clone());
                continue;
            }
            let config = LiveConfig {
                gossip: Arc::new(gossip.clone()),
                peers: peers.clone(),
                interval: node.config.sync_interval,
                seed: seed(),
                store: store.clone(),
            };
            services.insert(store.id(), Live::start(config, pulls.clone()));
        }
        loop {
            tokio::select! {
                changed = mesh.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                pull = due.recv() => match pull {
                    // Every peer's loop has an interval of its own.
                    Some(pull) if pull.reason == PullReason::Interval => {}
                    Some(pull) => network.wake(pull.peer),
                    None => return,
                },
            }
        }
    }
}

fn addresses(node: &Node) -> Vec<PeerAddr> {
    let mesh = node.mesh();
    let others = mesh
        .members
        .iter()
        .map(|(id, _)| id)
        .filter(|id| *id != node.id());
    others
        .filter(|id| mesh.members.may_connect(id))
        .map(|id| node.known_peer(id).address(id))
        .collect()
}

fn seed() -> u64 {
    let mut bytes = [0; 8];
    if let Ok(mut entropy) = SystemEntropy::new() {
        entropy.fill(&mut bytes);
    }
    u64::from_be_bytes(bytes)
}

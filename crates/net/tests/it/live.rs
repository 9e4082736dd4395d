//! A store kept current over gossip, and what becomes due when gossip does not suffice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use nocturne_net::driver::live::{Live, LiveConfig, Pull, PullReason};
use nocturne_net::gossip::{Gossip, Topic};
use nocturne_net::memory::MemoryNetwork;
use nocturne_net::transport::CloseReason;
use nocturne_store::{Batch, StoreHandle};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::nodes::{identity, node};
use crate::stores::{fill, store};

const LIMIT: Duration = Duration::from_mins(1);

fn start(store: &StoreHandle, gossip: Arc<dyn Gossip>) -> (Live, mpsc::Receiver<Pull>) {
    let (pulls, due) = mpsc::channel(nocturne_net::driver::live::PULL_QUEUE);
    let config = LiveConfig {
        store: store.clone(),
        gossip,
        peers: vec![],
        interval: Duration::from_hours(1),
        seed: 1,
    };
    (Live::start(config, pulls), due)
}

async fn wait_until(store: &StoreHandle, ready: impl Fn(&StoreHandle) -> bool) {
    let mut revision = store.revision();
    let waiting = async {
        while !ready(store) {
            revision.changed().await.unwrap();
        }
    };
    timeout(LIMIT, waiting).await.unwrap();
}

async fn due(pulls: &mut mpsc::Receiver<Pull>, reason: PullReason) -> Pull {
    let waiting = async {
        loop {
            let pull = pulls.recv().await.unwrap();
            if pull.reason == reason {
                return pull;
            }
        }
    };
    timeout(LIMIT, waiting).await.unwrap()
}

fn has(key: &'static str) -> impl Fn(&StoreHandle) -> bool {
    move |store| store.get(key.as_bytes()).unwrap().is_some()
}

/// Two live stores in memory that are neighbours already.
async fn pair() -> [(StoreHandle, Live, mpsc::Receiver<Pull>); 2] {
    let network = MemoryNetwork::new();
    let (a, b) = (store(1), store(2));
    let (live_a, mut due_a) = start(&a, Arc::new(network.gossip(a.author())));
    let (live_b, mut due_b) = start(&b, Arc::new(network.gossip(b.author())));
    let neighbor = due(&mut due_a, PullReason::Neighbor).await;
    assert_eq!(neighbor.peer, Some(b.author()));
    due(&mut due_b, PullReason::Neighbor).await;
    [(a, live_a, due_a), (b, live_b, due_b)]
}

#[tokio::test]
async fn a_small_write_reaches_the_others_without_a_sync() {
    let [(a, live_a, _due_a), (b, live_b, mut due_b)] = pair().await;
    a.put("colour", "green").await.unwrap();
    wait_until(&b, has("colour")).await;
    b.put("colour", "blue").await.unwrap();
    let blue = |store: &StoreHandle| store.get(b"colour").unwrap().unwrap().value == "blue";
    wait_until(&a, blue).await;
    assert_eq!(a.frontier(), b.frontier());
    assert_eq!(due_b.try_recv(), Err(mpsc::error::TryRecvError::Empty));
    live_a.shutdown().await;
    live_b.shutdown().await;
}

#[tokio::test]
async fn a_large_write_is_announced_and_a_gap_makes_a_pull_due() {
    let [(a, _live_a, _due_a), (b, _live_b, mut due_b)] = pair().await;
    a.put("large", vec![1; 100_000]).await.unwrap();
    let pull = due(&mut due_b, PullReason::Announcement).await;
    assert_eq!(pull.peer, Some(a.author()));
    // What follows builds on what was only announced.
    a.put("small", "x").await.unwrap();
    let pull = due(&mut due_b, PullReason::Gap).await;
    assert_eq!(pull.peer, Some(a.author()));
    assert!(b.frontier().is_empty());
}

#[tokio::test]
async fn many_writes_at_once_are_one_message_or_an_announcement() {
    let [(a, _live_a, _due_a), (b, _live_b, mut due_b)] = pair().await;
    let batches = (0..50)
        .map(|i| Batch::new().put(format!("{i}"), "v"))
        .collect();
    a.write_many(batches).await.unwrap();
    wait_until(&b, |store| store.frontier().entries() == 50).await;
    fill(&a, 0, 2_000, 100).await;
    due(&mut due_b, PullReason::Announcement).await;
}

#[tokio::test]
async fn nonsense_on_the_topic_is_dropped() {
    let network = MemoryNetwork::new();
    let b = store(2);
    let (_live, mut due_b) = start(&b, Arc::new(network.gossip(b.author())));
    let vandal = network.gossip(identity(3).author());
    let mut topic: Box<dyn Topic> = vandal.join(b.genesis().topic(), vec![]).await.unwrap();
    due(&mut due_b, PullReason::Neighbor).await;
    for nonsense in [&b""[..], b"nonsense", &[0x0a, 0], &[0xff; 1_000]] {
        topic
            .broadcast(Bytes::copy_from_slice(nonsense))
            .await
            .unwrap();
    }
    // Still working afterwards.
    let a = store(1);
    let (_live_a, _due_a) = start(&a, Arc::new(network.gossip(a.author())));
    due(&mut due_b, PullReason::Neighbor).await;
    a.put("k", "v").await.unwrap();
    wait_until(&b, has("k")).await;
}

#[tokio::test(start_paused = true)]
async fn without_any_news_a_pull_is_due_now_and_then() {
    let network = MemoryNetwork::new();
    let b = store(2);
    let (_live, mut pulls) = start(&b, Arc::new(network.gossip(b.author())));
    for _ in 0..3 {
        let pull = pulls.recv().await.unwrap();
        assert_eq!((pull.peer, pull.reason), (None, PullReason::Interval));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_iroh_a_write_reaches_the_others() {
    let nodes = [node(1).await, node(2).await, node(3).await];
    let stores = [store(1), store(2), store(3)];
    let mut running = Vec::new();
    for (node, store) in nodes.iter().zip(&stores) {
        let (live, mut pulls) = start(store, Arc::new(node.gossip().unwrap()));
        live.join_peers(vec![nodes[0].local_addr()]);
        if node.id() != nodes[0].id() {
            due(&mut pulls, PullReason::Neighbor).await;
        }
        running.push((live, pulls));
    }
    stores[1].put("from two", "x").await.unwrap();
    stores[2].put("from three", "y").await.unwrap();
    for store in &stores {
        wait_until(store, has("from two")).await;
        wait_until(store, has("from three")).await;
    }
    for (live, _) in running {
        live.shutdown().await;
    }
    for node in nodes {
        node.close(CloseReason::Done).await;
    }
}

//! Gossip over iroh: delivery, the size guard, and peers that come late.

use std::time::Duration;

use bytes::Bytes;
use nocturne_net::gossip::{Gossip, GossipError, GossipEvent, Topic};
use nocturne_net::iroh::{IrohNode, SYNC_ALPN};
use nocturne_net::memory::MemoryNetwork;
use nocturne_net::transport::CloseReason;
use tokio::time::timeout;

use crate::nodes::{identity, node};

const LIMIT: Duration = Duration::from_secs(40);
const TOPIC: [u8; 32] = [7; 32];

async fn wait_for(topic: &mut dyn Topic, wanted: impl Fn(&GossipEvent) -> bool) -> GossipEvent {
    let waiting = async {
        loop {
            let event = topic.recv().await.unwrap();
            if wanted(&event) {
                return event;
            }
        }
    };
    timeout(LIMIT, waiting).await.unwrap()
}

fn is_up(event: &GossipEvent) -> bool {
    matches!(event, GossipEvent::NeighborUp(_))
}

fn is_message(event: &GossipEvent) -> bool {
    matches!(event, GossipEvent::Message { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_the_largest_size_arrives_and_a_larger_one_is_refused() {
    let (one, two) = (node(1).await, node(2).await);
    let mut here = one.gossip().unwrap().join(TOPIC, vec![]).await.unwrap();
    let mut there = two
        .gossip()
        .unwrap()
        .join(TOPIC, vec![one.local_addr()])
        .await
        .unwrap();
    wait_for(&mut *here, is_up).await;
    wait_for(&mut *there, is_up).await;
    let max = here.max_message();
    let too_large = Bytes::from(vec![1; max + 1]);
    for _ in 0..200 {
        assert_eq!(
            here.broadcast(too_large.clone()).await,
            Err(GossipError::TooLarge { len: max + 1, max })
        );
    }
    let payload = Bytes::from(vec![2; max]);
    here.broadcast(payload.clone()).await.unwrap();
    let from = one.id();
    assert_eq!(
        wait_for(&mut *there, is_message).await,
        GossipEvent::Message { from, payload }
    );
    one.close(CloseReason::Done).await;
    two.close(CloseReason::Done).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_was_away_when_the_topic_was_joined_is_found_later() {
    // Its address is known before it runs: a socket that was free a moment ago.
    let probe = node(2).await;
    let addr = probe.local_addr();
    let socket = probe.sockets()[0];
    probe.close(CloseReason::Done).await;
    drop(probe);

    let one = IrohNode::builder(&identity(1))
        .listen(([127, 0, 0, 1], 0).into())
        .protocol(SYNC_ALPN)
        .gossip(true)
        .connect_timeout(Duration::from_millis(300))
        .bind()
        .await
        .unwrap();
    let mut here = one.gossip().unwrap().join(TOPIC, vec![addr]).await.unwrap();
    // The first dial has failed for certain once its timeout has passed.
    assert!(
        timeout(Duration::from_millis(800), here.recv())
            .await
            .is_err()
    );
    let late = IrohNode::builder(&identity(2))
        .listen(socket)
        .gossip(true)
        .bind()
        .await
        .unwrap();
    let mut there = late.gossip().unwrap().join(TOPIC, vec![]).await.unwrap();
    assert_eq!(
        wait_for(&mut *here, is_up).await,
        GossipEvent::NeighborUp(late.id())
    );
    wait_for(&mut *there, is_up).await;
    there.broadcast(Bytes::from_static(b"late")).await.unwrap();
    wait_for(&mut *here, is_message).await;
    one.close(CloseReason::Done).await;
    late.close(CloseReason::Done).await;
}

#[tokio::test]
async fn memory_gossip_delivers_and_says_when_it_does_not() {
    let network = MemoryNetwork::new();
    let gossip = |seed| network.gossip(identity(seed).author());
    let mut here = gossip(1).join(TOPIC, vec![]).await.unwrap();
    let mut there = gossip(2).join(TOPIC, vec![]).await.unwrap();
    assert!(is_up(&here.recv().await.unwrap()));
    assert!(is_up(&there.recv().await.unwrap()));
    for number in 0..300u32 {
        let payload = Bytes::copy_from_slice(&number.to_be_bytes());
        here.broadcast(payload).await.unwrap();
    }
    let event = wait_for(&mut *there, |event| *event == GossipEvent::Lagged).await;
    assert_eq!(event, GossipEvent::Lagged);
    drop(here);
    let down = GossipEvent::NeighborDown(identity(1).author());
    assert_eq!(there.recv().await, Ok(down));
}

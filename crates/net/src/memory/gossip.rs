//! Gossip inside one process.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use nocturne_core::AuthorId;

use super::MemoryNetwork;
use super::wake::Wakers;
use crate::gossip::{Gossip, GossipError, GossipEvent, Topic, TopicId};
use crate::transport::{BoxFuture, PeerAddr};

/// Events that wait for a slow receiver; then it is told that it lags.
const EVENT_QUEUE: usize = 256;
/// The largest payload, in bytes: what the iroh adapter allows, so that tests meet the same limit.
const MAX_MESSAGE: usize = 64 * 1024 - 64;

/// Members by topic and a number that tells two joins of one node apart.
pub(super) type Topics = BTreeMap<(TopicId, u64), Member>;

#[derive(Debug)]
pub(super) struct Member {
    id: AuthorId,
    events: VecDeque<GossipEvent>,
    wakers: Wakers,
}

impl Member {
    fn deliver(&mut self, event: GossipEvent) {
        if self.events.len() < EVENT_QUEUE {
            self.events.push_back(event);
        } else if self.events.back() != Some(&GossipEvent::Lagged) {
            self.events.push_back(GossipEvent::Lagged);
        }
        self.wakers.wake();
    }
}

fn others(topics: &mut Topics, topic: TopicId, me: u64) -> impl Iterator<Item = &mut Member> {
    topics
        .range_mut((topic, 0)..=(topic, u64::MAX))
        .filter(move |((_, number), _)| *number != me)
        .map(|(_, member)| member)
}

/// Gossip of one node of a [`MemoryNetwork`]: everyone on a topic is everyone's neighbour.
#[derive(Debug, Clone)]
pub struct MemoryGossip {
    id: AuthorId,
    network: MemoryNetwork,
}

impl MemoryGossip {
    pub(super) fn new(id: AuthorId, network: MemoryNetwork) -> Self {
        Self { id, network }
    }
}

impl Gossip for MemoryGossip {
    fn join(
        &self,
        topic: TopicId,
        _bootstrap: Vec<PeerAddr>,
    ) -> BoxFuture<'_, Result<Box<dyn Topic>, GossipError>> {
        Box::pin(async move {
            let mut hub = self.network.lock();
            let number = hub
                .topics
                .range((topic, 0)..=(topic, u64::MAX))
                .next_back()
                .map_or(0, |((_, number), _)| number + 1);
            let mut events = VecDeque::new();
            for member in others(&mut hub.topics, topic, number) {
                member.deliver(GossipEvent::NeighborUp(self.id));
                events.push_back(GossipEvent::NeighborUp(member.id));
            }
            let member = Member {
                id: self.id,
                events,
                wakers: Wakers::default(),
            };
            hub.topics.insert((topic, number), member);
            Ok(Box::new(MemoryTopic {
                id: self.id,
                topic,
                number,
                network: self.network.clone(),
            }) as Box<dyn Topic>)
        })
    }
}

#[derive(Debug)]
struct MemoryTopic {
    id: AuthorId,
    topic: TopicId,
    number: u64,
    network: MemoryNetwork,
}

impl Topic for MemoryTopic {
    fn max_message(&self) -> usize {
        MAX_MESSAGE
    }

    fn broadcast(&mut self, payload: Bytes) -> BoxFuture<'_, Result<(), GossipError>> {
        Box::pin(async move {
            if payload.len() > MAX_MESSAGE {
                return Err(GossipError::TooLarge {
                    len: payload.len(),
                    max: MAX_MESSAGE,
                });
            }
            let mut hub = self.network.lock();
            for member in others(&mut hub.topics, self.topic, self.number) {
                member.deliver(GossipEvent::Message {
                    from: self.id,
                    payload: payload.clone(),
                });
            }
            Ok(())
        })
    }

    fn recv(&mut self) -> BoxFuture<'_, Result<GossipEvent, GossipError>> {
        Box::pin(poll_fn(move |cx| {
            let mut hub = self.network.lock();
            let Some(member) = hub.topics.get_mut(&(self.topic, self.number)) else {
                return Poll::Ready(Err(GossipError::Closed));
            };
            if let Some(event) = member.events.pop_front() {
                return Poll::Ready(Ok(event));
            }
            member.wakers.register(cx.waker());
            Poll::Pending
        }))
    }

    fn join_peers(&mut self, _peers: Vec<PeerAddr>) {}
}

impl Drop for MemoryTopic {
    fn drop(&mut self) {
        let mut hub = self.network.lock();
        hub.topics.remove(&(self.topic, self.number));
        for member in others(&mut hub.topics, self.topic, self.number) {
            member.deliver(GossipEvent::NeighborDown(self.id));
        }
    }
}

//! The loop of a live service. It waits for the network and the store's revision, never for a
//! peer or a commit: applying is the inbox's task.

use std::time::Duration;

use nocturne_store::StoreHandle;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until};

use super::inbox::{self, Delivery, INBOX};
use super::outbox::Outbox;
use super::{LiveConfig, Pull, PullReason};
use crate::gossip::{GossipError, GossipEvent, Topic};
use crate::rng::Rng;
use crate::transport::PeerAddr;

/// Pause after a broadcast: what is written meanwhile goes into one message.
const BROADCAST_PAUSE: Duration = Duration::from_millis(20);
/// Wait before a topic that could not be joined, or was lost, is joined again.
const REJOIN_PAUSE: Duration = Duration::from_secs(5);

/// Peers kept to join a topic by; any of them leads to the rest.
const MAX_PEERS: usize = 256;

pub(super) async fn run(
    config: LiveConfig,
    pulls: mpsc::Sender<Pull>,
    mut lists: mpsc::Receiver<Vec<PeerAddr>>,
    mut stopped: watch::Receiver<bool>,
) {
    let (inlet, inbox) = mpsc::channel(INBOX);
    // Aborted when this future is dropped, finished when it ends.
    let mut workers = JoinSet::new();
    workers.spawn(inbox::work(config.store.clone(), inbox, pulls.clone()));
    let mut service = Service {
        rng: Rng::new(config.seed),
        outbox: Some(Outbox::new(config.store.clone())),
        peers: config.peers.clone(),
        inlet,
        pulls,
        config,
    };
    while !*stopped.borrow() {
        let joining = service.config.gossip.join(
            service.config.store.genesis().topic(),
            service.peers.clone(),
        );
        let topic = tokio::select! {
            biased;
            _ = stopped.changed() => break,
            topic = joining => topic,
        };
        if let Ok(topic) = topic {
            let staying = service.stay(topic, &mut lists, &mut stopped).await;
            if staying.is_break() {
                break;
            }
        }
        // The topic is lost or was not to be had: only the pulls go on for a while.
        service.pull(None, PullReason::Lagged);
        tokio::select! {
            biased;
            _ = stopped.changed() => break,
            () = sleep(REJOIN_PAUSE) => {}
        }
    }
    drop(service);
    while workers.join_next().await.is_some() {}
}

struct Service {
    config: LiveConfig,
    /// Absent while a blocking thread has it.
    outbox: Option<Outbox>,
    peers: Vec<PeerAddr>,
    inlet: mpsc::Sender<Delivery>,
    pulls: mpsc::Sender<Pull>,
    rng: Rng,
}

impl Service {
    /// Stays on the topic. `Break` to stop the service, `Continue` to join again.
    async fn stay(
        &mut self,
        mut topic: Box<dyn Topic>,
        lists: &mut mpsc::Receiver<Vec<PeerAddr>>,
        stopped: &mut watch::Receiver<bool>,
    ) -> std::ops::ControlFlow<()> {
        use std::ops::ControlFlow::{Break, Continue};
        let store: StoreHandle = self.config.store.clone();
        let mut revision = store.revision();
        revision.mark_changed();
        let mut quiet_until = Instant::now();
        let mut next_sync = Instant::now() + self.jitter();
        loop {
            tokio::select! {
                biased;
                _ = stopped.changed() => return Break(()),
                () = sleep_until(next_sync) => {
                    self.pull(None, PullReason::Interval);
                    next_sync = Instant::now() + self.jitter();
                }
                list = lists.recv() => {
                    let Some(list) = list else { return Break(()) };
                    self.peers.retain(|known| list.iter().all(|new| new.id != known.id));
                    self.peers.extend(list.iter().cloned());
                    self.peers.truncate(MAX_PEERS);
                    topic.join_peers(list);
                }
                event = topic.recv() => match event {
                    Ok(event) => self.event(event),
                    Err(_) => return Continue(()),
                },
                changed = changed_after(&mut revision, quiet_until) => {
                    if changed.is_err() {
                        // The store is closed.
                        return Break(());
                    }
                    quiet_until = Instant::now() + BROADCAST_PAUSE;
                    match self.broadcast(&mut *topic).await {
                        Ok(()) => {}
                        Err(Stop::Topic) => return Continue(()),
                        Err(Stop::Store) => return Break(()),
                    }
                }
            }
        }
    }

    fn event(&mut self, event: GossipEvent) {
        match event {
            GossipEvent::Message { from, payload } => {
                if self.inlet.try_send((from, payload)).is_err() {
                    self.pull(Some(from), PullReason::Lagged);
                }
            }
            GossipEvent::Lagged => self.pull(None, PullReason::Lagged),
            GossipEvent::NeighborUp(peer) => self.pull(Some(peer), PullReason::Neighbor),
            GossipEvent::NeighborDown(_) => {}
        }
    }

    async fn broadcast(&mut self, topic: &mut dyn Topic) -> Result<(), Stop> {
        let Some(mut outbox) = self.outbox.take() else {
            return Err(Stop::Store);
        };
        let max = topic.max_message();
        let reading = spawn_blocking(move || {
            let message = outbox.next(max);
            (outbox, message)
        });
        let (outbox, message) = reading.await.map_err(|_| Stop::Store)?;
        self.outbox = Some(outbox);
        let message = message.map_err(|error| {
            tracing::error!(%error, store = %self.config.store.id(), "reading new entries failed");
            Stop::Store
        })?;
        let Some(message) = message else {
            return Ok(());
        };
        match topic.broadcast(message).await {
            // An entry's runs may exceed what gossip takes only if a limit is misjudged: the
            // others find it at the next sync.
            Ok(()) | Err(GossipError::TooLarge { .. }) => Ok(()),
            Err(GossipError::Closed) => Err(Stop::Topic),
        }
    }

    fn pull(&self, peer: Option<nocturne_core::AuthorId>, reason: PullReason) {
        // A full queue means that syncs are due anyway.
        self.pulls.try_send(Pull { peer, reason }).ok();
    }

    /// Between half and one and a half of the interval.
    fn jitter(&mut self) -> Duration {
        let interval = u64::try_from(self.config.interval.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis((interval / 2).saturating_add(self.rng.below(interval.max(1))))
    }
}

enum Stop {
    Topic,
    Store,
}

/// Waits until the store has changed, and at least until the pause is over. Cancel-safe.
async fn changed_after(
    revision: &mut watch::Receiver<u64>,
    quiet_until: Instant,
) -> Result<(), watch::error::RecvError> {
    sleep_until(quiet_until).await;
    revision.changed().await
}

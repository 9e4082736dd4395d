//! Nodes, links and the order of events.

mod sessions;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use bytes::Bytes;
use nocturne_core::{AuthorId, Genesis, Operation, SignedRun};

use super::config::{LinkConfig, Stats};
use super::store::SimStore;
use super::trace::{Trace, TraceHash};
use crate::proto::{Config, Deadlines, Input, Report, RunOutcome, Session, SessionError};
use crate::rng::Rng;

/// Virtual time of the beginning, Unix milliseconds.
const EPOCH_MS: u64 = 1_700_000_000_000;
/// How long a simulated store takes for one request.
const STORE_MS: u64 = 1;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    ms: u64,
    /// Events of one millisecond keep the order in which they were planned.
    number: u64,
}

#[derive(Debug)]
enum Event {
    Frame {
        session: u64,
        end: usize,
        frame: Bytes,
    },
    Broken {
        session: u64,
        end: usize,
    },
    Stored {
        session: u64,
        end: usize,
        input: Input,
    },
    Timer {
        session: u64,
        end: usize,
    },
    Gossip {
        to: usize,
        from: usize,
        run: SignedRun,
    },
    AntiEntropy {
        node: usize,
    },
}

/// A session's two ends; an end is gone once it has finished.
#[derive(Debug)]
struct Link {
    nodes: [usize; 2],
    ends: [Option<Session>; 2],
    /// When the last frame to each end arrives: the next may not overtake it.
    arrives_ms: [u64; 2],
    well: usize,
}

/// Nodes in virtual time.
#[derive(Debug)]
pub struct World {
    now_ms: u64,
    numbers: u64,
    rng: Rng,
    links: LinkConfig,
    nodes: Vec<SimStore>,
    queue: BinaryHeap<Reverse<(At, u64)>>,
    events: BTreeMap<u64, Event>,
    sessions: BTreeMap<u64, Link>,
    blocked: BTreeSet<(usize, usize)>,
    reports: Vec<Result<Report, SessionError>>,
    stats: Stats,
    trace: Trace,
}

impl World {
    /// `nodes` empty replicas of one store, everyone linked with everyone.
    pub fn new(seed: u64, nodes: usize, links: LinkConfig) -> Self {
        let mut rng = Rng::new(seed);
        let creator = AuthorId::from_bytes([0; 32]);
        let genesis = Genesis::root(creator, EPOCH_MS, &mut rng);
        let stores = (0..nodes)
            .map(|_| SimStore::new(genesis.clone(), rng.next()))
            .collect();
        let mut world = Self {
            now_ms: 0,
            numbers: 0,
            rng,
            links,
            nodes: stores,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            sessions: BTreeMap::new(),
            blocked: BTreeSet::new(),
            reports: Vec::new(),
            stats: Stats::default(),
            trace: Trace::new(),
        };
        for node in 0..nodes {
            world.plan_anti_entropy(node);
        }
        world
    }

    /// Virtual milliseconds since the beginning.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// A node's store.
    ///
    /// # Panics
    /// If there is no such node.
    #[expect(
        clippy::indexing_slicing,
        reason = "a simulation's author names nodes that exist"
    )]
    pub fn store(&self, node: usize) -> &SimStore {
        &self.nodes[node]
    }

    /// What happened so far, as a hash.
    pub fn trace(&self) -> TraceHash {
        self.trace.hash()
    }

    /// What happened so far, in numbers.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Outcomes of all session ends, in the order in which they ended.
    pub fn reports(&self) -> &[Result<Report, SessionError>] {
        &self.reports
    }

    /// Whether all nodes have the same entries and the same state.
    pub fn converged(&self) -> bool {
        self.nodes.windows(2).all(|pair| match pair {
            [a, b] => a.frontier() == b.frontier() && a.replica().state() == b.replica().state(),
            _ => true,
        })
    }

    /// One put at a node, gossiped at once.
    ///
    /// # Panics
    /// If there is no such node or the operation breaks a limit.
    #[expect(
        clippy::indexing_slicing,
        clippy::expect_used,
        reason = "a simulation's author names nodes that exist and writes what fits"
    )]
    pub fn write(&mut self, node: usize, key: &str, value: &str) {
        let operation = Operation::put(key.to_owned(), value.to_owned());
        let run = self.nodes[node]
            .write(EPOCH_MS + self.now_ms, vec![operation])
            .expect("a put of a small key and value");
        self.note("write", &[node as u64], run.tip().as_bytes());
        let run = run.into_signed();
        for to in (0..self.nodes.len()).filter(|to| *to != node) {
            let copies = 1 + u64::from(self.chance(self.links.gossip_duplication));
            for _ in 0..copies {
                if self.chance(self.links.gossip_loss) {
                    continue;
                }
                let ms = self.now_ms + self.latency();
                let run = run.clone();
                self.plan(
                    ms,
                    Event::Gossip {
                        to,
                        from: node,
                        run,
                    },
                );
            }
        }
    }

    /// Nothing sent from one node to the other arrives until [`World::unblock`]: a one-way
    /// partition. Call it both ways for a full one.
    pub fn block(&mut self, from: usize, to: usize) {
        self.blocked.insert((from, to));
    }

    /// Ends a one-way partition.
    pub fn unblock(&mut self, from: usize, to: usize) {
        self.blocked.remove(&(from, to));
    }

    /// Starts a session between two nodes now.
    pub fn sync(&mut self, a: usize, b: usize) {
        let session = self.numbers;
        self.numbers += 1;
        let (Some(one), Some(two)) = (self.open(a), self.open(b)) else {
            return;
        };
        self.stats.sessions += 1;
        self.sessions.insert(
            session,
            Link {
                nodes: [a, b],
                ends: [Some(one), Some(two)],
                arrives_ms: [0, 0],
                well: 0,
            },
        );
        self.drive(session, 0);
        self.drive(session, 1);
    }

    /// Lets virtual time pass.
    pub fn run_for(&mut self, ms: u64) {
        let end = self.now_ms.saturating_add(ms);
        while let Some(Reverse((at, _))) = self.queue.peek() {
            if at.ms > end {
                break;
            }
            let Some(Reverse((at, number))) = self.queue.pop() else {
                break;
            };
            self.now_ms = at.ms;
            if let Some(event) = self.events.remove(&number) {
                self.happen(event);
            }
        }
        self.now_ms = end;
    }

    fn open(&self, node: usize) -> Option<Session> {
        let store = self.nodes.get(node)?;
        let config = Config {
            store: store.replica().genesis().store_id(),
            me: store.author(),
            frontier: store.frontier().clone(),
            wanted: store.wanted().count() as u64,
            wall_ms: EPOCH_MS + self.now_ms,
            deadlines: Deadlines::default(),
        };
        Some(Session::new(self.now_ms, config))
    }

    fn chance(&mut self, thousandths: u64) -> bool {
        self.rng.below(1_000) < thousandths
    }

    fn latency(&mut self) -> u64 {
        let spread = self
            .links
            .max_latency_ms
            .saturating_sub(self.links.min_latency_ms);
        self.links.min_latency_ms + self.rng.below(spread + 1)
    }

    fn plan(&mut self, ms: u64, event: Event) {
        let number = self.numbers;
        self.numbers += 1;
        self.queue.push(Reverse((At { ms, number }, number)));
        self.events.insert(number, event);
    }

    fn plan_anti_entropy(&mut self, node: usize) {
        let mean = self.links.sync_every_ms.max(2);
        let ms = self.now_ms + mean / 2 + self.rng.below(mean);
        self.plan(ms, Event::AntiEntropy { node });
    }

    fn note(&mut self, kind: &str, numbers: &[u64], bytes: &[u8]) {
        self.trace.note(self.now_ms, kind, numbers, bytes);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Frame {
                session,
                end,
                frame,
            } => {
                self.note("frame", &[session, end as u64], &frame);
                self.input(session, end, Input::Message(frame));
            }
            Event::Broken { session, end } => {
                self.note("broken", &[session, end as u64], &[]);
                self.input(session, end, Input::Ended);
            }
            Event::Stored {
                session,
                end,
                input,
            } => self.input(session, end, input),
            Event::Timer { session, end } => self.input(session, end, Input::Timeout),
            Event::Gossip { to, from, run } => self.gossip(to, from, run),
            Event::AntiEntropy { node } => {
                let others = (self.nodes.len() as u64).saturating_sub(1);
                let drawn = usize::try_from(self.rng.below(others)).unwrap_or(0);
                let peer = if drawn >= node { drawn + 1 } else { drawn };
                if others > 0 {
                    self.sync(node, peer);
                }
                self.plan_anti_entropy(node);
            }
        }
    }

    fn gossip(&mut self, to: usize, from: usize, run: SignedRun) {
        if self.blocked.contains(&(from, to)) {
            return;
        }
        let Some(store) = self.nodes.get_mut(to) else {
            return;
        };
        self.stats.gossip += 1;
        let outcome = store.apply(run);
        let digest = store.frontier().digest();
        self.note("gossip", &[to as u64, from as u64], digest.as_bytes());
        // A gap: what is missing is pulled from whoever sent the hint.
        if outcome == RunOutcome::Waiting {
            self.sync(to, from);
        }
    }
}

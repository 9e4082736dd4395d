//! Random histories: a few people write, delete and batch on few keys and sync in part, in any order.

use proptest::prelude::*;

use super::*;
use crate::fixtures::Seeded;

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// One entry: keys, and a value or a delete.
    Write {
        who: usize,
        clock_ms: u64,
        batch: Vec<(u8, Option<u8>)>,
    },
    /// Some of what one has and the other lacks; what comes too early waits there.
    Sync { from: usize, to: usize, seed: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0_usize..5;
    let batch = prop::collection::vec((0_u8..4, prop::option::weighted(0.8, any::<u8>())), 0..4);
    prop_oneof![
        3 => (who.clone(), 0_u64..6, batch).prop_map(|(who, clock_ms, batch)| Step::Write {
            who,
            clock_ms,
            batch
        }),
        2 => (who.clone(), who, any::<u64>()).prop_map(|(from, to, seed)| Step::Sync {
            from,
            to,
            seed
        }),
    ]
}

/// What came of it: the replicas as they ended, and every run in the order of writing.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) replicas: Vec<Replica>,
    pub(super) runs: Vec<VerifiedRun>,
}

pub(super) fn history() -> impl Strategy<Value = History> {
    (2_usize..=5, prop::collection::vec(step(), 1..50)).prop_map(|(people, steps)| {
        let mut replicas = vec![Replica::new(genesis()); people];
        let mut runs = Vec::new();
        let mut entropy = Seeded(7);
        for step in steps {
            match step {
                Step::Write {
                    who,
                    clock_ms,
                    batch,
                } => {
                    let who = who % people;
                    let operations = batch.into_iter().map(operation).collect();
                    let author = identity(u8::try_from(who).unwrap() + 1);
                    let run = replicas[who]
                        .write(&author, NOW + clock_ms, operations, &mut entropy)
                        .unwrap();
                    runs.push(run);
                }
                Step::Sync { from, to, seed } => {
                    let (from, to) = (from % people, to % people);
                    let mut hand = Seeded(seed);
                    let mut offered = replicas[from].runs_since(replicas[to].frontier());
                    hand.shuffle(&mut offered);
                    offered.truncate(hand.below(offered.len() + 1));
                    for run in offered {
                        replicas[to].apply(run).unwrap();
                    }
                }
            }
        }
        History { replicas, runs }
    })
}

fn operation((key, value): (u8, Option<u8>)) -> Operation {
    let key = format!("key {key}");
    match value {
        Some(value) => Operation::put(key, vec![value]),
        None => Operation::delete(key),
    }
}

impl History {
    /// The runs in a random order.
    pub(super) fn shuffled(&self, seed: u64) -> Vec<VerifiedRun> {
        let mut runs = self.runs.clone();
        Seeded(seed).shuffle(&mut runs);
        runs
    }

    /// The runs in a random order in which none has to wait.
    pub(super) fn causal(&self, seed: u64) -> Vec<VerifiedRun> {
        let mut left = self.shuffled(seed);
        let mut frontier = Frontier::new();
        let mut ordered = Vec::new();
        while !left.is_empty() {
            let ready = left
                .iter()
                .position(|run| {
                    rules::link(run, &frontier, genesis().hash()) == Link::Continues
                        && rules::missing_dependency(run, &frontier).is_none()
                })
                .expect("some run is always ready");
            let run = left.swap_remove(ready);
            let head = LogHead {
                seq: run.last_seq(),
                hash: run.tip(),
            };
            frontier.advance(run.author(), head);
            ordered.push(run);
        }
        ordered
    }

    /// A fresh replica that was given these runs in this order.
    pub(super) fn replay(runs: impl IntoIterator<Item = VerifiedRun>) -> Replica {
        let mut replica = Replica::new(genesis());
        for run in runs {
            replica.apply(run).unwrap();
        }
        replica
    }
}

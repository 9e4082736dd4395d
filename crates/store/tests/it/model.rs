//! Random programs on three stores, held against the data model in memory: the same entries give the
//! same heads, winners, conflicts, history and past, in whatever order they came.

use std::collections::{BTreeMap, BTreeSet};

use nocturne_core::replica::{Applied, Replica};
use nocturne_core::{Frontier, Hlc, OpKind, OpRef, Operation, VerifiedRun, heads};
use nocturne_store::{
    Batch, Content, Cut, Depth, ForgetRequest, Memory, RunsQuery, ScanRange, Snapshot, Store,
    StoreHandle,
};
use proptest::prelude::*;

use crate::common::{TestClock, genesis, identity, in_memory, missing, options};
use crate::machine::Dice;

const KEYS: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    /// One batch: (key, value or deletion), distinct keys.
    Write(usize, BTreeMap<usize, Option<u8>>),
    /// Several batches in one commit.
    Many(usize, Vec<(usize, u8)>),
    /// Some of what the second has goes to the first, shuffled.
    Pull(usize, usize, u64),
    /// What a key has at that store is forgotten by an operation-sized cut.
    Forget(usize, usize),
    Reopen(usize),
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let store = 0..3_usize;
    prop_oneof![
        4 => (store.clone(), prop::collection::btree_map(0..KEYS, any::<Option<u8>>(), 1..4))
            .prop_map(|(store, batch)| Step::Write(store, batch)),
        2 => (store.clone(), prop::collection::vec((0..KEYS, any::<u8>()), 1..6))
            .prop_map(|(store, writes)| Step::Many(store, writes)),
        4 => (store.clone(), store.clone(), any::<u64>())
            .prop_map(|(to, from, seed)| Step::Pull(to, from, seed)),
        1 => (store.clone(), 0..KEYS).prop_map(|(store, key)| Step::Forget(store, key)),
        1 => store.prop_map(Step::Reopen),
        2 => any::<u8>().prop_map(Step::Wait),
    ]
}

fn key(n: usize) -> String {
    format!("key {n}")
}

struct World {
    clock: TestClock,
    stores: Vec<Option<(StoreHandle, Memory)>>,
    /// Every run as its author first signed it, bodies and all.
    all: Vec<VerifiedRun>,
    /// By store.
    forgotten: Vec<BTreeSet<OpRef>>,
    seed: u64,
}

impl World {
    fn new() -> Self {
        let clock = TestClock::new();
        let stores = (1..=3).map(|n| Some(in_memory(&clock, n))).collect();
        Self {
            clock,
            stores,
            all: Vec::new(),
            forgotten: vec![BTreeSet::new(); 3],
            seed: 1_000,
        }
    }

    fn store(&self, n: usize) -> &StoreHandle {
        &self.stores[n].as_ref().unwrap().0
    }

    fn write(&mut self, n: usize, batches: Vec<Batch>) {
        let before = self.store(n).frontier();
        for written in self.store(n).write_many_blocking(batches).unwrap() {
            written.unwrap();
        }
        self.all.extend(arrivals(self.store(n), &before));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Write(n, batch) => {
                let operations = batch.into_iter().map(|(k, value)| match value {
                    Some(value) => Operation::put(key(k), vec![value]),
                    None => Operation::delete(key(k)),
                });
                self.write(n, vec![operations.collect()]);
            }
            Step::Many(n, writes) => {
                let batches = writes.into_iter();
                let batches = batches.map(|(k, value)| Batch::new().put(key(k), vec![value]));
                self.write(n, batches.collect());
            }
            Step::Pull(to, from, seed) if to != from => {
                let mut runs = missing(self.store(from), &self.store(to).frontier());
                let mut dice = Dice(seed);
                runs.retain(|_| dice.roll(4) > 0);
                for last in (1..runs.len()).rev() {
                    runs.swap(last, dice.roll(last + 1));
                }
                for run in runs {
                    self.store(to).apply_blocking(vec![run]).unwrap();
                }
            }
            Step::Forget(n, k) => self.forget(n, &key(k)),
            Step::Reopen(n) => self.reopen(n),
            Step::Wait(ms) => self.clock.advance(u64::from(ms)),
            Step::Pull(..) => {}
        }
    }

    fn forget(&mut self, n: usize, key: &str) {
        let history = self.store(n).snapshot().unwrap().history(key.as_bytes());
        let here = history.unwrap().into_iter();
        let here = here.filter(|version| matches!(version.content, Content::Here(_)));
        let targets: Vec<OpRef> = here.map(|version| version.at).collect();
        self.seed += 1;
        let request = ForgetRequest {
            cut: Cut {
                id: u128::from(self.seed).to_be_bytes(),
                // No key begins with it: nothing is born forgotten.
                predicate: "nothing".into(),
                policy: [0; 32],
                reason: 1,
                as_of_ms: 1_700_000_000_000,
            },
            targets: targets.clone(),
        };
        let done = self.store(n).forget_blocking(request).unwrap();
        assert_eq!(done.operations, targets.len() as u64);
        self.forgotten[n].extend(targets);
    }

    fn reopen(&mut self, n: usize) {
        let (store, memory) = self.stores[n].take().unwrap();
        store.shutdown_blocking().unwrap();
        drop(store);
        self.seed += 1;
        let options = options(&self.clock, self.seed);
        let identity = identity(u8::try_from(n + 1).unwrap());
        let store = Store::open(memory.medium(), options, identity, None).unwrap();
        self.stores[n] = Some((StoreHandle::spawn(store).unwrap(), memory));
    }

    /// Everybody gets everything, bodies included unless forgotten.
    fn meet(&self) {
        for _ in 0..2 {
            for (to, from) in [(0, 1), (1, 2), (2, 0), (0, 2), (2, 1), (1, 0)] {
                let runs = missing(self.store(from), &self.store(to).frontier());
                self.store(to).apply_blocking(runs).unwrap();
                let wanted = self.store(to).snapshot().unwrap().wanted(1_000).unwrap();
                let bodies = self.store(from).snapshot().unwrap().bodies(&wanted);
                self.store(to)
                    .supply_bodies_blocking(bodies.unwrap())
                    .unwrap();
            }
        }
    }

    /// What a store must say, from the entries that it has.
    fn check(&self, n: usize) {
        let snapshot = self.store(n).snapshot().unwrap();
        let have = snapshot.frontier().unwrap();
        let mut oracle = Replica::new(genesis());
        for run in &self.all {
            let extra = run.last_seq().saturating_sub(have.seq(&run.author()));
            let keep = run.entries().len() as u64 - extra.min(run.entries().len() as u64);
            assert!(keep == 0 || extra == 0, "runs travel whole here");
            if extra == 0 {
                oracle.apply(run.clone()).unwrap();
            }
        }
        assert_eq!(oracle.frontier(), &have);
        let mut gone = self.forgotten[n].clone();
        gone.extend(snapshot.wanted(1_000).unwrap());
        for k in 0..KEYS {
            self.check_key(&snapshot, &oracle, &key(k), &gone);
        }
        let found = self.store(n).verify_blocking(Depth::Deep).unwrap();
        assert_eq!(found.findings, []);
    }

    fn check_key(&self, snapshot: &Snapshot, oracle: &Replica, key: &str, gone: &BTreeSet<OpRef>) {
        let bytes = key.as_bytes();
        let mut expected = oracle.heads(bytes).to_vec();
        expected.retain(|head| !gone.contains(&head.at));
        let winner = heads::winner(&expected);
        let value = winner.and_then(|winner| match winner.kind {
            OpKind::Put => Some((winner.at, oracle.operation(winner.at).unwrap().value)),
            OpKind::Delete => None,
        });
        let row = snapshot.get(bytes).unwrap();
        let conflict = row.as_ref().map(|row| row.conflict);
        assert_eq!(row.map(|row| (row.at, row.value)), value);
        assert!(conflict.is_none_or(|conflict| conflict == (expected.len() > 1)));
        let heads: BTreeSet<OpRef> = expected.iter().map(|head| head.at).collect();
        let found = snapshot.heads(bytes).unwrap();
        assert_eq!(
            found.first().map(|head| head.at),
            winner.map(|head| head.at)
        );
        let found: BTreeSet<OpRef> = found.into_iter().map(|version| version.at).collect();
        assert_eq!(found, heads);

        // History: every operation on the key that is applied and not gone.
        let mut past: Vec<(Hlc, OpRef, Operation)> = Vec::new();
        for run in &self.all {
            for entry in run.entries() {
                let header = &entry.entry().header;
                for op in (0_u16..).take(header.ops.len()) {
                    let at = OpRef {
                        author: header.author,
                        seq: header.seq,
                        op,
                    };
                    let operation = oracle.operation(at).filter(|found| found.key == bytes);
                    if let Some(operation) = operation.filter(|_| !gone.contains(&at)) {
                        past.push((header.hlc, at, operation));
                    }
                }
            }
        }
        past.sort_by_key(|(hlc, at, _)| (*hlc, *at));
        let history = snapshot.history(bytes).unwrap().into_iter();
        let history = history.filter(|version| matches!(version.content, Content::Here(_)));
        let mut history: Vec<OpRef> = history.map(|version| version.at).collect();
        history.reverse();
        let expected: Vec<OpRef> = past.iter().map(|(_, at, _)| *at).collect();
        assert_eq!(history, expected);

        // The past: the latest operation not later than each moment.
        for (moment, _, _) in &past {
            let latest = past.iter().rev().find(|(hlc, _, _)| hlc <= moment).unwrap();
            let value = (latest.2.kind == OpKind::Put).then(|| latest.2.value.clone());
            let found = snapshot.get_at(bytes, *moment).unwrap();
            assert_eq!(found.map(|row| row.value), value);
            for reverse in [false, true] {
                let range = ScanRange {
                    reverse,
                    ..ScanRange::default()
                };
                let rows = snapshot.scan_at(&range, *moment).unwrap();
                let mut rows: Vec<_> = rows.map(|row| row.unwrap().key).collect();
                assert_eq!(rows.iter().any(|key| key == bytes), value.is_some());
                if reverse {
                    rows.reverse();
                }
                assert!(rows.is_sorted_by(|a, b| a < b));
            }
        }
    }
}

/// What a store has beyond a frontier, in pages as small as can be: one run for each arrival.
fn arrivals(store: &StoreHandle, have: &Frontier) -> Vec<VerifiedRun> {
    let snapshot = store.snapshot().unwrap();
    let mut from_revision = 0;
    let mut runs = Vec::new();
    loop {
        let query = RunsQuery {
            have,
            from_revision,
            max_bytes: 1,
        };
        let page = snapshot.runs_since(&query).unwrap();
        runs.extend(page.runs.into_iter().map(|run| run.verify().unwrap()));
        match page.next_revision {
            Some(next) => from_revision = next,
            None => return runs,
        }
    }
}

/// Everything a store has comes out once, in a causal order.
fn served(store: &StoreHandle) -> u64 {
    let mut oracle = Replica::new(genesis());
    for run in arrivals(store, &Frontier::new()) {
        let applied = oracle.apply(run).unwrap();
        assert!(matches!(applied, Applied::Applied(_)));
    }
    oracle.frontier().entries()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn random_programs_do_as_the_model_does(steps in prop::collection::vec(step(), 1..30)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        for n in 0..3 {
            world.check(n);
        }
        world.meet();
        for n in 0..3 {
            world.check(n);
            prop_assert_eq!(world.store(n).frontier(), world.store(0).frontier());
            prop_assert_eq!(world.store(n).standing_blocking().unwrap().waiting_entries, 0);
            prop_assert_eq!(served(world.store(n)), world.store(n).frontier().entries());
        }
    }
}

//! Stores in memory or in a directory, with a clock that tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nocturne_core::{Frontier, Genesis, Identity, Operation, VerifiedRun};
use nocturne_store::{
    BadPredicate, Batch, Clock, Covers, Cut, Judge, Medium, Memory, RunsQuery, SeededEntropy,
    Store, StoreHandle, StoreOptions,
};

#[derive(Debug, Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_700_000_000_000)))
    }

    pub(crate) fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Predicates of the tests: the bytes are a key prefix.
pub(crate) struct PrefixJudge;

struct Prefix(Vec<u8>);

impl Judge for PrefixJudge {
    fn compile(&self, cut: &Cut) -> Result<Box<dyn Covers>, BadPredicate> {
        Ok(Box::new(Prefix(cut.predicate.to_vec())))
    }
}

impl Covers for Prefix {
    fn covers(&self, operation: &Operation, _: nocturne_core::Hlc) -> bool {
        operation.key.starts_with(&self.0)
    }
}

pub(crate) fn options(clock: &TestClock, seed: u64) -> StoreOptions {
    StoreOptions {
        clock: Arc::new(clock.clone()),
        entropy: Box::new(SeededEntropy::new(seed)),
        judge: Arc::new(PrefixJudge),
        max_drift: Duration::from_hours(1),
        cache_bytes: 8 * 1024 * 1024,
    }
}

pub(crate) fn identity(n: u8) -> Identity {
    Identity::from_secret_bytes(&[n; 32])
}

pub(crate) fn genesis() -> Genesis {
    Genesis::root(
        identity(1).author(),
        1_700_000_000_000,
        &mut SeededEntropy::new(0),
    )
}

/// A new store in memory for author `n`.
pub(crate) fn in_memory(clock: &TestClock, n: u8) -> (StoreHandle, Memory) {
    let memory = Memory::default();
    let store = Store::create(
        memory.medium(),
        options(clock, u64::from(n)),
        &genesis(),
        identity(n),
    )
    .unwrap();
    (StoreHandle::spawn(store).unwrap(), memory)
}

pub(crate) fn reopen(medium: Medium, clock: &TestClock, n: u8, seed: u64) -> StoreHandle {
    let id = Some(genesis().store_id());
    let store = Store::open(medium, options(clock, seed), identity(n), id).unwrap();
    StoreHandle::spawn(store).unwrap()
}

pub(crate) fn put(store: &StoreHandle, key: &str, value: &str) -> nocturne_store::Written {
    let batch = Batch::new().put(key.to_owned(), value.to_owned());
    store.write_blocking(batch).unwrap()
}

pub(crate) fn get(store: &StoreHandle, key: &str) -> Option<String> {
    let row = store.get(key.as_bytes()).unwrap()?;
    Some(String::from_utf8(row.value.to_vec()).unwrap())
}

/// What `to` lacks of `from`, verified.
pub(crate) fn missing(from: &StoreHandle, have: &Frontier) -> Vec<VerifiedRun> {
    let snapshot = from.snapshot().unwrap();
    let mut runs = Vec::new();
    let mut from_revision = 0;
    loop {
        let query = RunsQuery {
            have,
            from_revision,
            max_bytes: 10_000,
        };
        let page = snapshot.runs_since(&query).unwrap();
        runs.extend(page.runs.into_iter().map(|run| run.verify().unwrap()));
        match page.next_revision {
            Some(next) => from_revision = next,
            None => return runs,
        }
    }
}

/// One-way sync.
pub(crate) fn pull(to: &StoreHandle, from: &StoreHandle) -> Vec<nocturne_store::ApplyOutcome> {
    let runs = missing(from, &to.frontier());
    to.apply_blocking(runs).unwrap()
}

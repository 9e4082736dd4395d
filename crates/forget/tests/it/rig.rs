//! A node with one store, on disk or in memory, under a clock that the test sets.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nocturne_core::{Genesis, Identity, OpRef, VerifiedRun};
use nocturne_forget::engine::Forgetter;
use nocturne_forget::judge::PolicyJudge;
use nocturne_forget::receipt_log::ReceiptLog;
use nocturne_store::{
    Clock, Ledger, Medium, RunsQuery, SeededEntropy, Store, StoreHandle, StoreOptions, Written,
};

pub(crate) const START_MS: u64 = 1_764_600_000_000;

/// A clock that stands still until it is set.
#[derive(Debug)]
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(START_MS)))
    }

    pub(crate) fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(crate) struct Node {
    pub(crate) handle: StoreHandle,
    pub(crate) forgetter: Forgetter,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: SeededEntropy,
}

pub(crate) fn identity(seed: u8) -> Identity {
    Identity::from_secret_bytes(&[seed; 32])
}

pub(crate) fn genesis() -> Genesis {
    Genesis::root(identity(1).author(), START_MS, &mut SeededEntropy::new(0))
}

pub(crate) fn options(clock: &Arc<ManualClock>, seed: u64) -> StoreOptions {
    let mut options = StoreOptions::system()
        .unwrap()
        .with_judge(Arc::new(PolicyJudge));
    options.clock = Arc::clone(clock) as Arc<dyn Clock>;
    options.entropy = Box::new(SeededEntropy::new(seed));
    options.cache_bytes = 4 * 1024 * 1024;
    options
}

impl Node {
    /// A new node in memory.
    pub(crate) fn in_memory(seed: u8) -> Self {
        Self::of_store(seed, &genesis())
    }

    /// A new node in memory, of this store.
    pub(crate) fn of_store(seed: u8, genesis: &Genesis) -> Self {
        let clock = ManualClock::new();
        let options = options(&clock, u64::from(seed));
        let store = Store::create(Medium::memory(), options, genesis, identity(seed)).unwrap();
        let ledger = Ledger::on(Medium::memory().disk).unwrap();
        Self::over(store, ledger, clock, seed)
    }

    /// A node in a directory: new, or the one that is there.
    pub(crate) fn in_directory(dir: &Path, seed: u8) -> Self {
        let clock = ManualClock::new();
        let store_dir = dir.join("store");
        let exists = store_dir.exists();
        let medium = Medium::directory(&store_dir).unwrap();
        let options = options(&clock, u64::from(seed) + 100 * u64::from(exists));
        let store = if exists {
            Store::open(medium, options, identity(seed), None).unwrap()
        } else {
            Store::create(medium, options, &genesis(), identity(seed)).unwrap()
        };
        let ledger = Ledger::open(&dir.join("receipts.redb")).unwrap();
        Self::over(store, ledger, clock, seed)
    }

    pub(crate) fn over(store: Store, ledger: Ledger, clock: Arc<ManualClock>, seed: u8) -> Self {
        let handle = StoreHandle::spawn(store).unwrap();
        let log = ReceiptLog::open(ledger, identity(seed)).unwrap();
        let forgetter = Forgetter::new(handle.clone(), log, Arc::clone(&clock) as Arc<dyn Clock>);
        Self {
            handle,
            forgetter,
            clock,
            entropy: SeededEntropy::new(u64::from(seed) + 1_000),
        }
    }

    pub(crate) fn put(&self, key: &str, value: &str) -> Written {
        let batch = nocturne_store::Batch::new().put(key.to_owned(), value.to_owned());
        self.handle.write_blocking(batch).unwrap()
    }

    pub(crate) fn get(&self, key: &str) -> Option<String> {
        let row = self.handle.get(key.as_bytes()).unwrap();
        row.map(|row| String::from_utf8(row.value.to_vec()).unwrap())
    }

    /// Everything that the node has, as a peer without anything would get it.
    pub(crate) fn runs(&self) -> Vec<VerifiedRun> {
        let page = self
            .handle
            .snapshot()
            .unwrap()
            .runs_since(&RunsQuery {
                have: &nocturne_core::Frontier::new(),
                from_revision: 0,
                max_bytes: usize::MAX,
            })
            .unwrap();
        assert_eq!(page.next_revision, None);
        page.runs
            .into_iter()
            .map(|run| run.verify().unwrap())
            .collect()
    }

    /// The salt of an operation whose body is here.
    pub(crate) fn salt(&self, written: &Written, op: u16) -> Vec<u8> {
        let at = OpRef {
            author: written.author,
            seq: written.seq,
            op,
        };
        let bodies = self.handle.snapshot().unwrap().bodies(&[at]).unwrap();
        bodies[0].1.joined()[..nocturne_core::SALT_LEN].to_vec()
    }

    pub(crate) fn stop(self) {
        self.handle.shutdown_blocking().unwrap();
    }
}

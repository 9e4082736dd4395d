//! A disk that stops at any moment: what was acknowledged is there, a forget is whole or absent, and
//! the cause is named.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use nocturne_core::{Bytes, OpRef};
use nocturne_store::{
    ActorError, Batch, Cut, Depth, Disk, ForgetRequest, Medium, Memory, StorageError, Store,
    StoreHandle, Vault, WriteError,
};

use crate::common::{TestClock, genesis, get, identity, options, reopen};

/// I/O calls left before everything fails; shared by disk and vault.
#[derive(Debug, Clone)]
struct Budget(Arc<AtomicI64>, io::ErrorKind);

impl Budget {
    fn new(calls: i64, kind: io::ErrorKind) -> Self {
        Self(Arc::new(AtomicI64::new(calls)), kind)
    }

    fn spend(&self) -> io::Result<()> {
        if self.0.fetch_sub(1, Ordering::SeqCst) > 0 {
            Ok(())
        } else {
            Err(self.1.into())
        }
    }
}

#[derive(Debug)]
struct Faulty<T: ?Sized>(Budget, Box<T>);

impl Disk for Faulty<dyn Disk> {
    fn len(&self) -> io::Result<u64> {
        self.1.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.1.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.spend()?;
        self.1.set_len(len)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.spend()?;
        self.1.write(offset, data)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.spend()?;
        self.1.sync()
    }

    fn note(&self) -> io::Result<Option<Vec<u8>>> {
        self.1.note()
    }

    fn set_note(&self, note: Option<&[u8]>) -> io::Result<()> {
        self.0.spend()?;
        self.1.set_note(note)
    }
}

impl Vault for Faulty<dyn Vault> {
    fn load(&mut self) -> io::Result<Vec<Vec<u8>>> {
        self.1.load()
    }

    fn replace(&mut self, generation: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.spend()?;
        self.1.replace(generation, bytes)
    }
}

fn faulty(memory: &Memory, budget: &Budget) -> Medium {
    let medium = memory.medium();
    Medium {
        disk: Box::new(Faulty(budget.clone(), medium.disk)),
        vault: Box::new(Faulty(budget.clone(), medium.vault)),
    }
}

/// A store with two keys, one of which is to be forgotten.
fn prepared(clock: &TestClock) -> Memory {
    let memory = Memory::default();
    let store = Store::create(memory.medium(), options(clock, 1), &genesis(), identity(1));
    let store = StoreHandle::spawn(store.unwrap()).unwrap();
    let batch = |key: &str| Batch::new().put(key.to_owned(), "value");
    store.write_blocking(batch("secret/1")).unwrap();
    store.write_blocking(batch("kept")).unwrap();
    store.shutdown_blocking().unwrap();
    memory
}

fn open_faulty(memory: &Memory, budget: &Budget, clock: &TestClock) -> StoreHandle {
    let id = Some(genesis().store_id());
    let medium = faulty(memory, budget);
    let opened = Store::open(medium, options(clock, 2), identity(1), id);
    StoreHandle::spawn(opened.unwrap()).unwrap()
}

fn request() -> ForgetRequest {
    ForgetRequest {
        cut: Cut {
            id: [3; 16],
            predicate: Bytes::from_static(b"secret/"),
            policy: [0; 32],
            reason: 1,
            as_of_ms: 1_700_000_000_000,
        },
        targets: vec![OpRef {
            author: identity(1).author(),
            seq: 1,
            op: 0,
        }],
    }
}

#[test]
fn a_forget_that_is_cut_off_anywhere_is_whole_or_absent() {
    let clock = TestClock::new();
    let before = prepared(&clock);
    let (mut absent, mut whole) = (0, 0);
    for calls in 0.. {
        let memory = before.image();
        let budget = Budget::new(i64::MAX, io::ErrorKind::Other);
        let store = open_faulty(&memory, &budget, &clock);
        budget.0.store(calls, Ordering::SeqCst);
        let acknowledged = store.forget_blocking(request()).is_ok();
        // What lies on disk at this moment is what a crash leaves.
        let crashed = reopen(memory.image().medium(), &clock, 1, 7);
        let erasures = crashed.snapshot().unwrap().erasures(9).unwrap();
        if get(&crashed, "secret/1").is_some() {
            assert!(!acknowledged, "readable after it was acknowledged");
            assert!(erasures.is_empty(), "an erasure without erasing");
            absent += 1;
        } else {
            assert_eq!(erasures.len(), 1, "erased without an erasure");
            whole += 1;
        }
        assert_eq!(get(&crashed, "kept").as_deref(), Some("value"));
        assert_eq!(crashed.verify_blocking(Depth::Deep).unwrap().findings, []);
        if acknowledged {
            break;
        }
    }
    assert!(absent > 3 && whole > 3, "{absent} absent, {whole} whole");
}

#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    let clock = TestClock::new();
    let before = prepared(&clock);
    let mut refused = 0;
    for calls in 0..12 {
        let memory = before.image();
        let budget = Budget::new(i64::MAX, io::ErrorKind::StorageFull);
        let store = open_faulty(&memory, &budget, &clock);
        budget.0.store(calls, Ordering::SeqCst);
        let big = Batch::new().put("big", vec![0; 1 << 20]);
        let first = store.write_blocking(big).map(|_| ());
        let Err(WriteError::Actor(ActorError::Storage(StorageError::Full))) = first else {
            // Enough calls were left for it to get through.
            assert!(first.is_ok(), "{first:?}");
            continue;
        };
        refused += 1;
        // Later calls return the first cause rather than an answer that may be wrong.
        let again = store.write_blocking(Batch::new().put("k", "v"));
        assert!(matches!(
            again,
            Err(WriteError::Actor(ActorError::Storage(StorageError::Full)))
        ));
        let crashed = reopen(memory.image().medium(), &clock, 1, 7);
        assert_eq!(get(&crashed, "kept").as_deref(), Some("value"));
        assert_eq!(crashed.verify_blocking(Depth::Deep).unwrap().findings, []);
    }
    assert!(refused > 3, "only {refused} writes met the full disk");
}

//! The rows that the benches write: single-put entries with 32-byte random keys and 100-byte values.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "entries made here are valid; one that isn't is a bug of the bench"
)]

use nocturne_core::limits::MAX_RUN_ENTRIES;
use nocturne_core::{
    Bytes, Entropy, Entry, EntryHash, Genesis, Header, Hlc, Identity, OpBody, OpHeader, Operation,
    SignedRun,
};
use nocturne_store::{Medium, Store, StoreHandle, StoreOptions};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// Bytes of a value.
pub const VALUE_LEN: usize = 100;
/// When the first entry is written, in Unix milliseconds.
pub const START_MS: u64 = 1_700_000_000_000;

/// Randomness from a seed: the same rows in every run.
#[derive(Debug)]
pub struct Seeded(StdRng);

impl Seeded {
    /// From `seed`.
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A put of a random key and value.
    pub fn put(&mut self) -> Operation {
        let mut key = [0; KEY_LEN];
        let mut value = [0; VALUE_LEN];
        self.0.fill_bytes(&mut key);
        self.0.fill_bytes(&mut value);
        Operation::put(Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value))
    }
}

impl Entropy for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }
}

/// An author's log as it grows.
#[derive(Debug)]
pub struct Log {
    identity: Identity,
    genesis: Genesis,
    entropy: Seeded,
    seq: u64,
    tip: EntryHash,
}

impl Log {
    /// An empty log of a fresh author in the store that `genesis` begins.
    pub fn new(genesis: &Genesis, seed: u64) -> Self {
        let mut entropy = Seeded::new(seed);
        Self {
            identity: Identity::generate(&mut entropy),
            genesis: genesis.clone(),
            entropy,
            seq: 0,
            tip: genesis.hash().into(),
        }
    }

    /// The next `count` entries, unsigned.
    pub fn entries(&mut self, count: usize) -> Vec<Entry> {
        (0..count).map(|_| self.entry()).collect()
    }

    fn entry(&mut self) -> Entry {
        let operation = self.entropy.put();
        let body = OpBody::new(&operation, &mut self.entropy).expect("the row is within limits");
        self.seq += 1;
        let header = Header {
            store: self.genesis.store_id(),
            author: self.identity.author(),
            seq: self.seq,
            prev: self.tip,
            hlc: Hlc::from_millis(START_MS + self.seq),
            deps: Vec::new(),
            ops: vec![OpHeader {
                commitment: body.commitment(),
                parents: Vec::new(),
            }],
        };
        self.tip = header.hash();
        Entry {
            header,
            bodies: vec![Some(body)],
        }
    }

    /// The next `count` entries as one signed run.
    pub fn run(&mut self, count: usize) -> SignedRun {
        let entries = self.entries(count);
        SignedRun::sign(&self.identity, entries).expect("a run has at least one entry")
    }

    /// The next `count` entries in runs as long as a run may be.
    pub fn runs(&mut self, count: usize) -> Vec<SignedRun> {
        let mut left = count;
        let mut runs = Vec::new();
        while left > 0 {
            let length = left.min(MAX_RUN_ENTRIES);
            runs.push(self.run(length));
            left -= length;
        }
        runs
    }
}

/// A root store's genesis from `seed`.
pub fn genesis(seed: u64) -> Genesis {
    let mut entropy = Seeded::new(seed);
    let creator = Identity::generate(&mut entropy).author();
    Genesis::root(creator, START_MS, &mut entropy)
}

/// An empty store on `medium`, written to by an author of `seed`.
pub fn create(medium: Medium, genesis: &Genesis, seed: u64) -> StoreHandle {
    let identity = Identity::generate(&mut Seeded::new(seed));
    let options = StoreOptions::system().expect("the system gives randomness");
    let store = Store::create(medium, options, genesis, identity).expect("the medium is empty");
    StoreHandle::spawn(store).expect("a thread can be started")
}

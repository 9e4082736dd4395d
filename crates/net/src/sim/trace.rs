//! What happened in a simulation, as a hash: two runs are the same if theirs are.

use std::fmt;

/// A running hash over events.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    hasher: blake3::Hasher,
}

/// Hash of everything that happened so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceHash([u8; 32]);

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        blake3::Hash::from_bytes(self.0).fmt(f)
    }
}

impl Trace {
    pub(super) fn new() -> Self {
        Self {
            hasher: blake3::Hasher::new(),
        }
    }

    /// Notes an event: when, what kind, which numbers, which bytes.
    pub(super) fn note(&mut self, now_ms: u64, kind: &str, numbers: &[u64], bytes: &[u8]) {
        self.hasher.update(&now_ms.to_be_bytes());
        self.hasher.update(kind.as_bytes());
        for number in numbers {
            self.hasher.update(&number.to_be_bytes());
        }
        self.hasher.update(&(bytes.len() as u64).to_be_bytes());
        self.hasher.update(bytes);
    }

    pub(super) fn hash(&self) -> TraceHash {
        TraceHash(*self.hasher.finalize().as_bytes())
    }
}

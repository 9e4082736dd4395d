//! Where the store meets the machine: its clock and its randomness, both passed in.

use std::time::Duration;

use nocturne_core::Entropy;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Tells the time. Passed in, so that tests can set it.
pub trait Clock: Send + Sync + 'static {
    /// Unix milliseconds.
    fn now_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "the default clock: the one place below `node` that reads the machine's time"
    )]
    fn now_ms(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // A clock before 1970 counts as 1970: entries stay ordered by their predecessors.
        u64::try_from(since.unwrap_or(Duration::ZERO).as_millis()).unwrap_or(u64::MAX)
    }
}

/// The machine's randomness, through a generator that is seeded from it once: a salt for every
/// operation would otherwise be a system call for every operation.
#[derive(Debug)]
pub struct SystemEntropy(StdRng);

/// The machine gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the system's randomness cannot be read: {0}")]
pub struct EntropyError(#[from] getrandom::Error);

impl SystemEntropy {
    /// Seeds a generator (`ChaCha`) from the operating system.
    pub fn new() -> Result<Self, EntropyError> {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed)?;
        Ok(Self(StdRng::from_seed(*seed)))
    }
}

impl Entropy for SystemEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }
}

/// Repeatable bytes from a number: for tests and benches, never for keys that guard anything.
#[derive(Debug)]
pub struct SeededEntropy(StdRng);

impl SeededEntropy {
    /// The same seed gives the same bytes.
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }
}

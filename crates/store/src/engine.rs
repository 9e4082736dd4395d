//! The synchronous store: one writer over redb. Everything that changes goes through here.

mod apply;
mod cuts;
mod entries;
mod forget;
mod forks;
mod head_stage;
mod open;
mod quarantine;
mod rewrite;
mod scrub;
mod supply;
mod transact;
mod verify;
mod waiting;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use nocturne_core::{AuthorId, Entropy, Frontier, FrontierDigest, Identity};

pub use apply::{ApplyOutcome, Refusal};
pub use open::{OpenError, StoreOptions};
pub use verify::{Depth, Finding, Findings};

use crate::erasure::{Covers, Cut, Judge};
use crate::error::StorageError;
use crate::medium::{CheckedDisk, Vault};
use crate::rim::Clock;
use crate::shared::Shared;
use crate::tables::{Authors, Log};
use quarantine::Quarantined;
use waiting::WaitingRoom;

/// A cut, and its predicate ready to be asked.
pub(crate) struct StandingCut {
    cut: Cut,
    covers: Box<dyn Covers>,
}

/// The engine. It owns the only writer; after an error of the storage it must be dropped and opened
/// again, because what it holds in memory may be ahead of the disk.
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    identity: Identity,
    clock: Arc<dyn Clock>,
    entropy: Box<dyn Entropy + Send>,
    /// The database's file: its length tells when free pages are used up.
    disk: Arc<CheckedDisk>,
    vault: Box<dyn Vault>,
    judge: Arc<dyn Judge>,
    max_drift_ms: u64,
    logs: BTreeMap<AuthorId, Log>,
    authors: Authors,
    frontier: Frontier,
    /// The frontier's digest, while it is known.
    digest: Option<FrontierDigest>,
    next_number: u64,
    next_revision: u64,
    next_erasure: u64,
    waiting: WaitingRoom,
    /// Whose entries are applied; everybody's when not set.
    admitted: Option<BTreeSet<AuthorId>>,
    /// Since waiting runs were last offered.
    admission_changed: bool,
    /// Authors of whom two histories are proven.
    frozen: BTreeSet<AuthorId>,
    cuts: Vec<StandingCut>,
    /// Peer clock minus own clock, as seen in this uptime.
    peer_offsets_ms: BTreeMap<AuthorId, i64>,
    quarantined: Quarantined,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("id", &self.shared.id)
            .field("author", &self.identity.author())
            .field("next_revision", &self.next_revision)
            .finish_non_exhaustive()
    }
}

/// Most peers whose clocks are remembered.
const MAX_PEER_CLOCKS: usize = 256;

impl Store {
    /// Who writes here.
    pub fn author(&self) -> AuthorId {
        self.identity.author()
    }

    /// Applies only these authors' entries from now on; others' wait, bounded.
    pub fn admit(&mut self, authors: Option<BTreeSet<AuthorId>>) {
        self.admitted = authors;
        self.admission_changed = true;
    }

    /// Notes how a peer's clock differs from the own one.
    pub fn note_peer_clock(&mut self, peer: AuthorId, offset_ms: i64) {
        if self.peer_offsets_ms.len() < MAX_PEER_CLOCKS || self.peer_offsets_ms.contains_key(&peer)
        {
            self.peer_offsets_ms.insert(peer, offset_ms);
        }
    }

    /// Makes sure that numbers below `upto` have keys, durably, before anything is sealed with them.
    fn allocate_numbers(&mut self, upto: u64) -> Result<(), StorageError> {
        if self.shared.with_keyring(|keyring| keyring.allocated) >= upto {
            return Ok(());
        }
        let mut keyring = self.shared.with_keyring(Clone::clone);
        if keyring.allocate(upto, &mut *self.entropy) {
            self.replace_keyring(keyring)?;
        }
        Ok(())
    }

    /// Writes a new version of the keyring; earlier ones are destroyed before this returns.
    fn replace_keyring(
        &mut self,
        mut keyring: crate::keyring::Keyring,
    ) -> Result<(), StorageError> {
        keyring.generation += 1;
        let bytes = crate::keyring::encode(&keyring);
        self.vault.replace(keyring.generation, &bytes)?;
        *self
            .shared
            .keyring
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = keyring;
        Ok(())
    }

    /// The frontier's digest: takes time in proportion to the authors, so it is kept until one of
    /// them moves.
    fn frontier_digest(&mut self) -> FrontierDigest {
        *self.digest.get_or_insert_with(|| self.frontier.digest())
    }

    fn keyring_generation(&self) -> u64 {
        self.shared.with_keyring(|keyring| keyring.generation)
    }

    fn nonce(&mut self) -> crate::seal::Nonce {
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        nonce
    }
}

impl Store {
    /// What is held back here.
    pub(crate) fn standing(&self) -> Result<crate::actor::Standing, StorageError> {
        let mut standing = self.shared.snapshot()?.standing()?;
        standing.waiting_entries = self.waiting.entries();
        standing.frozen = self.frozen.iter().copied().collect();
        Ok(standing)
    }
}

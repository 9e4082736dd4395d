//! What the actor, every handle and every snapshot of one store share.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use nocturne_core::{Frontier, Genesis, GenesisHash, OpRef, StoreId};
use redb::{Database, ReadableDatabase};
use tokio::sync::watch;

use crate::error::StorageError;
use crate::keyring::Keyring;
use crate::read::Snapshot;
use crate::tables::Authors;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) genesis: Genesis,
    pub(crate) genesis_hash: GenesisHash,
    pub(crate) id: StoreId,
    /// Readers hold the lock only to begin a transaction; compaction needs it exclusively.
    database: RwLock<Database>,
    /// Readers look keys up; only the writer allocates and punctures.
    pub(crate) keyring: RwLock<Keyring>,
    /// Published before the commit that first uses a number, so that no snapshot meets a number
    /// that it can't name.
    authors: RwLock<Arc<Authors>>,
    /// Published after the commit.
    frontier: RwLock<Arc<Frontier>>,
    /// What is being forgotten: its keys may be gone while its bodies still stand.
    forgetting: RwLock<Arc<BTreeSet<OpRef>>>,
    /// The next revision: changes when something was committed.
    pub(crate) revision: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new(
        genesis: Genesis,
        database: Database,
        keyring: Keyring,
        authors: Authors,
        frontier: Frontier,
        next_revision: u64,
    ) -> Self {
        Self {
            genesis_hash: genesis.hash(),
            id: genesis.store_id(),
            genesis,
            database: RwLock::new(database),
            keyring: RwLock::new(keyring),
            authors: RwLock::new(Arc::new(authors)),
            frontier: RwLock::new(Arc::new(frontier)),
            forgetting: RwLock::default(),
            revision: watch::Sender::new(next_revision),
        }
    }

    pub(crate) fn snapshot(self: &Arc<Self>) -> Result<Snapshot, StorageError> {
        let transaction = {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            database.begin_read()?
        };
        Snapshot::new(Arc::clone(self), transaction)
    }

    /// The database, for its only writer.
    pub(crate) fn with_database<R>(&self, f: impl FnOnce(&Database) -> R) -> R {
        f(&self.database.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The database with nobody beginning a transaction meanwhile.
    pub(crate) fn with_database_mut<R>(&self, f: impl FnOnce(&mut Database) -> R) -> R {
        f(&mut self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn authors(&self) -> Arc<Authors> {
        Arc::clone(&self.authors.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn publish_authors(&self, authors: Authors) {
        *self.authors.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(authors);
    }

    pub(crate) fn frontier(&self) -> Arc<Frontier> {
        Arc::clone(&self.frontier.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn publish_frontier(&self, frontier: Frontier) {
        *self
            .frontier
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(frontier);
    }

    pub(crate) fn publish_forgetting(&self, places: BTreeSet<OpRef>) {
        *self
            .forgetting
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(places);
    }

    pub(crate) fn is_forgetting(&self, at: &OpRef) -> bool {
        self.forgetting
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(at)
    }

    pub(crate) fn with_keyring<R>(&self, f: impl FnOnce(&Keyring) -> R) -> R {
        f(&self.keyring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

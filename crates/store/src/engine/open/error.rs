//! Why a store could not be made or opened.

use nocturne_core::{GenesisError, StoreId};

use crate::erasure::BadPredicate;
use crate::error::{Damage, StorageError, through_storage};
use crate::keyring;
use crate::tables::FORMAT;

/// Why a store was not made or opened. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A store is there already.
    #[error("a store exists here already")]
    Exists,
    /// Nothing is there.
    #[error("there is no store here")]
    Missing,
    /// Another process has it open.
    #[error("the store is in use by another process")]
    InUse,
    /// Another store than the one expected is there.
    #[error("the store here is {found}, not {expected}")]
    OtherStore {
        /// The one that was asked for.
        expected: StoreId,
        /// The one that is there.
        found: StoreId,
    },
    /// A newer program wrote it.
    #[error("the store has format {0}; this program knows {FORMAT}: use a newer nocturne")]
    Format(u64),
    /// The genesis record can't be read.
    #[error("the genesis record is damaged: {0}")]
    Genesis(#[from] GenesisError),
    /// The file is not the one that was closed.
    #[error(
        "the database file is not the one that was closed last; if you put it back from a copy, remove the file .sums beside it, otherwise the disk has damaged it"
    )]
    Replaced,
    /// The keyring is gone. Without it nothing can be read.
    #[error("the keyring is missing; put the store's keyring file back")]
    KeyringMissing,
    /// The keyring can't be read.
    #[error("{0}; put an intact copy of the newest keyring file back")]
    Keyring(#[from] keyring::KeyringFileError),
    /// The keyring belongs to another store's database.
    #[error("the keyring belongs to another database")]
    KeyringOfOther,
    /// The keyring is from before the last forget or the last writes: with it, what was forgotten
    /// would be readable again.
    #[error(
        "the keyring is older (version {found}) than the database (version {needed}); put the newest keyring file back"
    )]
    KeyringStale {
        /// Its version.
        found: u64,
        /// The least version that the database allows.
        needed: u64,
    },
    /// The store has cuts and no judge was given that can read them.
    #[error("the store has standing cuts; open it with the judge that reads them")]
    Judge,
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<BadPredicate> for OpenError {
    fn from(_: BadPredicate) -> Self {
        Self::Judge
    }
}

through_storage!(
    OpenError:
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    std::io::Error,
    Damage
);

impl From<redb::DatabaseError> for OpenError {
    fn from(error: redb::DatabaseError) -> Self {
        match error {
            redb::DatabaseError::DatabaseAlreadyOpen => Self::InUse,
            other => Self::Storage(other.into()),
        }
    }
}

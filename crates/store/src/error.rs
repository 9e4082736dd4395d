//! What can go wrong below every operation: the disk, and the actor that owns it.

use std::io;
use std::sync::Arc;

use nocturne_core::{AuthorId, EntryRef, OpRef};

/// The storage failed. After one of these the store takes no more writes until it is opened again.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// No space left.
    #[error("the disk is full; free some space and open the store again")]
    Full,
    /// The operating system reported an error.
    #[error("the disk failed: {0}")]
    Io(#[source] Arc<io::Error>),
    /// Something on the disk is not what was written.
    #[error("the database is damaged: {0}")]
    Damaged(#[from] Damage),
    /// The database engine refused.
    #[error("the database failed: {0}")]
    Database(#[source] EngineFault),
}

/// An error of the database engine.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct EngineFault(#[source] Arc<redb::Error>);

/// What is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file's own structure.
    #[error("a page of the database file does not match its checksum")]
    Page,
    /// A row that can't be read.
    #[error("a row of table {0} cannot be read")]
    Row(&'static str),
    /// A block that lacks an entry which its log has.
    #[error("entry {0} is missing from its log")]
    Entry(EntryRef),
    /// A body that does not match its commitment.
    #[error("the body of {0} does not match its commitment")]
    Body(OpRef),
    /// A body that is marked as present and has no key.
    #[error("the key of {0} is missing from the keyring")]
    Key(OpRef),
    /// A log whose author is not listed.
    #[error("author number {0} is not listed")]
    Author(u32),
    /// A log that doesn't link.
    #[error("the log of {0} does not link")]
    Chain(AuthorId),
    /// A signature that doesn't verify.
    #[error("the signature of {0} does not verify")]
    Signature(EntryRef),
    /// An index that disagrees with the entries.
    #[error("index {0} disagrees with the entries")]
    Index(&'static str),
}

impl From<io::Error> for StorageError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            // A page that is not what was written, or a file that is no database.
            io::ErrorKind::InvalidData => Self::Damaged(Damage::Page),
            _ => Self::Io(Arc::new(error)),
        }
    }
}

impl From<redb::Error> for StorageError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => error.into(),
            redb::Error::Corrupted(_) => Self::Damaged(Damage::Page),
            other => Self::Database(EngineFault(Arc::new(other))),
        }
    }
}

macro_rules! from_redb {
    ($($name:ident),*) => {$(
        impl From<redb::$name> for StorageError {
            fn from(error: redb::$name) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}
from_redb!(
    StorageError,
    TableError,
    TransactionError,
    CommitError,
    CompactionError,
    DatabaseError,
    SetDurabilityError
);

/// Lets an operation's error take these causes by way of its `Storage` variant.
macro_rules! through_storage {
    ($error:ty: $($source:ty),*) => {$(
        impl From<$source> for $error {
            fn from(error: $source) -> Self {
                Self::Storage(error.into())
            }
        }
    )*};
}
pub(crate) use through_storage;

/// Why a call did not reach the store, or did not come back.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ActorError {
    /// The store is shut down.
    #[error("the store is closed")]
    Closed,
    /// The storage failed, now or earlier; this is the first cause.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

//! What a caller writes, and what comes back.

use std::collections::BTreeSet;

use nocturne_core::limits::MAX_OPS;
use nocturne_core::{AuthorId, Bytes, EntryHash, Hlc, InvalidOperation, Operation};

use crate::error::{ActorError, StorageError};

/// Operations that become one entry: all or nothing. Each key may appear once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    operations: Vec<Operation>,
}

impl Batch {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self {
            operations: Vec::new(),
        }
    }

    /// Sets a key.
    #[must_use]
    pub fn put(self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        self.with(Operation::put(key, value))
    }

    /// Deletes a key.
    #[must_use]
    pub fn delete(self, key: impl Into<Bytes>) -> Self {
        self.with(Operation::delete(key))
    }

    /// Any operation, with tags and subject if it has them.
    #[must_use]
    pub fn with(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }

    /// What it holds.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn size(&self) -> usize {
        let of = |operation: &Operation| operation.key.len() + operation.value.len() + 64;
        self.operations.iter().map(of).sum()
    }

    pub(crate) fn check(&self) -> Result<(), WriteError> {
        if self.operations.is_empty() {
            return Err(WriteError::Empty);
        }
        if self.operations.len() > MAX_OPS {
            return Err(WriteError::TooManyOperations(self.operations.len()));
        }
        let mut keys = BTreeSet::new();
        for operation in &self.operations {
            operation.check()?;
            if !keys.insert(&operation.key) {
                return Err(WriteError::DuplicateKey(operation.key.clone()));
            }
        }
        Ok(())
    }
}

impl From<Operation> for Batch {
    fn from(operation: Operation) -> Self {
        Self::new().with(operation)
    }
}

impl FromIterator<Operation> for Batch {
    fn from_iter<I: IntoIterator<Item = Operation>>(iter: I) -> Self {
        Self {
            operations: iter.into_iter().collect(),
        }
    }
}

/// An entry that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Who wrote it.
    pub author: AuthorId,
    /// Its place in the author's log.
    pub seq: u64,
    /// When.
    pub hlc: Hlc,
    /// Its hash.
    pub hash: EntryHash,
    /// How many operations it has.
    pub ops: usize,
    /// Its revision here.
    pub revision: u64,
}

/// Why a batch was not written. Nothing of it was.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// No operations.
    #[error("the batch is empty")]
    Empty,
    /// More operations than one entry can have.
    #[error("the batch has {0} operations; at most {MAX_OPS} are allowed")]
    TooManyOperations(usize),
    /// One key twice.
    #[error("a key appears twice in the batch: {0:?}")]
    DuplicateKey(Bytes),
    /// An operation over a limit.
    #[error(transparent)]
    Operation(#[from] InvalidOperation),
    /// Header and bodies over the limit of an entry.
    #[error("the batch makes an entry of {0} bytes; at most 4 MiB are allowed")]
    TooLarge(usize),
    /// The log has reached the end of time or of its numbers.
    #[error("the log is at the end of its time or numbers")]
    Exhausted,
    /// Two histories of this identity exist: it may not write any more.
    #[error("two histories of this node's log exist; it may not write under this identity")]
    Frozen,
    /// The store is closed or its storage failed.
    #[error(transparent)]
    Actor(#[from] ActorError),
}

impl From<StorageError> for WriteError {
    fn from(error: StorageError) -> Self {
        Self::Actor(error.into())
    }
}

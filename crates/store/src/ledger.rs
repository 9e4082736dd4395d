//! An append-only, durable list of records: what a node's receipts stand on. One file of its own,
//! because one list serves all stores of a node.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

use crate::error::{Damage, StorageError, through_storage};
use crate::medium::{CheckedDisk, Disk, FileDisk, Newest, Noted, RedbDisk, is_blank, is_intact};

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records_v1");
const BATCHES: TableDefinition<'_, &[u8; 16], (u64, u64)> = TableDefinition::new("batches_v1");

/// Longest record, in bytes.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;

/// Why a ledger could not be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process has it open.
    #[error("the ledger is in use by another process")]
    InUse,
    /// A record over the limit.
    #[error("a record has {0} bytes; at most {MAX_RECORD_BYTES} are allowed")]
    TooLong(usize),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

through_storage!(
    LedgerError:
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError
);

/// Records by index from 0. Clones share it. Calls block for as long as the disk takes.
#[derive(Debug, Clone)]
pub struct Ledger {
    database: Arc<Database>,
    writer: Arc<Mutex<()>>,
}

impl Ledger {
    /// Opens the ledger in a file, or makes it.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let disk = FileDisk::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => LedgerError::InUse,
            _ => StorageError::from(error).into(),
        })?;
        Self::on(Box::new(disk))
    }

    /// Opens the ledger on a disk, or makes it.
    pub fn on(disk: Box<dyn Disk>) -> Result<Self, LedgerError> {
        // redb can panic on what it reads from a damaged file.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            if is_blank(&*disk).map_err(StorageError::from)? {
                disk.set_len(0).map_err(StorageError::from)?;
            }
            let (disk, noted) = CheckedDisk::open(disk.into()).map_err(StorageError::from)?;
            let unknown = match noted {
                Noted::Pages | Noted::Crashed => false,
                Noted::Nothing | Noted::Other => disk.len().map_err(StorageError::from)? > 0,
            };
            if unknown && !is_intact(disk.unchecked(), Newest::Unknown)? {
                return Err(StorageError::from(Damage::Page).into());
            }
            let database = Database::builder()
                .set_cache_size(4 * 1024 * 1024)
                .create_with_backend(RedbDisk(Arc::new(disk)))?;
            let transaction = database.begin_write()?;
            transaction.open_table(RECORDS)?;
            transaction.open_table(BATCHES)?;
            transaction.commit()?;
            Ok(Self {
                database: Arc::new(database),
                writer: Arc::default(),
            })
        }));
        opened.unwrap_or(Err(StorageError::Damaged(Damage::Page).into()))
    }

    fn writer(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends records, durably and all or none. The same batch id again appends nothing. Returns
    /// the first record's index and their number.
    pub fn append(&self, batch: [u8; 16], records: &[Vec<u8>]) -> Result<(u64, u64), LedgerError> {
        if let Some(long) = records
            .iter()
            .find(|record| record.len() > MAX_RECORD_BYTES)
        {
            return Err(LedgerError::TooLong(long.len()));
        }
        let _writer = self.writer();
        let transaction = self.database.begin_write()?;
        let placed = {
            let mut batches = transaction.open_table(BATCHES)?;
            let known = batches.get(&batch)?.map(|row| row.value());
            if let Some(known) = known {
                known
            } else {
                let mut table = transaction.open_table(RECORDS)?;
                let first = table.len()?;
                for (index, record) in (first..).zip(records) {
                    table.insert(index, &record[..])?;
                }
                let placed = (first, records.len() as u64);
                batches.insert(&batch, placed)?;
                placed
            }
        };
        transaction.commit()?;
        Ok(placed)
    }

    /// How many records there are.
    pub fn len(&self) -> Result<u64, LedgerError> {
        let transaction = self.database.begin_read()?;
        Ok(transaction.open_table(RECORDS)?.len()?)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> Result<bool, LedgerError> {
        Ok(self.len()? == 0)
    }

    /// Records from an index on, at most `limit`.
    pub fn read(&self, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, LedgerError> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(RECORDS)?;
        let mut out = Vec::new();
        for (expected, row) in (from..).zip(table.range(from..)?.take(limit)) {
            let (index, record) = row?;
            if index.value() != expected {
                return Err(StorageError::from(Damage::Row("records")).into());
            }
            out.push(record.value().to_vec());
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_appended_once_and_survives_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        let records = |texts: &[&str]| -> Vec<Vec<u8>> {
            texts.iter().map(|text| text.as_bytes().to_vec()).collect()
        };
        {
            let ledger = Ledger::open(&path).unwrap();
            assert!(ledger.is_empty().unwrap());
            assert_eq!(
                ledger.append([1; 16], &records(&["a", "b"])).unwrap(),
                (0, 2)
            );
            assert_eq!(
                ledger.append([1; 16], &records(&["a", "b"])).unwrap(),
                (0, 2)
            );
            assert!(matches!(Ledger::open(&path), Err(LedgerError::InUse)));
        }
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.append([2; 16], &records(&["c"])).unwrap(), (2, 1));
        assert_eq!(ledger.read(1, 9).unwrap(), records(&["b", "c"]));
        assert_eq!(ledger.len().unwrap(), 3);
    }
}

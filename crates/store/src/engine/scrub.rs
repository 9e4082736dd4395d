//! Scrubbing: what was dropped from the database still stands in two places. Inner pages of a
//! B-tree keep copies of removed keys as separators: so the tables that are keyed by keys are built
//! anew. Free pages keep whole rows: compaction moves live pages and cuts the file, but leaves what
//! stands in the free pages that remain, so each of them is overwritten.

use redb::{CompactionError, ReadableTable, TableDefinition};

use super::Store;
use crate::erasure::ScrubError;
use crate::error::StorageError;
use crate::tables::{HEADS, META, VERSIONS, meta};

const NEW_HEADS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("heads_v1_new");
const NEW_VERSIONS: TableDefinition<'_, (&[u8], u64, u32, u64, u16), u8> =
    TableDefinition::new("versions_v1_new");
const FILLER: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("filler_v1");
/// Fills a page of 4 KiB so far that no second row fits.
const FILLER_BYTES: usize = 3_500;
/// Commits after which pages freed earlier can be allocated again.
const SETTLING_COMMITS: usize = 3;

impl Store {
    /// Overwrites and then cuts away the database file's free pages, where dropped rows may still
    /// stand. Readers must have let their snapshots go. Takes as long as writing the live data and
    /// the free pages once.
    pub fn scrub(&mut self) -> Result<(), ScrubError> {
        self.rebuild_key_tables()?;
        self.compact()?;
        for _ in 0..SETTLING_COMMITS {
            self.touch()?;
        }
        self.overwrite_free_pages()?;
        let transaction = self.begin()?;
        transaction
            .delete_table(FILLER)
            .map_err(StorageError::from)?;
        transaction.commit().map_err(StorageError::from)?;
        self.compact()?;
        let transaction = self.begin()?;
        {
            let mut table = transaction.open_table(META).map_err(StorageError::from)?;
            table.remove(meta::SCRUB_DUE).map_err(StorageError::from)?;
        }
        transaction.commit().map_err(StorageError::from)?;
        Ok(())
    }

    fn begin(&self) -> Result<redb::WriteTransaction, StorageError> {
        Ok(self.shared.with_database(redb::Database::begin_write)?)
    }

    /// Cuts the file. Fails while readers hold snapshots.
    pub(super) fn compact(&self) -> Result<(), ScrubError> {
        match self.shared.with_database_mut(redb::Database::compact) {
            Ok(_) => Ok(()),
            Err(
                CompactionError::TransactionInProgress
                | CompactionError::EphemeralSavepointExists
                | CompactionError::PersistentSavepointExists,
            ) => Err(ScrubError::Readers),
            Err(error) => Err(StorageError::from(error).into()),
        }
    }

    /// Copies the tables whose keys are keys of the map, so that no separator of a removed one stays.
    fn rebuild_key_tables(&self) -> Result<(), StorageError> {
        let transaction = self.begin()?;
        {
            let old = transaction.open_table(HEADS)?;
            let mut new = transaction.open_table(NEW_HEADS)?;
            for row in old.iter()? {
                let (key, heads) = row?;
                new.insert(key.value(), heads.value())?;
            }
            let old = transaction.open_table(VERSIONS)?;
            let mut new = transaction.open_table(NEW_VERSIONS)?;
            for row in old.iter()? {
                let (key, kind) = row?;
                new.insert(key.value(), kind.value())?;
            }
        }
        transaction.delete_table(HEADS)?;
        transaction.rename_table(NEW_HEADS, HEADS)?;
        transaction.delete_table(VERSIONS)?;
        transaction.rename_table(NEW_VERSIONS, VERSIONS)?;
        Ok(transaction.commit()?)
    }

    /// Commits nothing of interest.
    fn touch(&self) -> Result<(), StorageError> {
        let transaction = self.begin()?;
        transaction.open_table(FILLER)?;
        Ok(transaction.commit()?)
    }

    /// Allocates pages until the file has to grow: then no free one is left.
    fn overwrite_free_pages(&self) -> Result<(), StorageError> {
        let before = self.disk.len()?;
        let transaction = self.begin()?;
        {
            let mut table = transaction.open_table(FILLER)?;
            let filler = [0; FILLER_BYTES];
            let mut row = 0;
            while self.disk.len()? <= before {
                table.insert(row, &filler[..])?;
                row += 1;
            }
        }
        Ok(transaction.commit()?)
    }
}

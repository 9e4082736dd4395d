//! What is being forgotten and what has been, without a receipt yet.

use nocturne_core::OpRef;
use redb::ReadableTable;

use super::Snapshot;
use crate::erasure::{Cut, Erasure};
use crate::error::{Damage, StorageError};
use crate::tables::{CUTS, ERASURES, META, PLAN, meta};

impl Snapshot {
    /// Erasures that no receipt has been issued for, oldest first, at most `limit`.
    pub fn erasures(&self, limit: usize) -> Result<Vec<Erasure>, StorageError> {
        let mut out = Vec::new();
        for row in self.transaction.open_table(ERASURES)?.iter()? {
            if out.len() >= limit {
                break;
            }
            let (number, row) = row?;
            let erasure = Erasure::decode(number.value(), row.value())?;
            if erasure.done {
                out.push(erasure);
            }
        }
        Ok(out)
    }

    /// Standing cuts, by id.
    pub fn cuts(&self) -> Result<Vec<Cut>, StorageError> {
        let mut out = Vec::new();
        for row in self.transaction.open_table(CUTS)?.iter()? {
            let (id, row) = row?;
            out.push(Cut::decode(*id.value(), row.value())?);
        }
        Ok(out)
    }

    /// Whether erased rows may still stand in free pages of the file.
    pub fn scrub_due(&self) -> Result<bool, StorageError> {
        let table = self.transaction.open_table(META)?;
        Ok(table.get(meta::SCRUB_DUE)?.is_some())
    }

    pub(crate) fn planned(&self) -> Result<Vec<(Erasure, Vec<u8>)>, StorageError> {
        let erasures = self.transaction.open_table(ERASURES)?;
        let mut out = Vec::new();
        for row in self.transaction.open_table(PLAN)?.iter()? {
            let (number, key) = row?;
            let row = erasures.get(number.value())?;
            let row = row.ok_or(Damage::Row("plan"))?;
            out.push((
                Erasure::decode(number.value(), row.value())?,
                key.value().to_vec(),
            ));
        }
        Ok(out)
    }

    /// The number whose key opens an operation's body, if the body is here.
    pub(crate) fn sealed_number(&self, at: OpRef) -> Result<Option<u64>, StorageError> {
        let author = self.authors.number(&at.author);
        let author = author.ok_or(Damage::Entry(at.entry()))?;
        Ok(self.op((author, at.seq, at.op))?.1.body.number())
    }
}

impl Snapshot {
    /// Counts of what is held back on disk.
    pub(crate) fn standing(&self) -> Result<crate::actor::Standing, StorageError> {
        use redb::ReadableTableMetadata;
        let transaction = &self.transaction;
        Ok(crate::actor::Standing {
            quarantined_runs: transaction.open_table(crate::tables::QUARANTINE)?.len()?,
            keys: self.heads.len()?,
            wanted: transaction.open_table(crate::tables::WANTED)?.len()?,
            forgotten: transaction.open_table(crate::tables::FORGOTTEN)?.len()?,
            ..Default::default()
        })
    }
}

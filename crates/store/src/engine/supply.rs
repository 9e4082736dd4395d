//! Bodies that come after their headers.

use nocturne_core::{OpBody, OpRef};

use super::Store;
use super::cuts::Born;
use super::transact::Stage;
use crate::block::Stored;
use crate::error::{Damage, StorageError};
use crate::seal;
use crate::tables::{Arrival, HeadRow};

impl Store {
    /// Takes bodies that were wanted; returns how many. Those that are not wanted, or don't match
    /// their commitment, are passed over.
    pub fn supply(&mut self, bodies: Vec<(OpRef, OpBody)>) -> Result<u64, StorageError> {
        let transaction = self.shared.with_database(redb::Database::begin_write)?;
        let now_ms = self.clock.now_ms();
        let mut stage = Stage::open(&transaction)?;
        let mut taken = 0;
        for (at, body) in bodies {
            taken += u64::from(self.supply_one(&mut stage, at, &body, now_ms)?);
        }
        self.finish(stage, &transaction)?;
        self.commit(transaction)?;
        Ok(taken)
    }

    fn supply_one(
        &mut self,
        stage: &mut Stage<'_>,
        at: OpRef,
        body: &OpBody,
        now_ms: u64,
    ) -> Result<bool, StorageError> {
        let Some(author) = self.authors.number(&at.author) else {
            return Ok(false);
        };
        let place = (author, at.seq, at.op);
        let Some(flags) = stage.bodiless(place)?.filter(|flags| !flags.forgotten) else {
            return Ok(false);
        };
        let opened = self.open_operation(stage, at)?;
        let opened = opened.ok_or(Damage::Entry(at.entry()))?;
        let (hlc, entry, commitment) = (opened.hlc, opened.hash, opened.stored.commitment);
        if body.commitment() != commitment {
            return Ok(false);
        }
        let operation = body.operation().ok();
        if let Some(cut) = self.covering_cut(operation.as_ref(), hlc) {
            self.rewrite(stage, at, Stored::Forgotten)?;
            let born = Born {
                at,
                entry,
                commitment,
                frontier_before: None,
            };
            self.bear_forgotten(stage, &born, cut, now_ms)?;
            return Ok(true);
        }
        let number = self.next_number;
        self.next_number += 1;
        self.allocate_numbers(self.next_number)?;
        let nonce = self.nonce();
        let key = self.shared.with_keyring(|keyring| keyring.key(number));
        let mut bytes = body.joined().to_vec();
        let key = key.ok_or(Damage::Key(at))?;
        seal::seal(&key, &nonce, &mut bytes);
        let sealed = Stored::SealedLater {
            number,
            nonce,
            bytes,
        };
        self.rewrite(stage, at, sealed)?;
        stage.wanted.remove(place)?;
        if let Some(operation) = operation {
            let head = HeadRow {
                author,
                seq: at.seq,
                op: at.op,
                hlc,
                kind: operation.kind,
            };
            if flags.superseded {
                let row = (&operation.key[..], hlc.bits(), author, at.seq, at.op);
                stage.versions.insert(row, operation.kind.number())?;
            } else {
                // Copied: a slice would keep the peer's whole message alive.
                let key = crate::tables::owned(&operation.key);
                stage.keys.edit(key, Vec::new(), head);
            }
        }
        let arrival = Arrival::Supplied {
            author,
            seq: at.seq,
            op: u32::from(at.op),
        };
        self.next_revision = stage.arrive(self.next_revision, arrival)?;
        Ok(true)
    }
}

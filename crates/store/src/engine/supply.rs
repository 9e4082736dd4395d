//! Bodies that come after their headers.

use nocturne_core::{EntryHash, OpBody, OpRef};
use redb::ReadableTable;

use super::Store;
use super::transact::Stage;
use crate::block::{Block, Stored};
use crate::error::{Damage, StorageError};
use crate::seal;
use crate::tables::{Arrival, Bodiless, HeadRow};

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
        let flags = stage.bodiless.get(place)?.map(|flags| flags.value());
        let Some(flags) = flags.map(Bodiless::from_bits) else {
            return Ok(false);
        };
        if flags.forgotten {
            return Ok(false);
        }
        let entry = stage.entry(author, at.seq)?;
        let (entry, _) = entry.ok_or(Damage::Entry(at.entry()))?;
        let stored = entry.ops.get(usize::from(at.op));
        let commitment = stored.ok_or(Damage::Entry(at.entry()))?.commitment;
        if body.commitment() != commitment {
            return Ok(false);
        }
        let operation = body.operation().ok();
        if let Some(cut) = self.covering_cut(operation.as_ref(), entry.hlc) {
            let hash = self.rewrite(stage, at, |_| Stored::Forgotten)?;
            self.bear_forgotten(stage, at, hash, commitment, cut, now_ms)?;
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
        self.rewrite(stage, at, |_| Stored::SealedLater {
            number,
            nonce,
            bytes,
        })?;
        stage.bodiless.remove(place)?;
        if let Some(operation) = operation {
            let head = HeadRow {
                author,
                seq: at.seq,
                op: at.op,
                hlc: entry.hlc,
                kind: operation.kind,
            };
            if flags.superseded {
                let row = (&operation.key[..], entry.hlc.bits(), author, at.seq, at.op);
                stage.versions.insert(row, operation.kind.number())?;
            } else {
                stage.keys.edit(operation.key, Vec::new(), head);
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

    /// Replaces one operation's stored body; returns its entry's hash.
    pub(super) fn rewrite(
        &self,
        stage: &mut Stage<'_>,
        at: OpRef,
        replace: impl FnOnce(&Stored) -> Stored,
    ) -> Result<EntryHash, StorageError> {
        let missing = Damage::Entry(at.entry());
        let author = self.authors.number(&at.author).ok_or(missing)?;
        let (place, mut block) = {
            let row = stage
                .blocks
                .range((author, 0)..=(author, at.seq))?
                .next_back();
            let (place, bytes) = row.ok_or(missing)??;
            (place.value(), Block::decode(bytes.value())?)
        };
        let index = usize::try_from(at.seq - place.1).map_err(|_| missing)?;
        let stored = block
            .entries
            .get_mut(index)
            .and_then(|entry| entry.ops.get_mut(usize::from(at.op)))
            .ok_or(missing)?;
        stored.body = replace(&stored.body);
        let mut hash = block.prev;
        for (seq, entry) in (place.1..=at.seq).zip(&block.entries) {
            let header = entry.header(self.shared.id, at.author, seq, hash, &self.authors)?;
            hash = header.hash();
        }
        stage.blocks.insert(place, &block.encode()[..])?;
        stage.dirty = true;
        Ok(hash)
    }
}

//! Runs from the future: kept durably, sealed and bounded, until the clock has caught up.

use nocturne_core::wire::{RunDecoder, RunEncoder, messages};
use nocturne_core::{Bytes, SignedRun, VerifiedRun, rules};
use prost::Message;
use redb::{ReadableTable, ReadableTableMetadata};

use super::Store;
use super::apply::{ApplyOutcome, Refusal};
use super::transact::Stage;
use crate::error::{Damage, StorageError};
use crate::seal;
use crate::tables::{META, SPENT, meta};

/// Most runs in quarantine.
const MAX_RUNS: u64 = 1_024;
/// Most runs of one author: a broken clock doesn't crowd out another.
const MAX_AUTHOR_RUNS: usize = 64;

impl Store {
    /// Puts a run aside. It is not applied, not relayed, and its time is not taken over.
    pub(super) fn quarantine(
        &mut self,
        stage: &mut Stage<'_>,
        run: &VerifiedRun,
    ) -> Result<ApplyOutcome, StorageError> {
        let author = run.author();
        let id = author.as_bytes();
        if stage.quarantine.get((id, run.first_seq()))?.is_some() {
            return Ok(ApplyOutcome::Quarantined);
        }
        let of_author = stage.quarantine.range((id, 0)..=(id, u64::MAX))?.count();
        if stage.quarantine.len()? >= MAX_RUNS || of_author >= MAX_AUTHOR_RUNS {
            return Ok(ApplyOutcome::Refused(Refusal::NoRoom));
        }
        let signed = SignedRun::new(
            run.entries()
                .iter()
                .map(|entry| entry.entry().clone())
                .collect(),
            run.signature(),
        );
        let mut encoder = RunEncoder::new();
        let message = messages::Runs {
            runs: encoder.run(&signed).into_iter().collect(),
            new_authors: encoder.take_new_authors(),
        };
        let number = self.next_number;
        self.next_number += 1;
        self.allocate_numbers(self.next_number)?;
        let nonce = self.nonce();
        let key = self.shared.with_keyring(|keyring| keyring.key(number));
        let mut sealed = message.encode_to_vec();
        let key = key.ok_or(Damage::Row("quarantine"))?;
        seal::seal(&key, &nonce, &mut sealed);
        let row = [&number.to_be_bytes()[..], &nonce, &sealed].concat();
        stage.quarantine.insert((id, run.first_seq()), &row[..])?;
        stage.dirty = true;
        let until = self.due_ms(run);
        let earliest = self
            .quarantined_until_ms
            .map_or(until, |other| other.min(until));
        self.quarantined_until_ms = Some(earliest);
        tracing::warn!(%author, seq = run.first_seq(), "a run is from the future and quarantined");
        Ok(ApplyOutcome::Quarantined)
    }

    fn due_ms(&self, run: &VerifiedRun) -> u64 {
        let last = run.entries().last();
        let millis = last.map_or(0, |entry| entry.entry().header.hlc.millis());
        millis.saturating_sub(self.max_drift_ms)
    }

    /// Offers what the clock has caught up with; whether anything left the quarantine.
    pub(super) fn admit_quarantined(
        &mut self,
        stage: &mut Stage<'_>,
        now_ms: u64,
    ) -> Result<bool, StorageError> {
        if self.quarantined_until_ms.is_none_or(|until| until > now_ms) {
            return Ok(false);
        }
        self.quarantined_until_ms = None;
        let mut due = Vec::new();
        let mut rows = Vec::new();
        for row in stage.quarantine.iter()? {
            let (place, row) = row?;
            let (author, seq) = place.value();
            rows.push((*author, seq, row.value().to_vec()));
        }
        for (author, seq, row) in rows {
            let (number, run) = self.open_quarantined(&row)?;
            let last = run.entries().last().map(|entry| entry.entry().header.hlc);
            if last.is_some_and(|hlc| rules::is_quarantined(hlc, now_ms, self.max_drift_ms)) {
                let until = self.due_ms(&run);
                let earliest = self
                    .quarantined_until_ms
                    .map_or(until, |other| other.min(until));
                self.quarantined_until_ms = Some(earliest);
            } else {
                stage.quarantine.remove((&author, seq))?;
                stage.spent.insert(number, ())?;
                stage.dirty = true;
                due.push(run);
            }
        }
        let left = !due.is_empty();
        for run in due {
            self.offer(stage, run, now_ms)?;
        }
        Ok(left)
    }

    /// Loses the keys of rows that left the quarantine: the sealed copies that stay in free pages
    /// would otherwise outlive the operations in them. After the commit that removed the rows,
    /// because before it a crash would leave rows that nothing opens.
    pub(super) fn puncture_spent(&mut self) -> Result<(), StorageError> {
        let transaction = self.shared.with_database(redb::Database::begin_write)?;
        let numbers = {
            let spent = transaction.open_table(SPENT)?;
            let rows = spent
                .iter()?
                .map(|row| row.map(|(number, _)| number.value()));
            rows.collect::<Result<Vec<u64>, _>>()?
        };
        if numbers.is_empty() {
            return Ok(transaction.abort()?);
        }
        let mut keyring = self.shared.with_keyring(Clone::clone);
        if keyring.puncture(numbers) {
            self.replace_keyring(keyring)?;
        }
        transaction.delete_table(SPENT)?;
        transaction.open_table(SPENT)?;
        let floor = self.keyring_generation().to_be_bytes();
        transaction
            .open_table(META)?
            .insert(meta::KEYRING_FLOOR, &floor[..])?;
        Ok(transaction.commit()?)
    }

    fn open_quarantined(&self, row: &[u8]) -> Result<(u64, VerifiedRun), StorageError> {
        const BAD: Damage = Damage::Row("quarantine");
        let (number, rest) = row.split_first_chunk::<8>().ok_or(BAD)?;
        let (nonce, sealed) = rest.split_first_chunk::<12>().ok_or(BAD)?;
        let number = u64::from_be_bytes(*number);
        let key = self
            .shared
            .with_keyring(|keyring| keyring.key(number))
            .ok_or(BAD)?;
        let mut bytes = sealed.to_vec();
        seal::seal(&key, nonce, &mut bytes);
        let message = messages::Runs::decode(Bytes::from(bytes)).map_err(|_| BAD)?;
        let mut decoder = RunDecoder::new(self.shared.id);
        decoder.new_authors(&message.new_authors).map_err(|_| BAD)?;
        let run = message.runs.into_iter().next().ok_or(BAD)?;
        let run = decoder.run(run).map_err(|_| BAD)?;
        Ok((number, run.verify().map_err(|_| BAD)?))
    }
}

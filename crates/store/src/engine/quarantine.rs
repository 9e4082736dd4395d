//! Runs from the future: kept durably, sealed and bounded, until the clock has caught up.

use nocturne_core::wire::{RunDecoder, RunEncoder, messages};
use nocturne_core::{Bytes, Hlc, SignedRun, VerifiedRun, rules};
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
/// Most bytes in quarantine: all that falls due at once is held in memory.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A row's number and last time, before the nonce.
const FRONT: usize = 8 + 8;

/// What is in quarantine, in sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Quarantined {
    bytes: u64,
    /// The earliest time of the last entry of a run.
    earliest: Option<Hlc>,
}

impl Quarantined {
    /// Sums up the rows.
    pub(super) fn read(
        table: &impl ReadableTable<Place, &'static [u8]>,
    ) -> Result<Self, StorageError> {
        let mut sum = Self::default();
        for row in table.iter()? {
            let (_, row) = row?;
            let (_, last) = front(row.value())?;
            sum.add(row.value().len(), last);
        }
        Ok(sum)
    }

    fn add(&mut self, len: usize, last: Hlc) {
        self.bytes += len as u64;
        self.earliest = Some(self.earliest.map_or(last, |earliest| earliest.min(last)));
    }
}

type Place = (&'static [u8; 32], u64);

/// The number of a row's key, and when its run's last entry was written.
fn front(row: &[u8]) -> Result<(u64, Hlc), Damage> {
    let (number, rest) = row.split_first_chunk::<8>().ok_or(BAD)?;
    let (last, _) = rest.split_first_chunk::<8>().ok_or(BAD)?;
    let last = Hlc::from_bits(u64::from_be_bytes(*last));
    Ok((u64::from_be_bytes(*number), last))
}

const BAD: Damage = Damage::Row("quarantine");

impl Store {
    /// Puts a run aside. It is not applied, not relayed, and its time is not taken over.
    pub(super) fn quarantine(
        &mut self,
        stage: &mut Stage<'_>,
        run: &VerifiedRun,
        last: Hlc,
    ) -> Result<ApplyOutcome, StorageError> {
        let author = run.author();
        let id = author.as_bytes();
        if stage.quarantine.get((id, run.first_seq()))?.is_some() {
            return Ok(ApplyOutcome::Quarantined);
        }
        let of_author = stage.quarantine.range((id, 0)..=(id, u64::MAX))?.count();
        let full = stage.quarantine.len()? >= MAX_RUNS
            || self.quarantined.bytes + run.size() as u64 > MAX_BYTES
            || of_author >= MAX_AUTHOR_RUNS;
        if full {
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
        let key = key.ok_or(BAD)?;
        seal::seal(&key, &nonce, &mut sealed);
        let last_bits = last.bits().to_be_bytes();
        let row = [&number.to_be_bytes()[..], &last_bits, &nonce, &sealed].concat();
        stage.quarantine.insert((id, run.first_seq()), &row[..])?;
        stage.dirty = true;
        self.quarantined.add(row.len(), last);
        tracing::warn!(%author, seq = run.first_seq(), "a run is from the future and quarantined");
        Ok(ApplyOutcome::Quarantined)
    }

    /// Offers what the clock has caught up with; whether anything left the quarantine.
    pub(super) fn admit_quarantined(
        &mut self,
        stage: &mut Stage<'_>,
        now_ms: u64,
    ) -> Result<bool, StorageError> {
        let early = |last| rules::is_quarantined(last, now_ms, self.max_drift_ms);
        if self.quarantined.earliest.is_none_or(early) {
            return Ok(false);
        }
        let mut rows = Vec::new();
        for row in stage.quarantine.iter()? {
            let (place, row) = row?;
            if !early(front(row.value())?.1) {
                let (author, seq) = place.value();
                rows.push((*author, seq, row.value().to_vec()));
            }
        }
        let mut due = Vec::with_capacity(rows.len());
        for (author, seq, row) in rows {
            let (number, run) = self.open_quarantined(&row)?;
            stage.quarantine.remove((&author, seq))?;
            stage.spent.insert(number, ())?;
            stage.dirty = true;
            due.push(run);
        }
        self.quarantined = Quarantined::read(&stage.quarantine)?;
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
        let (number, _) = front(row)?;
        let rest = row.get(FRONT..).ok_or(BAD)?;
        let (nonce, sealed) = rest.split_first_chunk::<12>().ok_or(BAD)?;
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

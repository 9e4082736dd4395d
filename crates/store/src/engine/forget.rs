//! Forgetting, in an order that a crash at any point leaves completable: the plan is made durable,
//! the keys are punctured and the old keyring destroyed, then bodies and index rows are dropped.
//! From the moment that the plan is durable, the forget happens.

use std::collections::BTreeSet;

use nocturne_core::{OpRef, Operation};
use redb::ReadableTable;

use super::transact::Stage;
use super::{StandingCut, Store};
use crate::block::Stored;
use crate::erasure::{Action, Cut, Erasure, ForgetError, ForgetRequest, Forgotten};
use crate::error::{Damage, StorageError};
use crate::tables::{Arrival, Bodiless, CUTS, ERASURES, HeadRow, META, PLAN, meta};

impl Store {
    /// Forgets operations by a cut, irreversibly. When this returns, their keys are gone from the
    /// keyring and from every earlier version of it, and their bodies and index rows are dropped.
    /// Free pages may still hold keys of the key-value map until [`Store::scrub`].
    pub fn forget(&mut self, request: ForgetRequest) -> Result<Forgotten, ForgetError> {
        let covers = self
            .judge
            .compile(&request.cut)
            .map_err(|_| ForgetError::Predicate)?;
        let now_ms = self.clock.now_ms();
        let as_of_ms = request.cut.as_of_ms;
        // A local write is later than every standing cut: one from the far future would push every
        // write to come into quarantine elsewhere.
        if as_of_ms > now_ms.saturating_add(self.max_drift_ms) {
            return Err(ForgetError::Future { as_of_ms, now_ms });
        }
        self.plan(&request)?;
        if !self
            .cuts
            .iter()
            .any(|standing| standing.cut.id == request.cut.id)
        {
            let cut = request.cut;
            self.cuts.push(StandingCut { cut, covers });
        }
        Ok(self.resume_forget()?)
    }

    /// Makes the plan durable.
    fn plan(&mut self, request: &ForgetRequest) -> Result<(), ForgetError> {
        let now_ms = self.clock.now_ms();
        let transaction = self
            .shared
            .with_database(redb::Database::begin_write)
            .map_err(StorageError::from)?;
        let targets: BTreeSet<OpRef> = request.targets.iter().copied().collect();
        self.plan_in(&transaction, &request.cut, &targets, now_ms)?;
        self.commit(transaction)?;
        Ok(())
    }

    fn plan_in(
        &mut self,
        transaction: &redb::WriteTransaction,
        cut: &Cut,
        targets: &BTreeSet<OpRef>,
        now_ms: u64,
    ) -> Result<(), ForgetError> {
        let mut stage = Stage::open(transaction)?;
        let mut cuts = transaction.open_table(CUTS).map_err(StorageError::from)?;
        let known = cuts.get(&cut.id).map_err(StorageError::from)?;
        match known.map(|row| Cut::decode(cut.id, row.value())) {
            Some(known) if known.as_ref() != Ok(cut) => return Err(ForgetError::CutExists),
            Some(_) => {}
            None => {
                cuts.insert(&cut.id, &cut.encode()[..])
                    .map_err(StorageError::from)?;
            }
        }
        let mut plan = transaction.open_table(PLAN).map_err(StorageError::from)?;
        let digest = self.frontier.digest();
        let generation = self.keyring_generation();
        let first = self.next_erasure;
        for at in targets {
            let Some((hash, commitment, operation)) = self.target(&stage, *at)? else {
                continue;
            };
            let erasure = Erasure {
                number: self.next_erasure,
                at: *at,
                entry: hash,
                commitment,
                action: Action::Forgotten,
                cut: cut.id,
                policy: cut.policy,
                reason: cut.reason,
                as_of_ms: cut.as_of_ms,
                erased_ms: now_ms,
                frontier_before: digest,
                frontier_after: digest,
                keyring_before: generation,
                keyring_after: generation,
                done: false,
            };
            let insert = stage.erasures.insert(erasure.number, &erasure.encode()[..]);
            insert.map_err(StorageError::from)?;
            let key = operation.map(|operation| operation.key).unwrap_or_default();
            plan.insert(erasure.number, &key[..])
                .map_err(StorageError::from)?;
            self.next_erasure += 1;
        }
        drop((cuts, plan));
        stage.dirty = true;
        self.finish(stage, transaction)?;
        // A cut that erases nothing leaves nothing to scrub.
        if self.next_erasure > first {
            let mut table = transaction.open_table(META).map_err(StorageError::from)?;
            table
                .insert(meta::SCRUB_DUE, &[1_u8][..])
                .map_err(StorageError::from)?;
        }
        Ok(())
    }

    /// What a forget needs to know of an operation; `None` if its body is not here.
    fn target(
        &self,
        stage: &Stage<'_>,
        at: OpRef,
    ) -> Result<
        Option<(
            nocturne_core::EntryHash,
            nocturne_core::Commitment,
            Option<Operation>,
        )>,
        StorageError,
    > {
        let Some(author) = self.authors.number(&at.author) else {
            return Ok(None);
        };
        if at.seq == 0 || self.frontier.seq(&at.author) < at.seq {
            return Ok(None);
        }
        let row = stage
            .blocks
            .range((author, 0)..=(author, at.seq))?
            .next_back();
        let (place, bytes) = row.ok_or(Damage::Entry(at.entry()))??;
        let view = crate::block::BlockView::new(bytes.value())?;
        let first = place.value().1;
        let index = usize::try_from(at.seq - first).unwrap_or(usize::MAX);
        if index >= view.len() {
            return Err(Damage::Entry(at.entry()).into());
        }
        let entry = view.entry(index)?;
        let Some(stored) = entry.ops.get(usize::from(at.op)) else {
            return Ok(None);
        };
        if stored.body.number().is_none() {
            return Ok(None);
        }
        let mut hash = view.prev;
        for (seq, index) in (first..=at.seq).zip(0..) {
            let entry = view.entry(index)?;
            let header = entry.header(self.shared.id, at.author, seq, hash, &self.authors)?;
            hash = header.hash();
        }
        let operation = self.unseal(at, stored, &view.nonce)?;
        Ok(Some((hash, stored.commitment, operation)))
    }

    /// Carries out what is planned; does nothing if nothing is.
    pub(super) fn resume_forget(&mut self) -> Result<Forgotten, StorageError> {
        let planned = self.planned()?;
        let mut outcome = Forgotten {
            operations: 0,
            bytes: 0,
            keyring_generation: self.keyring_generation(),
        };
        if planned.is_empty() {
            return Ok(outcome);
        }
        let snapshot = self.shared.snapshot()?;
        let mut numbers = Vec::with_capacity(planned.len());
        for (erasure, _) in &planned {
            numbers.extend(snapshot.sealed_number(erasure.at)?);
        }
        drop(snapshot);
        let mut keyring = self.shared.with_keyring(Clone::clone);
        if keyring.puncture(numbers) {
            self.replace_keyring(keyring)?;
        }
        outcome.keyring_generation = self.keyring_generation();
        let transaction = self.shared.with_database(redb::Database::begin_write)?;
        let mut stage = Stage::open(&transaction)?;
        {
            let mut plan = transaction.open_table(PLAN)?;
            for (erasure, key) in planned {
                plan.remove(erasure.number)?;
                outcome.operations += 1;
                outcome.bytes += self.drop_body(&mut stage, erasure, &key)?;
            }
        }
        self.finish(stage, &transaction)?;
        {
            let mut table = transaction.open_table(META)?;
            let floor = outcome.keyring_generation.to_be_bytes();
            table.insert(meta::KEYRING_FLOOR, &floor[..])?;
        }
        self.commit(transaction)?;
        Ok(outcome)
    }

    fn planned(&self) -> Result<Vec<(Erasure, Vec<u8>)>, StorageError> {
        let snapshot = self.shared.snapshot()?;
        snapshot.planned()
    }

    /// Drops one body and its index rows; returns its sealed size.
    fn drop_body(
        &mut self,
        stage: &mut Stage<'_>,
        mut erasure: Erasure,
        key: &[u8],
    ) -> Result<u64, StorageError> {
        let at = erasure.at;
        let mut size = 0;
        self.rewrite(stage, at, |stored| {
            if let Stored::Sealed { bytes, .. } | Stored::SealedLater { bytes, .. } = stored {
                size = bytes.len() as u64;
            }
            Stored::Forgotten
        })?;
        let missing = Damage::Entry(at.entry());
        let author = self.authors.number(&at.author).ok_or(missing)?;
        let place = (author, at.seq, at.op);
        let was_head = remove_head(stage, key, place)?;
        if !was_head {
            let (entry, _) = stage.entry(author, at.seq)?.ok_or(missing)?;
            let row = (key, entry.hlc.bits(), author, at.seq, at.op);
            stage.versions.remove(row)?;
        }
        let flags = Bodiless {
            forgotten: true,
            superseded: !was_head,
        };
        stage.bodiless.insert(place, flags.to_bits())?;
        let arrival = Arrival::Forgotten {
            author,
            seq: at.seq,
            op: u32::from(at.op),
        };
        self.next_revision = stage.arrive(self.next_revision, arrival)?;
        erasure.done = true;
        erasure.keyring_after = self.keyring_generation();
        erasure.frontier_after = self.frontier.digest();
        stage
            .erasures
            .insert(erasure.number, &erasure.encode()[..])?;
        Ok(size)
    }

    /// Takes erasures off the list: their receipts are durable.
    pub fn receipted(&mut self, erasures: &[u64]) -> Result<(), StorageError> {
        let transaction = self.shared.with_database(redb::Database::begin_write)?;
        {
            let mut table = transaction.open_table(ERASURES)?;
            for number in erasures {
                table.remove(number)?;
            }
        }
        Ok(transaction.commit()?)
    }
}

/// Removes a head from its key's row; whether it was one.
fn remove_head(
    stage: &mut Stage<'_>,
    key: &[u8],
    place: (u32, u64, u16),
) -> Result<bool, StorageError> {
    let Some(mut heads) = ({
        let row = stage.heads.get(key)?;
        row.map(|row| HeadRow::decode(row.value())).transpose()?
    }) else {
        return Ok(false);
    };
    let before = heads.len();
    heads.retain(|head| head.place() != place);
    if heads.is_empty() {
        stage.heads.remove(key)?;
    } else if heads.len() < before {
        stage.heads.insert(key, &HeadRow::encode(&heads)[..])?;
    }
    Ok(heads.len() < before)
}

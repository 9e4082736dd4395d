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
use crate::tables::{Arrival, Bodiless, CUTS, ERASURES, META, PLAN, meta};

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
        let digest = self.frontier_digest();
        let generation = self.keyring_generation();
        let first = self.next_erasure;
        for at in targets {
            let Some((hash, commitment, operation)) = self.target(&mut stage, *at)? else {
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
        stage: &mut Stage<'_>,
        at: OpRef,
    ) -> Result<
        Option<(
            nocturne_core::EntryHash,
            nocturne_core::Commitment,
            Option<Operation>,
        )>,
        StorageError,
    > {
        if at.seq == 0 || self.frontier.seq(&at.author) < at.seq {
            return Ok(None);
        }
        let Some(opened) = self.open_operation(stage, at)? else {
            return Ok(None);
        };
        if opened.stored.body.number().is_none() {
            return Ok(None);
        }
        let (hash, nonce) = (opened.hash, opened.nonce);
        let operation = self.unseal(at, opened.stored, &nonce)?;
        Ok(Some((hash, opened.stored.commitment, operation)))
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
        // Before any key is lost, so that readers know what became of it.
        let places = planned.iter().map(|(erasure, _)| erasure.at).collect();
        self.shared.publish_forgetting(places);
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
        self.shared.publish_forgetting(BTreeSet::new());
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
        let (before, hlc, _) = self.rewrite(stage, at, Stored::Forgotten)?;
        let size = match before {
            Stored::Sealed { bytes, .. } | Stored::SealedLater { bytes, .. } => bytes.len() as u64,
            Stored::Forgotten | Stored::Wanted => 0,
        };
        let missing = Damage::Entry(at.entry());
        let author = self.authors.number(&at.author).ok_or(missing)?;
        let place = (author, at.seq, at.op);
        stage
            .keys
            .forget(nocturne_core::Bytes::copy_from_slice(key), place);
        let row = (key, hlc.bits(), author, at.seq, at.op);
        let superseded = stage.versions.remove(row)?.is_some();
        let flags = Bodiless {
            forgotten: true,
            superseded,
        };
        stage.note_bodiless(place, flags)?;
        let arrival = Arrival::Forgotten {
            author,
            seq: at.seq,
            op: u32::from(at.op),
        };
        self.next_revision = stage.arrive(self.next_revision, arrival)?;
        erasure.done = true;
        erasure.keyring_after = self.keyring_generation();
        erasure.frontier_after = self.frontier_digest();
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

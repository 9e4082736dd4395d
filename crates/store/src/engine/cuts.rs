//! Standing cuts, asked about everything that arrives.

use nocturne_core::{Commitment, EntryHash, Hlc, OpRef, Operation};
use redb::ReadableTable;

use super::Store;
use super::transact::Stage;
use crate::erasure::{Action, Erasure};
use crate::error::{Damage, StorageError};
use crate::tables::Bodiless;

impl Store {
    /// The index of a standing cut that covers the operation.
    pub(super) fn covering_cut(&self, operation: Option<&Operation>, hlc: Hlc) -> Option<usize> {
        let operation = operation?;
        self.cuts
            .iter()
            .position(|cut| cut.cut.reaches(hlc) && cut.covers.covers(operation, hlc))
    }

    /// Records an operation whose body is never written because a cut came before it.
    pub(super) fn bear_forgotten(
        &mut self,
        stage: &mut Stage<'_>,
        at: OpRef,
        entry: EntryHash,
        commitment: Commitment,
        cut: usize,
        now_ms: u64,
    ) -> Result<(), StorageError> {
        let Some(cut) = self.cuts.get(cut).map(|standing| standing.cut.clone()) else {
            return Ok(());
        };
        let number = self.authors.number(&at.author);
        let number = number.ok_or(Damage::Entry(at.entry()))?;
        let place = (number, at.seq, at.op);
        let before = stage.bodiless.get(place)?.map(|flags| flags.value());
        let flags = Bodiless {
            forgotten: true,
            superseded: before.is_some_and(|bits| Bodiless::from_bits(bits).superseded),
        };
        stage.bodiless.insert(place, flags.to_bits())?;
        let digest = self.frontier.digest();
        let generation = self.keyring_generation();
        let erasure = Erasure {
            number: self.next_erasure,
            at,
            entry,
            commitment,
            action: Action::BornForgotten,
            cut: cut.id,
            policy: cut.policy,
            reason: cut.reason,
            as_of_ms: cut.as_of_ms,
            erased_ms: now_ms,
            frontier_before: digest,
            frontier_after: digest,
            keyring_before: generation,
            keyring_after: generation,
            done: true,
        };
        stage
            .erasures
            .insert(erasure.number, &erasure.encode()[..])?;
        self.next_erasure += 1;
        stage.dirty = true;
        Ok(())
    }
}

//! Standing cuts, asked about everything that arrives.

use nocturne_core::{Commitment, EntryHash, FrontierDigest, Hlc, OpRef, Operation};

use super::Store;
use super::transact::Stage;
use crate::erasure::{Action, Erasure};
use crate::error::{Damage, StorageError};
use crate::tables::Bodiless;

/// An operation whose body a cut keeps from being written.
#[derive(Debug)]
pub(super) struct Born {
    pub(super) at: OpRef,
    pub(super) entry: EntryHash,
    pub(super) commitment: Commitment,
    /// The frontier's digest before its entry was applied; as now, if it was applied earlier.
    pub(super) frontier_before: Option<FrontierDigest>,
}

impl Store {
    pub(super) const fn has_cuts(&self) -> bool {
        !self.cuts.is_empty()
    }

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
        born: &Born,
        cut: usize,
        now_ms: u64,
    ) -> Result<(), StorageError> {
        let Some(cut) = self.cuts.get(cut).map(|standing| standing.cut.clone()) else {
            return Ok(());
        };
        let at = born.at;
        let number = self.authors.number(&at.author);
        let number = number.ok_or(Damage::Entry(at.entry()))?;
        let place = (number, at.seq, at.op);
        let noted = stage.bodiless(place)?;
        let flags = Bodiless {
            forgotten: true,
            superseded: noted.is_some_and(|flags| flags.superseded),
        };
        stage.note_bodiless(place, flags)?;
        let digest = self.frontier_digest();
        let generation = self.keyring_generation();
        let erasure = Erasure {
            number: self.next_erasure,
            at,
            entry: born.entry,
            commitment: born.commitment,
            action: Action::BornForgotten,
            cut: cut.id,
            policy: cut.policy,
            reason: cut.reason,
            as_of_ms: cut.as_of_ms,
            erased_ms: now_ms,
            frontier_before: born.frontier_before.unwrap_or(digest),
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

//! From erasures to receipts, once each.

use std::ops::Range;

use nocturne_core::StoreId;
use nocturne_store::{Erasure, ScrubError};

use super::{ForgetError, Forgetter};
use crate::cut::CutId;
use crate::policy::PolicyHash;
use crate::receipt::{Action, Grade, Reason, Receipt, StateKind};

/// Receipts that are appended at once: bounds memory and the time that the log is locked.
const BATCH: usize = 4_096;
const BATCH_CONTEXT: &str = "nocturne 2026-11-20 v1 receipt batch";

/// What was issued.
pub(super) struct Drained {
    pub(super) receipts: Range<u64>,
    /// The lowest grade among them.
    pub(super) grade: Grade,
}

impl Forgetter {
    /// Scrubs if erased rows may still be on the disk, and issues the receipts that are due.
    pub(super) fn drain(&self) -> Result<Drained, ForgetError> {
        let end = self.log.len();
        let mut drained = Drained {
            receipts: end..end,
            grade: Grade::Scrubbed,
        };
        let mut may_scrub = true;
        loop {
            // One snapshot for both: if no scrub is due in it, none of its erasures needs one.
            let (scrub_due, erasures) = {
                let snapshot = self.handle.snapshot()?;
                (snapshot.scrub_due()?, snapshot.erasures(BATCH)?)
            };
            if scrub_due && may_scrub {
                may_scrub = false;
                match self.handle.scrub_blocking() {
                    Ok(()) => {}
                    Err(ScrubError::Actor(error)) => return Err(error.into()),
                    Err(busy) => tracing::warn!(%busy, "erased without scrubbing; still due"),
                }
                continue;
            }
            let Some(first) = erasures.first() else {
                return Ok(drained);
            };
            let grade = if scrub_due {
                Grade::Punctured
            } else {
                Grade::Scrubbed
            };
            let batch = batch_id(self.handle.id(), first);
            let receipts = erasures
                .iter()
                .map(|erasure| self.receipt(erasure, grade))
                .collect::<Result<Vec<_>, _>>()?;
            let placed = self.log.append(batch, &receipts)?;
            // Perhaps fewer than are due: an earlier attempt got that far.
            let count = usize::try_from(placed.end - placed.start).unwrap_or(usize::MAX);
            let issued = erasures.iter().take(count).map(|erasure| erasure.number);
            self.handle.receipted_blocking(issued.collect())?;
            if drained.receipts.is_empty() {
                drained.receipts.start = placed.start;
            }
            drained.receipts.end = placed.end;
            drained.grade = drained.grade.min(grade);
        }
    }

    fn receipt(&self, erasure: &Erasure, grade: Grade) -> Result<Receipt, ForgetError> {
        Ok(Receipt {
            issuer: self.log.node(),
            store: self.handle.id(),
            operation: erasure.at,
            entry: erasure.entry,
            commitment: erasure.commitment,
            action: match erasure.action {
                nocturne_store::Action::Forgotten => Action::Forgotten,
                nocturne_store::Action::BornForgotten => Action::BornForgotten,
            },
            cut: CutId::from_bytes(erasure.cut),
            policy: PolicyHash::from_bytes(erasure.policy),
            reason: Reason::from_number(erasure.reason)
                .ok_or(ForgetError::Reason(erasure.reason))?,
            as_of_ms: erasure.as_of_ms,
            issued_ms: self.clock.now_ms(),
            state: StateKind::Frontier,
            state_before: *erasure.frontier_before.as_bytes(),
            state_after: *erasure.frontier_after.as_bytes(),
            keyring_before: erasure.keyring_before,
            keyring_after: erasure.keyring_after,
            grade,
        })
    }
}

/// Names a batch after its first erasure. Erasures are listed in the order of their numbers until
/// they have receipts, so a second attempt begins with the same one.
fn batch_id(store: StoreId, first: &Erasure) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_derive_key(BATCH_CONTEXT);
    hasher.update(store.as_bytes());
    hasher.update(&first.number.to_be_bytes());
    hasher.update(first.at.author.as_bytes());
    hasher.update(&first.at.seq.to_be_bytes());
    hasher.update(&first.at.op.to_be_bytes());
    hasher.update(&first.cut);
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    id
}

//! Forgetting on one node (level 1): select, erase, scrub, and leave receipts.
//!
//! Order, and what a crash leaves behind: the store makes the plan durable, punctures keys and
//! drops bodies (an interrupted forget is finished when the store is opened); it lists each erasure
//! until it is told that the receipt is durable; the receipt log takes each batch once. So
//! [`Forgetter::resume`] at start finishes whatever was under way: no erasure stays without a
//! receipt, and there is none without its erasure.

mod chains;
mod drain;
mod select;

use std::ops::Range;
use std::sync::Arc;

use nocturne_core::Entropy;
use nocturne_store::{Clock, ForgetRequest, StorageError, StoreHandle};

pub use self::chains::ChainsError;
use self::select::UpTo;
pub use self::select::{SAMPLE, Selected, Selection};

use crate::cut::CutId;
use crate::policy::PredicateError;
use crate::receipt::Grade;
use crate::receipt_log::{LogError, ReceiptLog};
use crate::target::{Target, cut_id};

/// How far the evidence of this engine reaches: one node's own log.
pub const LEVEL: u8 = 1;

/// Rounds of selection in one forget. Each later round takes only what was being written while the
/// one before looked; once the cut stands, nothing new is covered unnoticed.
const ROUNDS: usize = 4;

/// Forgets in one store, with receipts in the node's log. Calls block on the disk: not for an
/// async task.
#[derive(Clone)]
pub struct Forgetter {
    handle: StoreHandle,
    log: ReceiptLog,
    clock: Arc<dyn Clock>,
}

/// What a forget did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The decision's name; it stands for good.
    pub cut: CutId,
    /// Operations that were forgotten.
    pub selected: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// How far the evidence reaches.
    pub level: u8,
    /// How thoroughly it was erased.
    pub grade: Grade,
    /// Where in the log the receipts stand that this call issued. Receipts of other cuts that were
    /// still due, and of other stores, may be among them: [`ReceiptLog::of_cut`] tells them apart.
    pub receipts: Range<u64>,
}

/// Why a forget did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForgetError {
    /// The target's predicate is over a limit.
    #[error(transparent)]
    Predicate(#[from] PredicateError),
    /// The cut's time is later than now: it would cover what is not written yet.
    #[error("the cut's time, {as_of_ms} ms, lies in the future; now is {now_ms} ms")]
    Future {
        /// The time asked for.
        as_of_ms: u64,
        /// The latest time possible.
        now_ms: u64,
    },
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] StorageError),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] nocturne_store::ForgetError),
    /// The store closed or failed while receipts were issued; they follow at the next start.
    #[error(transparent)]
    Actor(#[from] nocturne_store::ActorError),
    /// An erasure with a reason that this version doesn't know.
    #[error("reason {0} of an erasure is not known here; a newer nocturne made it")]
    Reason(u8),
    /// The receipts could not be written; they follow at the next start.
    #[error("what was forgotten has no receipts yet: {0}")]
    Log(#[from] LogError),
}

impl Forgetter {
    /// For a store that was opened with [`crate::judge::PolicyJudge`].
    pub fn new(handle: StoreHandle, log: ReceiptLog, clock: Arc<dyn Clock>) -> Self {
        Self { handle, log, clock }
    }

    /// The node's receipt log.
    pub fn log(&self) -> &ReceiptLog {
        &self.log
    }

    /// The latest time that a cut may have: now, or the latest entry's if that is ahead.
    pub fn now_ms(&self) -> Result<u64, StorageError> {
        let latest = select::latest_ms(&self.handle.snapshot()?)?;
        Ok(self.clock.now_ms().max(latest))
    }

    /// What a forget of `target` would take, without forgetting anything. `as_of_ms` is Unix
    /// milliseconds, now if `None`.
    pub fn select(&self, target: &Target, as_of_ms: Option<u64>) -> Result<Selection, ForgetError> {
        let predicate = target.predicate();
        predicate.check()?;
        let up_to = self.up_to(as_of_ms)?;
        Ok(select::select(&self.handle.snapshot()?, &predicate, up_to)?.0)
    }

    /// Forgets what `target` selects among everything written up to `as_of_ms` (Unix milliseconds;
    /// everything that is here now if `None`), irreversibly, and issues the receipts. What arrives
    /// later and was written before that time is born forgotten.
    pub fn forget(
        &self,
        target: &Target,
        as_of_ms: Option<u64>,
        entropy: &mut dyn Entropy,
    ) -> Result<Outcome, ForgetError> {
        let predicate = target.predicate();
        predicate.check()?;
        let up_to = self.up_to(as_of_ms)?;
        let (mut selection, mut targets) =
            select::select(&self.handle.snapshot()?, &predicate, up_to)?;
        let as_of_ms = selection.as_of_ms;
        let cut = target.cut(as_of_ms, entropy)?;
        let (mut selected, mut bytes) = (0, 0);
        for _ in 0..ROUNDS {
            let forgotten = self.handle.forget_blocking(ForgetRequest {
                cut: cut.clone(),
                targets,
            })?;
            selected += forgotten.operations;
            bytes += forgotten.bytes;
            // Each operation that was forgotten is one revision; anything beyond was written
            // meanwhile, perhaps before the cut stood.
            let snapshot = self.handle.snapshot()?;
            if snapshot.revision()? == selection.revision + forgotten.operations {
                break;
            }
            (selection, targets) = select::select(&snapshot, &predicate, UpTo::Time(as_of_ms))?;
            if targets.is_empty() {
                break;
            }
        }
        let drained = self.drain()?;
        Ok(Outcome {
            cut: cut_id(&cut),
            selected,
            bytes,
            level: LEVEL,
            grade: drained.grade,
            receipts: drained.receipts,
        })
    }

    /// Finishes what is under way: scrubs if that is still due, and issues the receipts that are.
    /// To be called after a start, and now and then for what was born forgotten since. Returns
    /// where the receipts stand in the log.
    pub fn resume(&self) -> Result<Range<u64>, ForgetError> {
        Ok(self.drain()?.receipts)
    }

    fn up_to(&self, asked: Option<u64>) -> Result<UpTo, ForgetError> {
        let Some(as_of_ms) = asked else {
            return Ok(UpTo::Now(self.clock.now_ms()));
        };
        let now_ms = self.now_ms()?;
        if as_of_ms > now_ms {
            return Err(ForgetError::Future { as_of_ms, now_ms });
        }
        Ok(UpTo::Time(as_of_ms))
    }
}

impl std::fmt::Debug for Forgetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forgetter")
            .field("node", &self.log.node())
            .finish_non_exhaustive()
    }
}

//! What a run must satisfy before it is applied: that it continues its log, that what it builds on
//! is there, that time only moves forward, and that it is not from the future.

use crate::entry::{EntryRef, Header, OpRef};
use crate::frontier::Frontier;
use crate::hash::{EntryHash, GenesisHash};
use crate::hlc::Hlc;
use crate::run::VerifiedRun;

/// How a run stands to the log that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It goes on where the log ends.
    Continues,
    /// It begins within the log and goes on beyond its end: drop the entries up to this one.
    Overlaps {
        /// The last sequence number that is there.
        have: u64,
    },
    /// All of it is there already, or at least as many entries are.
    Known,
    /// Entries before it are missing, from this sequence number on.
    Gap {
        /// The first missing one.
        missing: u64,
    },
    /// It contradicts the log: the author has signed two histories, or the chain is another store's.
    Diverges {
        /// A sequence number at which the two differ; they may differ from an earlier one on.
        at: u64,
    },
}

/// Compares a run with the log that is there.
pub fn link(run: &VerifiedRun, frontier: &Frontier, genesis: GenesisHash) -> Link {
    let (have, tip) = frontier
        .get(&run.author())
        .map_or((0, EntryHash::from(genesis)), |head| (head.seq, head.hash));
    let first = run.first_seq();
    if first > have {
        return match (first - have, run.prev() == tip) {
            (1, true) => Link::Continues,
            (1, false) => Link::Diverges { at: have.max(1) },
            _ => Link::Gap { missing: have + 1 },
        };
    }
    // The run reaches into the log: where both have the log's last entry, its hash decides.
    let at_tip = usize::try_from(have - first)
        .ok()
        .and_then(|index| run.entries().get(index));
    match at_tip {
        Some(entry) if entry.hash() != tip => Link::Diverges { at: have },
        Some(_) if run.last_seq() > have => Link::Overlaps { have },
        _ => Link::Known,
    }
}

/// The first entry outside of the run that it builds on and that is not there: a dependency or the
/// entry of a parent. Parents count as dependencies, so that superseding never races arrival.
pub fn missing_dependency(run: &VerifiedRun, frontier: &Frontier) -> Option<EntryRef> {
    let author = run.author();
    let lacks = |at: EntryRef| at.author != author && frontier.seq(&at.author) < at.seq;
    run.entries().iter().find_map(|entry| {
        let header = &entry.entry().header;
        let parents = header.ops.iter().flat_map(|op| &op.parents);
        header
            .deps
            .iter()
            .copied()
            .chain(parents.map(OpRef::entry))
            .find(|at| lacks(*at))
    })
}

/// An entry that claims to be no later than something it builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {at} is not later than {earlier}, which it builds on")]
#[non_exhaustive]
pub struct TimeError {
    /// The entry.
    pub at: EntryRef,
    /// What it builds on.
    pub earlier: EntryRef,
}

/// Checks that an entry is later than the one before it, its dependencies and its parents. `hlc_of`
/// answers for entries that are applied or earlier in the same run; an entry whose time cannot be
/// had is answered with [`Hlc::MAX`], which refuses.
pub fn check_time<E>(
    header: &Header,
    mut hlc_of: impl FnMut(EntryRef) -> Result<Hlc, E>,
) -> Result<Result<(), TimeError>, E> {
    let prev = (header.seq > 1).then(|| EntryRef {
        author: header.author,
        seq: header.seq - 1,
    });
    let parents = header.ops.iter().flat_map(|op| &op.parents);
    for earlier in prev
        .into_iter()
        .chain(header.deps.iter().copied())
        .chain(parents.map(OpRef::entry))
    {
        if hlc_of(earlier)? >= header.hlc {
            return Ok(Err(TimeError {
                at: header.at(),
                earlier,
            }));
        }
    }
    Ok(Ok(()))
}

/// Whether an entry is too far ahead of the local clock to be applied yet. Times rise within a run,
/// so a run is quarantined if its last entry is.
pub const fn is_quarantined(hlc: Hlc, now_ms: u64, max_drift_ms: u64) -> bool {
    hlc.millis() > now_ms.saturating_add(max_drift_ms)
}

#[cfg(test)]
mod tests;

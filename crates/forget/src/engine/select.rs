//! Which operations a predicate selects.

use nocturne_core::{Bytes, EntryRef, Hlc, OpRef};
use nocturne_store::{Content, Snapshot, StorageError};

use crate::policy::{Facts, Predicate};
use crate::target::covers;

/// How many of the selected operations a dry run names.
pub const SAMPLE: usize = 10;

/// What a forget would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The time that it is about, in Unix milliseconds.
    pub as_of_ms: u64,
    /// How many operations.
    pub count: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// How many a hold protects: none, as long as there are no holds.
    pub held: u64,
    /// The first [`SAMPLE`] of them.
    pub sample: Vec<Selected>,
    /// Operations that were looked at, for the fraction that is selected.
    pub examined: u64,
    /// The store's next revision when it was looked at.
    pub(super) revision: u64,
}

/// An operation that is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Its place.
    pub at: OpRef,
    /// Its key.
    pub key: Bytes,
    /// When it was written.
    pub hlc: Hlc,
}

/// Up to when operations are taken.
#[derive(Debug, Clone, Copy)]
pub(super) enum UpTo {
    /// What was written up to this time, in Unix milliseconds.
    Time(u64),
    /// What is here now, at this time by the clock.
    Now(u64),
}

/// Selects; also returns the places of everything selected.
///
/// "Now" may have to reach beyond the clock: what a peer with a faster clock wrote is here too. It
/// is moved only as far as what is selected needs, since what arrives later and was written before
/// the cut's time will be born forgotten; and not at all for a predicate that asks about age, whose
/// answer would move with it.
pub(super) fn select(
    snapshot: &Snapshot,
    predicate: &Predicate,
    up_to: UpTo,
) -> Result<(Selection, Vec<OpRef>), StorageError> {
    let (as_of_ms, all_that_is_here) = match up_to {
        UpTo::Time(as_of_ms) => (as_of_ms, false),
        UpTo::Now(now_ms) => (now_ms, !predicate.depends_on_time()),
    };
    let mut selection = Selection {
        as_of_ms,
        count: 0,
        bytes: 0,
        held: 0,
        sample: Vec::new(),
        examined: 0,
        revision: snapshot.revision()?,
    };
    let mut targets = Vec::new();
    let mut look = |at: OpRef, hlc: Hlc, operation: &nocturne_core::Operation| {
        selection.examined += 1;
        let facts = Facts::of(operation, hlc);
        let at_ms = if all_that_is_here {
            selection.as_of_ms.max(facts.created_ms)
        } else {
            as_of_ms
        };
        if !covers(predicate, &facts, at_ms) {
            return;
        }
        selection.as_of_ms = at_ms;
        selection.count += 1;
        selection.bytes += facts.size;
        targets.push(at);
        if selection.sample.len() < SAMPLE {
            let key = operation.key.clone();
            selection.sample.push(Selected { at, key, hlc });
        }
    };
    if let Some(key) = only_key(predicate) {
        for version in snapshot.history(key)? {
            if let Content::Here(operation) = &version.content {
                look(version.at, version.hlc, operation);
            }
        }
    } else {
        for found in snapshot.operations()? {
            let found = found?;
            look(found.at, found.hlc, &found.operation);
        }
    }
    Ok((selection, targets))
}

/// The one key that a predicate can match, if it says so: then the key's history is all there is
/// to look at.
fn only_key(predicate: &Predicate) -> Option<&Bytes> {
    match predicate {
        Predicate::KeyEq(key) => Some(key),
        Predicate::And(operands) => operands.as_slice().iter().find_map(only_key),
        _ => None,
    }
}

/// When the latest entry was written, in Unix milliseconds; 0 if there is none.
pub(super) fn latest_ms(snapshot: &Snapshot) -> Result<u64, StorageError> {
    let mut latest = Hlc::ZERO;
    for (author, head) in snapshot.frontier()?.iter() {
        let at = EntryRef {
            author: *author,
            seq: head.seq,
        };
        latest = latest.max(snapshot.hlc_of(at)?.unwrap_or(Hlc::ZERO));
    }
    Ok(latest.millis())
}

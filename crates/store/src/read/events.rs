//! What happened since a revision, in order.

use nocturne_core::{Bytes, Hlc, OpKind, OpRef};

use super::{Content, Snapshot, Version};
use crate::error::{Damage, StorageError};
use crate::tables::Arrival;

/// One change to one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The revision that made it. Operations of one entry share one.
    pub revision: u64,
    /// Which operation.
    pub at: OpRef,
    /// When it was written.
    pub hlc: Hlc,
    /// What happened.
    pub change: Change,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A value was written.
    Put {
        /// The key.
        key: Bytes,
        /// The value as written; a concurrent one may have won.
        value: Bytes,
    },
    /// The key was deleted.
    Delete {
        /// The key.
        key: Bytes,
    },
    /// The operation was forgotten here: drop what was derived from it. Its key is gone with it;
    /// consumers know it by its place.
    Forgotten,
}

/// Keys and values returned at once, beyond which no further entry is read.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

impl Snapshot {
    /// Changes from a revision on, that one included, and the revision to go on from. Stops after
    /// about `limit` revisions, or earlier when they are large. Operations that have been forgotten since appear only as such.
    pub fn events(&self, from: u64, limit: u64) -> Result<(Vec<Event>, u64), StorageError> {
        let arrivals = self.arrivals()?;
        let end = self.revision()?;
        let mut events = Vec::new();
        let mut bytes = 0;
        let mut next = from.min(end);
        let stop = from.saturating_add(limit).min(end);
        // The row that holds `from` may begin before it.
        let start = match arrivals.range(..=from)?.next_back() {
            Some(row) => row?.0.value(),
            None => 0,
        };
        for row in arrivals.range(start..)? {
            let (first, row) = row?;
            let (first, arrival) = (first.value(), Arrival::read(row.value())?);
            let after = first.checked_add(arrival.span());
            let upto = stop.min(after.ok_or(Damage::Row("arrivals"))?);
            for revision in first.max(from)..upto {
                if bytes >= MAX_PAGE_BYTES {
                    return Ok((events, next));
                }
                self.push_events(arrival, first, revision, &mut events, &mut bytes)?;
                next = revision + 1;
            }
            if upto == stop {
                break;
            }
        }
        Ok((events, next))
    }

    /// The events of one revision of an arrival.
    fn push_events(
        &self,
        arrival: Arrival,
        first: u64,
        revision: u64,
        events: &mut Vec<Event>,
        bytes: &mut usize,
    ) -> Result<(), StorageError> {
        let bad = Damage::Row("arrivals");
        match arrival {
            Arrival::Forgotten { author, seq, op } => {
                let op = u16::try_from(op).map_err(|_| bad)?;
                events.push(Event {
                    revision,
                    at: self.authors.op(author, seq, op)?,
                    hlc: self.hlc(author, seq)?,
                    change: Change::Forgotten,
                });
            }
            Arrival::Supplied { author, seq, op } => {
                let op = u16::try_from(op).map_err(|_| bad)?;
                let (hlc, stored, nonce) = self.op((author, seq, op))?;
                let version =
                    self.version_of(self.authors.op(author, seq, op)?, hlc, &stored, &nonce)?;
                push_event(revision, version, events, bytes);
            }
            Arrival::Run {
                author, first_seq, ..
            } => {
                let seq = first_seq.checked_add(revision - first).ok_or(bad)?;
                let (entry, nonce) = self.entry(author, seq)?;
                for (op, stored) in (0_u16..).zip(&entry.ops) {
                    let at = self.authors.op(author, seq, op)?;
                    let version = self.version_of(at, entry.hlc, stored, &nonce)?;
                    push_event(revision, version, events, bytes);
                }
            }
        }
        Ok(())
    }
}

fn push_event(revision: u64, version: Version, events: &mut Vec<Event>, bytes: &mut usize) {
    if let Content::Here(operation) = version.content {
        *bytes += operation.key.len() + operation.value.len();
        events.push(Event {
            revision,
            at: version.at,
            hlc: version.hlc,
            change: match operation.kind {
                OpKind::Put => Change::Put {
                    key: operation.key,
                    value: operation.value,
                },
                OpKind::Delete => Change::Delete { key: operation.key },
            },
        });
    }
}

//! What happened since a revision, in order.

use nocturne_core::{Bytes, Hlc, OpKind, OpRef};

use super::{Content, Snapshot};
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

impl Snapshot {
    /// Changes from a revision on, that one included, and the revision to go on from. Stops after
    /// about `limit` revisions. Operations that have been forgotten since appear only as such.
    pub fn events(&self, from: u64, limit: u64) -> Result<(Vec<Event>, u64), StorageError> {
        let arrivals = self.arrivals()?;
        let end = self.revision()?;
        let mut events = Vec::new();
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
            if first >= stop {
                break;
            }
            match arrival {
                Arrival::Forgotten { author, seq, op } => {
                    let op = u16::try_from(op).map_err(|_| Damage::Row("arrivals"))?;
                    if first >= from {
                        events.push(Event {
                            revision: first,
                            at: self.authors.op(author, seq, op)?,
                            hlc: self.entry(author, seq)?.0.hlc,
                            change: Change::Forgotten,
                        });
                    }
                    next = next.max(first + 1);
                }
                Arrival::Supplied { author, seq, op } => {
                    let op = u16::try_from(op).map_err(|_| Damage::Row("arrivals"))?;
                    if first >= from {
                        self.push_event(first, (author, seq, op), &mut events)?;
                    }
                    next = next.max(first + 1);
                }
                Arrival::Run {
                    author, first_seq, ..
                } => {
                    let upto = stop.min(first + arrival.span());
                    for revision in first.max(from)..upto {
                        let seq = first_seq + (revision - first);
                        let ops = self.entry(author, seq)?.0.ops.len();
                        for op in 0..ops {
                            let op = u16::try_from(op).map_err(|_| Damage::Row("blocks"))?;
                            self.push_event(revision, (author, seq, op), &mut events)?;
                        }
                    }
                    next = next.max(upto);
                }
            }
        }
        Ok((events, next))
    }

    fn push_event(
        &self,
        revision: u64,
        place: (u32, u64, u16),
        events: &mut Vec<Event>,
    ) -> Result<(), StorageError> {
        let version = self.version(place)?;
        if let Content::Here(operation) = version.content {
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
        Ok(())
    }
}

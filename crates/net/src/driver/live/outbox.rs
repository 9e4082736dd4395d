//! What is new in the own log, as gossip messages.

use bytes::Bytes;
use nocturne_core::{EntryRef, Frontier};
use nocturne_store::{RunsQuery, StorageError, StoreHandle};

use crate::proto::Hint;

/// Follows the own log. Only own runs are broadcast: gossip itself carries them on.
#[derive(Debug)]
pub(super) struct Outbox {
    store: StoreHandle,
    /// The last entry that has been told about.
    told: u64,
    /// Everything before this revision has been looked at: a write costs what it brings, not what
    /// the store holds.
    revision: u64,
}

impl Outbox {
    /// From here on; what was written before is the first sync's.
    pub(super) fn new(store: StoreHandle) -> Self {
        // The revision first: what comes in between is looked at and found told.
        let revision = *store.revision().borrow();
        let told = store.frontier().seq(&store.author());
        Self {
            store,
            told,
            revision,
        }
    }

    /// A message about what has been written since the last, if something was. Blocking.
    pub(super) fn next(&mut self, max_message: usize) -> Result<Option<Bytes>, StorageError> {
        let author = self.store.author();
        let next_revision = *self.store.revision().borrow();
        let frontier = self.store.frontier();
        let Some(head) = frontier.get(&author) else {
            return Ok(None);
        };
        if head.seq <= self.told {
            return Ok(None);
        }
        let announce = Hint::Announce(EntryRef {
            author,
            seq: head.seq,
        });
        // Everything but the new part of the own log counts as known.
        let mut have: Frontier = frontier.as_ref().clone();
        have.remove(&author);
        if self.told > 0 {
            let mut known = head;
            known.seq = self.told;
            have.advance(author, known);
        }
        self.told = head.seq;
        let from_revision = std::mem::replace(&mut self.revision, next_revision);
        let page = self.store.snapshot()?.runs_since(&RunsQuery {
            have: &have,
            from_revision,
            max_bytes: max_message,
        })?;
        if page.next_revision.is_some() {
            return Ok(Some(announce.encode()));
        }
        // Others' entries that came since the frontier was read are not ours to tell.
        let mut runs = page.runs;
        runs.retain(|run| {
            let first = run.entries().first();
            first.is_some_and(|entry| entry.header.author == author)
        });
        let message = Hint::Runs(runs).encode();
        Ok(Some(if message.len() <= max_message {
            message
        } else {
            announce.encode()
        }))
    }
}

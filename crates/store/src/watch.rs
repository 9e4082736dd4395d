//! Watching: every change from a revision on, then live. A watcher reads the store at its own pace
//! and never slows the writer.

use std::collections::VecDeque;

use nocturne_core::Bytes;
use tokio::sync::watch;

use crate::error::ActorError;
use crate::handle::StoreHandle;
use crate::read::{Change, Event};

/// Revisions read at a time.
const PAGE: u64 = 256;

/// Changes of keys with a prefix, in order of revision. What was forgotten is reported whatever the
/// prefix: its key is gone, and consumers know it by its place.
#[derive(Debug)]
pub struct Watcher {
    store: StoreHandle,
    prefix: Bytes,
    next: u64,
    ready: VecDeque<Event>,
    revision: watch::Receiver<u64>,
}

impl Watcher {
    pub(crate) fn new(store: StoreHandle, prefix: Bytes, next: u64) -> Self {
        Self {
            revision: store.revision(),
            store,
            prefix,
            next,
            ready: VecDeque::new(),
        }
    }

    /// The revision to resume from: everything before it has been returned.
    pub fn next_revision(&self) -> u64 {
        self.ready.front().map_or(self.next, |event| event.revision)
    }

    /// The next event; waits for one. An error ends it.
    pub async fn next(&mut self) -> Result<Event, ActorError> {
        loop {
            if let Some(event) = self.try_next()? {
                return Ok(event);
            }
            let next = self.next;
            self.revision
                .wait_for(|revision| *revision > next)
                .await
                .map_err(|_| ActorError::Closed)?;
        }
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Result<Option<Event>, ActorError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let (events, next) = self.store.snapshot()?.events(self.next, PAGE)?;
            let moved = next > self.next;
            self.next = next.max(self.next);
            let prefix = &self.prefix;
            self.ready
                .extend(events.into_iter().filter(|event| match &event.change {
                    Change::Put { key, .. } | Change::Delete { key } => key.starts_with(prefix),
                    Change::Forgotten => true,
                }));
            if !moved {
                return Ok(None);
            }
        }
    }
}

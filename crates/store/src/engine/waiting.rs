//! Runs that wait for what they build on, or for their author to be admitted. In memory and bounded:
//! what is dropped here comes again with the next sync.

use std::collections::BTreeMap;

use nocturne_core::{AuthorId, VerifiedRun};

/// Most bytes that wait in all.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most bytes of one author that wait: nobody fills the room alone.
const MAX_AUTHOR_BYTES: usize = 8 * 1024 * 1024;
/// Most runs of one author: small ones cost more than their bytes.
const MAX_AUTHOR_RUNS: usize = 4_096;
/// Most authors that wait: an author costs a key to make.
const MAX_AUTHORS: usize = 1_024;

/// What a run costs besides its canonical bytes.
const OVERHEAD: usize = 512;

#[derive(Debug, Default)]
pub(super) struct WaitingRoom {
    logs: BTreeMap<AuthorId, Log>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Log {
    /// By first seq; a longer run takes a shorter one's place.
    runs: BTreeMap<u64, VerifiedRun>,
    bytes: usize,
}

fn cost(run: &VerifiedRun) -> usize {
    run.size() + OVERHEAD * run.entries().len()
}

impl WaitingRoom {
    /// Takes a run in; `false` if there is no room.
    pub(super) fn add(&mut self, run: VerifiedRun) -> bool {
        let cost_new = cost(&run);
        if !self.logs.contains_key(&run.author()) && self.logs.len() >= MAX_AUTHORS {
            return false;
        }
        let log = self.logs.entry(run.author()).or_default();
        let replaced = log.runs.get(&run.first_seq());
        if replaced.is_some_and(|other| other.last_seq() >= run.last_seq()) {
            return true;
        }
        let freed = replaced.map_or(0, cost);
        let fits = self.bytes + cost_new - freed.min(cost_new) <= MAX_BYTES
            && log.bytes + cost_new - freed.min(cost_new) <= MAX_AUTHOR_BYTES
            && log.runs.len() < MAX_AUTHOR_RUNS;
        if !fits {
            if log.runs.is_empty() {
                self.logs.remove(&run.author());
            }
            return false;
        }
        log.bytes = log.bytes + cost_new - freed;
        self.bytes = self.bytes + cost_new - freed;
        log.runs.insert(run.first_seq(), run);
        true
    }

    /// Takes everything out, to be offered again.
    pub(super) fn take_all(&mut self) -> Vec<VerifiedRun> {
        self.bytes = 0;
        std::mem::take(&mut self.logs)
            .into_values()
            .flat_map(|log| log.runs.into_values())
            .collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.logs.is_empty()
    }

    pub(super) fn entries(&self) -> u64 {
        self.logs
            .values()
            .flat_map(|log| log.runs.values())
            .map(|run| run.entries().len() as u64)
            .sum()
    }
}

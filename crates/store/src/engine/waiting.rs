//! Runs that wait for what they build on, or for their author to be admitted. In memory and bounded:
//! what is dropped here comes again with the next sync.
//!
//! A run is filed under the one entry that it waits for, so that a transaction looks only at what its
//! own entries have freed, however much waits.

use std::collections::{BTreeMap, BTreeSet};

use nocturne_core::{AuthorId, EntryRef, VerifiedRun};

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

/// Author and first seq of a run.
type Name = (AuthorId, u64);

#[derive(Debug, Default)]
pub(super) struct WaitingRoom {
    logs: BTreeMap<AuthorId, Log>,
    /// What is waited for, and which run waits for it.
    causes: BTreeSet<(EntryRef, Name)>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Log {
    /// By first seq, with what each waits for; a longer run takes a shorter one's place.
    runs: BTreeMap<u64, (EntryRef, VerifiedRun)>,
    bytes: usize,
}

fn cost(run: &VerifiedRun) -> usize {
    run.size() + OVERHEAD * run.entries().len()
}

impl WaitingRoom {
    /// Takes a run in until this entry is applied; `false` if there is no room.
    pub(super) fn add(&mut self, run: &VerifiedRun, cause: EntryRef) -> bool {
        let name = (run.author(), run.first_seq());
        let (kept, of_author, runs) = match self.logs.get(&name.0) {
            Some(log) => (log.runs.get(&name.1), log.bytes, log.runs.len()),
            None if self.logs.len() >= MAX_AUTHORS => return false,
            None => (None, 0, 0),
        };
        if kept.is_some_and(|(_, kept)| kept.last_seq() >= run.last_seq()) {
            return true;
        }
        let freed = kept.map_or(0, |(_, kept)| cost(kept));
        let more = cost(run);
        let fits = self.bytes - freed + more <= MAX_BYTES
            && of_author - freed + more <= MAX_AUTHOR_BYTES
            && (runs < MAX_AUTHOR_RUNS || kept.is_some());
        if !fits {
            return false;
        }
        self.remove(name);
        let log = self.logs.entry(name.0).or_default();
        log.bytes += more;
        self.bytes += more;
        // Its own copy: a slice of a peer's frame would keep the whole frame alive.
        log.runs.insert(name.1, (cause, run.clone().detached()));
        self.causes.insert((cause, name));
        true
    }

    fn remove(&mut self, name: Name) -> Option<VerifiedRun> {
        let log = self.logs.get_mut(&name.0)?;
        let (cause, run) = log.runs.remove(&name.1)?;
        log.bytes -= cost(&run);
        self.bytes -= cost(&run);
        if log.runs.is_empty() {
            self.logs.remove(&name.0);
        }
        self.causes.remove(&(cause, name));
        Some(run)
    }

    /// Takes out, in order, what waited for an author's entries up to `seq`.
    pub(super) fn freed_by(&mut self, author: AuthorId, seq: u64) -> Vec<VerifiedRun> {
        let first = EntryRef { author, seq: 0 };
        let names: Vec<Name> = self
            .causes
            .range((first, (AuthorId::from_bytes([0; 32]), 0))..)
            .take_while(|(cause, _)| cause.author == author && cause.seq <= seq)
            .map(|(_, name)| *name)
            .collect();
        names
            .into_iter()
            .filter_map(|name| self.remove(name))
            .collect()
    }

    /// Takes out all runs of one author.
    pub(super) fn take(&mut self, author: &AuthorId) -> Vec<VerifiedRun> {
        let log = self.logs.get(author);
        let names: Vec<Name> = log
            .into_iter()
            .flat_map(|log| log.runs.keys().map(|first| (*author, *first)))
            .collect();
        names
            .into_iter()
            .filter_map(|name| self.remove(name))
            .collect()
    }

    /// Whose runs wait.
    pub(super) fn authors(&self) -> Vec<AuthorId> {
        self.logs.keys().copied().collect()
    }

    pub(super) fn entries(&self) -> u64 {
        self.logs
            .values()
            .flat_map(|log| log.runs.values())
            .map(|(_, run)| run.entries().len() as u64)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use nocturne_core::{Entry, EntryHash, Header, Hlc, Identity, SignedRun, StoreId};

    use super::*;

    fn run(author: u8, seq: u64, entries: u64) -> VerifiedRun {
        let me = Identity::from_secret_bytes(&[author; 32]);
        let mut prev = EntryHash::ZERO;
        let entries = (seq..seq + entries).map(|seq| {
            let header = Header {
                store: StoreId::ZERO,
                author: me.author(),
                seq,
                prev,
                hlc: Hlc::from_millis(seq),
                deps: vec![],
                ops: vec![],
            };
            prev = header.hash();
            Entry {
                header,
                bodies: vec![],
            }
        });
        let entries = entries.collect();
        SignedRun::sign(&me, entries).unwrap().verify().unwrap()
    }

    #[test]
    fn an_entry_frees_exactly_what_waits_for_it() {
        let mut room = WaitingRoom::default();
        let at = |author: u8, seq| EntryRef {
            author: Identity::from_secret_bytes(&[author; 32]).author(),
            seq,
        };
        for seq in 2..300 {
            assert!(room.add(&run(1, seq, 1), at(1, seq - 1)));
        }
        assert!(room.add(&run(2, 1, 1), at(3, 5)));
        assert_eq!(room.freed_by(at(3, 4).author, 4), []);
        assert_eq!(room.freed_by(at(3, 5).author, 7), [run(2, 1, 1)]);
        assert_eq!(room.freed_by(at(1, 1).author, 1), [run(1, 2, 1)]);
        // A longer run takes a shorter one's place, a shorter one none.
        assert!(room.add(&run(1, 3, 2), at(1, 2)));
        assert!(room.add(&run(1, 3, 1), at(1, 2)));
        assert_eq!(room.freed_by(at(1, 2).author, 2), [run(1, 3, 2)]);
        assert_eq!(room.take(&at(1, 1).author).len(), 296);
        assert_eq!((room.bytes, room.entries()), (0, 0));
        assert!(room.logs.is_empty() && room.causes.is_empty());
    }
}

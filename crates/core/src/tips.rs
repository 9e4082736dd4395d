//! Tips: entries that no other entry depends on yet. A new entry depends on all of them.

use std::collections::BTreeMap;

use crate::entry::{EntryRef, Header};
use crate::identity::AuthorId;
use crate::limits::MAX_DEPS;

/// At most one tip an author: its last entry, while nobody builds on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tips {
    by_author: BTreeMap<AuthorId, u64>,
}

/// What a new entry has to depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deps {
    /// These, and nothing else.
    Ready(Vec<EntryRef>),
    /// Too many: write an empty entry with these first, then ask again.
    Gather(Vec<EntryRef>),
}

impl Tips {
    /// No tip.
    pub const fn new() -> Self {
        Self {
            by_author: BTreeMap::new(),
        }
    }

    /// Adds an entry: it is a tip now, and what it builds on no longer is.
    pub fn apply(&mut self, header: &Header) {
        for dep in &header.deps {
            if self.by_author.get(&dep.author) == Some(&dep.seq) {
                self.by_author.remove(&dep.author);
            }
        }
        self.by_author.insert(header.author, header.seq);
    }

    /// Puts a tip back, as read from disk.
    pub fn restore(&mut self, at: EntryRef) {
        self.by_author.insert(at.author, at.seq);
    }

    /// Whether the entry is a tip.
    pub fn contains(&self, at: &EntryRef) -> bool {
        self.by_author.get(&at.author) == Some(&at.seq)
    }

    /// The dependencies of the next entry of `author`.
    pub fn deps_of(&self, author: &AuthorId) -> Deps {
        let mut deps: Vec<EntryRef> = self
            .iter()
            .filter(|tip| tip.author != *author)
            .take(MAX_DEPS + 1)
            .collect();
        if deps.len() <= MAX_DEPS {
            return Deps::Ready(deps);
        }
        deps.truncate(MAX_DEPS);
        Deps::Gather(deps)
    }

    /// All tips, by author.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef> {
        self.by_author.iter().map(|(author, seq)| EntryRef {
            author: *author,
            seq: *seq,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EntryHash, Hlc, StoreId};

    fn header(author: u8, seq: u64, deps: Vec<EntryRef>) -> Header {
        Header {
            store: StoreId::ZERO,
            author: AuthorId::from_bytes([author; 32]),
            seq,
            prev: EntryHash::ZERO,
            hlc: Hlc::ZERO,
            deps,
            ops: vec![],
        }
    }

    #[test]
    fn what_is_built_on_is_no_tip_and_a_later_entry_stays_one() {
        let mut tips = Tips::new();
        tips.apply(&header(1, 1, vec![]));
        tips.apply(&header(2, 1, vec![]));
        let old = header(1, 1, vec![]).at();
        tips.apply(&header(1, 2, vec![]));
        // Author 3 knew only author 1's first entry: the second stays a tip.
        tips.apply(&header(3, 1, vec![old]));
        let seqs: Vec<(u8, u64)> = tips
            .iter()
            .map(|t| (t.author.as_bytes()[0], t.seq))
            .collect();
        assert_eq!(seqs, [(1, 2), (2, 1), (3, 1)]);
    }

    #[test]
    fn more_tips_than_deps_are_gathered_first() {
        let mut tips = Tips::new();
        for author in 1..=200 {
            tips.apply(&header(author, 1, vec![]));
        }
        let me = AuthorId::from_bytes([250; 32]);
        let mut seq = 0;
        let last = loop {
            seq += 1;
            match tips.deps_of(&me) {
                Deps::Ready(deps) => break deps,
                Deps::Gather(deps) => {
                    assert_eq!(deps.len(), MAX_DEPS);
                    tips.apply(&header(250, seq, deps));
                }
            }
        };
        assert_eq!((seq, last.len()), (4, 200 - 3 * MAX_DEPS));
    }
}

//! What a node has of every log: a version vector with hashes.

use std::collections::BTreeMap;

use crate::hash::{Context, EntryHash, FrontierDigest};
use crate::identity::AuthorId;

/// The last entry of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// Its sequence number, from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: EntryHash,
}

/// Author → last entry. Two nodes with equal frontiers have the same entries: each hash commits to
/// everything before it.
///
/// ```
/// use nocturne_core::{AuthorId, EntryHash, Frontier, LogHead};
///
/// let ada = AuthorId::from_bytes([1; 32]);
/// let mut mine = Frontier::new();
/// mine.advance(ada, LogHead { seq: 5, hash: EntryHash::from_bytes([5; 32]) });
/// let mut theirs = Frontier::new();
/// theirs.advance(ada, LogHead { seq: 3, hash: EntryHash::from_bytes([3; 32]) });
///
/// assert_ne!(mine.digest(), theirs.digest());
/// // What to send: Ada's entries 4 and 5.
/// assert_eq!(mine.ahead_of(&theirs).collect::<Vec<_>>(), [(ada, 4, 5)]);
/// assert_eq!(theirs.ahead_of(&mine).count(), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    logs: BTreeMap<AuthorId, LogHead>,
}

impl Frontier {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self {
            logs: BTreeMap::new(),
        }
    }

    /// What is had of an author's log.
    pub fn get(&self, author: &AuthorId) -> Option<LogHead> {
        self.logs.get(author).copied()
    }

    /// How many entries of an author's log are had; 0 for none.
    pub fn seq(&self, author: &AuthorId) -> u64 {
        self.logs.get(author).map_or(0, |head| head.seq)
    }

    /// Moves a log's head. The caller has checked that the entry continues the log.
    pub fn advance(&mut self, author: AuthorId, head: LogHead) {
        self.logs.insert(author, head);
    }

    /// Takes a log out.
    pub fn remove(&mut self, author: &AuthorId) -> Option<LogHead> {
        self.logs.remove(author)
    }

    /// Every log, by author.
    pub fn iter(&self) -> impl Iterator<Item = (&AuthorId, &LogHead)> {
        self.logs.iter()
    }

    /// How many authors.
    pub fn len(&self) -> usize {
        self.logs.len()
    }

    /// Whether nothing is had at all.
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty()
    }

    /// How many entries in all.
    pub fn entries(&self) -> u64 {
        self.logs
            .values()
            .fold(0, |sum: u64, head| sum.saturating_add(head.seq))
    }

    /// BLAKE3 over (author ‖ seq ‖ hash) of every log, sorted by author.
    pub fn digest(&self) -> FrontierDigest {
        let mut hasher = Context::Frontier.hasher();
        for (author, head) in &self.logs {
            hasher.update(author.as_bytes());
            hasher.update(&head.seq.to_be_bytes());
            hasher.update(head.hash.as_bytes());
        }
        FrontierDigest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// Logs of which this frontier has more than the other: (author, first missing seq, last seq).
    pub fn ahead_of<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (AuthorId, u64, u64)> + 'a {
        self.logs.iter().filter_map(|(author, head)| {
            let have = other.seq(author);
            (head.seq > have).then(|| (*author, have + 1, head.seq))
        })
    }
}

impl FromIterator<(AuthorId, LogHead)> for Frontier {
    fn from_iter<I: IntoIterator<Item = (AuthorId, LogHead)>>(iter: I) -> Self {
        Self {
            logs: iter.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: u64) -> LogHead {
        LogHead {
            seq,
            hash: EntryHash::from_bytes([u8::try_from(seq).unwrap(); 32]),
        }
    }

    #[test]
    fn the_digest_sees_every_part_and_no_order() {
        let (a, b) = (AuthorId::from_bytes([1; 32]), AuthorId::from_bytes([2; 32]));
        let one: Frontier = [(a, head(1)), (b, head(2))].into_iter().collect();
        let same: Frontier = [(b, head(2)), (a, head(1))].into_iter().collect();
        assert_eq!(one.digest(), same.digest());
        for other in [
            vec![(a, head(1))],
            vec![(a, head(2)), (b, head(2))],
            vec![(a, head(2)), (b, head(1))],
        ] {
            assert_ne!(
                one.digest(),
                other.into_iter().collect::<Frontier>().digest()
            );
        }
    }

    #[test]
    fn ahead_of_names_what_the_other_lacks() {
        let (a, b) = (AuthorId::from_bytes([1; 32]), AuthorId::from_bytes([2; 32]));
        let mine: Frontier = [(a, head(5)), (b, head(2))].into_iter().collect();
        let theirs: Frontier = [(a, head(3)), (b, head(2))].into_iter().collect();
        assert_eq!(mine.ahead_of(&theirs).collect::<Vec<_>>(), [(a, 4, 5)]);
        assert_eq!(theirs.ahead_of(&mine).count(), 0);
        assert_eq!(mine.entries(), 7);
    }
}

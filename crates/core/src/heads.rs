//! Heads of a key and the winner among them: the whole of merging.
//!
//! The state is a function of the set of entries: a key's heads are its operations that no
//! operation names as parent. Order of arrival doesn't enter.

use crate::entry::OpRef;
use crate::hlc::Hlc;
use crate::identity::AuthorId;
use crate::operation::OpKind;

/// An operation that nothing has superseded yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which operation.
    pub at: OpRef,
    /// When its entry was written.
    pub hlc: Hlc,
    /// What it does.
    pub kind: OpKind,
}

impl Head {
    /// The winner has the greatest: time, then author, then place.
    ///
    /// An author's entries have strictly rising times, so time and author already name one entry;
    /// place decides only between operations of one entry.
    pub fn precedence(&self) -> (Hlc, AuthorId, u64, u16) {
        (self.hlc, self.at.author, self.at.seq, self.at.op)
    }
}

/// The head that reads return.
///
/// ```
/// use nocturne_core::heads::{self, Head};
/// use nocturne_core::{AuthorId, Hlc, OpKind, OpRef};
///
/// let head = |author, ms, kind| Head {
///     at: OpRef { author: AuthorId::from_bytes([author; 32]), seq: 1, op: 0 },
///     hlc: Hlc::from_millis(ms),
///     kind,
/// };
/// // Written on both sides of a partition: two heads, and the later one wins everywhere.
/// let mut heads = vec![head(1, 20, OpKind::Put), head(2, 10, OpKind::Delete)];
/// assert_eq!(heads::winner(&heads).map(|head| head.kind), Some(OpKind::Put));
///
/// // The next write names both and leaves one.
/// let parents = heads::parents(&heads);
/// heads::supersede(&mut heads, &parents);
/// heads::add(&mut heads, head(3, 30, OpKind::Put));
/// assert_eq!(heads.len(), 1);
/// ```
pub fn winner(heads: &[Head]) -> Option<&Head> {
    heads.iter().max_by_key(|head| head.precedence())
}

/// Removes exactly the heads that are named, and nothing else. `parents` is sorted, as in a header.
pub fn supersede(heads: &mut Vec<Head>, parents: &[OpRef]) {
    heads.retain(|head| parents.binary_search(&head.at).is_err());
}

/// Adds a head; adding it twice is adding it once.
pub fn add(heads: &mut Vec<Head>, head: Head) {
    if !heads.iter().any(|other| other.at == head.at) {
        heads.push(head);
    }
}

/// The parents of the next operation on the key: all of its heads, sorted, and no more than the
/// format allows (the latest ones; the rest stay visible as a conflict).
pub fn parents(heads: &[Head]) -> Vec<OpRef> {
    let mut heads = heads.to_vec();
    heads.sort_unstable_by_key(|head| std::cmp::Reverse(head.precedence()));
    heads.truncate(crate::limits::MAX_PARENTS);
    let mut parents: Vec<OpRef> = heads.iter().map(|head| head.at).collect();
    parents.sort_unstable();
    parents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(author: u8, seq: u64, op: u16, hlc: u64) -> Head {
        Head {
            at: OpRef {
                author: AuthorId::from_bytes([author; 32]),
                seq,
                op,
            },
            hlc: Hlc::from_bits(hlc),
            kind: OpKind::Put,
        }
    }

    #[test]
    fn supersede_removes_exactly_what_is_named() {
        let all = [
            head(1, 1, 0, 5),
            head(1, 1, 1, 5),
            head(1, 2, 0, 6),
            head(2, 1, 0, 7),
        ];
        for named in 0..16_u32 {
            let chosen = |index: usize| named & (1 << index) != 0;
            let pick = |wanted: bool| -> Vec<Head> {
                let indexes = (0..4).filter(|index| chosen(*index) == wanted);
                indexes.map(|index| all[index]).collect()
            };
            let parents: Vec<OpRef> = pick(true).iter().map(|head| head.at).collect();
            let mut heads = all.to_vec();
            supersede(&mut heads, &parents);
            assert_eq!(heads, pick(false), "{named:04b}");
        }
        let mut heads = all.to_vec();
        supersede(&mut heads, &[head(3, 1, 0, 0).at]);
        assert_eq!(heads, all);
    }

    #[test]
    fn the_winner_is_the_latest_then_the_greatest_author_then_the_last_operation() {
        let order = [
            head(9, 9, 9, 1),
            head(1, 1, 5, 2),
            head(2, 1, 0, 2),
            head(2, 1, 1, 2),
        ];
        for (index, expected) in order.iter().enumerate() {
            let mut heads = order[..=index].to_vec();
            heads.reverse();
            assert_eq!(winner(&heads), Some(expected));
            heads.rotate_left(1);
            assert_eq!(winner(&heads), Some(expected));
        }
        assert_eq!(winner(&[]), None);
    }

    #[test]
    fn adding_twice_is_adding_once() {
        let mut heads = vec![];
        add(&mut heads, head(1, 1, 0, 5));
        add(&mut heads, head(1, 1, 1, 5));
        add(&mut heads, head(1, 1, 0, 5));
        assert_eq!(heads, [head(1, 1, 0, 5), head(1, 1, 1, 5)]);
    }

    #[test]
    fn more_heads_than_parents_leave_the_oldest_as_conflict() {
        let limit = crate::limits::MAX_PARENTS as u64;
        let mut heads: Vec<Head> = (1..=limit + 3).map(|seq| head(1, seq, 0, seq)).collect();
        heads.rotate_left(700);
        let named = parents(&heads);
        assert!(named.is_sorted());
        supersede(&mut heads, &named);
        let mut left: Vec<u64> = heads.iter().map(|head| head.at.seq).collect();
        left.sort_unstable();
        assert_eq!(left, [1, 2, 3]);
    }
}

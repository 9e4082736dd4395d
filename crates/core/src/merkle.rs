//! The append-only Merkle tree of RFC 9162 (§2.1) over SHA-256, its proofs and their verification.
//!
//! A leaf is `SHA-256(0x00 ‖ data)`, a node `SHA-256(0x01 ‖ left ‖ right)`, the empty tree's root
//! `SHA-256("")`. [`Tree`] keeps every perfect subtree's hash (twice the leaves, 64 bytes a leaf),
//! so that any earlier root and any proof cost a logarithmic number of hashes. Verification needs
//! no tree.

mod set;
mod verify;

use sha2::{Digest, Sha256};

pub use self::set::{InclusionSetError, verify_inclusion_set};
pub use self::verify::{ConsistencyError, InclusionError, verify_consistency, verify_inclusion};
use crate::hash::hex32;

hex32! {
    /// The hash of a leaf, a node or a whole tree.
    TreeHash
}

/// A size or index that the tree does not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tree has {len} leaves; {asked} was asked for")]
#[non_exhaustive]
pub struct OutOfRange {
    /// The size or index asked for.
    pub asked: u64,
    /// What bounds it: the tree's size, or the size that the proof is for.
    pub len: u64,
}

/// A leaf's hash.
pub fn leaf_hash(data: &[u8]) -> TreeHash {
    finish(Sha256::new().chain_update([0]).chain_update(data))
}

/// An inner node's hash.
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    finish(
        Sha256::new()
            .chain_update([1])
            .chain_update(left.as_bytes())
            .chain_update(right.as_bytes()),
    )
}

/// The root of the tree without leaves.
pub fn empty_root() -> TreeHash {
    finish(Sha256::new())
}

fn finish(hasher: Sha256) -> TreeHash {
    TreeHash::from_bytes(hasher.finalize().into())
}

/// An append-only tree in memory.
///
/// ```
/// use nocturne_core::merkle::{self, Tree, leaf_hash};
///
/// let tree: Tree = ["a", "b", "c"].map(|leaf| leaf_hash(leaf.as_bytes())).into_iter().collect();
/// let path = tree.inclusion(1, 3)?;
/// merkle::verify_inclusion(&leaf_hash(b"b"), 1, 3, &path, &tree.root())?;
/// let path = tree.consistency(2, 3)?;
/// merkle::verify_consistency(2, &tree.root_at(2)?, 3, &tree.root(), &path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// `levels[k][i]` is the root of the perfect subtree over leaves `i·2^k .. (i+1)·2^k`. Only
    /// perfect subtrees are kept: what is stored never changes.
    levels: Vec<Vec<TreeHash>>,
}

impl Tree {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves it has.
    pub fn len(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Whether it has no leaf.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: TreeHash) {
        let mut hash = leaf;
        for level in 0.. {
            let Some(nodes) = self.levels.get_mut(level) else {
                self.levels.push(vec![hash]);
                return;
            };
            nodes.push(hash);
            if nodes.len() % 2 == 1 {
                return;
            }
            let [.., left, right] = nodes.as_slice() else {
                return;
            };
            hash = node_hash(left, right);
        }
    }

    /// The root of the whole tree.
    pub fn root(&self) -> TreeHash {
        self.range(0, self.len()).unwrap_or_else(empty_root)
    }

    /// The root that the tree had when it had `size` leaves.
    pub fn root_at(&self, size: u64) -> Result<TreeHash, OutOfRange> {
        self.check(size)?;
        Ok(self.range(0, size).unwrap_or_else(empty_root))
    }

    /// The inclusion path of leaf `index` in the tree of the first `size` leaves, from the leaf's
    /// sibling upwards (RFC 9162 §2.1.3.1).
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<TreeHash>, OutOfRange> {
        self.check(size)?;
        let out_of_range = OutOfRange {
            asked: index,
            len: size,
        };
        if index >= size {
            return Err(out_of_range);
        }
        let mut path = Vec::new();
        let (mut start, mut end) = (0, size);
        while end - start > 1 {
            let middle = start + split(end - start);
            let sibling = if index < middle {
                let sibling = self.range(middle, end);
                end = middle;
                sibling
            } else {
                let sibling = self.range(start, middle);
                start = middle;
                sibling
            };
            path.push(sibling.ok_or(out_of_range)?);
        }
        path.reverse();
        Ok(path)
    }

    /// The proof that the tree of the first `new` leaves extends that of the first `old` (RFC 9162
    /// §2.1.4.1). Empty when `old` is 0 or equals `new`: there is nothing to show then.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<TreeHash>, OutOfRange> {
        self.check(new)?;
        let out_of_range = OutOfRange {
            asked: old,
            len: new,
        };
        if old > new {
            return Err(out_of_range);
        }
        let mut path = Vec::new();
        if old == 0 {
            return Ok(path);
        }
        let (mut start, mut end) = (0, new);
        while old != end {
            let middle = start + split(end - start);
            let sibling = if old <= middle {
                let sibling = self.range(middle, end);
                end = middle;
                sibling
            } else {
                let sibling = self.range(start, middle);
                start = middle;
                sibling
            };
            path.push(sibling.ok_or(out_of_range)?);
        }
        // Where the old tree is the leftmost subtree, the verifier knows its root already.
        if start > 0 {
            path.push(self.range(start, end).ok_or(out_of_range)?);
        }
        path.reverse();
        Ok(path)
    }

    fn check(&self, size: u64) -> Result<(), OutOfRange> {
        let len = self.len();
        if size > len {
            return Err(OutOfRange { asked: size, len });
        }
        Ok(())
    }

    /// The root over leaves `start..end`, where `start` is a multiple of the largest power of two
    /// not above the range's length: so it is for every range that the RFC's recursion meets.
    /// `None` if the range is empty or reaches beyond the tree.
    fn range(&self, start: u64, end: u64) -> Option<TreeHash> {
        let mut perfect = Vec::new();
        let mut from = start;
        while from < end {
            let level = (end - from).ilog2();
            let index = usize::try_from(from >> level).ok()?;
            let nodes = self.levels.get(usize::try_from(level).ok()?)?;
            perfect.push(nodes.get(index)?);
            from += 1 << level;
        }
        let mut parts = perfect.into_iter().rev();
        let last = *parts.next()?;
        Some(parts.fold(last, |right, left| node_hash(left, &right)))
    }
}

impl Extend<TreeHash> for Tree {
    fn extend<I: IntoIterator<Item = TreeHash>>(&mut self, leaves: I) {
        for leaf in leaves {
            self.push(leaf);
        }
    }
}

impl FromIterator<TreeHash> for Tree {
    fn from_iter<I: IntoIterator<Item = TreeHash>>(leaves: I) -> Self {
        let mut tree = Self::new();
        tree.extend(leaves);
        tree
    }
}

/// The largest power of two below `len`, which is at least 2.
fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}

#[cfg(test)]
mod tests;

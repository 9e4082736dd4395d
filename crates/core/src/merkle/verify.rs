//! Verification of inclusion and consistency proofs: hashes and arithmetic, without a tree.

use super::{TreeHash, empty_root, node_hash};

/// Why an inclusion proof does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InclusionError {
    /// The index is not below the size.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    IndexOutOfRange {
        /// The leaf's index.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The path is longer or shorter than the tree is high there.
    #[error("the inclusion path has the wrong length")]
    PathLength,
    /// The path leads to another root.
    #[error("the inclusion path leads to another root")]
    Root,
}

/// Why a consistency proof does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsistencyError {
    /// The old tree is larger than the new one.
    #[error("a tree of {new} leaves cannot extend one of {old}")]
    Shrunk {
        /// The old tree's size.
        old: u64,
        /// The new tree's size.
        new: u64,
    },
    /// The path is longer or shorter than the two sizes ask for.
    #[error("the consistency path has the wrong length")]
    PathLength,
    /// The path leads to another old root.
    #[error("the consistency path does not lead to the old root")]
    OldRoot,
    /// The path leads to another new root.
    #[error("the consistency path does not lead to the new root")]
    NewRoot,
}

/// Checks that `leaf` is leaf `index` of the tree of `size` leaves with this root (RFC 9162
/// §2.1.3.2).
pub fn verify_inclusion(
    leaf: &TreeHash,
    index: u64,
    size: u64,
    path: &[TreeHash],
    root: &TreeHash,
) -> Result<(), InclusionError> {
    if index >= size {
        return Err(InclusionError::IndexOutOfRange { index, size });
    }
    let mut at = Position {
        node: index,
        last: size - 1,
    };
    let mut hash = *leaf;
    for sibling in path {
        if at.last == 0 {
            return Err(InclusionError::PathLength);
        }
        hash = if at.step() {
            node_hash(sibling, &hash)
        } else {
            node_hash(&hash, sibling)
        };
    }
    if at.last != 0 {
        return Err(InclusionError::PathLength);
    }
    if hash != *root {
        return Err(InclusionError::Root);
    }
    Ok(())
}

/// Checks that the tree of `new` leaves with root `new_root` begins with that of `old` leaves with
/// root `old_root` (RFC 9162 §2.1.4.2). Beyond the RFC, which asks for `0 < old < new`: equal sizes
/// need an empty path and equal roots, and the empty tree begins every tree, with an empty path.
pub fn verify_consistency(
    old: u64,
    old_root: &TreeHash,
    new: u64,
    new_root: &TreeHash,
    path: &[TreeHash],
) -> Result<(), ConsistencyError> {
    if old > new {
        return Err(ConsistencyError::Shrunk { old, new });
    }
    if new == 0 && *new_root != empty_root() {
        return Err(ConsistencyError::NewRoot);
    }
    if old == 0 || old == new {
        if !path.is_empty() {
            return Err(ConsistencyError::PathLength);
        }
        let expected = if old == 0 { empty_root() } else { *new_root };
        if *old_root != expected {
            return Err(ConsistencyError::OldRoot);
        }
        return Ok(());
    }
    let mut at = Position {
        node: old - 1,
        last: new - 1,
    };
    at.skip_right_edges();
    let mut rest = path.iter();
    let first = if old.is_power_of_two() {
        *old_root
    } else {
        *rest.next().ok_or(ConsistencyError::PathLength)?
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in rest {
        if at.last == 0 {
            return Err(ConsistencyError::PathLength);
        }
        if at.step() {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
    }
    if at.last != 0 {
        return Err(ConsistencyError::PathLength);
    }
    if old_hash != *old_root {
        return Err(ConsistencyError::OldRoot);
    }
    if new_hash != *new_root {
        return Err(ConsistencyError::NewRoot);
    }
    Ok(())
}

/// The RFC's `fn` and `sn`: a node's index on its level and that of the level's last node.
struct Position {
    node: u64,
    last: u64,
}

impl Position {
    /// Goes up one step of the path; true if the sibling there stands on the left.
    fn step(&mut self) -> bool {
        let left = self.node & 1 == 1 || self.node == self.last;
        if left {
            // On the right edge, levels at which there is no sibling have no path element.
            while self.node & 1 == 0 && self.node != 0 {
                self.up();
            }
        }
        self.up();
        left
    }

    /// Goes up while this is a right child: the old tree's last perfect subtree.
    fn skip_right_edges(&mut self) {
        while self.node & 1 == 1 {
            self.up();
        }
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }
}

//! Inclusion proofs for several leaves at once: RFC 9162 audit paths with what they share given
//! only once.
//!
//! The proof lists, from left to right, the root of every maximal subtree of the RFC's recursion
//! that contains none of the leaves. For one leaf these are the hashes of its audit path; for a
//! run of leaves they number about twice the tree's height, however many leaves there are.

use super::{OutOfRange, Tree, TreeHash, node_hash, split};

/// Why a proof for several leaves does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InclusionSetError {
    /// No leaf to prove.
    #[error("the proof is for no leaf")]
    Empty,
    /// Indices out of order, repeated, or not below the size.
    #[error("leaf indices must ascend and be below the tree's size")]
    Indices,
    /// More or fewer hashes than the leaves ask for.
    #[error("the proof has the wrong number of hashes")]
    Hashes,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

impl Tree {
    /// The proof that the leaves at `indices` (ascending, distinct) are in the tree of the first
    /// `size` leaves.
    pub fn inclusion_set(&self, indices: &[u64], size: u64) -> Result<Vec<TreeHash>, OutOfRange> {
        self.check(size)?;
        if let Some(last) = indices.iter().find(|index| **index >= size) {
            return Err(OutOfRange {
                asked: *last,
                len: size,
            });
        }
        let mut hashes = Vec::new();
        // Ranges still to visit, the leftmost on top.
        let mut stack = vec![(0, size, indices)];
        while let Some((start, end, inside)) = stack.pop() {
            if inside.is_empty() {
                hashes.extend(self.range(start, end));
            } else if end - start > 1 {
                let middle = start + split(end - start);
                let (left, right) = inside.split_at(inside.partition_point(|i| *i < middle));
                stack.push((middle, end, right));
                stack.push((start, middle, left));
            }
        }
        Ok(hashes)
    }
}

/// Checks that every one of `leaves` (index and hash, ascending) is in the tree of `size` leaves
/// with this root. As with any such proof, size and root must come from one signed statement: some
/// sizes share their shape to the left, and the proof alone does not tell them apart.
pub fn verify_inclusion_set(
    leaves: &[(u64, TreeHash)],
    size: u64,
    hashes: &[TreeHash],
    root: &TreeHash,
) -> Result<(), InclusionSetError> {
    let Some((last, _)) = leaves.last() else {
        return Err(InclusionSetError::Empty);
    };
    if *last >= size || !leaves.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(InclusionSetError::Indices);
    }
    let mut rest = hashes.iter();
    let found = fold(0, size, leaves, &mut rest).ok_or(InclusionSetError::Hashes)?;
    if rest.next().is_some() {
        return Err(InclusionSetError::Hashes);
    }
    if found != *root {
        return Err(InclusionSetError::Root);
    }
    Ok(())
}

/// The root over `start..end`, of which `leaves` are known. Recurses at most 64 deep. `None` if
/// the hashes run out.
fn fold<'a>(
    start: u64,
    end: u64,
    leaves: &[(u64, TreeHash)],
    hashes: &mut impl Iterator<Item = &'a TreeHash>,
) -> Option<TreeHash> {
    let Some((_, leaf)) = leaves.first() else {
        return hashes.next().copied();
    };
    if end - start == 1 {
        return Some(*leaf);
    }
    let middle = start + split(end - start);
    let (left, right) = leaves.split_at(leaves.partition_point(|(index, _)| *index < middle));
    let left = fold(start, middle, left, hashes)?;
    let right = fold(middle, end, right, hashes)?;
    Some(node_hash(&left, &right))
}

//! One segment: a key tree of 4,096 leaves with holes.

use std::collections::BTreeMap;

use nocturne_core::Entropy;
use zeroize::{Zeroize, Zeroizing};

use super::BodyKey;

const DEPTH: u32 = 12;
/// Numbers in a segment.
pub(crate) const LEAVES: u64 = 1 << DEPTH;

type NodeKey = Zeroizing<[u8; 32]>;

/// The roots of the subtrees that are still whole, by the first leaf they cover, with their depth
/// (0 is the segment's root, 12 a leaf). Ordered and disjoint.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    nodes: BTreeMap<u64, (u32, NodeKey)>,
}

/// A node's two children. One BLAKE3 compression gives both.
fn expand(parent: &[u8; 32]) -> (NodeKey, NodeKey) {
    let mut both = [0; 64];
    blake3::Hasher::new_keyed(parent)
        .finalize_xof()
        .fill(&mut both);
    let (mut left, mut right) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
    let (a, b) = both.split_at(32);
    left.copy_from_slice(a);
    right.copy_from_slice(b);
    both.zeroize();
    (left, right)
}

const fn width(depth: u32) -> u64 {
    LEAVES >> depth
}

impl Segment {
    pub(crate) fn fresh(entropy: &mut dyn Entropy) -> Self {
        let mut root = Zeroizing::new([0; 32]);
        entropy.fill(&mut *root);
        Self {
            nodes: BTreeMap::from([(0, (0, root))]),
        }
    }

    /// From (first leaf, depth, key) triples; `None` if they overlap or don't fit the tree.
    pub(crate) fn from_nodes(
        triples: impl IntoIterator<Item = (u64, u32, [u8; 32])>,
    ) -> Option<Self> {
        let mut nodes = BTreeMap::new();
        let mut free_from = 0;
        for (first, depth, key) in triples {
            let fits = depth <= DEPTH
                && first >= free_from
                && first < LEAVES
                && first.is_multiple_of(width(depth));
            if !fits {
                return None;
            }
            free_from = first + width(depth);
            nodes.insert(first, (depth, Zeroizing::new(key)));
        }
        Some(Self { nodes })
    }

    pub(crate) fn nodes(&self) -> impl ExactSizeIterator<Item = (u64, u32, &[u8; 32])> {
        self.nodes
            .iter()
            .map(|(first, (depth, key))| (*first, *depth, &**key))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    fn covering(&self, leaf: u64) -> Option<(u64, u32, &NodeKey)> {
        let (first, (depth, key)) = self.nodes.range(..=leaf).next_back()?;
        (leaf < first + width(*depth)).then_some((*first, *depth, key))
    }

    pub(crate) fn key(&self, leaf: u64) -> Option<BodyKey> {
        SegmentCursor::default().key(self, leaf)
    }

    /// Loses one leaf: what covers it is replaced by the siblings along the path to it.
    pub(crate) fn puncture(&mut self, leaf: u64) -> bool {
        let Some((mut first, mut depth, key)) = self.covering(leaf) else {
            return false;
        };
        let mut key = key.clone();
        self.nodes.remove(&first);
        while depth < DEPTH {
            let (left, right) = expand(&key);
            depth += 1;
            let middle = first + width(depth);
            if leaf < middle {
                self.nodes.insert(middle, (depth, right));
                key = left;
            } else {
                self.nodes.insert(first, (depth, left));
                key = right;
                first = middle;
            }
        }
        true
    }
}

/// The path to the leaf asked for last: the next leaf shares most of it.
#[derive(Debug, Default)]
pub(crate) struct SegmentCursor {
    /// (first leaf, depth, key) from the covering node down to the leaf.
    path: Vec<(u64, u32, NodeKey)>,
}

impl SegmentCursor {
    pub(crate) fn key(&mut self, segment: &Segment, leaf: u64) -> Option<BodyKey> {
        while let Some((first, depth, _)) = self.path.last() {
            if *first <= leaf && leaf < first + width(*depth) {
                break;
            }
            self.path.pop();
        }
        if self.path.is_empty() {
            let (first, depth, key) = segment.covering(leaf)?;
            self.path.push((first, depth, key.clone()));
        }
        while let Some((first, depth, key)) = self.path.last() {
            if *depth == DEPTH {
                return Some(key.clone());
            }
            let (left, right) = expand(key);
            let (depth, first) = (depth + 1, *first);
            let middle = first + width(depth);
            self.path.push(if leaf < middle {
                (first, depth, left)
            } else {
                (middle, depth, right)
            });
        }
        None
    }
}

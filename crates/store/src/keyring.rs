//! The puncturable keyring: one key for each operation, and a way to lose exactly one of them.
//!
//! Operations are numbered in order of arrival. 4,096 numbers share a segment: a binary key tree in
//! which a node's two children are its BLAKE3 expansion (Goldreich, Goldwasser and Micali, *How to
//! construct random functions*, 1986). While nothing in a segment is forgotten, the 32 bytes at its
//! root are all that is kept. Puncturing a leaf replaces every node above it by the siblings along
//! its path, from which that leaf cannot be computed. A segment with nothing left vanishes.

mod file;
mod segment;

use std::collections::BTreeMap;

use nocturne_core::Entropy;
use zeroize::Zeroizing;

pub use file::KeyringFileError;
pub(crate) use file::{decode, encode};
use segment::Segment;
pub(crate) use segment::{LEAVES, SegmentCursor};

/// A key for one operation's body, used once.
pub(crate) type BodyKey = Zeroizing<[u8; 32]>;

/// All segments that still hold a key.
#[derive(Debug, Clone)]
pub(crate) struct Keyring {
    /// Which database it belongs to.
    pub(crate) instance: [u8; 16],
    /// Grows with every version that is written.
    pub(crate) generation: u64,
    /// Numbers below this have been given a segment, which may have vanished since.
    pub(crate) allocated: u64,
    segments: BTreeMap<u64, Segment>,
}

impl Keyring {
    pub(crate) const fn new(instance: [u8; 16]) -> Self {
        Self {
            instance,
            generation: 0,
            allocated: 0,
            segments: BTreeMap::new(),
        }
    }

    /// Makes fresh segments so that numbers below `upto` have keys, and some more, so that the
    /// keyring is not rewritten for every commit. Returns whether anything changed.
    pub(crate) fn allocate(&mut self, upto: u64, entropy: &mut dyn Entropy) -> bool {
        /// Segments made at a time: 65,536 operations, 512 bytes of keyring.
        const AHEAD: u64 = 16;
        if upto <= self.allocated {
            return false;
        }
        let first = self.allocated / LEAVES;
        let end = upto.div_ceil(LEAVES) + AHEAD;
        for index in first..end {
            self.segments.insert(index, Segment::fresh(entropy));
        }
        self.allocated = end * LEAVES;
        true
    }

    /// The key of a number; `None` when it is punctured or was never made.
    pub(crate) fn key(&self, number: u64) -> Option<BodyKey> {
        self.segments.get(&(number / LEAVES))?.key(number % LEAVES)
    }

    /// Loses the keys of these numbers. Returns whether anything changed.
    pub(crate) fn puncture(&mut self, numbers: impl IntoIterator<Item = u64>) -> bool {
        let mut changed = false;
        for number in numbers {
            let index = number / LEAVES;
            if let Some(segment) = self.segments.get_mut(&index) {
                changed |= segment.puncture(number % LEAVES);
                if segment.is_empty() {
                    self.segments.remove(&index);
                }
            }
        }
        changed
    }

    /// Walks numbers in rising order at one expansion each instead of twelve.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor {
            keyring: self,
            segment: None,
        }
    }
}

/// See [`Keyring::cursor`].
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    keyring: &'a Keyring,
    segment: Option<(u64, SegmentCursor)>,
}

impl Cursor<'_> {
    pub(crate) fn key(&mut self, number: u64) -> Option<BodyKey> {
        let index = number / LEAVES;
        let segment = self.keyring.segments.get(&index)?;
        match &mut self.segment {
            Some((at, cursor)) if *at == index => cursor.key(segment, number % LEAVES),
            _ => {
                let mut cursor = SegmentCursor::default();
                let key = cursor.key(segment, number % LEAVES);
                self.segment = Some((index, cursor));
                key
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Finds a key that stands on two rows, with a fixed cost a row.

use super::RowFault;

/// 24 bytes each: at most 384 MiB.
const MAX_ROWS: usize = 16 * 1024 * 1024;

/// Hashes of keys with their lines. 128 bits: two different keys do not meet by chance.
#[derive(Default)]
pub(super) struct Duplicates {
    seen: Vec<([u8; 16], u64)>,
}

impl Duplicates {
    pub(super) fn note(&mut self, key: &[u8], line: u64) -> Result<(), RowFault> {
        if self.seen.len() >= MAX_ROWS {
            return Err(RowFault::TooManyRows { max: MAX_ROWS });
        }
        let mut short = [0; 16];
        short
            .iter_mut()
            .zip(blake3::hash(key).as_bytes())
            .for_each(|(s, h)| *s = *h);
        self.seen.push((short, line));
        Ok(())
    }

    /// The lines of the repetition that comes first in the input.
    pub(super) fn first_repeat(mut self) -> Option<(u64, u64)> {
        self.seen.sort_unstable();
        self.seen
            .array_windows()
            .filter(|[(a, _), (b, _)]| a == b)
            .map(|[(_, first), (_, second)]| (*first, *second))
            .min_by_key(|(_, second)| *second)
    }
}

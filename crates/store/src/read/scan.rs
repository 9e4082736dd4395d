//! Scans over keys in order, forward and backward, now or at a moment.

use std::collections::BTreeSet;
use std::ops::Bound;

use nocturne_core::{Bytes, Hlc};
use redb::Range;

use super::{Row, Snapshot};
use crate::error::StorageError;
use crate::tables::{HeadRow, VERSIONS};

/// Which keys, in which order, and how many.
#[derive(Debug, Clone, Default)]
pub struct ScanRange {
    /// Only keys that begin with this.
    pub prefix: Bytes,
    /// From this key on, itself included.
    pub from: Option<Bytes>,
    /// Up to this key, itself excluded.
    pub to: Option<Bytes>,
    /// Greatest key first.
    pub reverse: bool,
    /// At most this many rows.
    pub limit: Option<u64>,
}

impl ScanRange {
    /// All keys with a prefix, in order.
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        Self {
            prefix: prefix.into(),
            ..Self::default()
        }
    }

    /// Greatest key first.
    #[must_use]
    pub const fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// At most this many rows.
    #[must_use]
    pub const fn limited(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Both ends, prefix included.
    pub(super) fn bounds(&self) -> (Bound<Bytes>, Bound<Bytes>) {
        let from = match &self.from {
            Some(from) if *from > self.prefix => from.clone(),
            _ => self.prefix.clone(),
        };
        let end = match (&self.to, after_prefix(&self.prefix)) {
            (Some(to), Some(end)) => Some(to.clone().min(end)),
            (Some(to), None) => Some(to.clone()),
            (None, end) => end,
        };
        match end {
            // An end before the start is an empty range, not an error.
            Some(end) if end <= from => (Bound::Included(from.clone()), Bound::Excluded(from)),
            Some(end) => (Bound::Included(from), Bound::Excluded(end)),
            None => (Bound::Included(from), Bound::Unbounded),
        }
    }
}

/// The first key after all that begin with the prefix; `None` if there is no such key.
fn after_prefix(prefix: &Bytes) -> Option<Bytes> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix.get(..=last)?.to_vec();
    if let Some(byte) = end.last_mut() {
        *byte += 1;
    }
    Some(Bytes::from(end))
}

fn as_slices(bounds: &(Bound<Bytes>, Bound<Bytes>)) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (
        bounds.0.as_ref().map(|key| &key[..]),
        bounds.1.as_ref().map(|key| &key[..]),
    )
}

/// Rows in order of keys. Deleted and forgotten keys are passed over.
#[derive(Debug)]
pub struct Scan<'a> {
    snapshot: &'a Snapshot,
    source: Source,
    reverse: bool,
    left: u64,
}

enum Source {
    Now(Box<Range<'static, &'static [u8], &'static [u8]>>),
    At(Box<dyn Iterator<Item = Bytes> + Send>, Hlc),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Now",
            Self::At(..) => "At",
        })
    }
}

impl Snapshot {
    /// Rows of a range.
    pub fn scan(&self, range: &ScanRange) -> Result<Scan<'_>, StorageError> {
        Ok(Scan {
            snapshot: self,
            source: Source::Now(Box::new(
                self.heads.range::<&[u8]>(as_slices(&range.bounds()))?,
            )),
            reverse: range.reverse,
            left: range.limit.unwrap_or(u64::MAX),
        })
    }

    /// Rows of a range as they were at a moment, that moment included. Holds the range's keys in
    /// memory.
    pub fn scan_at(&self, range: &ScanRange, time: Hlc) -> Result<Scan<'_>, StorageError> {
        let bounds = range.bounds();
        let mut keys: BTreeSet<Bytes> = BTreeSet::new();
        for row in self.heads.range::<&[u8]>(as_slices(&bounds))? {
            keys.insert(Bytes::copy_from_slice(row?.0.value()));
        }
        let versions = self.transaction.open_table(VERSIONS)?;
        let start = match &bounds.0 {
            Bound::Included(key) | Bound::Excluded(key) => key.clone(),
            Bound::Unbounded => Bytes::new(),
        };
        for row in versions.range((&start[..], 0, 0, 0, 0)..)? {
            let (row, _) = row?;
            let key = row.value().0;
            let beyond = matches!(&bounds.1, Bound::Excluded(end) if key >= &end[..]);
            if beyond {
                break;
            }
            if !keys.contains(key) {
                keys.insert(Bytes::copy_from_slice(key));
            }
        }
        let keys: Box<dyn Iterator<Item = Bytes> + Send> = if range.reverse {
            Box::new(keys.into_iter().rev())
        } else {
            Box::new(keys.into_iter())
        };
        Ok(Scan {
            snapshot: self,
            source: Source::At(keys, time),
            reverse: range.reverse,
            left: range.limit.unwrap_or(u64::MAX),
        })
    }
}

/// A step over the index.
enum Step {
    Row(Row),
    /// Deleted or forgotten.
    Nothing,
    End,
}

impl From<Option<Row>> for Step {
    fn from(row: Option<Row>) -> Self {
        row.map_or(Self::Nothing, Self::Row)
    }
}

impl Scan<'_> {
    fn step(&mut self) -> Result<Step, StorageError> {
        match &mut self.source {
            Source::Now(range) => {
                let next = if self.reverse {
                    range.next_back()
                } else {
                    range.next()
                };
                let Some(row) = next else {
                    return Ok(Step::End);
                };
                let (key, heads) = row?;
                let heads = HeadRow::decode(heads.value())?;
                let key = Bytes::copy_from_slice(key.value());
                Ok(self.snapshot.row(key, &heads)?.into())
            }
            Source::At(keys, time) => match keys.next() {
                Some(key) => Ok(self.snapshot.get_at(&key, *time)?.into()),
                None => Ok(Step::End),
            },
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Row, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            match self.step() {
                Ok(Step::Row(row)) => {
                    self.left -= 1;
                    return Some(Ok(row));
                }
                Ok(Step::Nothing) => {}
                Ok(Step::End) => return None,
                Err(error) => {
                    self.left = 0;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_one() {
        let end = |prefix: &[u8]| after_prefix(&Bytes::copy_from_slice(prefix));
        assert_eq!(end(b"ab").as_deref(), Some(&b"ac"[..]));
        assert_eq!(end(b"a\xff").as_deref(), Some(&b"b"[..]));
        assert_eq!(end(b"\xff\xff"), None);
        assert_eq!(end(b""), None);
    }
}

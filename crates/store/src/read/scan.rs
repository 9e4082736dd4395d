//! Scans over keys in order, forward and backward, now or at a moment.

use std::ops::Bound;

use nocturne_core::{Bytes, Hlc};
use redb::{Range, ReadOnlyTable};

use super::{Row, Snapshot};
use crate::error::StorageError;
use crate::tables::{HEADS, HeadRow, VERSIONS};

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
    At(Box<Past>),
}

/// A walk over all keys that a range ever had.
struct Past {
    heads: ReadOnlyTable<&'static [u8], &'static [u8]>,
    versions: ReadOnlyTable<VersionKey, u8>,
    /// What is left.
    bounds: (Bound<Bytes>, Bound<Bytes>),
    time: Hlc,
}

type VersionKey = (&'static [u8], u64, u32, u64, u16);
const FIRST: (u64, u32, u64, u16) = (0, 0, 0, 0);
const LAST: (u64, u32, u64, u16) = (u64::MAX, u32::MAX, u64::MAX, u16::MAX);

const fn of_key(key: &[u8], rest: (u64, u32, u64, u16)) -> (&[u8], u64, u32, u64, u16) {
    (key, rest.0, rest.1, rest.2, rest.3)
}

impl Past {
    /// The next key with a head or an earlier version; two lookups, whatever lies between.
    fn next_key(&mut self, reverse: bool) -> Result<Option<Bytes>, StorageError> {
        let (from, to) = as_slices(&self.bounds);
        let mut heads = self.heads.range::<&[u8]>((from, to))?;
        let mut versions = self.versions.range::<(&[u8], u64, u32, u64, u16)>((
            match from {
                Bound::Included(key) => Bound::Included(of_key(key, FIRST)),
                Bound::Excluded(key) => Bound::Excluded(of_key(key, LAST)),
                Bound::Unbounded => Bound::Unbounded,
            },
            match to {
                Bound::Included(key) => Bound::Included(of_key(key, LAST)),
                Bound::Excluded(key) => Bound::Excluded(of_key(key, FIRST)),
                Bound::Unbounded => Bound::Unbounded,
            },
        ))?;
        let (head, version) = if reverse {
            (heads.next_back(), versions.next_back())
        } else {
            (heads.next(), versions.next())
        };
        let head = head.transpose()?;
        let head = head.map(|(key, _)| Bytes::copy_from_slice(key.value()));
        let version = version.transpose()?;
        let version = version.map(|(key, _)| Bytes::copy_from_slice(key.value().0));
        let key = match (head, version) {
            (Some(a), Some(b)) if reverse => a.max(b),
            (Some(a), Some(b)) => a.min(b),
            (a, b) => match a.or(b) {
                Some(key) => key,
                None => return Ok(None),
            },
        };
        if reverse {
            self.bounds.1 = Bound::Excluded(key.clone());
        } else {
            self.bounds.0 = Bound::Excluded(key.clone());
        }
        Ok(Some(key))
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Now",
            Self::At(_) => "At",
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

    /// Rows of a range as they were at a moment, that moment included. A few lookups for every key
    /// that the range ever had.
    pub fn scan_at(&self, range: &ScanRange, time: Hlc) -> Result<Scan<'_>, StorageError> {
        Ok(Scan {
            snapshot: self,
            source: Source::At(Box::new(Past {
                heads: self.transaction.open_table(HEADS)?,
                versions: self.transaction.open_table(VERSIONS)?,
                bounds: range.bounds(),
                time,
            })),
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
            Source::At(past) => match past.next_key(self.reverse)? {
                Some(key) => Ok(self.snapshot.get_at(&key, past.time)?.into()),
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

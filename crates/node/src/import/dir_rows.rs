//! A directory: a regular file is a row, its key the path below the directory with `/` between.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use nocturne_core::limits::MAX_VALUE_LEN;

use super::key::KeyRule;
use super::{ImportError, Place, Row, RowFault};

/// Rows of a directory, sorted by path. Symbolic links are not followed: they could lead anywhere.
pub(super) struct DirRows {
    walk: walkdir::IntoIter,
    root: PathBuf,
    rule: KeyRule,
    consumed: u64,
    done: bool,
}

impl DirRows {
    pub(super) fn new(root: &Path, rule: KeyRule) -> Self {
        let walk = walkdir::WalkDir::new(root).sort_by_file_name().into_iter();
        Self {
            walk,
            root: root.to_owned(),
            rule,
            consumed: 0,
            done: false,
        }
    }

    fn read(&mut self) -> Result<Option<Row>, ImportError> {
        for entry in self.walk.by_ref() {
            let entry = entry.map_err(|error| ImportError::Read {
                path: error.path().unwrap_or(&self.root).to_owned(),
                source: error
                    .into_io_error()
                    .unwrap_or_else(|| std::io::ErrorKind::Other.into()),
            })?;
            if !entry.file_type().is_file() {
                continue;
            }
            let path = entry.path();
            let read = |source| ImportError::Read {
                path: path.to_owned(),
                source,
            };
            let mut value = Vec::new();
            let limit = MAX_VALUE_LEN as u64 + 1;
            File::open(path)
                .map_err(read)?
                .take(limit)
                .read_to_end(&mut value)
                .map_err(read)?;
            self.consumed += value.len() as u64;
            let place = Place::File(path.to_owned());
            let key = key_of(path.strip_prefix(&self.root).unwrap_or(path));
            let row = if value.len() > MAX_VALUE_LEN {
                Err(RowFault::TooLong {
                    max: MAX_VALUE_LEN as u64,
                })
            } else {
                self.rule
                    .finish(&key, Bytes::from(value), None, place.clone(), self.consumed)
            };
            return row
                .map(Some)
                .map_err(|fault| ImportError::Row { place, fault });
        }
        Ok(None)
    }
}

impl Iterator for DirRows {
    type Item = Result<Row, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

fn key_of(relative: &Path) -> Vec<u8> {
    let parts: Vec<&[u8]> = relative.iter().map(OsStr::as_bytes).collect();
    parts.join(&b'/')
}

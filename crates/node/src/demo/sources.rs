//! Which files the demo takes: small ones of a directory tree, not too many.

use std::path::Path;

use bytes::Bytes;

use crate::error::NodeError;

/// Enough to be real, few enough for a minute.
const MAX_FILES: usize = 2_000;
/// In all.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// A file that becomes a row.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) key: String,
    pub(super) value: Bytes,
}

/// Files of a tree in order of path, and how many were left out. Hidden ones, build output, links
/// and what is larger than a value are passed over.
pub(super) fn gather(dir: &Path) -> Result<(Vec<Source>, usize), NodeError> {
    let (mut sources, mut left_out, mut bytes) = (Vec::new(), 0, 0);
    let tree = walkdir::WalkDir::new(dir).sort_by_file_name();
    let visible = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || name == "target" || name == "node_modules")
    };
    for entry in tree.into_iter().filter_entry(visible) {
        let entry = entry.map_err(|error| {
            let why = error.io_error().map(ToString::to_string);
            unreadable(error.path().unwrap_or(dir), &why.unwrap_or_default())
        })?;
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path();
        let key = path.strip_prefix(dir).unwrap_or(path).to_str();
        let size = entry.metadata().map_or(u64::MAX, |metadata| metadata.len());
        let fits = size <= nocturne_core::limits::MAX_VALUE_LEN as u64
            && sources.len() < MAX_FILES
            && bytes + size <= MAX_BYTES;
        let Some(key) = key.filter(|_| fits) else {
            left_out += 1;
            continue;
        };
        let value = std::fs::read(path).map_err(|error| unreadable(path, &error.to_string()))?;
        bytes += value.len() as u64;
        sources.push(Source {
            key: format!("files/{key}"),
            value: Bytes::from(value),
        });
    }
    if sources.is_empty() {
        return Err(unreadable(dir, "it has no files that the demo could take"));
    }
    Ok((sources, left_out))
}

fn unreadable(path: &Path, why: &str) -> NodeError {
    super::failed(&format!("cannot import {}", path.display()), why)
}

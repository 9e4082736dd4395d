//! Searches the raw bytes of every file below a directory: what a forget must have left none of.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::api::{Item, ResidueMatch};

const CHUNK: usize = 1024 * 1024;
/// More matches than this tell nobody more.
const MAX_MATCHES: usize = 10_000;

/// Why the search could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct ResidueError {
    /// What was being read.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

/// Finds `pattern` (not empty) in every regular file below `root`. Files that vanish meanwhile held
/// nothing when they were gone; a file that can't be read is an error, not a clean file.
pub fn search(root: &Path, pattern: &[u8]) -> Result<Item, ResidueError> {
    let (mut matches, mut files, mut bytes) = (Vec::new(), 0, 0);
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                match error.into_io_error() {
                    Some(source) if source.kind() == io::ErrorKind::NotFound && path != root => {
                        continue;
                    }
                    source => {
                        let source = source.unwrap_or_else(|| io::ErrorKind::Other.into());
                        return Err(ResidueError { path, source });
                    }
                }
            }
        };
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path();
        let read = |source| ResidueError {
            path: path.to_owned(),
            source,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(read(source)),
        };
        let name = path
            .strip_prefix(root)
            .unwrap_or(path)
            .display()
            .to_string();
        let left = MAX_MATCHES - matches.len().min(MAX_MATCHES);
        let found = scan(file, pattern, left, |offset| {
            matches.push(ResidueMatch {
                file: name.clone(),
                offset,
            });
        });
        bytes += found.map_err(read)?;
        files += 1;
    }
    Ok(Item::Residue {
        matches,
        files,
        bytes,
    })
}

/// Reads in chunks, keeping the last `pattern.len() - 1` bytes so that no match falls between two.
fn scan(
    mut input: impl Read,
    pattern: &[u8],
    max: usize,
    mut found: impl FnMut(u64),
) -> io::Result<u64> {
    let keep = pattern.len().saturating_sub(1);
    let mut window: Vec<u8> = Vec::with_capacity(CHUNK + keep);
    let (mut start, mut total, mut count) = (0_u64, 0_u64, 0);
    loop {
        let read = input.by_ref().take(CHUNK as u64).read_to_end(&mut window)?;
        if read == 0 {
            return Ok(total);
        }
        total += read as u64;
        for (offset, candidate) in window.windows(pattern.len()).enumerate() {
            if candidate == pattern && count < max {
                count += 1;
                found(start + offset as u64);
            }
        }
        let drop = window.len().saturating_sub(keep);
        window.drain(..drop);
        start += drop as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(content: &[u8], pattern: &[u8]) -> Vec<u64> {
        let mut found = Vec::new();
        scan(content, pattern, 100, |offset| found.push(offset)).unwrap();
        found
    }

    #[test]
    fn a_match_between_two_chunks_is_found_once() {
        for at in [0, 1, CHUNK - 3, CHUNK - 1, CHUNK, 2 * CHUNK - 2] {
            let mut content = vec![b'.'; 2 * CHUNK + 100];
            content[at..at + 4].copy_from_slice(b"prey");
            assert_eq!(offsets(&content, b"prey"), [at as u64]);
        }
    }

    #[test]
    fn overlapping_matches_and_single_bytes_count() {
        assert_eq!(offsets(b"aaa", b"aa"), [0, 1]);
        assert_eq!(offsets(b"abca", b"a"), [0, 3]);
        assert_eq!(offsets(b"", b"a"), [] as [u64; 0]);
    }

    #[test]
    fn every_file_below_is_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("deep")).unwrap();
        std::fs::write(dir.path().join("deep/file"), b"xx\0secret").unwrap();
        std::fs::write(dir.path().join("other"), b"nothing").unwrap();
        let Item::Residue {
            matches,
            files,
            bytes,
        } = search(dir.path(), b"secret").unwrap()
        else {
            panic!("another item");
        };
        let found: Vec<_> = matches
            .iter()
            .map(|m| (m.file.as_str(), m.offset))
            .collect();
        assert_eq!((found, files, bytes), (vec![("deep/file", 3)], 2, 16));
        assert!(search(&dir.path().join("none"), b"x").is_err());
    }
}

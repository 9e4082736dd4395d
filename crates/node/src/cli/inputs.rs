//! What commands take from arguments, files and stdin, checked before anything is opened.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use nocturne_core::limits::{MAX_ENTRY_BYTES, MAX_OPS, MAX_VALUE_LEN};

use super::data::{KeyForm, Labels};
use crate::api::BatchOp;
use crate::bytes_json::{JsonBytes, NotHex, parse_hex};

/// A JSON line of a batch: a value of 1 MiB takes up to six characters a byte.
const MAX_BATCH_LINE: u64 = 8 * 1024 * 1024;

/// Why an input can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A key or pattern that should be hex.
    #[error("`{text}`: {source}")]
    Hex {
        /// What was given.
        text: Box<str>,
        /// What is wrong.
        source: NotHex,
    },
    /// A file or stdin that can't be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that can't be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that is longer than it may be.
    #[error("{} has more than {max} bytes", path.display())]
    TooLong {
        /// Which.
        path: PathBuf,
        /// The most that is allowed.
        max: u64,
    },
    /// A text file that isn't UTF-8.
    #[error("{} is not valid UTF-8", path.display())]
    NotUtf8 {
        /// Which.
        path: PathBuf,
    },
    /// A batch line that is no operation.
    #[error("batch, line {line}: {reason}")]
    BatchLine {
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// A batch without operations.
    #[error("the batch is empty")]
    EmptyBatch,
    /// More operations than one entry holds.
    #[error("the batch has more than {MAX_OPS} operations or {MAX_ENTRY_BYTES} bytes")]
    LargeBatch,
    /// A pattern to look for that is empty.
    #[error("the pattern is empty")]
    EmptyPattern,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "expected a duration such as 30s, 24h or 7d".to_owned())
}

/// A key, prefix or bound as given.
pub(super) fn key(text: &str, form: KeyForm) -> Result<JsonBytes, InputError> {
    if form.key_hex {
        return hex(text).map(JsonBytes);
    }
    Ok(JsonBytes::from(text.to_owned()))
}

pub(super) fn hex(text: &str) -> Result<Bytes, InputError> {
    parse_hex(text).map_err(|source| InputError::Hex {
        text: text.into(),
        source,
    })
}

pub(super) fn tags(labels: &Labels) -> Vec<JsonBytes> {
    labels.tags.iter().cloned().map(JsonBytes::from).collect()
}

pub(super) fn subject(labels: &Labels) -> Option<JsonBytes> {
    labels.subject.clone().map(JsonBytes::from)
}

/// A value from the command line, stdin (`-`), or a file.
pub(super) fn value(text: Option<&str>, file: Option<&Path>) -> Result<JsonBytes, InputError> {
    let path = match (text, file) {
        (_, Some(path)) => path,
        (Some("-"), None) => Path::new("-"),
        (text, None) => return Ok(JsonBytes::from(text.unwrap_or_default().to_owned())),
    };
    let max = MAX_VALUE_LEN as u64;
    let bytes = read(path, max + 1)?;
    if bytes.len() as u64 > max {
        return Err(InputError::TooLong {
            path: path.to_owned(),
            max,
        });
    }
    Ok(JsonBytes(Bytes::from(bytes)))
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, InputError> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::new(file))),
        Err(source) => Err(InputError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Up to `limit` bytes of a file, or of stdin for `-`.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    open(path)?
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|source| InputError::Read {
            path: path.to_owned(),
            source,
        })?;
    Ok(bytes)
}

/// A text file of at most `max` bytes.
pub(super) fn read_text(path: &Path, max: u64) -> Result<String, InputError> {
    let bytes = read(path, max + 1)?;
    if bytes.len() as u64 > max {
        return Err(InputError::TooLong {
            path: path.to_owned(),
            max,
        });
    }
    String::from_utf8(bytes).map_err(|_| InputError::NotUtf8 {
        path: path.to_owned(),
    })
}

/// The operations of a batch file.
pub(super) fn batch(path: &Path) -> Result<Vec<BatchOp>, InputError> {
    let mut input = open(path)?;
    let mut ops = Vec::new();
    let (mut line, mut bytes) = (0, 0);
    loop {
        line += 1;
        let mut text = Vec::new();
        let read = |source| InputError::Read {
            path: path.to_owned(),
            source,
        };
        input
            .by_ref()
            .take(MAX_BATCH_LINE)
            .read_until(b'\n', &mut text)
            .map_err(read)?;
        if text.is_empty() {
            break;
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        let fault = |reason: &str| InputError::BatchLine {
            line,
            reason: reason.into(),
        };
        if text.len() as u64 >= MAX_BATCH_LINE {
            return Err(fault("it is longer than any operation"));
        }
        let op: BatchOp = serde_json::from_slice(&text).map_err(|error| {
            let text = error.to_string();
            fault(
                text.split_once(" at line ")
                    .map_or(text.as_str(), |(reason, _)| reason),
            )
        })?;
        let operation = op.clone().into_operation();
        operation
            .check()
            .map_err(|error| fault(&error.to_string()))?;
        bytes += operation.key.len() + operation.value.len();
        ops.push(op);
        if ops.len() > MAX_OPS || bytes > MAX_ENTRY_BYTES {
            return Err(InputError::LargeBatch);
        }
    }
    if ops.is_empty() {
        return Err(InputError::EmptyBatch);
    }
    Ok(ops)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<BatchOp>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("batch");
        std::fs::write(&path, text).unwrap();
        batch(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_batch_is_read_line_by_line() {
        let ops = parse(
            "{\"op\":\"put\",\"key\":\"a\",\"value\":{\"hex\":\"ff\"},\"tags\":[\"x\"]}\n\n{\"op\":\"delete\",\"key\":\"b\"}",
        )
        .unwrap();
        assert_eq!(ops.len(), 2);
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, expected) in [
            ("", "the batch is empty"),
            (
                "\n{\"op\":\"put\",\"key\":\"a\"}\n",
                "batch, line 2: missing field `value`",
            ),
            (
                "{\"op\":\"put\",\"key\":\"\",\"value\":\"\"}",
                "batch, line 1: the key is empty",
            ),
            (
                "{\"op\":\"jump\"}",
                "batch, line 1: unknown variant `jump`, expected `put` or `delete`",
            ),
            ("nonsense", "batch, line 1: expected ident"),
        ] {
            assert_eq!(parse(text).unwrap_err(), expected);
        }
    }
}

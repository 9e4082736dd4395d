//! Bulk input: CSV, a JSON array, JSON lines, or a directory, as a sequence of puts.
//!
//! The input is read twice. [`check`] goes through all of it and stops at the first thing that
//! could not be written, so that nothing is half imported; [`rows`] then yields the puts. Both hold
//! one row at a time; only a duplicate check over a key column keeps 24 bytes a row.

mod csv_rows;
mod dir_rows;
mod duplicates;
mod json_rows;
mod json_split;
mod key;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use nocturne_core::InvalidOperation;

pub(crate) use json_rows::Fields;

use duplicates::Duplicates;
use key::KeyRule;

/// How an input is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// One array of objects.
    JsonArray,
    /// One object a line.
    JsonLines,
    /// A directory: a file is a row.
    Directory,
}

/// What decides a row's key and subject.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Goes before every key.
    pub prefix: String,
    /// The column whose value makes the key unique; without it the row's number does.
    pub key: Option<String>,
    /// The column that names whom the row is about.
    pub subject: Option<String>,
}

/// One put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key, prefix included.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// Whom it is about.
    pub subject: Option<Bytes>,
    /// Where in the input it stands.
    pub place: Place,
    /// Bytes of the input up to and including this row, roughly; for a progress bar.
    pub consumed: u64,
}

/// Where in the input something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line, from 1.
    Line(u64),
    /// A file of a directory.
    File(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why an input was refused. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The operating system refused.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What was being read.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A row that can't be imported.
    #[error("{place}: {fault}")]
    Row {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        fault: RowFault,
    },
    /// Options that don't go with a directory.
    #[error("a directory has no columns")]
    NoColumns,
    /// The file changed between the check and the import.
    #[error("the input changed while it was being imported")]
    Changed,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowFault {
    /// Not UTF-8.
    #[error("it is not valid UTF-8")]
    NotUtf8,
    /// A CSV row with more or fewer fields than the header.
    #[error("it has {found} fields, the header has {expected}")]
    Ragged {
        /// Fields of the header.
        expected: u64,
        /// Fields of the row.
        found: u64,
    },
    /// A header that names a column twice.
    #[error("the column `{0}` stands twice in it")]
    RepeatedColumn(Box<str>),
    /// Not JSON.
    #[error("it is not valid JSON ({0})")]
    NotJson(Box<str>),
    /// JSON, but not an object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// The input should be an array and isn't one.
    #[error("the array is not closed or something follows it")]
    NotAnArray,
    /// The key or subject column is not there.
    #[error("it has no column `{0}`")]
    MissingColumn(Box<str>),
    /// The key or subject column holds neither text nor an integer.
    #[error("column `{0}` holds neither text nor an integer")]
    UnusableColumn(Box<str>),
    /// The key column is empty.
    #[error("the key is empty")]
    EmptyKey,
    /// The key stands on an earlier row too.
    #[error("its key stands on {first} too")]
    DuplicateKey {
        /// The earlier row.
        first: Place,
    },
    /// More than a row may hold.
    #[error("it is longer than {max} bytes")]
    TooLong {
        /// The most that is allowed.
        max: u64,
    },
    /// More rows than a duplicate check keeps in memory.
    #[error("the input has more than {max} rows with a key column")]
    TooManyRows {
        /// The most that is allowed.
        max: usize,
    },
    /// Not a valid operation.
    #[error("{0}")]
    Invalid(#[from] InvalidOperation),
}

impl RowFault {
    pub(crate) fn at_line(self, line: u64) -> ImportError {
        ImportError::Row {
            place: Place::Line(line),
            fault: self,
        }
    }
}

/// What a checked input holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Rows.
    pub rows: u64,
    /// Bytes of all keys and values.
    pub bytes: u64,
}

/// No row is longer than its value may be, give or take what JSON adds around it.
pub(crate) const MAX_ROW_BYTES: u64 = 8 * 1024 * 1024;

/// Tells an input's format by what it is, its name, or else its first byte.
pub fn detect(path: &Path) -> Result<Format, ImportError> {
    let read = |source| ImportError::Read {
        path: path.to_owned(),
        source,
    };
    if path.metadata().map_err(read)?.is_dir() {
        return Ok(Format::Directory);
    }
    let extension = path
        .extension()
        .and_then(|e| e.to_str())
        .map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("csv") => return Ok(Format::Csv),
        Some("jsonl" | "ndjson") => return Ok(Format::JsonLines),
        _ => {}
    }
    let mut start = Vec::new();
    File::open(path)
        .map_err(read)?
        .take(4_096)
        .read_to_end(&mut start)
        .map_err(read)?;
    Ok(
        match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'[') => Format::JsonArray,
            Some(b'{') => Format::JsonLines,
            _ => Format::Csv,
        },
    )
}

/// The puts of an input, in its order.
pub fn rows(
    path: &Path,
    format: Format,
    options: &Options,
) -> Result<Box<dyn Iterator<Item = Result<Row, ImportError>>>, ImportError> {
    let rule = KeyRule::new(options);
    let open = || {
        File::open(path)
            .map(BufReader::new)
            .map_err(|source| ImportError::Read {
                path: path.to_owned(),
                source,
            })
    };
    Ok(match format {
        Format::Csv => Box::new(csv_rows::CsvRows::new(open()?, path, rule)?),
        Format::JsonArray => Box::new(json_rows::JsonRows::array(open()?, path, rule)),
        Format::JsonLines => Box::new(json_rows::JsonRows::lines(open()?, path, rule)),
        Format::Directory if rule.has_columns() => return Err(ImportError::NoColumns),
        Format::Directory => Box::new(dir_rows::DirRows::new(path, rule)),
    })
}

/// Goes through the whole input and stops at the first row that could not be written.
pub fn check(
    path: &Path,
    format: Format,
    options: &Options,
    mut progress: impl FnMut(u64),
) -> Result<Checked, ImportError> {
    let mut checked = Checked::default();
    let mut seen = options.key.is_some().then(Duplicates::default);
    for row in rows(path, format, options)? {
        let row = row?;
        checked.rows += 1;
        checked.bytes += (row.key.len() + row.value.len()) as u64;
        if let (Some(seen), Place::Line(line)) = (&mut seen, &row.place) {
            seen.note(&row.key, *line)
                .map_err(|fault| fault.at_line(*line))?;
        }
        progress(row.consumed);
    }
    if let Some((first, second)) = seen.and_then(Duplicates::first_repeat) {
        return Err(RowFault::DuplicateKey {
            first: Place::Line(first),
        }
        .at_line(second));
    }
    Ok(checked)
}

#[cfg(test)]
mod tests;

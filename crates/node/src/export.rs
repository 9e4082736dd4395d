//! Bulk output, the inverse of import: rows of JSON objects, or a file a value.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::bytes_json::Shown;
use crate::import::Fields;

/// Why an export stopped. The output file, if there was to be one, was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// There is something already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file or directory.
        path: PathBuf,
    },
    /// Files need a directory to go to.
    #[error("the format `dir` needs a directory to write to")]
    NoDirectory,
    /// A value that is no JSON object can't be a row.
    #[error("the value of {key} is not a JSON object")]
    NotARow {
        /// Its key, escaped.
        key: Box<str>,
    },
    /// A column that not every row has, or that holds more than a text.
    #[error("the value of {key} does not fit the columns of the first row")]
    OtherColumns {
        /// Its key, escaped.
        key: Box<str>,
    },
    /// A key that is no path below the directory.
    #[error("the key {key} is not a relative path")]
    NotAPath {
        /// The key, escaped.
        key: Box<str>,
    },
    /// The operating system refused.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// What was being written.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Takes rows and writes them.
pub trait Sink {
    /// One row.
    fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), ExportError>;
    /// No more rows.
    fn finish(&mut self) -> Result<(), ExportError>;
}

fn shown(key: &[u8]) -> Box<str> {
    Shown(key).to_string().into()
}

fn object(key: &[u8], value: &[u8]) -> Result<Fields, ExportError> {
    serde_json::from_slice(value).map_err(|_| ExportError::NotARow { key: shown(key) })
}

/// JSON lines or a JSON array.
#[derive(Debug)]
pub struct JsonSink<W> {
    out: W,
    path: PathBuf,
    array: bool,
    rows: u64,
}

impl<W: Write> JsonSink<W> {
    /// An object a line, or (`array`) all in one array. `path` is for errors.
    pub fn new(out: W, path: &Path, array: bool) -> Self {
        Self {
            out,
            path: path.to_owned(),
            array,
            rows: 0,
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let path = &self.path;
        self.out
            .write_all(bytes)
            .map_err(|source| ExportError::Write {
                path: path.clone(),
                source,
            })
    }
}

impl<W: Write> Sink for JsonSink<W> {
    fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), ExportError> {
        object(key, value)?;
        let before: &[u8] = match (self.array, self.rows) {
            (true, 0) => b"[\n",
            (true, _) => b",\n",
            (false, _) => b"",
        };
        self.put(before)?;
        self.rows += 1;
        // Line breaks can stand only between the tokens of valid JSON, never inside a string.
        let line: Vec<u8> = value
            .iter()
            .map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b })
            .collect();
        self.put(&line)?;
        if self.array { Ok(()) } else { self.put(b"\n") }
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        match (self.array, self.rows) {
            (true, 0) => self.put(b"[]\n")?,
            (true, _) => self.put(b"\n]\n")?,
            (false, _) => {}
        }
        let path = &self.path;
        self.out.flush().map_err(|source| ExportError::Write {
            path: path.clone(),
            source,
        })
    }
}

/// CSV with the columns of the first row.
pub struct CsvSink<W: Write> {
    out: csv::Writer<W>,
    path: PathBuf,
    columns: Option<Vec<String>>,
}

impl<W: Write> std::fmt::Debug for CsvSink<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvSink")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl<W: Write> CsvSink<W> {
    /// `path` is for errors.
    pub fn new(out: W, path: &Path) -> Self {
        Self {
            out: csv::Writer::from_writer(out),
            path: path.to_owned(),
            columns: None,
        }
    }

    fn record(&mut self, fields: &[String]) -> Result<(), ExportError> {
        let path = &self.path;
        self.out
            .write_record(fields)
            .map_err(|error| ExportError::Write {
                path: path.clone(),
                source: match error.into_kind() {
                    csv::ErrorKind::Io(source) => source,
                    _ => io::ErrorKind::InvalidData.into(),
                },
            })
    }
}

impl<W: Write> Sink for CsvSink<W> {
    fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), ExportError> {
        let Fields(fields) = object(key, value)?;
        let columns = if let Some(columns) = &self.columns {
            columns.clone()
        } else {
            let columns: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
            self.record(&columns)?;
            self.columns.insert(columns).clone()
        };
        let names: BTreeSet<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        if !columns
            .iter()
            .map(String::as_str)
            .collect::<BTreeSet<_>>()
            .eq(&names)
        {
            return Err(ExportError::OtherColumns { key: shown(key) });
        }
        let texts: Option<Vec<String>> = columns
            .iter()
            .map(|column| {
                fields
                    .iter()
                    .find(|(name, _)| name == column)
                    .and_then(|(_, value)| match value {
                        Value::String(text) => Some(text.clone()),
                        Value::Null => Some(String::new()),
                        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
                        Value::Array(_) | Value::Object(_) => None,
                    })
            })
            .collect();
        let texts = texts.ok_or_else(|| ExportError::OtherColumns { key: shown(key) })?;
        self.record(&texts)
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        let path = &self.path;
        self.out.flush().map_err(|source| ExportError::Write {
            path: path.clone(),
            source,
        })
    }
}

/// A file a value, below a directory that must not exist yet.
#[derive(Debug)]
pub struct DirSink {
    root: PathBuf,
    prefix: Vec<u8>,
}

impl DirSink {
    /// Makes the directory. `prefix` is taken off every key.
    pub fn new(root: &Path, prefix: &[u8]) -> Result<Self, ExportError> {
        fs::create_dir(root).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ExportError::Exists {
                path: root.to_owned(),
            },
            _ => ExportError::Write {
                path: root.to_owned(),
                source,
            },
        })?;
        Ok(Self {
            root: root.to_owned(),
            prefix: prefix.to_vec(),
        })
    }
}

impl Sink for DirSink {
    fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), ExportError> {
        let own = key.strip_prefix(&self.prefix[..]).unwrap_or(key);
        let relative = Path::new(OsStr::from_bytes(own));
        // A key is a peer's input: it must not lead out of the directory.
        let plain = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let clean = own
            .split(|b| *b == b'/')
            .all(|part| !part.is_empty() && part != b"." && !part.contains(&0));
        if !plain || !clean {
            return Err(ExportError::NotAPath { key: shown(key) });
        }
        let path = self.root.join(relative);
        let write = |source| ExportError::Write {
            path: path.clone(),
            source,
        };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(write)?;
        }
        fs::write(&path, value).map_err(write)
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(array: bool, rows: &[(&str, &str)]) -> Result<String, ExportError> {
        let mut out = Vec::new();
        let mut sink = JsonSink::new(&mut out, Path::new("x"), array);
        for (key, value) in rows {
            sink.row(key.as_bytes(), value.as_bytes())?;
        }
        sink.finish()?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn rows_come_out_as_they_went_in() {
        let rows = [("a", r#"{"z":1.50}"#), ("b", r#"{"x":"y"}"#)];
        assert_eq!(json(false, &rows).unwrap(), "{\"z\":1.50}\n{\"x\":\"y\"}\n");
        assert_eq!(
            json(true, &rows).unwrap(),
            "[\n{\"z\":1.50},\n{\"x\":\"y\"}\n]\n"
        );
        assert_eq!(json(true, &[]).unwrap(), "[]\n");
        assert!(matches!(
            json(false, &[("k", "plain")]),
            Err(ExportError::NotARow { .. })
        ));
    }

    #[test]
    fn csv_has_the_columns_of_the_first_row() {
        let mut out = Vec::new();
        {
            let mut sink = CsvSink::new(&mut out, Path::new("x"));
            sink.row(b"1", br#"{"b":"x, y","a":1}"#).unwrap();
            sink.row(b"2", br#"{"a":null,"b":true}"#).unwrap();
            assert!(matches!(
                sink.row(b"3", br#"{"a":1}"#),
                Err(ExportError::OtherColumns { .. })
            ));
            assert!(matches!(
                sink.row(b"3", br#"{"a":[],"b":1}"#),
                Err(ExportError::OtherColumns { .. })
            ));
            sink.finish().unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), "b,a\n\"x, y\",1\ntrue,\n");
    }

    #[test]
    fn no_key_leads_out_of_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("out");
        let mut sink = DirSink::new(&root, b"p/").unwrap();
        sink.row(b"p/sub/a", b"1").unwrap();
        assert_eq!(fs::read(root.join("sub/a")).unwrap(), b"1");
        for key in [
            "p/../x",
            "p//etc/passwd",
            "/abs",
            "p/a/../b",
            "p/",
            "p/a/",
            "p/./a",
            "p/a\0b",
        ] {
            assert!(
                matches!(
                    sink.row(key.as_bytes(), b""),
                    Err(ExportError::NotAPath { .. })
                ),
                "{key}"
            );
        }
        assert!(matches!(
            DirSink::new(&root, b""),
            Err(ExportError::Exists { .. })
        ));
    }
}

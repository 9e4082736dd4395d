//! CSV: a header, then a row a record; the value is the record as a JSON object of strings.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bytes::Bytes;
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Terminator, Trim};
use serde::Serializer;
use serde::ser::SerializeMap;

use super::key::KeyRule;
use super::{ImportError, MAX_ROW_BYTES, Place, Row, RowFault};

/// Stops the reader once a record has taken more than its share: an unclosed quote would otherwise
/// pull the rest of the file into memory.
struct Budget<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Budget<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left
            .set(left.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?);
        Ok(read)
    }
}

/// Rows of a CSV file.
pub(super) struct CsvRows<R> {
    reader: Reader<Budget<R>>,
    left: Rc<Cell<u64>>,
    header: StringRecord,
    record: StringRecord,
    path: PathBuf,
    rule: KeyRule,
    number: u64,
    done: bool,
}

impl<R: Read> CsvRows<R> {
    pub(super) fn new(input: R, path: &Path, rule: KeyRule) -> Result<Self, ImportError> {
        let left = Rc::new(Cell::new(MAX_ROW_BYTES));
        let mut reader = ReaderBuilder::new()
            .trim(Trim::None)
            .terminator(Terminator::CRLF)
            .from_reader(Budget {
                inner: input,
                left: Rc::clone(&left),
            });
        let header = reader
            .headers()
            .cloned()
            .map_err(|error| fault(path, &error, 1))?;
        let mut names: Vec<&str> = header.iter().collect();
        names.sort_unstable();
        if let Some([name, _]) = names.array_windows().find(|[a, b]| a == b) {
            return Err(RowFault::RepeatedColumn((*name).into()).at_line(1));
        }
        if let Some(missing) = rule
            .columns()
            .find(|name| !header.iter().any(|column| column == *name))
        {
            return Err(RowFault::MissingColumn(missing.into()).at_line(1));
        }
        Ok(Self {
            reader,
            left,
            header,
            record: StringRecord::new(),
            path: path.to_owned(),
            rule,
            number: 0,
            done: false,
        })
    }

    fn read(&mut self) -> Result<Option<Row>, ImportError> {
        self.left.set(MAX_ROW_BYTES);
        let line = self.reader.position().line();
        if !self
            .reader
            .read_record(&mut self.record)
            .map_err(|error| fault(&self.path, &error, line))?
        {
            return Ok(None);
        }
        let position = self.record.position();
        let line = position.map_or(line, csv::Position::line);
        self.number += 1;
        let consumed = self.reader.position().byte();
        let column = |name: &str| {
            let at = self.header.iter().position(|column| column == name);
            let text = at.and_then(|at| self.record.get(at));
            text.map(str::to_owned)
                .ok_or_else(|| RowFault::MissingColumn(name.into()))
        };
        let value = object(&self.header, &self.record);
        let row = self
            .rule
            .row(self.number, value, Place::Line(line), consumed, column);
        row.map(Some).map_err(|fault| fault.at_line(line))
    }
}

impl<R: Read> Iterator for CsvRows<R> {
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

/// The record as a JSON object, its columns in the header's order.
fn object(header: &StringRecord, record: &StringRecord) -> Bytes {
    let mut json = Vec::with_capacity(record.as_slice().len() * 2 + 16);
    let mut serializer = serde_json::Serializer::new(&mut json);
    // Strings as keys and values into memory: nothing here can fail.
    if let Ok(mut map) = (&mut serializer).serialize_map(Some(header.len())) {
        for (name, text) in header.iter().zip(record) {
            let _ = map.serialize_entry(name, text);
        }
        let _ = map.end();
    }
    Bytes::from(json)
}

fn fault(path: &Path, error: &csv::Error, line: u64) -> ImportError {
    let line = error.position().map_or(line, csv::Position::line);
    match error.kind() {
        ErrorKind::Utf8 { .. } => RowFault::NotUtf8.at_line(line),
        ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => RowFault::Ragged {
            expected: *expected_len,
            found: *len,
        }
        .at_line(line),
        ErrorKind::Io(io) if io.kind() == io::ErrorKind::FileTooLarge => {
            RowFault::TooLong { max: MAX_ROW_BYTES }.at_line(line)
        }
        ErrorKind::Io(io) => ImportError::Read {
            path: path.to_owned(),
            source: io
                .raw_os_error()
                .map_or_else(|| io.kind().into(), io::Error::from_raw_os_error),
        },
        _ => ImportError::Read {
            path: path.to_owned(),
            source: io::ErrorKind::InvalidData.into(),
        },
    }
}

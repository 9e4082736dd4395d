//! JSON: an array of objects, or an object a line; the value is the object, compact.

use std::fmt;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::json_split::{Between, Piece, SplitError, Splitter};
use super::key::KeyRule;
use super::{ImportError, Place, Row, RowFault};

/// Rows of a JSON file.
pub(super) struct JsonRows<R> {
    splitter: Splitter<R>,
    path: PathBuf,
    rule: KeyRule,
    number: u64,
    done: bool,
}

impl<R: BufRead> JsonRows<R> {
    pub(super) fn array(input: R, path: &Path, rule: KeyRule) -> Self {
        Self::new(input, path, rule, Between::Commas)
    }

    pub(super) fn lines(input: R, path: &Path, rule: KeyRule) -> Self {
        Self::new(input, path, rule, Between::Lines)
    }

    fn new(input: R, path: &Path, rule: KeyRule, between: Between) -> Self {
        let splitter = Splitter::new(input, between);
        Self {
            splitter,
            path: path.to_owned(),
            rule,
            number: 0,
            done: false,
        }
    }

    fn read(&mut self) -> Result<Option<Row>, ImportError> {
        let piece = self.splitter.next_piece().map_err(|error| match error {
            SplitError::Io(source) => ImportError::Read {
                path: self.path.clone(),
                source,
            },
            SplitError::Row { line, fault } => fault.at_line(line),
        })?;
        let Some(Piece { line, json }) = piece else {
            return Ok(None);
        };
        self.number += 1;
        let row = self.row(line, &json).map_err(|fault| fault.at_line(line))?;
        Ok(Some(row))
    }

    fn row(&self, line: u64, json: &[u8]) -> Result<Row, RowFault> {
        let text = std::str::from_utf8(json).map_err(|_| RowFault::NotUtf8)?;
        if !text.starts_with('{') {
            return Err(match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => RowFault::NotAnObject,
                Err(error) => not_json(&error),
            });
        }
        let fields: Fields = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        let column = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Err(RowFault::MissingColumn(name.into())),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) if !number.is_f64() => Ok(number.to_string()),
            Some(_) => Err(RowFault::UnusableColumn(name.into())),
        };
        let consumed = self.splitter.consumed();
        self.rule.row(
            self.number,
            Bytes::from(text.to_owned()),
            Place::Line(line),
            consumed,
            column,
        )
    }
}

impl<R: BufRead> Iterator for JsonRows<R> {
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

/// What the parser says, without its line and column, which count inside the row.
fn not_json(error: &serde_json::Error) -> RowFault {
    let text = error.to_string();
    let reason = text
        .split_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason);
    RowFault::NotJson(reason.into())
}

/// An object's fields in their order; a name that stands twice is refused, since readers differ on
/// which of the two counts.
pub(crate) struct Fields(pub(crate) Vec<(String, Value)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                let mut names = std::collections::BTreeSet::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if !names.insert(name.clone()) {
                        return Err(A::Error::custom(format_args!(
                            "field `{name}` stands twice"
                        )));
                    }
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

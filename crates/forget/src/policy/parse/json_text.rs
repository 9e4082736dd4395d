//! JSON into the tree of values with positions.
//!
//! The grammar is `serde_json`'s; a position is where a raw value's slice begins in the input.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Problem;
use super::tree::{Failure, Field, MAX_NESTING, Node, Value};

pub(super) fn parse(text: &str) -> Result<Node, Failure> {
    let source = Source { text };
    let raw = source.read(text)?;
    source.node(raw, 1)
}

struct Source<'a> {
    text: &'a str,
}

impl<'a> Source<'a> {
    fn node(&self, raw: &'a RawValue, depth: usize) -> Result<Node, Failure> {
        let slice = raw.get();
        let at = self.offset(slice);
        if depth > MAX_NESTING {
            return Err(Failure::new(at, Problem::TooDeep));
        }
        let value = match slice.as_bytes().first() {
            Some(b'{') => {
                let mut fields = Vec::new();
                for (name, value) in self.read::<Fields<'a>>(slice)?.0 {
                    fields.push(Field {
                        name: self.read(name.get())?,
                        at: self.offset(name.get()),
                        node: self.node(value, depth + 1)?,
                    });
                }
                Value::Table(fields)
            }
            Some(b'[') => {
                let items = self.read::<Vec<&'a RawValue>>(slice)?.into_iter();
                let items = items.map(|item| self.node(item, depth + 1));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Value::Text(self.read(slice)?),
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') => Value::Other("null"),
            _ => Value::Other("a number"),
        };
        Ok(Node { at, value })
    }

    fn read<T: Deserialize<'a>>(&self, slice: &'a str) -> Result<T, Failure> {
        serde_json::from_str(slice).map_err(|error| {
            let within = offset_of(slice, error.line(), error.column());
            let message = error.to_string();
            // The position is given by ours, counted from the start of the whole text.
            let message = message
                .split_once(" at line ")
                .map_or(message.as_str(), |(cause, _)| cause);
            Failure::new(
                self.offset(slice) + within,
                Problem::Syntax {
                    notation: "JSON",
                    message: message.to_owned(),
                },
            )
        })
    }

    /// Where a slice of the text begins in it.
    fn offset(&self, slice: &str) -> usize {
        let start = self.text.as_ptr().addr();
        slice.as_ptr().addr().saturating_sub(start)
    }
}

/// The byte offset of a line and column, both from 1, as `serde_json` counts them (in bytes).
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    before + column.saturating_sub(1)
}

/// An object's fields in their order, with repetitions.
struct Fields<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

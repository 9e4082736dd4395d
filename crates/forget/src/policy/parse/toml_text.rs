//! TOML into the tree of values with positions.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;
use super::tree::{Failure, Field, MAX_NESTING, Node, Value};

pub(super) fn parse(text: &str) -> Result<Node, Failure> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(text.len(), |span| span.start);
        Failure::new(
            at,
            Problem::Syntax {
                notation: "TOML",
                message: error.message().to_owned(),
            },
        )
    })?;
    Ok(Node {
        at: 0,
        value: self::table(table.get_ref(), 1)?,
    })
}

fn table(table: &DeTable<'_>, depth: usize) -> Result<Value, Failure> {
    let mut fields = Vec::new();
    for (name, value) in table {
        fields.push(Field {
            name: name.get_ref().to_string(),
            at: name.span().start,
            node: node(value, depth + 1)?,
        });
    }
    // In the order of the text, so that the first error reported is the first one written.
    fields.sort_by_key(|field| field.at);
    Ok(Value::Table(fields))
}

fn node(value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, Failure> {
    let at = value.span().start;
    if depth > MAX_NESTING {
        return Err(Failure::new(at, Problem::TooDeep));
    }
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| node(item, depth + 1));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(inner) => table(inner, depth)?,
        DeValue::Integer(_) | DeValue::Float(_) => Value::Other("a number"),
        DeValue::Datetime(_) => Value::Other("a date"),
    };
    Ok(Node { at, value })
}

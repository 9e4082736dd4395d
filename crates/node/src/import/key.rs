//! How a row gets its key and its subject.

use bytes::Bytes;
use nocturne_core::Operation;

use super::{Options, Place, Row, RowFault};

/// The rule of one import.
#[derive(Debug, Clone)]
pub(super) struct KeyRule {
    options: Options,
}

impl KeyRule {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
        }
    }

    pub(super) fn has_columns(&self) -> bool {
        self.options.key.is_some() || self.options.subject.is_some()
    }

    /// The columns that every row must have.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        [&self.options.key, &self.options.subject]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// A put for a row with columns; `column` finds a column's text.
    pub(super) fn row(
        &self,
        number: u64,
        value: Bytes,
        place: Place,
        consumed: u64,
        column: impl Fn(&str) -> Result<String, RowFault>,
    ) -> Result<Row, RowFault> {
        let own = match &self.options.key {
            Some(name) => column(name)?,
            None => format!("{number:08}"),
        };
        let subject = match &self.options.subject {
            // A row about nobody is fine.
            Some(name) => Some(column(name)?)
                .filter(|subject| !subject.is_empty())
                .map(Bytes::from),
            None => None,
        };
        self.finish(own.as_bytes(), value, subject, place, consumed)
    }

    /// A put whose own part of the key is known.
    pub(super) fn finish(
        &self,
        own: &[u8],
        value: Bytes,
        subject: Option<Bytes>,
        place: Place,
        consumed: u64,
    ) -> Result<Row, RowFault> {
        if own.is_empty() {
            return Err(RowFault::EmptyKey);
        }
        let key = Bytes::from([self.options.prefix.as_bytes(), own].concat());
        let mut operation = Operation::put(key.clone(), value.clone());
        operation.subject.clone_from(&subject);
        operation.check()?;
        Ok(Row {
            key,
            value,
            subject,
            place,
            consumed,
        })
    }
}

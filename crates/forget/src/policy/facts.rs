//! What a predicate may ask about an operation.

use nocturne_core::{Bytes, Hlc, OpBody, Operation};

/// An operation as predicates see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Its key.
    pub key: &'a [u8],
    /// Its labels, sorted.
    pub tags: &'a [Bytes],
    /// Whom the data is about.
    pub subject: Option<&'a [u8]>,
    /// When it was written, in Unix milliseconds: the entry's hybrid logical clock.
    pub created_ms: u64,
    /// Bytes of salt and canonical operation.
    pub size: u64,
}

impl<'a> Facts<'a> {
    /// The facts of an operation in an entry with this clock value; `size` is its body's length.
    pub fn of(operation: &'a Operation, hlc: Hlc, size: usize) -> Self {
        Self {
            key: &operation.key,
            tags: &operation.tags,
            subject: operation.subject.as_deref(),
            created_ms: hlc.millis(),
            size: size as u64,
        }
    }

    /// The facts of a body whose operation the caller has decoded.
    pub fn of_body(body: &OpBody, operation: &'a Operation, hlc: Hlc) -> Self {
        Self::of(operation, hlc, body.len())
    }
}

//! What a predicate may ask about an operation.

use nocturne_core::{Bytes, Hlc, Operation, SALT_LEN};

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
    /// The facts of an operation in an entry with this clock value.
    pub fn of(operation: &'a Operation, hlc: Hlc) -> Self {
        Self {
            key: &operation.key,
            tags: &operation.tags,
            subject: operation.subject.as_deref(),
            created_ms: hlc.millis(),
            size: body_len(operation),
        }
    }
}

/// Length of salt and canonical operation: `proto/v1/entry.md`.
fn body_len(operation: &Operation) -> u64 {
    let tags: usize = operation.tags.iter().map(|tag| 2 + tag.len()).sum();
    let subject = operation.subject.as_ref().map_or(0, Bytes::len);
    let fixed = SALT_LEN + 1 + 2 + 4 + 2 + 2;
    (fixed + operation.key.len() + operation.value.len() + tags + subject) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use nocturne_core::OpBody;

    #[test]
    fn the_size_is_that_of_the_body() {
        for operation in [
            Operation::put("key", "value"),
            Operation::delete("k")
                .with_tags(["a", "bc"])
                .with_subject("alice"),
        ] {
            let body = OpBody::from_parts([0; SALT_LEN], &operation.encode().unwrap());
            assert_eq!(Facts::of(&operation, Hlc::ZERO).size, body.len() as u64);
        }
    }
}

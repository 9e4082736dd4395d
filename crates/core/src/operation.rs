//! One change to one key: what a body holds. Layout: `proto/v1/entry.md`.

use bytes::{BufMut, Bytes, BytesMut};

use crate::hash::{Commitment, Context, derive};
use crate::identity::Entropy;
use crate::layout::{Reader, Short, len_u16, len_u32};
use crate::limits::{MAX_KEY_LEN, MAX_SUBJECT_LEN, MAX_TAG_LEN, MAX_TAGS, MAX_VALUE_LEN};

/// Length of an operation's salt in bytes.
pub const SALT_LEN: usize = 16;

/// What an operation does to its key. Numbers 3 (increment), 4 (add) and 5 (remove) are reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpKind {
    /// Sets the register's value.
    Put,
    /// Empties the register; a head like any other.
    Delete,
}

impl OpKind {
    /// The number in canonical bytes.
    pub const fn number(self) -> u8 {
        match self {
            Self::Put => 1,
            Self::Delete => 2,
        }
    }
}

/// An operation as it is written and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What it does.
    pub kind: OpKind,
    /// On which key: 1 to [`MAX_KEY_LEN`] bytes.
    pub key: Bytes,
    /// The value: at most [`MAX_VALUE_LEN`] bytes; empty for a delete.
    pub value: Bytes,
    /// Labels that policies can ask for: sorted, distinct.
    pub tags: Vec<Bytes>,
    /// Whom the data is about, for erasure by subject.
    pub subject: Option<Bytes>,
}

/// Bytes or fields that are no valid operation. From a peer: a recorded no-op. From the caller: an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOperation {
    /// The bytes end early or go on too long.
    #[error("the operation's bytes do not fit its layout")]
    Layout,
    /// A kind that this version doesn't know.
    #[error("operation kind {0} does not exist")]
    Kind(u8),
    /// No key.
    #[error("the key is empty")]
    EmptyKey,
    /// Key over the limit.
    #[error("the key has {0} bytes; at most {MAX_KEY_LEN} are allowed")]
    KeyTooLong(usize),
    /// Value over the limit.
    #[error("the value has {0} bytes; at most {MAX_VALUE_LEN} are allowed")]
    ValueTooLong(usize),
    /// A delete that carries a value.
    #[error("a delete carries no value")]
    DeleteWithValue,
    /// Too many tags.
    #[error("the operation has {0} tags; at most {MAX_TAGS} are allowed")]
    TooManyTags(usize),
    /// A tag that is empty or over the limit.
    #[error("a tag has {0} bytes; 1 to {MAX_TAG_LEN} are allowed")]
    TagLength(usize),
    /// Tags out of order or twice.
    #[error("tags must be sorted and distinct")]
    TagOrder,
    /// A subject that is empty or over the limit.
    #[error("the subject has {0} bytes; 1 to {MAX_SUBJECT_LEN} are allowed")]
    SubjectLength(usize),
}

impl From<Short> for InvalidOperation {
    fn from(Short: Short) -> Self {
        Self::Layout
    }
}

impl Operation {
    /// Sets `key` to `value`.
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self {
            kind: OpKind::Put,
            key: key.into(),
            value: value.into(),
            tags: Vec::new(),
            subject: None,
        }
    }

    /// Deletes `key`.
    pub fn delete(key: impl Into<Bytes>) -> Self {
        Self {
            kind: OpKind::Delete,
            value: Bytes::new(),
            ..Self::put(key, Bytes::new())
        }
    }

    /// Labels the operation; order and repetition don't matter.
    #[must_use]
    pub fn with_tags<T: Into<Bytes>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self.tags.sort_unstable();
        self.tags.dedup();
        self
    }

    /// Names whom the data is about.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<Bytes>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Checks every limit.
    pub fn check(&self) -> Result<(), InvalidOperation> {
        if self.key.is_empty() {
            return Err(InvalidOperation::EmptyKey);
        }
        if self.key.len() > MAX_KEY_LEN {
            return Err(InvalidOperation::KeyTooLong(self.key.len()));
        }
        if self.value.len() > MAX_VALUE_LEN {
            return Err(InvalidOperation::ValueTooLong(self.value.len()));
        }
        if self.kind == OpKind::Delete && !self.value.is_empty() {
            return Err(InvalidOperation::DeleteWithValue);
        }
        if self.tags.len() > MAX_TAGS {
            return Err(InvalidOperation::TooManyTags(self.tags.len()));
        }
        for tag in &self.tags {
            if tag.is_empty() || tag.len() > MAX_TAG_LEN {
                return Err(InvalidOperation::TagLength(tag.len()));
            }
        }
        if !self.tags.is_sorted_by(|a, b| a < b) {
            return Err(InvalidOperation::TagOrder);
        }
        match &self.subject {
            Some(subject) if subject.is_empty() || subject.len() > MAX_SUBJECT_LEN => {
                Err(InvalidOperation::SubjectLength(subject.len()))
            }
            _ => Ok(()),
        }
    }

    /// Canonical bytes of a valid operation.
    pub fn encode(&self) -> Result<Bytes, InvalidOperation> {
        self.check()?;
        let mut out = BytesMut::with_capacity(16 + self.key.len() + self.value.len());
        out.put_u8(self.kind.number());
        out.put_slice(&len_u16(self.key.len()));
        out.put_slice(&self.key);
        out.put_slice(&len_u32(self.value.len()));
        out.put_slice(&self.value);
        out.put_slice(&len_u16(self.tags.len()));
        for tag in &self.tags {
            out.put_slice(&len_u16(tag.len()));
            out.put_slice(tag);
        }
        let subject = self.subject.as_deref().unwrap_or_default();
        out.put_slice(&len_u16(subject.len()));
        out.put_slice(subject);
        Ok(out.freeze())
    }

    /// Reads canonical bytes, sharing their memory. There is one encoding for each operation.
    pub fn decode(bytes: &Bytes) -> Result<Self, InvalidOperation> {
        let mut reader = Reader::new(bytes.clone());
        let kind = match reader.u8()? {
            1 => OpKind::Put,
            2 => OpKind::Delete,
            other => return Err(InvalidOperation::Kind(other)),
        };
        let key_len = usize::from(reader.u16()?);
        let key = reader.bytes(key_len)?;
        let value_len = usize::try_from(reader.u32()?).map_err(|_| InvalidOperation::Layout)?;
        let value = reader.bytes(value_len)?;
        let tag_count = usize::from(reader.u16()?);
        if tag_count > MAX_TAGS {
            return Err(InvalidOperation::TooManyTags(tag_count));
        }
        let mut tags = Vec::with_capacity(tag_count);
        for _ in 0..tag_count {
            let len = usize::from(reader.u16()?);
            tags.push(reader.bytes(len)?);
        }
        let subject_len = usize::from(reader.u16()?);
        let subject = reader.bytes(subject_len)?;
        if !reader.is_empty() {
            return Err(InvalidOperation::Layout);
        }
        let operation = Self {
            kind,
            key,
            value,
            tags,
            subject: (!subject.is_empty()).then_some(subject),
        };
        operation.check()?;
        Ok(operation)
    }
}

/// An operation's droppable part: the salt and the canonical bytes, as they travel and as they are
/// committed to. The bytes need not be a valid operation; the commitment holds all the same.
///
/// ```
/// use nocturne_core::{OpBody, Operation};
///
/// let operation = Operation::put("colour", "green").with_tags(["paint"]);
/// // `OpBody::new` draws the salt.
/// let body = OpBody::from_parts([7; 16], &operation.encode()?);
/// assert_eq!(body.operation()?, operation);
/// // Without the salt the commitment cannot be guessed from likely values.
/// let other_salt = OpBody::from_parts([8; 16], &operation.encode()?);
/// assert_ne!(body.commitment(), other_salt.commitment());
/// # Ok::<(), nocturne_core::InvalidOperation>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpBody {
    joined: Bytes,
}

impl OpBody {
    /// Seals a valid operation under a fresh salt.
    pub fn new(operation: &Operation, entropy: &mut dyn Entropy) -> Result<Self, InvalidOperation> {
        let mut salt = [0; SALT_LEN];
        entropy.fill(&mut salt);
        Ok(Self::from_parts(salt, &operation.encode()?))
    }

    /// From a salt and canonical bytes.
    pub fn from_parts(salt: [u8; SALT_LEN], bytes: &[u8]) -> Self {
        Self {
            joined: Bytes::from([&salt, bytes].concat()),
        }
    }

    /// From salt ‖ canonical bytes; `None` when shorter than a salt.
    pub fn from_joined(joined: Bytes) -> Option<Self> {
        (joined.len() >= SALT_LEN).then_some(Self { joined })
    }

    /// A copy that shares no memory with anything.
    pub(crate) fn detached(&self) -> Self {
        Self {
            joined: Bytes::copy_from_slice(&self.joined),
        }
    }

    /// Salt ‖ canonical bytes.
    pub fn joined(&self) -> &Bytes {
        &self.joined
    }

    /// Length of salt and canonical bytes.
    #[expect(clippy::len_without_is_empty, reason = "never empty: it has a salt")]
    pub fn len(&self) -> usize {
        self.joined.len()
    }

    /// The hash that stands in the header for this body.
    pub fn commitment(&self) -> Commitment {
        Commitment::from_bytes(derive(Context::Op, &[&self.joined]))
    }

    /// The operation, if the bytes are one.
    pub fn operation(&self) -> Result<Operation, InvalidOperation> {
        Operation::decode(&self.joined.slice(SALT_LEN.min(self.joined.len())..))
    }
}

#[cfg(test)]
mod tests;

//! Predicates: conditions on an operation, and their evaluation.

use std::time::Duration;

use nocturne_core::Bytes;
use nocturne_core::limits::{MAX_KEY_LEN, MAX_SUBJECT_LEN, MAX_TAG_LEN};

use super::blind::Operand;
use super::encode::node_bytes;
use super::{BLIND_SALT_LEN, Blinded, Facts, MAX_AGE_MS, MAX_DEPTH, MAX_ENCODED, MAX_NODES};

/// A condition on an operation. `And` and `Or` are made by [`Predicate::all`] and
/// [`Predicate::any`], which put their operands in canonical order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Predicate {
    /// Never.
    False,
    /// Always.
    True,
    /// All of the operands.
    And(Operands),
    /// At least one of the operands.
    Or(Operands),
    /// Not the operand.
    Not(Box<Predicate>),
    /// Written at least this many milliseconds before the time asked about.
    AgeAtLeast {
        /// At most [`MAX_AGE_MS`].
        age_ms: u64,
    },
    /// The key begins with these bytes: 1 to 4,096.
    KeyPrefix(Bytes),
    /// The key is these bytes: 1 to 4,096.
    KeyEq(Bytes),
    /// The operation carries this tag: 1 to 256 bytes.
    HasTag(Bytes),
    /// The data is about this subject: 1 to 1,024 bytes.
    SubjectIs(Bytes),
    /// [`Predicate::KeyPrefix`], blinded.
    BlindKeyPrefix {
        /// Length of the prefix.
        len: u16,
        /// What stands for it.
        is: Blinded,
    },
    /// [`Predicate::KeyEq`], blinded.
    BlindKeyEq(Blinded),
    /// [`Predicate::HasTag`], blinded.
    BlindHasTag(Blinded),
    /// [`Predicate::SubjectIs`], blinded.
    BlindSubjectIs(Blinded),
}

/// Operands of `And` or `Or`: at least two, none of the same operator, distinct and in the order
/// of their canonical bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operands(Vec<Predicate>);

impl Operands {
    /// The operands.
    pub fn as_slice(&self) -> &[Predicate] {
        &self.0
    }

    /// Takes operands that the decoder has checked.
    pub(super) fn from_canonical(operands: Vec<Predicate>) -> Self {
        Self(operands)
    }
}

/// A predicate over a limit, which therefore has no encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PredicateError {
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("conditions are nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// More conditions than [`MAX_NODES`].
    #[error("there are more than {MAX_NODES} conditions")]
    TooManyNodes,
    /// Larger than [`MAX_ENCODED`].
    #[error("the conditions take {0} bytes; at most {MAX_ENCODED} are allowed")]
    TooLarge(usize),
    /// A key, prefix, tag or subject that is empty or over its limit.
    #[error("a {operand} has {len} bytes; 1 to {max} are allowed")]
    Length {
        /// "key", "key prefix", "tag" or "subject".
        operand: &'static str,
        /// Its length.
        len: usize,
        /// The longest allowed.
        max: usize,
    },
    /// An age over [`MAX_AGE_MS`].
    #[error("an age of {0} ms is longer than any clock value")]
    Age(u64),
}

impl Predicate {
    /// All of the conditions. Nested `all`s are merged, repetitions dropped, the order is made
    /// canonical; of one condition it is that condition, of none [`Predicate::True`].
    #[must_use]
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        let flat = conditions
            .into_iter()
            .flat_map(|condition| match condition {
                Self::And(Operands(inner)) => inner,
                other => vec![other],
            });
        match Self::normal(flat.collect()) {
            Ok(operands) => Self::And(operands),
            Err(only) => only.unwrap_or(Self::True),
        }
    }

    /// At least one of the conditions. Normalised as [`Predicate::all`] does; of none it is
    /// [`Predicate::False`].
    #[must_use]
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        let flat = conditions
            .into_iter()
            .flat_map(|condition| match condition {
                Self::Or(Operands(inner)) => inner,
                other => vec![other],
            });
        match Self::normal(flat.collect()) {
            Ok(operands) => Self::Or(operands),
            Err(only) => only.unwrap_or(Self::False),
        }
    }

    /// Sorts and deduplicates; fewer than two are handed back.
    fn normal(mut conditions: Vec<Self>) -> Result<Operands, Option<Self>> {
        conditions.sort_by_cached_key(node_bytes);
        conditions.dedup();
        if conditions.len() < 2 {
            return Err(conditions.pop());
        }
        Ok(Operands(conditions))
    }

    /// Not this condition.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// At least this old; what is finer than a millisecond is rounded up.
    #[must_use]
    pub fn age_at_least(age: Duration) -> Self {
        let whole = age.as_nanos().div_ceil(1_000_000);
        Self::AgeAtLeast {
            age_ms: u64::try_from(whole).unwrap_or(u64::MAX),
        }
    }

    /// The key begins with `prefix`.
    #[must_use]
    pub fn key_prefix(prefix: impl Into<Bytes>) -> Self {
        Self::KeyPrefix(prefix.into())
    }

    /// The key is `key`.
    #[must_use]
    pub fn key_eq(key: impl Into<Bytes>) -> Self {
        Self::KeyEq(key.into())
    }

    /// The operation carries `tag`.
    #[must_use]
    pub fn has_tag(tag: impl Into<Bytes>) -> Self {
        Self::HasTag(tag.into())
    }

    /// The data is about `subject`.
    #[must_use]
    pub fn subject_is(subject: impl Into<Bytes>) -> Self {
        Self::SubjectIs(subject.into())
    }

    /// Whether the operation with these facts matches at `as_of_ms` (Unix milliseconds).
    pub fn matches(&self, facts: &Facts<'_>, as_of_ms: u64) -> bool {
        match self {
            Self::False => false,
            Self::True => true,
            Self::And(operands) => operands.0.iter().all(|p| p.matches(facts, as_of_ms)),
            Self::Or(operands) => operands.0.iter().any(|p| p.matches(facts, as_of_ms)),
            Self::Not(operand) => !operand.matches(facts, as_of_ms),
            // What is later than the time asked about has no age yet, not even zero.
            Self::AgeAtLeast { age_ms } => as_of_ms
                .checked_sub(facts.created_ms)
                .is_some_and(|age| age >= *age_ms),
            Self::KeyPrefix(prefix) => facts.key.starts_with(prefix),
            Self::KeyEq(key) => facts.key == key,
            Self::HasTag(tag) => facts.tags.contains(tag),
            Self::SubjectIs(subject) => facts.subject == Some(subject),
            Self::BlindKeyPrefix { len, is } => facts
                .key
                .get(..usize::from(*len))
                .is_some_and(|prefix| is.is(Operand::Prefix, prefix)),
            Self::BlindKeyEq(is) => is.is(Operand::Key, facts.key),
            Self::BlindHasTag(is) => facts.tags.iter().any(|tag| is.is(Operand::Tag, tag)),
            Self::BlindSubjectIs(is) => facts
                .subject
                .is_some_and(|subject| is.is(Operand::Subject, subject)),
        }
    }

    /// The same condition with every key, prefix, tag and subject replaced by a salted hash:
    /// matches the same operations and names none of them. The salt must be random and used for
    /// one cut only, else two cuts can be seen to look for the same thing.
    #[must_use]
    pub fn blind(&self, salt: [u8; BLIND_SALT_LEN]) -> Self {
        match self {
            Self::And(operands) => Self::all(operands.0.iter().map(|p| p.blind(salt))),
            Self::Or(operands) => Self::any(operands.0.iter().map(|p| p.blind(salt))),
            Self::Not(operand) => operand.blind(salt).negated(),
            Self::KeyPrefix(prefix) => match u16::try_from(prefix.len()) {
                Ok(len) => Self::BlindKeyPrefix {
                    len,
                    is: Blinded::new(Operand::Prefix, salt, prefix),
                },
                // Longer than any key.
                Err(_) => Self::False,
            },
            Self::KeyEq(key) => Self::BlindKeyEq(Blinded::new(Operand::Key, salt, key)),
            Self::HasTag(tag) => Self::BlindHasTag(Blinded::new(Operand::Tag, salt, tag)),
            Self::SubjectIs(subject) => {
                Self::BlindSubjectIs(Blinded::new(Operand::Subject, salt, subject))
            }
            Self::False
            | Self::True
            | Self::AgeAtLeast { .. }
            | Self::BlindKeyPrefix { .. }
            | Self::BlindKeyEq(_)
            | Self::BlindHasTag(_)
            | Self::BlindSubjectIs(_) => self.clone(),
        }
    }

    /// Whether the answer depends on the time asked about.
    pub fn depends_on_time(&self) -> bool {
        match self {
            Self::And(operands) | Self::Or(operands) => {
                operands.0.iter().any(Self::depends_on_time)
            }
            Self::Not(operand) => operand.depends_on_time(),
            Self::AgeAtLeast { .. } => true,
            Self::False
            | Self::True
            | Self::KeyPrefix(_)
            | Self::KeyEq(_)
            | Self::HasTag(_)
            | Self::SubjectIs(_)
            | Self::BlindKeyPrefix { .. }
            | Self::BlindKeyEq(_)
            | Self::BlindHasTag(_)
            | Self::BlindSubjectIs(_) => false,
        }
    }

    /// Checks every limit; returns how many conditions there are.
    pub fn check(&self) -> Result<usize, PredicateError> {
        let mut nodes = 0;
        let mut stack = vec![(self, 1)];
        while let Some((predicate, depth)) = stack.pop() {
            nodes += 1;
            if depth > MAX_DEPTH {
                return Err(PredicateError::TooDeep);
            }
            if nodes > MAX_NODES {
                return Err(PredicateError::TooManyNodes);
            }
            match predicate {
                Self::And(operands) | Self::Or(operands) => {
                    stack.extend(operands.0.iter().map(|operand| (operand, depth + 1)));
                }
                Self::Not(operand) => stack.push((operand, depth + 1)),
                Self::AgeAtLeast { age_ms } if *age_ms > MAX_AGE_MS => {
                    return Err(PredicateError::Age(*age_ms));
                }
                Self::KeyPrefix(prefix) => length("key prefix", prefix.len(), MAX_KEY_LEN)?,
                Self::BlindKeyPrefix { len, .. } => {
                    length("key prefix", usize::from(*len), MAX_KEY_LEN)?;
                }
                Self::KeyEq(key) => length("key", key.len(), MAX_KEY_LEN)?,
                Self::HasTag(tag) => length("tag", tag.len(), MAX_TAG_LEN)?,
                Self::SubjectIs(subject) => length("subject", subject.len(), MAX_SUBJECT_LEN)?,
                Self::False
                | Self::True
                | Self::AgeAtLeast { .. }
                | Self::BlindKeyEq(_)
                | Self::BlindHasTag(_)
                | Self::BlindSubjectIs(_) => {}
            }
        }
        Ok(nodes)
    }
}

fn length(operand: &'static str, len: usize, max: usize) -> Result<(), PredicateError> {
    if len == 0 || len > max {
        return Err(PredicateError::Length { operand, len, max });
    }
    Ok(())
}

#[cfg(test)]
mod tests;

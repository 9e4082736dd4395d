//! Reading canonical bytes of predicates and policies: strict, bounded, one encoding per value.

use nocturne_core::Bytes;

use super::clause::{Clause, Policy, PolicyError};
use super::encode::{POLICY, PREDICATE, VERSION, node_bytes, op};
use super::predicate::Operands;
use super::{Blinded, MAX_CLAUSES, MAX_DEPTH, MAX_ENCODED, MAX_NODES, Predicate, PredicateError};
use crate::layout::{Reader, Short};

/// Bytes that are no canonical predicate or policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end early or go on too long.
    #[error("the policy's bytes do not fit their layout")]
    Layout,
    /// Made by a newer program.
    #[error("policy version {0} is not known here; a newer nocturne wrote it")]
    Version(u8),
    /// A predicate where a policy is due, or the other way round.
    #[error("document kind {0} is not what is expected here")]
    Kind(u8),
    /// A number that the format sets aside for a condition of a later version.
    #[error("condition {0:#04x} needs a newer nocturne")]
    Reserved(u8),
    /// A number without meaning.
    #[error("condition {0:#04x} does not exist")]
    Unknown(u8),
    /// Operands that are fewer than two, out of order, repeated, or could have been merged.
    #[error("operands are not in canonical order")]
    Operands,
    /// A clause name that is not UTF-8.
    #[error("a clause name is not UTF-8")]
    Name,
    /// A predicate over a limit.
    #[error(transparent)]
    Predicate(#[from] PredicateError),
    /// A policy over a limit.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

impl From<Short> for DecodeError {
    fn from(Short: Short) -> Self {
        Self::Layout
    }
}

impl Predicate {
    /// Reads canonical bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut nodes = Nodes::open(bytes, PREDICATE)?;
        let predicate = nodes.node(1)?;
        nodes.close()?;
        predicate.check()?;
        Ok(predicate)
    }
}

impl Policy {
    /// Reads canonical bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut nodes = Nodes::open(bytes, POLICY)?;
        let retain = nodes.clauses()?;
        let forget = nodes.clauses()?;
        nodes.close()?;
        Ok(Self::new(retain, forget)?)
    }
}

/// A reader of conditions that counts them.
struct Nodes<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Nodes<'a> {
    fn open(bytes: &'a [u8], expected: u8) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_ENCODED {
            return Err(PredicateError::TooLarge(bytes.len()).into());
        }
        let mut reader = Reader::new(bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let kind = reader.u8()?;
        if kind != expected {
            return Err(DecodeError::Kind(kind));
        }
        Ok(Self {
            reader,
            left: MAX_NODES,
        })
    }

    fn close(&self) -> Result<(), DecodeError> {
        if self.reader.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Layout)
        }
    }

    fn clauses(&mut self) -> Result<Vec<Clause>, DecodeError> {
        let count = usize::from(self.reader.u16()?);
        if count > MAX_CLAUSES {
            return Err(PolicyError::TooManyClauses(count).into());
        }
        let mut clauses = Vec::new();
        for _ in 0..count {
            let name =
                std::str::from_utf8(self.reader.prefixed()?).map_err(|_| DecodeError::Name)?;
            let name = (!name.is_empty()).then(|| name.to_owned());
            clauses.push(Clause::new(name, self.node(1)?));
        }
        Ok(clauses)
    }

    fn node(&mut self, depth: usize) -> Result<Predicate, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(PredicateError::TooDeep.into());
        }
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(PredicateError::TooManyNodes)?;
        Ok(match self.reader.u8()? {
            op::FALSE => Predicate::False,
            op::TRUE => Predicate::True,
            op::AND => Predicate::And(self.operands(op::AND, depth)?),
            op::OR => Predicate::Or(self.operands(op::OR, depth)?),
            op::NOT => self.node(depth + 1)?.negated(),
            op::AGE_AT_LEAST => Predicate::AgeAtLeast {
                age_ms: self.reader.u64()?,
            },
            op::KEY_PREFIX => Predicate::KeyPrefix(self.bytes()?),
            op::KEY_EQ => Predicate::KeyEq(self.bytes()?),
            op::HAS_TAG => Predicate::HasTag(self.bytes()?),
            op::SUBJECT_IS => Predicate::SubjectIs(self.bytes()?),
            op::BLIND_KEY_PREFIX => Predicate::BlindKeyPrefix {
                len: self.reader.u16()?,
                is: self.blinded()?,
            },
            op::BLIND_KEY_EQ => Predicate::BlindKeyEq(self.blinded()?),
            op::BLIND_HAS_TAG => Predicate::BlindHasTag(self.blinded()?),
            op::BLIND_SUBJECT_IS => Predicate::BlindSubjectIs(self.blinded()?),
            number if op::RESERVED.contains(&number) => return Err(DecodeError::Reserved(number)),
            number => return Err(DecodeError::Unknown(number)),
        })
    }

    fn operands(&mut self, operator: u8, depth: usize) -> Result<Operands, DecodeError> {
        let count = self.reader.u16()?;
        if count < 2 {
            return Err(DecodeError::Operands);
        }
        let mut operands = Vec::new();
        let mut last = Vec::new();
        for _ in 0..count {
            let operand = self.node(depth + 1)?;
            let bytes = node_bytes(&operand);
            if bytes <= last || bytes.first() == Some(&operator) {
                return Err(DecodeError::Operands);
            }
            last = bytes;
            operands.push(operand);
        }
        Ok(Operands::from_canonical(operands))
    }

    fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        Ok(Bytes::copy_from_slice(self.reader.prefixed()?))
    }

    fn blinded(&mut self) -> Result<Blinded, DecodeError> {
        Ok(Blinded::from_parts(
            self.reader.array()?,
            self.reader.array()?,
        ))
    }
}

#[cfg(test)]
pub(crate) mod tests;

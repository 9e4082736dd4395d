//! Canonical bytes of predicates and policies.

use nocturne_core::Bytes;

use super::clause::Clause;
use super::{Blinded, MAX_ENCODED, PolicyHash, Predicate, PredicateError};
use crate::layout::{put_count, put_prefixed};

/// The version that this program writes.
pub(super) const VERSION: u8 = 1;
/// Second byte of a predicate's canonical bytes.
pub(super) const PREDICATE: u8 = 1;
/// Second byte of a policy's canonical bytes.
pub(super) const POLICY: u8 = 2;

/// The numbers of conditions in canonical bytes.
pub(super) mod op {
    pub(in crate::policy) const FALSE: u8 = 0x00;
    pub(in crate::policy) const TRUE: u8 = 0x01;
    pub(in crate::policy) const AND: u8 = 0x02;
    pub(in crate::policy) const OR: u8 = 0x03;
    pub(in crate::policy) const NOT: u8 = 0x04;
    pub(in crate::policy) const AGE_AT_LEAST: u8 = 0x10;
    pub(in crate::policy) const KEY_PREFIX: u8 = 0x20;
    pub(in crate::policy) const KEY_EQ: u8 = 0x21;
    pub(in crate::policy) const HAS_TAG: u8 = 0x22;
    pub(in crate::policy) const SUBJECT_IS: u8 = 0x23;
    pub(in crate::policy) const BLIND_KEY_PREFIX: u8 = 0x28;
    pub(in crate::policy) const BLIND_KEY_EQ: u8 = 0x29;
    pub(in crate::policy) const BLIND_HAS_TAG: u8 = 0x2a;
    pub(in crate::policy) const BLIND_SUBJECT_IS: u8 = 0x2b;
    /// Numbers set aside: created before, size at least, author, id in list, entropy below, rank.
    pub(in crate::policy) const RESERVED: [u8; 6] = [0x11, 0x12, 0x24, 0x25, 0x30, 0x40];
}

impl Predicate {
    /// Canonical bytes: one encoding for each predicate within the limits.
    pub fn encode(&self) -> Result<Bytes, PredicateError> {
        self.check()?;
        let mut out = vec![VERSION, PREDICATE];
        put_node(&mut out, self);
        if out.len() > MAX_ENCODED {
            return Err(PredicateError::TooLarge(out.len()));
        }
        Ok(out.into())
    }

    /// The hash that names the predicate.
    pub fn hash(&self) -> Result<PolicyHash, PredicateError> {
        Ok(PolicyHash::of(&self.encode()?))
    }
}

/// Canonical bytes of a policy whose clauses have been checked.
pub(super) fn policy_bytes(retain: &[Clause], forget: &[Clause]) -> Vec<u8> {
    let mut out = vec![VERSION, POLICY];
    for clauses in [retain, forget] {
        put_count(&mut out, clauses.len());
        for clause in clauses {
            put_prefixed(&mut out, clause.name().unwrap_or_default().as_bytes());
            put_node(&mut out, clause.when());
        }
    }
    out
}

/// A condition's bytes without version: what orders operands.
pub(super) fn node_bytes(predicate: &Predicate) -> Vec<u8> {
    let mut out = Vec::new();
    put_node(&mut out, predicate);
    out
}

fn put_node(out: &mut Vec<u8>, predicate: &Predicate) {
    match predicate {
        Predicate::False => out.push(op::FALSE),
        Predicate::True => out.push(op::TRUE),
        Predicate::And(operands) => put_operands(out, op::AND, operands.as_slice()),
        Predicate::Or(operands) => put_operands(out, op::OR, operands.as_slice()),
        Predicate::Not(operand) => {
            out.push(op::NOT);
            put_node(out, operand);
        }
        Predicate::AgeAtLeast { age_ms } => {
            out.push(op::AGE_AT_LEAST);
            out.extend_from_slice(&age_ms.to_be_bytes());
        }
        Predicate::KeyPrefix(prefix) => put_bytes(out, op::KEY_PREFIX, prefix),
        Predicate::KeyEq(key) => put_bytes(out, op::KEY_EQ, key),
        Predicate::HasTag(tag) => put_bytes(out, op::HAS_TAG, tag),
        Predicate::SubjectIs(subject) => put_bytes(out, op::SUBJECT_IS, subject),
        Predicate::BlindKeyPrefix { len, is } => {
            out.push(op::BLIND_KEY_PREFIX);
            out.extend_from_slice(&len.to_be_bytes());
            put_blinded(out, is);
        }
        Predicate::BlindKeyEq(is) => {
            out.push(op::BLIND_KEY_EQ);
            put_blinded(out, is);
        }
        Predicate::BlindHasTag(is) => {
            out.push(op::BLIND_HAS_TAG);
            put_blinded(out, is);
        }
        Predicate::BlindSubjectIs(is) => {
            out.push(op::BLIND_SUBJECT_IS);
            put_blinded(out, is);
        }
    }
}

fn put_operands(out: &mut Vec<u8>, number: u8, operands: &[Predicate]) {
    out.push(number);
    put_count(out, operands.len());
    for operand in operands {
        put_node(out, operand);
    }
}

fn put_bytes(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number);
    put_prefixed(out, bytes);
}

fn put_blinded(out: &mut Vec<u8>, blinded: &Blinded) {
    out.extend_from_slice(blinded.salt());
    out.extend_from_slice(blinded.hash());
}

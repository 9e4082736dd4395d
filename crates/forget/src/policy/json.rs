//! Policies back into the JSON that they can be read from.

use serde_json::{Map, Value, json};

use super::explain::written;
use super::{Clause, Policy, Predicate};

impl Policy {
    /// The policy as [`Policy::from_json`] reads it. A blinded condition, which that language
    /// cannot write, appears as `{"blinded": …}`; no policy that was read from text has one.
    pub fn to_json(&self) -> Value {
        let clauses = |clauses: &[Clause]| -> Vec<Value> { clauses.iter().map(clause).collect() };
        let mut policy = Map::new();
        policy.insert("forget".into(), clauses(self.forget()).into());
        if !self.retain().is_empty() {
            policy.insert("retain".into(), clauses(self.retain()).into());
        }
        policy.into()
    }
}

fn clause(clause: &Clause) -> Value {
    let when = condition(clause.when());
    match clause.name() {
        Some(name) => json!({ "name": name, "when": when }),
        None => json!({ "when": when }),
    }
}

fn condition(predicate: &Predicate) -> Value {
    let all = |operands: &[Predicate]| -> Vec<Value> { operands.iter().map(condition).collect() };
    match predicate {
        Predicate::False => Value::Bool(false),
        Predicate::True => Value::Bool(true),
        Predicate::And(operands) => json!({ "all": all(operands.as_slice()) }),
        Predicate::Or(operands) => json!({ "any": all(operands.as_slice()) }),
        Predicate::Not(operand) => json!({ "not": condition(operand) }),
        Predicate::AgeAtLeast { age_ms } => json!({ "age_at_least": written(*age_ms) }),
        Predicate::KeyPrefix(prefix) => json!({ "key_prefix": bytes(prefix) }),
        Predicate::KeyEq(key) => json!({ "key_eq": bytes(key) }),
        Predicate::HasTag(tag) => json!({ "has_tag": bytes(tag) }),
        Predicate::SubjectIs(subject) => json!({ "subject_is": bytes(subject) }),
        Predicate::BlindKeyPrefix { .. } => json!({ "blinded": "key_prefix" }),
        Predicate::BlindKeyEq(_) => json!({ "blinded": "key_eq" }),
        Predicate::BlindHasTag(_) => json!({ "blinded": "has_tag" }),
        Predicate::BlindSubjectIs(_) => json!({ "blinded": "subject_is" }),
    }
}

fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => json!({ "hex": data_encoding::HEXLOWER.encode(bytes) }),
    }
}

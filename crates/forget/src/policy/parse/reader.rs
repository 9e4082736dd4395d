//! The tree of values into a policy.

use nocturne_core::Bytes;

use super::Problem;
use super::duration;
use super::error::{CLAUSES, DURATION, TEXT_OR_BYTES};
use super::tree::{Failure, Field, Node, Value};
use crate::policy::{Clause, MAX_DEPTH, Policy, Predicate};

const POLICY_FIELDS: &[&str] = &["forget", "retain"];
const CLAUSE_FIELDS: &[&str] = &["name", "when"];
const BYTES_FIELDS: &[&str] = &["hex"];
const CONDITION_FIELDS: &[&str] = &[
    "all",
    "any",
    "not",
    "age_at_least",
    "key_prefix",
    "key_eq",
    "has_tag",
    "subject_is",
];

pub(super) fn policy(root: &Node) -> Result<Policy, Failure> {
    let mut retain = Vec::new();
    let mut forget = Vec::new();
    for field in fields(root, "the policy", POLICY_FIELDS)? {
        let clauses = list(&field.node, "`forget` and `retain`", CLAUSES)?;
        let clauses = clauses.iter().map(clause).collect::<Result<Vec<_>, _>>()?;
        if field.name == "retain" {
            retain = clauses;
        } else {
            forget = clauses;
        }
    }
    Policy::new(retain, forget).map_err(|error| Failure::new(root.at, Problem::Policy(error)))
}

fn clause(node: &Node) -> Result<Clause, Failure> {
    let mut name = None;
    let mut when = None;
    for field in fields(node, "a clause", CLAUSE_FIELDS)? {
        if field.name == "name" {
            name = Some(text(&field.node, "`name`", "a text")?.to_owned());
        } else {
            let predicate = condition(&field.node, 1)?;
            predicate
                .check()
                .map_err(|error| Failure::new(field.node.at, Problem::Predicate(error)))?;
            when = Some(predicate);
        }
    }
    let when = when.ok_or(Failure::new(node.at, Problem::NoCondition))?;
    Ok(Clause::new(name, when))
}

fn condition(node: &Node, depth: usize) -> Result<Predicate, Failure> {
    if depth > MAX_DEPTH {
        return Err(Failure::new(node.at, Problem::TooDeep));
    }
    if let Value::Bool(always) = node.value {
        return Ok(if always {
            Predicate::True
        } else {
            Predicate::False
        });
    }
    let fields = fields(node, "a condition", CONDITION_FIELDS)?;
    let [field] = fields else {
        return Err(Failure::new(
            node.at,
            Problem::NotOneCondition(fields.len()),
        ));
    };
    let inner = &field.node;
    let predicate = match field.name.as_str() {
        "all" => Predicate::all(conditions(inner, "all", depth)?),
        "any" => Predicate::any(conditions(inner, "any", depth)?),
        "not" => condition(inner, depth + 1)?.negated(),
        "age_at_least" => age(inner)?,
        "key_prefix" => Predicate::KeyPrefix(bytes(inner, "`key_prefix`")?),
        "key_eq" => Predicate::KeyEq(bytes(inner, "`key_eq`")?),
        "has_tag" => Predicate::HasTag(bytes(inner, "`has_tag`")?),
        _ => Predicate::SubjectIs(bytes(inner, "`subject_is`")?),
    };
    // Reported here, where it stands, rather than for the whole clause.
    if !matches!(
        predicate,
        Predicate::And(_) | Predicate::Or(_) | Predicate::Not(_)
    ) {
        predicate
            .check()
            .map_err(|error| Failure::new(inner.at, Problem::Predicate(error)))?;
    }
    Ok(predicate)
}

fn conditions(node: &Node, name: &'static str, depth: usize) -> Result<Vec<Predicate>, Failure> {
    let items = list(node, "`all` and `any`", "a list of conditions")?;
    if items.is_empty() {
        return Err(Failure::new(node.at, Problem::EmptyList(name)));
    }
    items
        .iter()
        .map(|item| condition(item, depth + 1))
        .collect()
}

fn age(node: &Node) -> Result<Predicate, Failure> {
    let text = text(node, "`age_at_least`", DURATION)?;
    let age_ms = duration::millis(text).map_err(|reason| {
        let text = text.to_owned();
        Failure::new(node.at, Problem::Duration { text, reason })
    })?;
    Ok(Predicate::AgeAtLeast { age_ms })
}

fn bytes(node: &Node, what: &'static str) -> Result<Bytes, Failure> {
    if let Value::Text(text) = &node.value {
        return Ok(Bytes::copy_from_slice(text.as_bytes()));
    }
    let Value::Table(_) = &node.value else {
        return Err(unexpected(node, what, TEXT_OR_BYTES));
    };
    let [field] = fields(node, "bytes", BYTES_FIELDS)? else {
        return Err(unexpected(node, what, TEXT_OR_BYTES));
    };
    let digits = text(&field.node, "`hex`", "a text")?;
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(digits.as_bytes())
        .map(Bytes::from)
        .map_err(|_| Failure::new(field.node.at, Problem::Hex))
}

/// A table's fields, all of them known and none repeated.
fn fields<'a>(
    node: &'a Node,
    within: &'static str,
    known: &'static [&'static str],
) -> Result<&'a [Field], Failure> {
    let Value::Table(fields) = &node.value else {
        return Err(unexpected(node, within, "a table"));
    };
    for (position, field) in fields.iter().enumerate() {
        if !known.contains(&field.name.as_str()) {
            let problem = Problem::UnknownField {
                field: field.name.clone(),
                within,
                known,
            };
            return Err(Failure::new(field.at, problem));
        }
        if fields
            .iter()
            .take(position)
            .any(|other| other.name == field.name)
        {
            return Err(Failure::new(
                field.at,
                Problem::DuplicateField(field.name.clone()),
            ));
        }
    }
    Ok(fields)
}

fn list<'a>(
    node: &'a Node,
    what: &'static str,
    expected: &'static str,
) -> Result<&'a [Node], Failure> {
    match &node.value {
        Value::List(items) => Ok(items),
        _ => Err(unexpected(node, what, expected)),
    }
}

fn text<'a>(
    node: &'a Node,
    what: &'static str,
    expected: &'static str,
) -> Result<&'a str, Failure> {
    match &node.value {
        Value::Text(text) => Ok(text),
        _ => Err(unexpected(node, what, expected)),
    }
}

fn unexpected(node: &Node, what: &'static str, expected: &'static str) -> Failure {
    let found = node.value.kind();
    Failure::new(
        node.at,
        Problem::Expected {
            what,
            expected,
            found,
        },
    )
}

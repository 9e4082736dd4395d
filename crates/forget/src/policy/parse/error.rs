//! What can be wrong with a written policy, where, and what to do about it.

use super::DurationProblem;
use super::tree::Failure;
use crate::policy::{MAX_TEXT, PolicyError, PredicateError};

/// A policy text that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
#[non_exhaustive]
pub struct ParsePolicyError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a policy text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not TOML or JSON at all; the message is that parser's.
    #[error("this is not valid {notation}: {message}")]
    Syntax {
        /// "TOML" or "JSON".
        notation: &'static str,
        /// What its parser says.
        message: String,
    },
    /// Longer than [`MAX_TEXT`].
    #[error("the policy has {0} bytes; at most {MAX_TEXT} are read")]
    TooLarge(usize),
    /// Nested deeper than is read.
    #[error("this is nested too deeply")]
    TooDeep,
    /// A value of the wrong kind.
    #[error("{what} must be {expected}, not {found}")]
    Expected {
        /// Which value.
        what: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A field that does not exist here.
    #[error("unknown field `{field}` in {within}")]
    UnknownField {
        /// The field.
        field: String,
        /// What it stands in.
        within: &'static str,
        /// The fields that exist there.
        known: &'static [&'static str],
    },
    /// A field that stands twice.
    #[error("field `{0}` stands twice")]
    DuplicateField(String),
    /// A clause without its condition.
    #[error("the clause has no `when`")]
    NoCondition,
    /// A condition of no or several fields.
    #[error("a condition has exactly one field, this one has {0}")]
    NotOneCondition(usize),
    /// An `all` or `any` of nothing.
    #[error("`{0}` needs at least one condition")]
    EmptyList(&'static str),
    /// A text that is no duration.
    #[error("{text:?} is no duration: {reason}")]
    Duration {
        /// The text.
        text: String,
        /// Why not.
        reason: DurationProblem,
    },
    /// A text that is not an even number of hexadecimal digits.
    #[error("`hex` must be an even number of hexadecimal digits")]
    Hex,
    /// A condition over a limit.
    #[error(transparent)]
    Predicate(PredicateError),
    /// A policy over a limit, or one that would do nothing.
    #[error(transparent)]
    Policy(PolicyError),
}

impl ParsePolicyError {
    pub(super) fn at(text: &str, failure: Failure) -> Self {
        let before = text.get(..failure.at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before.chars().count() - before.get(..line_start).map_or(0, chars) + 1,
            problem: failure.problem,
        }
    }

    /// What to do about it, if there is something to say.
    pub fn hint(&self) -> Option<String> {
        self.problem.hint()
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

impl Problem {
    /// What to do about it, if there is something to say.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownField { field, known, .. } => {
                return Some(match nearest(field, known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("known here: {}", known.join(", ")),
                });
            }
            Self::NoCondition => "write what it applies to, as in when = { key_prefix = \"log/\" }",
            Self::NotOneCondition(0) => "write one, as in { key_prefix = \"log/\" }",
            Self::NotOneCondition(_) => {
                "to ask for several at once: { all = [ { … }, { … } ] }; for any of them: any"
            }
            Self::EmptyList(_) => "for always write when = true",
            Self::Expected {
                expected: TEXT_OR_BYTES,
                ..
            } => "keys, tags and subjects are texts; other bytes are { hex = \"c0ffee\" }",
            Self::Duration { .. }
            | Self::Expected {
                expected: DURATION, ..
            } => "write it as \"30d\", \"12h\" or \"1h 30m\"",
            Self::Expected {
                expected: CLAUSES, ..
            } => "in TOML, a clause begins with [[forget]] or [[retain]], with two brackets",
            Self::Predicate(PredicateError::Length { len: 0, .. }) => {
                "to match everything write when = true"
            }
            Self::Policy(PolicyError::NoForgetClause) => {
                "add one: [[forget]] with when = { key_prefix = \"log/\" }"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

pub(super) const TEXT_OR_BYTES: &str = "a text or { hex = \"…\" }";
pub(super) const DURATION: &str = "a duration";
pub(super) const CLAUSES: &str = "a list of clauses";

/// Names that people try, and ours.
const OTHER_NAMES: [(&str, &str); 13] = [
    ("age", "age_at_least"),
    ("older_than", "age_at_least"),
    ("prefix", "key_prefix"),
    ("key", "key_eq"),
    ("tag", "has_tag"),
    ("subject", "subject_is"),
    ("and", "all"),
    ("or", "any"),
    ("keep", "retain"),
    ("delete", "forget"),
    ("if", "when"),
    ("where", "when"),
    ("base16", "hex"),
];

fn nearest(field: &str, known: &[&'static str]) -> Option<&'static str> {
    let field = field.to_ascii_lowercase().replace('-', "_");
    let synonym = OTHER_NAMES
        .iter()
        .find(|(other, _)| *other == field)
        .map(|(_, ours)| *ours)
        .filter(|ours| known.contains(ours));
    synonym.or_else(|| {
        let near = known.iter().map(|name| (distance(&field, name), *name));
        near.filter(|(edits, _)| *edits <= 2)
            .min()
            .map(|(_, name)| name)
    })
}

/// Levenshtein distance in bytes; texts too long to be a slip are simply far.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.bytes().zip(row.windows(2)) {
            let [diagonal, above] = *above else { continue };
            left = (diagonal + usize::from(x != y))
                .min(above + 1)
                .min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

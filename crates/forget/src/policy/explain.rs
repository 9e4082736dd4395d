//! Predicates and policies in words.

use std::fmt::{self, Write as _};

use super::{Clause, Policy, Predicate};

impl Policy {
    /// The policy in words, a line each clause, for people. Not a format: it may change.
    pub fn explain(&self) -> String {
        let mut out = String::new();
        section(&mut out, "Forgets an operation if", self.forget());
        if !self.retain().is_empty() {
            section(&mut out, "Keeps it all the same if", self.retain());
        }
        out
    }
}

fn section(out: &mut String, heading: &str, clauses: &[Clause]) {
    out.push_str(heading);
    out.push('\n');
    for (number, clause) in clauses.iter().enumerate() {
        out.push_str(if number == 0 { "  - " } else { "  - or " });
        // Writing to a String cannot fail.
        let _ = write!(out, "{}", clause.when());
        if let Some(name) = clause.name() {
            let _ = write!(out, "  ({name})");
        }
        out.push('\n');
    }
}

/// The condition in words, as in `the key begins with "log/" and it is at least 30 days old`.
impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::False => f.write_str("never"),
            Self::True => f.write_str("always"),
            Self::And(operands) => joined(f, operands.as_slice(), " and "),
            Self::Or(operands) => joined(f, operands.as_slice(), " or "),
            Self::Not(operand) => write!(f, "not ({operand})"),
            Self::AgeAtLeast { age_ms } => write!(f, "it is at least {} old", Age(*age_ms)),
            Self::KeyPrefix(prefix) => write!(f, "the key begins with {}", Shown(prefix)),
            Self::KeyEq(key) => write!(f, "the key is {}", Shown(key)),
            Self::HasTag(tag) => write!(f, "it is tagged {}", Shown(tag)),
            Self::SubjectIs(subject) => write!(f, "its subject is {}", Shown(subject)),
            Self::BlindKeyPrefix { len, .. } => {
                write!(f, "the key begins with certain {len} bytes (blinded)")
            }
            Self::BlindKeyEq(_) => f.write_str("the key is a certain one (blinded)"),
            Self::BlindHasTag(_) => f.write_str("it carries a certain tag (blinded)"),
            Self::BlindSubjectIs(_) => f.write_str("its subject is a certain one (blinded)"),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, operands: &[Predicate], word: &str) -> fmt::Result {
    for (number, operand) in operands.iter().enumerate() {
        if number > 0 {
            f.write_str(word)?;
        }
        match operand {
            Predicate::And(_) | Predicate::Or(_) => write!(f, "({operand})")?,
            _ => write!(f, "{operand}")?,
        }
    }
    Ok(())
}

/// Bytes: in quotes and escaped when they are UTF-8, else hexadecimal.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self.0) {
            Ok(text) => write!(f, "\"{}\"", text.escape_debug()),
            Err(_) => write!(f, "0x{}", data_encoding::HEXLOWER.encode(self.0)),
        }
    }
}

/// Milliseconds as days, hours, minutes, seconds and milliseconds.
struct Age(u64);

const UNITS: [(u64, &str, &str); 5] = [
    (86_400_000, "day", "d"),
    (3_600_000, "hour", "h"),
    (60_000, "minute", "m"),
    (1_000, "second", "s"),
    (1, "millisecond", "ms"),
];

/// How many of each unit, without those of which there are none.
fn split(ms: u64) -> impl Iterator<Item = (u64, &'static str, &'static str)> {
    UNITS
        .into_iter()
        .scan(ms, |left, (unit, word, short)| {
            let count = *left / unit;
            *left %= unit;
            Some((count, word, short))
        })
        .filter(|(count, _, _)| *count > 0)
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0 days");
        }
        for (number, (count, word, _)) in split(self.0).enumerate() {
            let space = if number > 0 { " " } else { "" };
            let plural = if count == 1 { "" } else { "s" };
            write!(f, "{space}{count} {word}{plural}")?;
        }
        Ok(())
    }
}

/// Milliseconds as the policy languages write them, as in `1h 30m`.
pub(super) fn written(ms: u64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let parts: Vec<_> = split(ms)
        .map(|(count, _, short)| format!("{count}{short}"))
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests;

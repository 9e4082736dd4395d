//! Policies from TOML and JSON, with errors that name the place and a way out.
//!
//! Both notations are read into one tree of values with positions ([`tree`]), and one reader
//! ([`reader`]) makes the policy out of it.

mod duration;
mod error;
mod json_text;
mod reader;
mod toml_text;
mod tree;

pub use self::duration::DurationProblem;
pub use self::error::{ParsePolicyError, Problem};
use self::tree::{Failure, Node};
use super::{MAX_TEXT, Policy};

impl Policy {
    /// Reads a policy written in TOML: tables `[[forget]]` and `[[retain]]`, each with a condition
    /// `when` and optionally a `name`. A condition is `true`, `false` or a table of exactly one of
    /// `all`, `any` (lists of conditions), `not` (a condition), `age_at_least` (a duration such as
    /// `"30d"` or `"1h 30m"`), `key_prefix`, `key_eq`, `has_tag`, `subject_is` (a text, or
    /// `{ hex = "…" }` for bytes).
    pub fn from_toml(text: &str) -> Result<Self, ParsePolicyError> {
        from_text(text, toml_text::parse)
    }

    /// Reads a policy written in JSON, of the same shape as [`Policy::from_toml`]:
    /// `{"forget": [{"name": …, "when": …}], "retain": […]}`.
    pub fn from_json(text: &str) -> Result<Self, ParsePolicyError> {
        from_text(text, json_text::parse)
    }
}

fn from_text(
    text: &str,
    parse: impl Fn(&str) -> Result<Node, Failure>,
) -> Result<Policy, ParsePolicyError> {
    let read = || {
        if text.len() > MAX_TEXT {
            return Err(Failure::new(0, Problem::TooLarge(text.len())));
        }
        reader::policy(&parse(text)?)
    };
    read().map_err(|failure| ParsePolicyError::at(text, failure))
}

#[cfg(test)]
mod tests;

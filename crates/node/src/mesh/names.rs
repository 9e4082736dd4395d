//! Names that people give to nodes, stores and policies.

use std::fmt;
use std::str::FromStr;

use nocturne_core::AuthorId;

/// Longest name in bytes.
const MAX_LEN: usize = 64;

/// 1 to 64 of `a-z A-Z 0-9 . _ -`: fits into a root key, a path and a terminal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// A text that is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to {MAX_LEN} of the characters a-z A-Z 0-9 . _ -")]
pub struct BadName;

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the first application store of a mesh is called.
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    /// The beginning of a node's id, for want of anything better.
    pub fn of_node(id: &AuthorId) -> Self {
        Self(id.to_string().chars().take(8).collect())
    }

    /// Makes a name of any text: characters that a name can't have become `-`.
    pub fn lenient(text: &str) -> Option<Self> {
        let text: String = text
            .trim()
            .chars()
            .map(|c| if allowed(c) { c } else { '-' })
            .take(MAX_LEN)
            .collect();
        text.parse().ok()
    }
}

fn allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        if text.is_empty() || text.len() > MAX_LEN || !text.chars().all(allowed) {
            return Err(BadName);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

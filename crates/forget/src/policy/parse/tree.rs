//! A document as a tree of values that know where they stand.

use super::Problem;

/// Deepest nesting that either notation is read to. Above what a policy may have, so that the
/// limit of the policy is what gets reported.
pub(super) const MAX_NESTING: usize = 78;

/// A value and the byte offset at which it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Bool(bool),
    List(Vec<Node>),
    Table(Vec<Field>),
    /// A value of a kind that no policy contains, by its name.
    Other(&'static str),
}

/// A table's entry; `at` is where its name stands.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) at: usize,
    pub(super) node: Node,
}

impl Value {
    /// What it is, for an error.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Bool(_) => "a boolean",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

/// A problem and the byte offset at which it stands.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) at: usize,
    pub(super) problem: Problem,
}

impl Failure {
    pub(super) fn new(at: usize, problem: Problem) -> Self {
        Self { at, problem }
    }
}

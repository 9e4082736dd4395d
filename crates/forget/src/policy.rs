//! Policies: which operations may be forgotten, as values. Layout: `proto/v1/policy.md`.
//!
//! A [`Predicate`] says yes or no to an operation's [`Facts`] at a given time. A [`Policy`] holds
//! forget and retain clauses: an operation is forgotten if some forget clause matches and no
//! retain clause does. Both are pure, have one canonical encoding, and are named by its hash.
//!
//! ```
//! use nocturne_forget::policy::{Facts, Policy};
//!
//! let policy = Policy::from_toml(r#"
//!     [[forget]]
//!     name = "old logs"
//!     when = { all = [ { key_prefix = "log/" }, { age_at_least = "30d" } ] }
//!
//!     [[retain]]
//!     when = { has_tag = "keep" }
//! "#)?;
//! let facts = Facts { key: b"log/1", tags: &[], subject: None, created_ms: 0, size: 100 };
//! let day_ms = 24 * 60 * 60 * 1000;
//! assert!(policy.selects(&facts, 30 * day_ms));
//! assert!(!policy.selects(&facts, 29 * day_ms));
//! # Ok::<(), nocturne_forget::policy::ParsePolicyError>(())
//! ```

mod blind;
mod clause;
mod decode;
mod encode;
mod explain;
mod facts;
mod hash;
mod json;
mod parse;
mod predicate;

pub use self::blind::{BLIND_SALT_LEN, Blinded};
pub use self::clause::{Clause, Decision, Policy, PolicyBuilder, PolicyError};
pub use self::decode::DecodeError;
pub use self::facts::Facts;
pub use self::hash::PolicyHash;
pub use self::parse::{DurationProblem, ParsePolicyError, Problem};
pub use self::predicate::{Operands, Predicate, PredicateError};

/// Most conditions, counted with every `and`, `or` and `not`, in one predicate, and in all clauses
/// of a policy together. Bounds what one decision costs.
pub const MAX_NODES: usize = 1_024;
/// Deepest nesting of a predicate.
pub const MAX_DEPTH: usize = 32;
/// Largest canonical encoding of a predicate or policy, in bytes.
pub const MAX_ENCODED: usize = 64 * 1024;
/// Most clauses of a policy.
pub const MAX_CLAUSES: usize = 256;
/// Longest clause name in bytes of UTF-8.
pub const MAX_NAME_LEN: usize = 128;
/// Longest age, in milliseconds: what 48 bits of Unix milliseconds can express.
pub const MAX_AGE_MS: u64 = (1 << 48) - 1;
/// Longest policy text, TOML or JSON, in bytes.
pub const MAX_TEXT: usize = 256 * 1024;

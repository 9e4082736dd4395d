//! Clauses and policies: retain and forget, and the decision.

use nocturne_core::Bytes;

use super::encode::policy_bytes;
use super::{Facts, MAX_CLAUSES, MAX_ENCODED, MAX_NAME_LEN, PolicyHash, Predicate, PredicateError};

/// One rule of a policy: a condition, and a name for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    name: Option<String>,
    when: Predicate,
}

impl Clause {
    pub(super) fn new(name: Option<String>, when: Predicate) -> Self {
        Self { name, when }
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// When it applies.
    pub fn when(&self) -> &Predicate {
        &self.when
    }
}

/// What a policy says about an operation. Clauses are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// No forget clause matches.
    Untouched,
    /// A forget clause matches and so does a retain clause: it is kept.
    Retained {
        /// The first forget clause that matches.
        forget: usize,
        /// The first retain clause that matches.
        retain: usize,
    },
    /// It is to be forgotten.
    Forget {
        /// The first forget clause that matches.
        forget: usize,
    },
}

/// A policy that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Nothing that it could ever forget.
    #[error("the policy has no forget clause, so it would never do anything")]
    NoForgetClause,
    /// More clauses than [`MAX_CLAUSES`].
    #[error("the policy has {0} clauses; at most {MAX_CLAUSES} are allowed")]
    TooManyClauses(usize),
    /// An empty name, or one over [`MAX_NAME_LEN`].
    #[error("a clause name has {0} bytes; 1 to {MAX_NAME_LEN} are allowed")]
    NameLength(usize),
    /// A name with control characters, which could garble a terminal.
    #[error("a clause name contains a control character")]
    NameControl,
    /// All clauses together are over a predicate's limits.
    #[error("the policy is too complex: {0}")]
    Predicate(#[from] PredicateError),
}

/// Which operations are forgotten: those that some forget clause matches and no retain clause
/// does. Immutable, within all limits, named by the hash of its canonical bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    retain: Vec<Clause>,
    forget: Vec<Clause>,
    selector: Predicate,
    encoded: Bytes,
    hash: PolicyHash,
}

impl Policy {
    pub(super) fn new(retain: Vec<Clause>, forget: Vec<Clause>) -> Result<Self, PolicyError> {
        if forget.is_empty() {
            return Err(PolicyError::NoForgetClause);
        }
        let count = retain.len() + forget.len();
        if count > MAX_CLAUSES {
            return Err(PolicyError::TooManyClauses(count));
        }
        for name in retain.iter().chain(&forget).filter_map(Clause::name) {
            if name.is_empty() || name.len() > MAX_NAME_LEN {
                return Err(PolicyError::NameLength(name.len()));
            }
            if name.contains(char::is_control) {
                return Err(PolicyError::NameControl);
            }
        }
        // Each clause is checked by itself first: what normalisation merges still has to have
        // an encoding.
        let mut nodes = 0;
        for clause in retain.iter().chain(&forget) {
            nodes += clause.when.check()?;
        }
        if nodes > super::MAX_NODES {
            return Err(PredicateError::TooManyNodes.into());
        }
        let whens = |clauses: &[Clause]| Predicate::any(clauses.iter().map(|c| c.when.clone()));
        let selector = if retain.is_empty() {
            whens(&forget)
        } else {
            Predicate::all([whens(&forget), whens(&retain).negated()])
        };
        selector.encode()?;
        let encoded = Bytes::from(policy_bytes(&retain, &forget));
        if encoded.len() > MAX_ENCODED {
            return Err(PredicateError::TooLarge(encoded.len()).into());
        }
        let hash = PolicyHash::of(&encoded);
        Ok(Self {
            retain,
            forget,
            selector,
            encoded,
            hash,
        })
    }

    /// Starts a policy without clauses.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::default()
    }

    /// Clauses that protect.
    pub fn retain(&self) -> &[Clause] {
        &self.retain
    }

    /// Clauses that forget; at least one.
    pub fn forget(&self) -> &[Clause] {
        &self.forget
    }

    /// What the policy says at `as_of_ms` (Unix milliseconds), and by which clauses.
    pub fn decide(&self, facts: &Facts<'_>, as_of_ms: u64) -> Decision {
        let first = |clauses: &[Clause]| {
            clauses
                .iter()
                .position(|clause| clause.when.matches(facts, as_of_ms))
        };
        let Some(forget) = first(&self.forget) else {
            return Decision::Untouched;
        };
        match first(&self.retain) {
            Some(retain) => Decision::Retained { forget, retain },
            None => Decision::Forget { forget },
        }
    }

    /// Whether the policy forgets the operation at `as_of_ms`.
    pub fn selects(&self, facts: &Facts<'_>, as_of_ms: u64) -> bool {
        matches!(self.decide(facts, as_of_ms), Decision::Forget { .. })
    }

    /// The whole policy as one predicate: some forget clause and no retain clause.
    pub fn selector(&self) -> &Predicate {
        &self.selector
    }

    /// Canonical bytes.
    pub fn encode(&self) -> &Bytes {
        &self.encoded
    }

    /// The hash that names the policy.
    pub fn hash(&self) -> PolicyHash {
        self.hash
    }
}

/// Builds a policy clause by clause.
///
/// ```
/// use std::time::Duration;
/// use nocturne_forget::policy::{Policy, Predicate};
///
/// let month = Duration::from_hours(30 * 24);
/// let policy = Policy::builder()
///     .forget_named("old logs", Predicate::all([
///         Predicate::key_prefix("log/"),
///         Predicate::age_at_least(month),
///     ]))
///     .retain(Predicate::has_tag("keep"))
///     .build()?;
/// assert_eq!(Policy::decode(policy.encode())?, policy);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct PolicyBuilder {
    retain: Vec<Clause>,
    forget: Vec<Clause>,
}

impl PolicyBuilder {
    /// Adds a clause that forgets.
    pub fn forget(mut self, when: Predicate) -> Self {
        self.forget.push(Clause::new(None, when));
        self
    }

    /// Adds a clause that forgets, with a name.
    pub fn forget_named(mut self, name: impl Into<String>, when: Predicate) -> Self {
        self.forget.push(Clause::new(Some(name.into()), when));
        self
    }

    /// Adds a clause that protects.
    pub fn retain(mut self, when: Predicate) -> Self {
        self.retain.push(Clause::new(None, when));
        self
    }

    /// Adds a clause that protects, with a name.
    pub fn retain_named(mut self, name: impl Into<String>, when: Predicate) -> Self {
        self.retain.push(Clause::new(Some(name.into()), when));
        self
    }

    /// Checks every limit.
    pub fn build(self) -> Result<Policy, PolicyError> {
        Policy::new(self.retain, self.forget)
    }
}

#[cfg(test)]
mod tests;

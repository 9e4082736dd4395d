//! What someone asks to be forgotten, and the cut that it becomes.

use nocturne_core::{Bytes, Entropy};
use nocturne_store::Cut;

use crate::cut::CutId;
use crate::policy::{BLIND_SALT_LEN, Facts, Policy, Predicate, PredicateError};
use crate::receipt::Reason;

/// What is to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// All versions of one key.
    Key(Bytes),
    /// All keys with a prefix.
    Prefix(Bytes),
    /// Everything about a data subject.
    Subject(Bytes),
    /// What a policy selects.
    Policy(Box<Policy>),
    /// Anything else that a predicate can say.
    Predicate(Predicate),
}

impl Target {
    /// The predicate that selects it.
    pub fn predicate(&self) -> Predicate {
        match self {
            Self::Key(key) => Predicate::KeyEq(key.clone()),
            Self::Prefix(prefix) => Predicate::KeyPrefix(prefix.clone()),
            Self::Subject(subject) => Predicate::SubjectIs(subject.clone()),
            Self::Policy(policy) => policy.selector().clone(),
            Self::Predicate(predicate) => predicate.clone(),
        }
    }

    /// How receipts name it.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Key(_) => Reason::Key,
            Self::Prefix(_) => Reason::Prefix,
            Self::Subject(_) => Reason::Subject,
            Self::Policy(_) => Reason::Policy,
            Self::Predicate(_) => Reason::Predicate,
        }
    }

    /// A cut for it, under a new random name. Its predicate is blinded: the cut stays for good,
    /// and what it erases must not survive in it.
    pub fn cut(&self, as_of_ms: u64, entropy: &mut dyn Entropy) -> Result<Cut, PredicateError> {
        let mut id = [0; 16];
        let mut salt = [0; BLIND_SALT_LEN];
        entropy.fill(&mut id);
        entropy.fill(&mut salt);
        let clear = self.predicate();
        // Blinding makes short operands longer; what fits in clear may be too large blinded.
        clear.check()?;
        let blinded = clear.blind(salt);
        let policy = match self {
            Self::Policy(policy) => policy.hash(),
            _ => blinded.hash()?,
        };
        Ok(Cut {
            id,
            predicate: blinded.encode()?,
            policy: *policy.as_bytes(),
            reason: self.reason().number(),
            as_of_ms,
        })
    }
}

/// Whether a cut at `as_of_ms` with this predicate covers an operation: it matches, and it was not
/// written later.
pub(crate) fn covers(predicate: &Predicate, facts: &Facts<'_>, as_of_ms: u64) -> bool {
    facts.created_ms <= as_of_ms && predicate.matches(facts, as_of_ms)
}

/// A cut's name.
pub(crate) const fn cut_id(cut: &Cut) -> CutId {
    CutId::from_bytes(cut.id)
}

//! Cuts, and what they erase: the store's side of forgetting.

use nocturne_core::{
    AuthorId, Bytes, Commitment, EntryHash, FrontierDigest, Hlc, OpRef, Operation,
};

use crate::error::Damage;

/// A decision to forget, kept for good: what it covers and arrives late is born forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Names it; random, or derived from what it decides.
    pub id: [u8; 16],
    /// What it covers, in the policy language's canonical bytes. The store doesn't read them.
    pub predicate: Bytes,
    /// Hash of the policy or predicate that it follows from, as receipts name it.
    pub policy: [u8; 32],
    /// Why, as a number that receipts name.
    pub reason: u8,
    /// Only what was written up to then, in Unix milliseconds.
    pub as_of_ms: u64,
}

impl Cut {
    pub(crate) fn encode(&self) -> Vec<u8> {
        [
            &self.policy[..],
            &[self.reason],
            &self.as_of_ms.to_be_bytes(),
            &self.predicate,
        ]
        .concat()
    }

    pub(crate) fn decode(id: [u8; 16], bytes: &[u8]) -> Result<Self, Damage> {
        const BAD: Damage = Damage::Row("cuts");
        let (policy, rest) = bytes.split_first_chunk::<32>().ok_or(BAD)?;
        let (reason, rest) = rest.split_first().ok_or(BAD)?;
        let (as_of, predicate) = rest.split_first_chunk::<8>().ok_or(BAD)?;
        Ok(Self {
            id,
            predicate: Bytes::copy_from_slice(predicate),
            policy: *policy,
            reason: *reason,
            as_of_ms: u64::from_be_bytes(*as_of),
        })
    }

    /// Whether it is late enough to speak about an entry of this time.
    pub const fn reaches(&self, hlc: Hlc) -> bool {
        hlc.millis() <= self.as_of_ms
    }
}

/// A predicate that its judge can't read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the predicate cannot be read")]
pub struct BadPredicate;

/// Reads predicates: the forget layer implements it, so that the store needn't know the language.
pub trait Judge: Send + Sync + 'static {
    /// Prepares a cut's predicate.
    fn compile(&self, cut: &Cut) -> Result<Box<dyn Covers>, BadPredicate>;
}

/// A predicate, ready to be asked.
pub trait Covers: Send {
    /// Whether it covers an operation, written at this time.
    fn covers(&self, operation: &Operation, hlc: Hlc) -> bool;
}

/// The judge of a store that has no cuts: it can read none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoJudge;

impl Judge for NoJudge {
    fn compile(&self, _: &Cut) -> Result<Box<dyn Covers>, BadPredicate> {
        Err(BadPredicate)
    }
}

/// How an operation came to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was here, and its key was punctured.
    Forgotten,
    /// It came after the cut: its body was never written.
    BornForgotten,
}

/// Something erased that no receipt has been issued for yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Counts erasures of this store from 0.
    pub number: u64,
    /// What.
    pub at: OpRef,
    /// Hash of its entry.
    pub entry: EntryHash,
    /// Its commitment, which stays.
    pub commitment: Commitment,
    /// How.
    pub action: Action,
    /// By which cut.
    pub cut: [u8; 16],
    /// Hash of the policy or predicate.
    pub policy: [u8; 32],
    /// Why, as in the cut.
    pub reason: u8,
    /// The cut's time, in Unix milliseconds.
    pub as_of_ms: u64,
    /// When it was erased, in Unix milliseconds by the local clock.
    pub erased_ms: u64,
    /// The frontier's digest before.
    pub frontier_before: FrontierDigest,
    /// The frontier's digest after: the same, unless something arrived with it.
    pub frontier_after: FrontierDigest,
    /// The keyring's generation before.
    pub keyring_before: u64,
    /// The keyring's generation after; greater unless it was born forgotten.
    pub keyring_after: u64,
    /// The key is punctured and the body dropped. Never seen as false outside of the store.
    pub(crate) done: bool,
}

impl Erasure {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(260);
        out.push(u8::from(self.done));
        out.push(match self.action {
            Action::Forgotten => 0,
            Action::BornForgotten => 1,
        });
        out.push(self.reason);
        out.extend_from_slice(self.at.author.as_bytes());
        out.extend_from_slice(&self.at.seq.to_be_bytes());
        out.extend_from_slice(&self.at.op.to_be_bytes());
        out.extend_from_slice(self.entry.as_bytes());
        out.extend_from_slice(self.commitment.as_bytes());
        out.extend_from_slice(&self.cut);
        out.extend_from_slice(&self.policy);
        out.extend_from_slice(&self.as_of_ms.to_be_bytes());
        out.extend_from_slice(&self.erased_ms.to_be_bytes());
        out.extend_from_slice(self.frontier_before.as_bytes());
        out.extend_from_slice(self.frontier_after.as_bytes());
        out.extend_from_slice(&self.keyring_before.to_be_bytes());
        out.extend_from_slice(&self.keyring_after.to_be_bytes());
        out
    }

    pub(crate) fn decode(number: u64, bytes: &[u8]) -> Result<Self, Damage> {
        const BAD: Damage = Damage::Row("erasures");
        struct Input<'a>(&'a [u8]);
        impl Input<'_> {
            fn take<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
                let (head, rest) = self.0.split_first_chunk::<N>().ok_or(BAD)?;
                self.0 = rest;
                Ok(*head)
            }
        }
        let mut input = Input(bytes);
        let [done, action, reason] = input.take()?;
        Ok(Self {
            number,
            done: done == 1,
            action: match action {
                0 => Action::Forgotten,
                1 => Action::BornForgotten,
                _ => return Err(BAD),
            },
            reason,
            at: OpRef {
                author: AuthorId::from_bytes(input.take()?),
                seq: u64::from_be_bytes(input.take()?),
                op: u16::from_be_bytes(input.take()?),
            },
            entry: EntryHash::from_bytes(input.take()?),
            commitment: Commitment::from_bytes(input.take()?),
            cut: input.take()?,
            policy: input.take()?,
            as_of_ms: u64::from_be_bytes(input.take()?),
            erased_ms: u64::from_be_bytes(input.take()?),
            frontier_before: FrontierDigest::from_bytes(input.take()?),
            frontier_after: FrontierDigest::from_bytes(input.take()?),
            keyring_before: u64::from_be_bytes(input.take()?),
            keyring_after: u64::from_be_bytes(input.take()?),
        })
    }
}

/// What to forget: the decision, and the operations that it selects here and now.
#[derive(Debug, Clone)]
pub struct ForgetRequest {
    /// The decision; it stands from now on.
    pub cut: Cut,
    /// What it selects. Operations that are not here, or forgotten already, are passed over.
    pub targets: Vec<OpRef>,
}

/// What a forget did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// Operations whose keys were punctured.
    pub operations: u64,
    /// Sealed bytes dropped.
    pub bytes: u64,
    /// The keyring's generation after.
    pub keyring_generation: u64,
}

/// Why nothing was forgotten.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ForgetError {
    /// The cut's predicate can't be read by this store's judge.
    #[error("the cut's predicate cannot be read; open the store with the judge that made it")]
    Predicate,
    /// The cut reaches further into the future than an entry could.
    #[error("the cut's time, {as_of_ms}, is in the future; it is {now_ms} here")]
    Future {
        /// The cut's time, in Unix milliseconds.
        as_of_ms: u64,
        /// The clock's.
        now_ms: u64,
    },
    /// A cut with this id exists and decides something else.
    #[error("another cut has the same id")]
    CutExists,
    /// The store is closed or its storage failed.
    #[error(transparent)]
    Actor(#[from] crate::error::ActorError),
}

impl From<crate::error::StorageError> for ForgetError {
    fn from(error: crate::error::StorageError) -> Self {
        Self::Actor(error.into())
    }
}

/// Why free pages could not be scrubbed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ScrubError {
    /// Snapshots are held that still need the old pages.
    #[error("a reader still holds a snapshot; try again when it is gone")]
    Readers,
    /// The store is closed or its storage failed.
    #[error(transparent)]
    Actor(#[from] crate::error::ActorError),
}

impl From<crate::error::StorageError> for ScrubError {
    fn from(error: crate::error::StorageError) -> Self {
        Self::Actor(error.into())
    }
}

//! Receipts: a node's statement that it forgot one operation. Layout: `proto/v1/receipt.md`.

mod codes;
mod json;

pub use self::codes::{Action, Grade, Reason, StateKind};

use nocturne_core::merkle::{TreeHash, leaf_hash};
use nocturne_core::{AuthorId, Commitment, EntryHash, OpBody, OpRef, StoreId};

use crate::cut::CutId;
use crate::layout::{Reader, Short};
use crate::policy::PolicyHash;

/// Length of a receipt's canonical bytes.
pub const RECEIPT_LEN: usize = 303;

const VERSION: u8 = 1;

/// What a node states about one operation that it forgot. Neither key, value, tag nor subject is
/// in it; the commitment says nothing once the body's salt is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The node that forgot, and whose log the receipt stands in.
    pub issuer: AuthorId,
    /// The store.
    pub store: StoreId,
    /// The operation's place.
    pub operation: OpRef,
    /// Hash of the header that the operation stands in.
    pub entry: EntryHash,
    /// The operation's commitment in that header.
    pub commitment: Commitment,
    /// How it came to be forgotten.
    pub action: Action,
    /// The decision that it was forgotten under.
    pub cut: CutId,
    /// Hash of the policy, or of the (blinded) predicate when no policy was named.
    pub policy: PolicyHash,
    /// What kind of selection the decision was.
    pub reason: Reason,
    /// The time that the decision speaks of, in Unix milliseconds.
    pub as_of_ms: u64,
    /// When the receipt was issued, in Unix milliseconds, by the issuer's clock.
    pub issued_ms: u64,
    /// What the two state digests are.
    pub state: StateKind,
    /// The store's state before forgetting.
    pub state_before: [u8; 32],
    /// The store's state after forgetting.
    pub state_after: [u8; 32],
    /// The keyring's generation before forgetting.
    pub keyring_before: u64,
    /// The keyring's generation after forgetting; not before `keyring_before`.
    pub keyring_after: u64,
    /// How thoroughly it was erased.
    pub grade: Grade,
}

/// Bytes that are no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Not as long as a receipt is.
    #[error("a receipt has {RECEIPT_LEN} bytes, this has {0}")]
    Length(usize),
    /// Made by a newer program.
    #[error("receipt version {0} is not known here; a newer nocturne wrote it")]
    Version(u8),
    /// A code without meaning.
    #[error("{code} does not exist as {field}")]
    Code {
        /// Which field.
        field: &'static str,
        /// The code.
        code: u8,
    },
    /// Sequence numbers begin at 1.
    #[error("sequence number 0 does not exist")]
    Seq,
    /// The keyring went backwards.
    #[error("the keyring's generation goes backwards")]
    Keyring,
}

/// A body that is not the one a receipt speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this body is not the one that the receipt says was forgotten")]
#[non_exhaustive]
pub struct OtherBody;

impl Receipt {
    /// Canonical bytes: a fixed layout.
    pub fn encode(&self) -> [u8; RECEIPT_LEN] {
        let mut out = [0; RECEIPT_LEN];
        let parts: [&[u8]; 20] = [
            &[VERSION],
            self.issuer.as_bytes(),
            self.store.as_bytes(),
            self.operation.author.as_bytes(),
            &self.operation.seq.to_be_bytes(),
            &self.operation.op.to_be_bytes(),
            self.entry.as_bytes(),
            self.commitment.as_bytes(),
            &[self.action.number()],
            self.cut.as_bytes(),
            self.policy.as_bytes(),
            &[self.reason.number()],
            &self.as_of_ms.to_be_bytes(),
            &self.issued_ms.to_be_bytes(),
            &[self.state.number()],
            &self.state_before,
            &self.state_after,
            &self.keyring_before.to_be_bytes(),
            &self.keyring_after.to_be_bytes(),
            &[self.grade.number()],
        ];
        for (slot, byte) in out.iter_mut().zip(parts.into_iter().flatten()) {
            *slot = *byte;
        }
        out
    }

    /// Reads canonical bytes. There is one encoding for each receipt.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReceiptError> {
        // The version first: another one may have another length.
        match bytes.first() {
            Some(&VERSION) => {}
            Some(other) => return Err(ReceiptError::Version(*other)),
            None => return Err(ReceiptError::Length(0)),
        }
        if bytes.len() != RECEIPT_LEN {
            return Err(ReceiptError::Length(bytes.len()));
        }
        let receipt =
            Self::read(&mut Reader::new(bytes)).map_err(|error| error.into_error(bytes.len()))?;
        if receipt.operation.seq == 0 {
            return Err(ReceiptError::Seq);
        }
        if receipt.keyring_after < receipt.keyring_before {
            return Err(ReceiptError::Keyring);
        }
        Ok(receipt)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        reader.u8()?;
        Ok(Self {
            issuer: AuthorId::from_bytes(reader.array()?),
            store: StoreId::from_bytes(reader.array()?),
            operation: OpRef {
                author: AuthorId::from_bytes(reader.array()?),
                seq: reader.u64()?,
                op: reader.u16()?,
            },
            entry: EntryHash::from_bytes(reader.array()?),
            commitment: Commitment::from_bytes(reader.array()?),
            action: code("action", reader.u8()?, Action::from_number)?,
            cut: CutId::from_bytes(reader.array()?),
            policy: PolicyHash::from_bytes(reader.array()?),
            reason: code("reason", reader.u8()?, Reason::from_number)?,
            as_of_ms: reader.u64()?,
            issued_ms: reader.u64()?,
            state: code("state kind", reader.u8()?, StateKind::from_number)?,
            state_before: reader.array()?,
            state_after: reader.array()?,
            keyring_before: reader.u64()?,
            keyring_after: reader.u64()?,
            grade: code("grade", reader.u8()?, Grade::from_number)?,
        })
    }

    /// The receipt's leaf in its issuer's log (RFC 9162).
    pub fn leaf(&self) -> TreeHash {
        leaf_hash(&self.encode())
    }

    /// Whether `body` is the one that the receipt says was forgotten: what convicts a node that
    /// still serves it.
    pub fn verify_body_matches(&self, body: &OpBody) -> Result<(), OtherBody> {
        if body.commitment() == self.commitment {
            Ok(())
        } else {
            Err(OtherBody)
        }
    }
}

enum ReadError {
    Short,
    Code { field: &'static str, code: u8 },
}

impl ReadError {
    fn into_error(self, len: usize) -> ReceiptError {
        match self {
            Self::Short => ReceiptError::Length(len),
            Self::Code { field, code } => ReceiptError::Code { field, code },
        }
    }
}

impl From<Short> for ReadError {
    fn from(Short: Short) -> Self {
        Self::Short
    }
}

fn code<T>(
    field: &'static str,
    number: u8,
    from: impl Fn(u8) -> Option<T>,
) -> Result<T, ReadError> {
    from(number).ok_or(ReadError::Code {
        field,
        code: number,
    })
}

#[cfg(test)]
mod tests;

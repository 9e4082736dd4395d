//! What a proof shows, and what it does not.

use std::fmt;

use nocturne_core::merkle::TreeHash;
use nocturne_core::{AuthorId, Hlc};
use serde_json::{Value, json};

use crate::receipt::Receipt;

/// The outcome of a verification that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// True: a proof that does not hold is an error, never a verdict.
    pub valid: bool,
    /// How far the evidence reaches: 1 = one node's own log.
    pub level: u8,
    /// What the proof shows.
    pub claims: Vec<Claim>,
    /// What it does not show, and nobody should read into it.
    pub not_claimed: Vec<NotClaimed>,
}

/// Something that a proof shows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all claims are of the large kind"
)]
pub enum Claim {
    /// The node signed a log of so many receipts.
    Log {
        /// The node.
        node: AuthorId,
        /// How many receipts.
        size: u64,
        /// The log's root.
        root: TreeHash,
    },
    /// The log has only grown since an earlier checkpoint.
    Extends {
        /// How many receipts the log held then.
        size: u64,
        /// Its root then.
        root: TreeHash,
    },
    /// The node states that it forgot an operation, and the statement stands in the log.
    Forgot {
        /// The receipt's place in the log.
        index: u64,
        /// The statement.
        receipt: Receipt,
        /// When the operation was written, if the proof also shows that its author signed an
        /// entry with the receipt's commitment.
        written: Option<Hlc>,
    },
}

/// Something that a proof does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NotClaimed {
    /// That the author ever wrote the operation: the proof carries no signed headers.
    Authorship,
    /// That no copy exists elsewhere.
    NoOtherCopy,
    /// That the storage medium is blank.
    BlankMedium,
    /// That the node told the truth.
    HonestNode,
    /// That the node showed everyone the same log.
    SameLogForAll,
    /// That the node's clock was right.
    Clock,
}

impl NotClaimed {
    /// A short name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorship => "authorship",
            Self::NoOtherCopy => "no_other_copy",
            Self::BlankMedium => "blank_medium",
            Self::HonestNode => "honest_node",
            Self::SameLogForAll => "same_log_for_all",
            Self::Clock => "clock",
        }
    }
}

impl fmt::Display for NotClaimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorship => "that the author ever wrote the operation (no signed headers)",
            Self::NoOtherCopy => "that no copy exists on another node, in a backup or elsewhere",
            Self::BlankMedium => "that the flash or disk holds no remains of the encrypted bytes",
            Self::HonestNode => "that the node really did what it signed",
            Self::SameLogForAll => "that the node shows the same log to everyone",
            Self::Clock => "that the node's clock was right",
        })
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log { node, size, .. } => {
                write!(f, "node {node} signed a log of {size} receipts")
            }
            Self::Extends { size, .. } => {
                write!(f, "the log has only grown since it held {size} receipts")
            }
            Self::Forgot {
                index,
                receipt,
                written,
            } => {
                let Receipt {
                    operation,
                    action,
                    grade,
                    cut,
                    reason,
                    ..
                } = receipt;
                write!(
                    f,
                    "receipt {index}: operation {operation} is {action} ({grade}) under cut {cut} by {reason}"
                )?;
                match written {
                    Some(_) => f.write_str(", and its author signed the entry it stood in"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Claim {
    /// The claim for programs: `claim` is `log`, `extends` or `forgot`.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Log { node, size, root } => json!({
                "claim": "log",
                "node": node.to_string(),
                "size": size,
                "root": root.to_string(),
            }),
            Self::Extends { size, root } => json!({
                "claim": "extends",
                "size": size,
                "root": root.to_string(),
            }),
            Self::Forgot {
                index,
                receipt,
                written,
            } => {
                let mut claim = receipt.to_json();
                if let Some(fields) = claim.as_object_mut() {
                    fields.insert("claim".into(), "forgot".into());
                    fields.insert("index".into(), (*index).into());
                    let written = written.map(|hlc| hlc.to_string());
                    fields.insert("written_hlc".into(), written.into());
                }
                claim
            }
        }
    }
}

impl Verdict {
    /// The verdict for programs: `{"valid", "level", "claims", "not_claimed"}`.
    pub fn to_json(&self) -> Value {
        let claims: Vec<_> = self.claims.iter().map(Claim::to_json).collect();
        let not_claimed: Vec<_> = self.not_claimed.iter().map(|item| item.name()).collect();
        json!({
            "valid": self.valid,
            "level": self.level,
            "claims": claims,
            "not_claimed": not_claimed,
        })
    }
}

//! Everything that can be asked.

use nocturne_core::Operation;
use serde::{Deserialize, Serialize};

use super::fields::JsonHlc;
use crate::bytes_json::JsonBytes;
use crate::mesh::{Access, Role};

/// A request to a node. `store` is a store's name or UUID.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Everything about this node.
    Status,
    /// The members.
    Peers,
    /// Writes operations as one entry.
    Write {
        /// Where.
        store: String,
        /// What; one to 4,096.
        ops: Vec<BatchOp>,
        /// Whether to answer as for a batch (how many) or a single operation (which).
        batch: bool,
    },
    /// Reads one key.
    Get {
        /// Where.
        store: String,
        /// Which.
        key: JsonBytes,
        /// As it was at this moment.
        at: Option<JsonHlc>,
        /// Whether the heads come with their values.
        heads: bool,
    },
    /// Reads a range of keys.
    Scan(ScanSpec),
    /// All versions of a key.
    History {
        /// Where.
        store: String,
        /// Which.
        key: JsonBytes,
    },
    /// Changes as they come, until the asker goes away.
    Watch {
        /// Where.
        store: String,
        /// Only keys that begin with this.
        prefix: JsonBytes,
        /// From this revision on; without it from now on.
        from_revision: Option<u64>,
    },
    /// Compares and exchanges until frontiers are equal.
    Sync {
        /// With whom; without it with all members.
        peer: Option<String>,
        /// How long at most, in milliseconds.
        timeout_ms: u64,
    },
    /// Writes an invite.
    Invite {
        /// How long it lasts, in milliseconds.
        expires_in_ms: u64,
        /// What the joiner becomes.
        role: Role,
        /// What the joiner may do.
        access: Access,
    },
    /// Sets a retention policy.
    PolicySet {
        /// For which store.
        store: String,
        /// Under which name.
        name: String,
        /// TOML or JSON.
        text: String,
    },
    /// A store's policies.
    PolicyList {
        /// Which store.
        store: String,
    },
    /// One policy, explained.
    PolicyShow {
        /// Which store.
        store: String,
        /// Which policy.
        name: String,
    },
    /// Removes a policy.
    PolicyRemove {
        /// Which store.
        store: String,
        /// Which policy.
        name: String,
    },
    /// What a policy would forget now.
    PolicyTest {
        /// Which store.
        store: String,
        /// Which policy.
        name: String,
    },
    /// Forgets on this node.
    Forget {
        /// Where.
        store: String,
        /// What.
        what: ForgetWhat,
        /// Only count.
        dry_run: bool,
    },
    /// The receipts of this node.
    Receipts {
        /// Only of this store.
        store: String,
        /// Only of this cut.
        cut: Option<String>,
        /// Whether to give them as one proof file.
        export: bool,
    },
    /// Checks stores and receipts.
    Verify {
        /// Also every body.
        deep: bool,
    },
}

/// One operation of a [`Request::Write`]; as JSON also a line of `batch`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub enum BatchOp {
    /// Sets a key.
    Put {
        /// Which.
        key: JsonBytes,
        /// To what.
        value: JsonBytes,
        /// Labels.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<JsonBytes>,
        /// Whom it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<JsonBytes>,
    },
    /// Deletes a key.
    Delete {
        /// Which.
        key: JsonBytes,
        /// Labels.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<JsonBytes>,
        /// Whom it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<JsonBytes>,
    },
}

/// A range of keys.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanSpec {
    /// Where.
    pub store: String,
    /// Only keys that begin with this.
    pub prefix: JsonBytes,
    /// From this key on.
    pub from: Option<JsonBytes>,
    /// Up to, but without, this key.
    pub to: Option<JsonBytes>,
    /// Greatest first.
    pub reverse: bool,
    /// At most so many.
    pub limit: Option<u64>,
    /// As it was at this moment.
    pub at: Option<JsonHlc>,
}

/// What to forget.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ForgetWhat {
    /// All versions of one key.
    Key(JsonBytes),
    /// All versions of all keys that begin with this.
    Prefix(JsonBytes),
    /// Everything about this subject.
    Subject(JsonBytes),
    /// What the policy of this name selects.
    Policy(String),
}

impl BatchOp {
    /// The operation that it asks for.
    pub fn into_operation(self) -> Operation {
        let (operation, tags, subject) = match self {
            BatchOp::Put {
                key,
                value,
                tags,
                subject,
            } => (
                Operation::put(key.into_bytes(), value.into_bytes()),
                tags,
                subject,
            ),
            BatchOp::Delete { key, tags, subject } => {
                (Operation::delete(key.into_bytes()), tags, subject)
            }
        };
        let mut operation = operation.with_tags(tags.into_iter().map(JsonBytes::into_bytes));
        operation.subject = subject.map(JsonBytes::into_bytes);
        operation
    }
}

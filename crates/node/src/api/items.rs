//! Everything that can be answered. The fields are those of the `--json` output.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::JsonHlc;
use crate::bytes_json::JsonBytes;
use crate::report::ErrorReport;

/// One thing to show. Ids and hashes are lower-case hex, store ids UUIDs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the fields are those that the command line's page documents"
)]
pub enum Item {
    /// A new mesh.
    Initialised {
        node: String,
        mesh: String,
        stores: InitialStores,
    },
    /// This node.
    Node { node: String },
    /// The daemon takes requests.
    Ready {
        event: String,
        node: String,
        listen: Vec<String>,
        http: Option<String>,
    },
    /// A ticket.
    Invited { ticket: String, expires_at: String },
    /// A mesh was joined.
    Joined {
        mesh: String,
        node: String,
        peers: Vec<String>,
    },
    /// The members.
    Members(Vec<MemberInfo>),
    /// An entry was written.
    Written {
        author: String,
        seq: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        op: Option<u16>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ops: Option<usize>,
        hlc: JsonHlc,
        hash: String,
    },
    /// A key's value.
    Value {
        key: JsonBytes,
        value: JsonBytes,
        hlc: JsonHlc,
        author: String,
        conflict: bool,
        heads: Vec<Head>,
    },
    /// A row of a scan.
    Row {
        key: JsonBytes,
        value: JsonBytes,
        hlc: JsonHlc,
    },
    /// A version of a key.
    Version {
        hlc: JsonHlc,
        author: String,
        seq: u64,
        kind: Option<Action>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<JsonBytes>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        forgotten: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        wanted: bool,
        parents: Vec<String>,
    },
    /// A change.
    Change {
        revision: u64,
        event: Action,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<JsonBytes>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<JsonBytes>,
        author: String,
        seq: u64,
        op: u16,
        hlc: JsonHlc,
    },
    /// What a sync did.
    Synced {
        stores: Vec<StoreSync>,
        peers: Vec<Reached>,
    },
    /// The node and its stores.
    Status {
        node: String,
        mesh: String,
        version: String,
        serving: bool,
        listen: Vec<String>,
        disk_bytes: u64,
        receipts: u64,
        stores: Vec<StoreStatus>,
        peers: Vec<MemberInfo>,
    },
    /// What an import or export moved.
    Moved {
        rows: u64,
        entries: u64,
        bytes: u64,
        elapsed_ms: u64,
    },
    /// A policy was set.
    PolicySaved {
        name: String,
        store: String,
        hash: String,
    },
    /// A store's policies.
    Policies(Vec<PolicyInfo>),
    /// One policy in full.
    Policy {
        name: String,
        store: String,
        hash: String,
        explanation: Vec<String>,
        text: String,
    },
    /// A policy is gone.
    PolicyGone { name: String, store: String },
    /// What a policy would select.
    PolicyTested {
        name: String,
        selected: u64,
        bytes: u64,
        held: u64,
        operations: u64,
        fraction: f64,
    },
    /// What was forgotten.
    Forgotten {
        cut: Option<String>,
        selected: u64,
        bytes: u64,
        held: u64,
        missing_members: Vec<String>,
        level: u8,
        grade: Option<String>,
        receipts: u64,
        dry_run: bool,
    },
    /// A receipt.
    Receipt { index: u64, receipt: Value },
    /// Bytes of a proof file, in order; never printed.
    ProofChunk { hex: String, receipts: u64 },
    /// A proof file was written.
    ProofWritten {
        path: String,
        receipts: u64,
        bytes: u64,
    },
    /// A proof was checked.
    Proof {
        valid: bool,
        level: u8,
        claims: Vec<Value>,
        not_claimed: Vec<Value>,
        /// The same in words, for people.
        #[serde(skip)]
        words: Option<(Vec<String>, Vec<String>)>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<ErrorReport>,
    },
    /// Stores and receipts were checked.
    Verified {
        valid: bool,
        stores: Vec<String>,
        entries: u64,
        receipts: u64,
        problems: Vec<Problem>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<ErrorReport>,
    },
    /// Files that hold a pattern.
    Residue {
        matches: Vec<ResidueMatch>,
        files: u64,
        bytes: u64,
    },
    /// What a demo found: its acts with their claims, and what does not hold, if anything.
    Demonstrated {
        ok: bool,
        claims: usize,
        held: usize,
        elapsed_ms: u64,
        acts: Vec<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<ErrorReport>,
    },
    /// A line for people; absent from `--json`.
    Note { text: String },
}

/// The stores of a new mesh.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InitialStores {
    /// The control plane.
    pub root: String,
    /// The first application store.
    pub main: String,
}

/// A member as this node knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberInfo {
    /// Its id.
    pub node: String,
    /// What people call it.
    pub name: String,
    /// `active`, `dormant` or `removed`.
    pub status: String,
    /// `server` or `device`.
    pub role: String,
    /// `writer` or `reader`.
    pub access: String,
    /// RFC 3339; `null` if this node never met it; now for this node itself.
    pub last_seen: Option<String>,
    /// Whether a connection stands now.
    pub connected: bool,
    /// Entries of all stores that this node has and the peer is not known to have; `null` if it was
    /// not compared with since the daemon started.
    pub lag: Option<u64>,
    /// Whether it is this node.
    pub this: bool,
}

/// A head of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Head {
    /// Who wrote it.
    pub author: String,
    /// In which of its entries.
    pub seq: u64,
    /// Which operation of the entry.
    pub op: u16,
    /// When.
    pub hlc: JsonHlc,
    /// What it does; `null` if its content is not here.
    pub kind: Option<Action>,
    /// Its value, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<JsonBytes>,
}

/// What an operation or event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Sets a value.
    Put,
    /// Removes it.
    Delete,
    /// Was forgotten.
    Forgotten,
}

impl Action {
    /// The word in the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Put => "put",
            Action::Delete => "delete",
            Action::Forgotten => "forgotten",
        }
    }
}

/// What a sync moved in one store, over all peers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StoreSync {
    /// Its id.
    pub store: String,
    /// Its name.
    pub name: String,
    /// Entries that came.
    pub entries_received: u64,
    /// Entries that went.
    pub entries_sent: u64,
    /// Bytes that came, framing included.
    pub bytes_received: u64,
    /// Bytes that went, framing included.
    pub bytes_sent: u64,
    /// How long it took.
    pub elapsed_ms: u64,
}

/// Whether a peer took part in a sync.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reached {
    /// Its id.
    pub node: String,
    /// What people call it.
    pub name: String,
    /// Whether its frontiers now equal ours.
    pub synced: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// One store's status.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoreStatus {
    /// Its id.
    pub store: String,
    /// Its name.
    pub name: String,
    /// Entries applied.
    pub entries: u64,
    /// Keys with a value.
    pub keys: u64,
    /// Digest of the frontier: equal digests, equal stores.
    pub frontier: String,
    /// Root of the authenticated state; this version computes none.
    pub state_root: Option<String>,
    /// What every member has acknowledged; this version collects no acknowledgements.
    pub watermark: Option<String>,
    /// The frontier below which history is gone; this version prunes nothing.
    pub base: Option<String>,
    /// Entries that wait for what they build on.
    pub waiting: u64,
    /// Entries held back because their clock runs ahead.
    pub quarantined: u64,
    /// Operations whose content is not here yet.
    pub wanted: u64,
    /// Operations forgotten here.
    pub forgotten: u64,
    /// Authors caught with two entries in one place.
    pub frozen: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Revision of the last change.
    pub revision: u64,
}

/// A policy in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PolicyInfo {
    /// Its name.
    pub name: String,
    /// Hash of its canonical form.
    pub hash: String,
    /// How many clauses forget; `null` if this version cannot read the policy.
    pub forget_clauses: Option<usize>,
    /// How many clauses retain; `null` if this version cannot read the policy.
    pub retain_clauses: Option<usize>,
}

/// Something that a check found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Problem {
    /// Store or ledger.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// Where a pattern stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResidueMatch {
    /// The file, relative to the data directory.
    pub file: String,
    /// Byte offset from 0.
    pub offset: u64,
}

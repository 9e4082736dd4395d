//! Golden vectors of this crate's formats: what any other implementation must reproduce.
//!
//! Everything is made from fixed inputs; `xtask vectors` writes the result to
//! `proto/v1/vectors/`, and the tests compare it with what is there.

use data_encoding::HEXLOWER;
use nocturne_core::merkle::Tree;
use nocturne_core::{
    AuthorId, Commitment, EntryHash, Header, Hlc, Identity, OpHeader, OpRef, Signature, StoreId,
};
use serde_json::{Value, json};

use crate::checkpoint::{SignedCheckpoint, verifier_key};
use crate::cut::CutId;
use crate::policy::{Policy, Predicate};
use crate::proof::{Bundle, Chain, Earlier, Leaf};
use crate::receipt::{Action, Grade, Reason, Receipt, StateKind};

/// The vectors as one JSON document: `predicates`, `policies`, `receipts`, `checkpoints` and
/// `proofs`, each a list of objects whose byte strings are hexadecimal.
pub fn vectors() -> Value {
    json!({
        "predicates": predicates(),
        "policies": policies(),
        "receipts": receipts(),
        "checkpoints": checkpoints(),
        "proofs": proofs(),
    })
}

fn predicates() -> Vec<Value> {
    let key = || Predicate::key_eq("user/1");
    let tag = || Predicate::has_tag("keep");
    let samples = [
        Predicate::False,
        Predicate::True,
        Predicate::AgeAtLeast {
            age_ms: 2_592_000_000,
        },
        Predicate::key_prefix("log/"),
        key(),
        tag(),
        Predicate::subject_is("alice"),
        key().negated(),
        Predicate::all([tag(), key()]),
        Predicate::any([key(), Predicate::all([tag(), key().negated()])]),
        Predicate::key_prefix("log/").blind([1; 16]),
        key().blind([1; 16]),
        tag().blind([1; 16]),
        Predicate::subject_is("alice").blind([1; 16]),
    ];
    let encoded = samples.iter().filter_map(|predicate| {
        let bytes = predicate.encode().ok()?;
        Some(json!({
            "words": predicate.to_string(),
            "bytes": HEXLOWER.encode(&bytes),
            "hash": predicate.hash().ok()?.to_string(),
        }))
    });
    encoded.collect()
}

fn policies() -> Vec<Value> {
    let logs = Policy::builder()
        .forget_named(
            "old logs",
            Predicate::all([
                Predicate::key_prefix("log/"),
                Predicate::AgeAtLeast {
                    age_ms: 2_592_000_000,
                },
            ]),
        )
        .retain(Predicate::has_tag("keep"))
        .build();
    let everything = Policy::builder().forget(Predicate::True).build();
    let samples = [logs, everything].into_iter().filter_map(Result::ok);
    let encoded = samples.map(|policy| {
        json!({
            "json": policy.to_json(),
            "bytes": HEXLOWER.encode(policy.encode()),
            "hash": policy.hash().to_string(),
            "selector": policy.selector().encode().ok().map(|bytes| HEXLOWER.encode(&bytes)),
        })
    });
    encoded.collect()
}

fn receipts() -> Vec<Value> {
    let forgotten = sample_receipt();
    let born_forgotten = Receipt {
        action: Action::BornForgotten,
        reason: Reason::Subject,
        keyring_before: 9,
        keyring_after: 9,
        grade: Grade::Punctured,
        ..forgotten
    };
    let encoded = [forgotten, born_forgotten].map(|receipt| {
        json!({
            "fields": receipt.to_json(),
            "bytes": HEXLOWER.encode(&receipt.encode()),
            "leaf": receipt.leaf().to_string(),
        })
    });
    encoded.to_vec()
}

fn checkpoints() -> Vec<Value> {
    let identity = node();
    let sample = sample_bundle();
    let encoded = sample.iter().map(|bundle| {
        json!({
            "secret_key": HEXLOWER.encode(&*identity.secret_bytes()),
            "verifier_key": verifier_key(&identity.author()),
            "note": bundle.checkpoint.to_string(),
        })
    });
    encoded.collect()
}

fn proofs() -> Vec<Value> {
    let full = sample_bundle();
    let plain = full.clone().map(|bundle| Bundle {
        earlier: None,
        chains: Vec::new(),
        ..bundle
    });
    let encoded = [plain, full].into_iter().flatten().filter_map(|bundle| {
        Some(json!({
            "bytes": HEXLOWER.encode(&bundle.encode().ok()?),
            "verdict": bundle.verify().ok()?.to_json(),
        }))
    });
    encoded.collect()
}

fn node() -> Identity {
    Identity::from_secret_bytes(&[7; 32])
}

fn writer() -> Identity {
    Identity::from_secret_bytes(&[8; 32])
}

const STORE: StoreId = StoreId::from_bytes([0x5c; 16]);
const AS_OF_MS: u64 = 1_764_600_000_000;

/// A receipt with a different value in every field.
pub(crate) fn sample_receipt() -> Receipt {
    Receipt {
        issuer: node().author(),
        store: STORE,
        operation: OpRef {
            author: AuthorId::from_bytes([0xa1; 32]),
            seq: 258,
            op: 3,
        },
        entry: EntryHash::from_bytes([0xe1; 32]),
        commitment: Commitment::from_bytes([0xc0; 32]),
        action: Action::Forgotten,
        cut: CutId::from_bytes([0xcc; 16]),
        policy: crate::policy::PolicyHash::from_bytes([0x90; 32]),
        reason: Reason::Policy,
        as_of_ms: AS_OF_MS,
        issued_ms: AS_OF_MS + 1,
        state: StateKind::Frontier,
        state_before: [0xb0; 32],
        state_after: [0xb1; 32],
        keyring_before: 4,
        keyring_after: 5,
        grade: Grade::Scrubbed,
    }
}

/// Two headers of one log, the second of which is signed.
fn headers() -> Vec<Header> {
    let header = |seq: u64, prev| Header {
        store: STORE,
        author: writer().author(),
        seq,
        prev,
        hlc: Hlc::from_millis(AS_OF_MS - 1_000 + seq),
        deps: Vec::new(),
        ops: [1, 2]
            .map(|op| OpHeader {
                commitment: Commitment::from_bytes([op; 32]),
                parents: Vec::new(),
            })
            .to_vec(),
    };
    let first = header(4, EntryHash::from_bytes([3; 32]));
    let second = header(5, first.hash());
    vec![first, second]
}

/// A proof of two receipts among seven, with everything that a proof can have.
pub(crate) fn sample_bundle() -> Option<Bundle> {
    let identity = node();
    let headers = headers();
    let first = headers.first()?;
    let receipt = |op: u16, commitment: u8| Receipt {
        operation: OpRef {
            author: first.author,
            seq: first.seq,
            op,
        },
        entry: first.hash(),
        commitment: Commitment::from_bytes([commitment; 32]),
        ..sample_receipt()
    };
    let proven = [receipt(0, 1), receipt(1, 2)];
    let other = |number: u64| Receipt {
        issued_ms: number,
        ..sample_receipt()
    };
    let mut tree: Tree = (0..4).map(|number| other(number).leaf()).collect();
    let earlier = tree.clone();
    tree.extend(proven.iter().map(Receipt::leaf));
    tree.push(other(6).leaf());
    let checkpoint = |tree: &Tree| SignedCheckpoint::sign(&identity, tree.len(), tree.root());
    let hash = headers.last()?.hash();
    let signature: Signature =
        writer().sign(nocturne_core::entry::SIGNATURE_DOMAIN, hash.as_bytes());
    Some(Bundle {
        checkpoint: checkpoint(&tree),
        leaves: (4..)
            .zip(proven)
            .map(|(index, receipt)| Leaf { index, receipt })
            .collect(),
        siblings: tree.inclusion_set(&[4, 5], tree.len()).ok()?,
        earlier: Some(Earlier {
            checkpoint: checkpoint(&earlier),
            path: tree.consistency(earlier.len(), tree.len()).ok()?,
        }),
        chains: vec![Chain::new(headers, signature).ok()?],
    })
}

#[cfg(test)]
mod tests;

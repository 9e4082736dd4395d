//! Golden vectors: inputs and outputs of every format of this crate, for any language to check.
//!
//! They are a function of nothing. `cargo xtask vectors` writes them to `proto/v1/vectors`, one file
//! each; `proto/v1/README.md` says how a field is to be read.

mod entries;

use crate::frontier::{Frontier, LogHead};
use crate::genesis::{Genesis, StoreId, StoreKind};
use crate::hash::EntryHash;
use crate::identity::{AuthorId, Identity};
use crate::operation::{OpBody, OpKind, Operation};

/// One format's vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorFile {
    /// The file's name without its ending.
    pub name: &'static str,
    /// At least one.
    pub cases: Vec<Case>,
}

/// One example, inputs before outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What is special about it.
    pub name: &'static str,
    /// Name and value: lower-case hexadecimal bytes, a decimal number, or a list of these.
    pub fields: Vec<(&'static str, String)>,
}

/// Every golden vector of this crate.
pub fn all() -> Vec<VectorFile> {
    vec![
        file(
            "genesis",
            vec![
                genesis_case("root", &root()),
                genesis_case("application", &application()),
            ],
        ),
        file("operation", operations()),
        file("header", entries::headers()),
        file("run", entries::runs()),
        file("frontier", frontiers()),
        file("fork", entries::forks()),
    ]
}

const fn file(name: &'static str, cases: Vec<Case>) -> VectorFile {
    VectorFile { name, cases }
}

/// Ada's secret key is thirty-two bytes of 1, Bob's of 2, Eve's of 3.
fn person(number: u8) -> Identity {
    Identity::from_secret_bytes(&[number; 32])
}

fn root() -> Genesis {
    Genesis {
        kind: StoreKind::Root,
        creator: person(1).author(),
        created_ms: 1_763_596_800_000,
        mesh: StoreId::ZERO,
        secret: [0xa1; 32],
    }
}

fn application() -> Genesis {
    Genesis {
        kind: StoreKind::Application,
        creator: person(2).author(),
        created_ms: 1_763_596_800_001,
        mesh: root().store_id(),
        secret: [0xa2; 32],
    }
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    data_encoding::HEXLOWER.encode(bytes.as_ref())
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(",")
}

fn genesis_case(name: &'static str, genesis: &Genesis) -> Case {
    let kind = match genesis.kind {
        StoreKind::Root => 0,
        StoreKind::Application => 1,
    };
    Case {
        name,
        fields: vec![
            ("kind", kind.to_string()),
            ("creator", hex(genesis.creator.as_bytes())),
            ("created_ms", genesis.created_ms.to_string()),
            ("mesh", hex(genesis.mesh.as_bytes())),
            ("secret", hex(genesis.secret)),
            ("bytes", hex(genesis.encode())),
            ("hash", hex(genesis.hash().as_bytes())),
            ("store_id", hex(genesis.store_id().as_bytes())),
            ("topic", hex(genesis.topic())),
        ],
    }
}

fn operations() -> Vec<Case> {
    vec![
        operation_case("put", &Operation::put("colour", "green")),
        operation_case("put of nothing", &Operation::put("colour", "")),
        operation_case("delete", &Operation::delete("colour")),
        operation_case(
            "tags and subject",
            &Operation::put("people/7", [0x00, 0xff].to_vec())
                .with_tags(["personal", "draft"])
                .with_subject("ada@example.org"),
        ),
        no_op_case(
            "unknown kind",
            b"\x63\x00\x01k\x00\x00\x00\x00\x00\x00\x00\x00",
        ),
        no_op_case("empty key", b"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
        no_op_case("no bytes", b""),
    ]
}

/// The salt of every body here.
const SALT: [u8; 16] = *b"sixteen of salt!";

/// The body of a valid operation.
#[expect(
    clippy::expect_used,
    reason = "the operations are constants; the tests run this"
)]
fn body(operation: &Operation) -> OpBody {
    OpBody::from_parts(SALT, &operation.encode().expect("a valid operation"))
}

fn operation_case(name: &'static str, operation: &Operation) -> Case {
    let mut case = no_op_case(name, &body(operation).joined().slice(SALT.len()..));
    let kind = match operation.kind {
        OpKind::Put => 1,
        OpKind::Delete => 2,
    };
    case.fields.splice(
        0..0,
        [
            ("kind", kind.to_string()),
            ("key", hex(&operation.key)),
            ("value", hex(&operation.value)),
            ("tags", list(operation.tags.iter().map(hex))),
            (
                "subject",
                hex(operation.subject.as_deref().unwrap_or_default()),
            ),
        ],
    );
    case
}

/// Bytes that are no valid operation have a commitment all the same.
fn no_op_case(name: &'static str, bytes: &[u8]) -> Case {
    let body = OpBody::from_parts(SALT, bytes);
    Case {
        name,
        fields: vec![
            ("valid", u8::from(body.operation().is_ok()).to_string()),
            ("bytes", hex(bytes)),
            ("salt", hex(SALT)),
            ("commitment", hex(body.commitment().as_bytes())),
        ],
    }
}

fn frontiers() -> Vec<Case> {
    let head = |seq, byte| LogHead {
        seq,
        hash: EntryHash::from_bytes([byte; 32]),
    };
    let author = |byte| AuthorId::from_bytes([byte; 32]);
    let one = (author(0x11), head(1, 0xb1));
    let two = (author(0x22), head(258, 0xb2));
    [
        ("empty", vec![]),
        ("one log", vec![one]),
        ("two logs", vec![two, one]),
    ]
    .into_iter()
    .map(|(name, logs)| frontier_case(name, &logs.into_iter().collect()))
    .collect()
}

fn frontier_case(name: &'static str, frontier: &Frontier) -> Case {
    let log =
        |(author, head): (&AuthorId, &LogHead)| format!("{author}:{}:{}", head.seq, head.hash);
    Case {
        name,
        fields: vec![
            ("logs", list(frontier.iter().map(log))),
            ("digest", hex(frontier.digest().as_bytes())),
        ],
    }
}

#[cfg(test)]
mod tests;

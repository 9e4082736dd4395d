//! Vectors of headers, runs, their framing, and fork evidence: Ada and Bob write in one store.

use prost::Message;

use super::{Case, SALT, body, hex, list, person, root};
use crate::entry::{Entry, EntryRef, Header, OpHeader, OpRef, SIGNATURE_DOMAIN};
use crate::fork::{ForkEvidence, SignedChain};
use crate::hash::EntryHash;
use crate::hlc::Hlc;
use crate::identity::Identity;
use crate::operation::{OpBody, Operation};
use crate::run::SignedRun;
use crate::wire::{RunEncoder, messages};

/// An author's log, entry after entry.
struct Log {
    identity: Identity,
    entries: Vec<Entry>,
}

type Part = (OpBody, Vec<OpRef>);

impl Log {
    fn of(person_number: u8) -> Self {
        Self {
            identity: person(person_number),
            entries: Vec::new(),
        }
    }

    fn at(&self, seq: u64) -> EntryRef {
        EntryRef {
            author: self.identity.author(),
            seq,
        }
    }

    fn op(&self, seq: u64, op: u16) -> OpRef {
        OpRef {
            author: self.identity.author(),
            seq,
            op,
        }
    }

    fn push(&mut self, hlc: Hlc, deps: Vec<EntryRef>, parts: Vec<Part>) {
        let (seq, prev) = match self.entries.last() {
            Some(entry) => (entry.header.seq.saturating_add(1), entry.header.hash()),
            None => (1, EntryHash::from(root().hash())),
        };
        let ops = parts.iter().map(|(body, parents)| OpHeader {
            commitment: body.commitment(),
            parents: parents.clone(),
        });
        self.entries.push(Entry {
            header: Header {
                store: root().store_id(),
                author: self.identity.author(),
                seq,
                prev,
                hlc,
                deps,
                ops: ops.collect(),
            },
            bodies: parts.into_iter().map(|(body, _)| Some(body)).collect(),
        });
    }

    #[expect(
        clippy::expect_used,
        reason = "no log here is empty; the tests run this"
    )]
    fn signed(&self) -> SignedRun {
        SignedRun::sign(&self.identity, self.entries.clone()).expect("a run is not empty")
    }
}

/// Ada writes, Bob answers, and each writes on without the other; then Ada merges.
fn story() -> (Log, Log) {
    let at = |ms: u64, count: u64| Hlc::from_bits(Hlc::from_millis(ms).bits() | count);
    let put = |key: &'static str, value: &'static str| body(&Operation::put(key, value));
    let (mut ada, mut bob) = (Log::of(1), Log::of(2));
    ada.push(
        at(1_763_596_801_000, 0),
        vec![],
        vec![(put("colour", "green"), vec![])],
    );
    bob.push(
        at(1_763_596_801_000, 1),
        vec![ada.at(1)],
        vec![
            (put("colour", "blue"), vec![ada.op(1, 0)]),
            (put("shape", "round"), vec![]),
        ],
    );
    ada.push(
        at(1_763_596_802_000, 0),
        vec![],
        vec![(put("colour", "red"), vec![ada.op(1, 0)])],
    );
    let mut both = vec![ada.op(2, 0), bob.op(1, 0)];
    both.sort_unstable();
    ada.push(
        at(1_763_596_803_000, 7),
        vec![bob.at(1)],
        vec![
            (put("colour", "teal"), both),
            (body(&Operation::delete("shape")), vec![bob.op(1, 1)]),
        ],
    );
    bob.push(at(1_763_596_804_000, 0), vec![ada.at(3)], vec![]);
    (ada, bob)
}

fn op_refs(parents: &[OpRef]) -> String {
    list(parents.iter().map(OpRef::to_string))
}

fn header_case(name: &'static str, header: &Header) -> Case {
    let parents: Vec<String> = header.ops.iter().map(|op| op_refs(&op.parents)).collect();
    Case {
        name,
        fields: vec![
            ("store", hex(header.store.as_bytes())),
            ("author", hex(header.author.as_bytes())),
            ("seq", header.seq.to_string()),
            ("prev", hex(header.prev.as_bytes())),
            ("hlc", header.hlc.to_string()),
            ("deps", list(header.deps.iter().map(EntryRef::to_string))),
            (
                "commitments",
                list(header.ops.iter().map(|op| op.commitment.to_string())),
            ),
            ("parents", parents.join(";")),
            ("bytes", hex(header.encode())),
            ("hash", hex(header.hash().as_bytes())),
        ],
    }
}

pub(super) fn headers() -> Vec<Case> {
    let (ada, bob) = story();
    let names = [
        "first entry",
        "parent in the own log",
        "dependency and parents",
    ];
    let of_ada = names.iter().zip(&ada.entries);
    let of_bob = ["two operations", "no operations"];
    of_ada
        .chain(of_bob.iter().zip(&bob.entries))
        .map(|(name, entry)| header_case(name, &entry.header))
        .collect()
}

pub(super) fn runs() -> Vec<Case> {
    let (ada, bob) = story();
    let mut forgotten = Log {
        identity: person(1),
        entries: ada.entries.clone(),
    };
    for body in forgotten
        .entries
        .iter_mut()
        .take(2)
        .flat_map(|entry| &mut entry.bodies)
    {
        *body = None;
    }
    vec![
        run_case("three entries", &ada),
        run_case("two entries", &bob),
        run_case("two bodies absent", &forgotten),
    ]
}

fn run_case(name: &'static str, log: &Log) -> Case {
    let run = log.signed();
    let headers = || log.entries.iter().map(|entry| &entry.header);
    let bodies = log.entries.iter().map(|entry| {
        let joined = |body: &Option<OpBody>| body.as_ref().map(|body| hex(body.joined()));
        list(
            entry
                .bodies
                .iter()
                .map(|body| joined(body).unwrap_or_default()),
        )
    });
    let tip = headers().next_back().map_or(EntryHash::ZERO, Header::hash);
    let mut encoder = RunEncoder::new();
    let message = messages::Runs {
        runs: encoder.run(&run).into_iter().collect(),
        new_authors: encoder.take_new_authors(),
    };
    let framed = message
        .runs
        .first()
        .map(Message::encode_to_vec)
        .unwrap_or_default();
    Case {
        name,
        fields: vec![
            ("author_secret", hex(log.identity.secret_bytes().as_slice())),
            ("author", hex(log.identity.author().as_bytes())),
            ("salt", hex(SALT)),
            (
                "headers",
                list(headers().map(|header| hex(header.encode()))),
            ),
            ("bodies", bodies.collect::<Vec<_>>().join(";")),
            (
                "hashes",
                list(headers().map(|header| header.hash().to_string())),
            ),
            (
                "signed_message",
                hex([SIGNATURE_DOMAIN.as_bytes(), &[0], tip.as_bytes()].concat()),
            ),
            ("signature", hex(run.signature().as_bytes())),
            ("new_authors", list(message.new_authors.iter().map(hex))),
            ("run_message", hex(framed)),
            ("runs_message", hex(message.encode_to_vec())),
        ],
    }
}

pub(super) fn forks() -> Vec<Case> {
    // Eve's second entry exists twice; one of the two is signed with what followed it.
    let mut one = Log::of(3);
    one.push(Hlc::from_millis(1_763_596_805_000), vec![], vec![]);
    let mut other = Log {
        identity: person(3),
        entries: one.entries.clone(),
    };
    let hello = |value: &'static str| vec![(body(&Operation::put("hello", value)), vec![])];
    one.push(Hlc::from_millis(1_763_596_806_000), vec![], hello("Ada"));
    other.push(Hlc::from_millis(1_763_596_806_000), vec![], hello("Bob"));
    other.push(Hlc::from_millis(1_763_596_807_000), vec![], vec![]);
    let chain = |log: &Log, skip: usize| SignedChain {
        headers: log
            .entries
            .iter()
            .skip(skip)
            .map(|entry| entry.header.clone())
            .collect(),
        signature: log.signed().signature(),
    };
    vec![
        fork_case("second entry twice", chain(&one, 1), chain(&other, 1)),
        fork_case(
            "third entry after another",
            chain(&one, 1),
            chain(&other, 2),
        ),
    ]
}

fn fork_case(name: &'static str, one: SignedChain, other: SignedChain) -> Case {
    let headers =
        |chain: &SignedChain| list(chain.headers.iter().map(|header| hex(header.encode())));
    let evidence = ForkEvidence { one, other };
    Case {
        name,
        fields: vec![
            ("author", hex(person(3).author().as_bytes())),
            ("seq", 2.to_string()),
            ("one_headers", headers(&evidence.one)),
            ("one_signature", hex(evidence.one.signature.as_bytes())),
            ("other_headers", headers(&evidence.other)),
            ("other_signature", hex(evidence.other.signature.as_bytes())),
            ("bytes", hex(evidence.encode())),
        ],
    }
}

//! Headers: one encoding each, every rule and limit held, whatever the bytes.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{Log, Seeded, any_header, body, damage};
use crate::operation::Operation;

fn author(number: u16) -> AuthorId {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    AuthorId::from_bytes(bytes)
}

fn op(parents: Vec<OpRef>) -> OpHeader {
    OpHeader {
        commitment: Commitment::ZERO,
        parents,
    }
}

fn parent(number: u16, seq: u64, op: u16) -> OpRef {
    OpRef {
        author: author(number),
        seq,
        op,
    }
}

fn dep(number: u16, seq: u64) -> EntryRef {
    EntryRef {
        author: author(number),
        seq,
    }
}

/// Author 500's fifth entry.
fn header() -> Header {
    Header {
        store: StoreId::ZERO,
        author: author(500),
        seq: 5,
        prev: EntryHash::ZERO,
        hlc: Hlc::from_millis(1),
        deps: vec![],
        ops: vec![],
    }
}

proptest! {
    #[test]
    fn decode_of_encode_is_the_header(header in any_header()) {
        let bytes = header.encode();
        prop_assert_eq!(bytes.len(), header.encoded_len());
        prop_assert_eq!(Header::decode(&bytes), Ok(header));
    }

    #[test]
    fn whatever_decodes_is_canonical(header in any_header(), seed in any::<u64>()) {
        let mut bytes = header.encode();
        damage(&mut bytes, &mut Seeded(seed));
        if let Ok(read) = Header::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    #[test]
    fn random_bytes_are_refused_quietly(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let versioned = [&[VERSION], &bytes[..]].concat();
        for bytes in [bytes, versioned] {
            if let Ok(read) = Header::decode(&bytes) {
                prop_assert_eq!(read.encode(), bytes);
            }
        }
    }

    #[test]
    fn different_headers_have_different_hashes(one in any_header(), other in any_header()) {
        prop_assert_eq!(one.hash() == other.hash(), one == other);
    }
}

#[test]
fn every_prefix_and_every_addition_is_refused() {
    let header = Header {
        deps: vec![dep(1, 1)],
        ops: vec![op(vec![parent(1, 1, 0)]), op(vec![])],
        ..header()
    };
    let bytes = header.encode();
    for len in 0..bytes.len() {
        let cut = Header::decode(&bytes[..len]);
        assert_eq!(cut, Err(HeaderError::Layout), "{len}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Header::decode(&longer), Err(HeaderError::Layout));
    let mut newer = bytes;
    newer[0] = 2;
    assert_eq!(Header::decode(&newer), Err(HeaderError::Version(2)));
}

#[test]
fn counts_are_inclusive_limits() {
    let deps = |count: u16| Header {
        deps: (0..count).map(|number| dep(number, 1)).collect(),
        ..header()
    };
    let parents = |count: u16| Header {
        ops: vec![op((0..count).map(|number| parent(number, 1, 0)).collect())],
        ..header()
    };
    let ops = |count: usize| Header {
        ops: vec![op(vec![]); count],
        ..header()
    };
    for fits in [deps(64), parents(1_024), ops(4_096)] {
        assert_eq!(fits.check(), Ok(()));
        assert_eq!(Header::decode(&fits.encode()), Ok(fits));
    }
    for (over, error) in [
        (deps(65), HeaderError::TooManyDeps(65)),
        (parents(1_025), HeaderError::TooManyParents(1_025)),
        (ops(4_097), HeaderError::TooManyOps(4_097)),
    ] {
        assert_eq!(over.check(), Err(error));
        assert_eq!(Header::decode(&over.encode()), Err(error));
    }
    // Counts that the layout cannot hold don't wrap around into small ones.
    assert_eq!(
        Header::decode(&ops(65_536).encode()),
        Err(HeaderError::TooManyOps(65_535))
    );
}

#[test]
fn order_is_part_of_the_form() {
    let deps = |deps| Header { deps, ..header() }.check();
    let parents = |parents| {
        Header {
            ops: vec![op(parents)],
            ..header()
        }
        .check()
    };
    assert_eq!(deps(vec![dep(1, 9), dep(2, 1)]), Ok(()));
    for bad in [
        vec![dep(2, 1), dep(1, 1)],
        vec![dep(1, 1), dep(1, 2)],
        vec![dep(1, 1), dep(1, 1)],
        vec![dep(1, 0)],
        vec![dep(500, 4)],
    ] {
        assert_eq!(deps(bad.clone()), Err(HeaderError::DepOrder), "{bad:?}");
    }
    assert_eq!(
        parents(vec![parent(1, 9, 0), parent(1, 9, 1), parent(500, 4, 0)]),
        Ok(())
    );
    for bad in [
        vec![parent(1, 2, 0), parent(1, 1, 0)],
        vec![parent(1, 1, 1), parent(1, 1, 0)],
        vec![parent(1, 1, 0), parent(1, 1, 0)],
        vec![parent(1, 0, 0)],
        vec![parent(500, 5, 0)],
        vec![parent(500, 6, 0)],
    ] {
        assert_eq!(
            parents(bad.clone()),
            Err(HeaderError::ParentOrder),
            "{bad:?}"
        );
    }
    let zero = Header { seq: 0, ..header() };
    assert_eq!(zero.check(), Err(HeaderError::Seq));
}

#[test]
fn a_header_alone_is_bounded_too() {
    let full: Vec<OpRef> = (0..1_024).map(|number| parent(number, 1, 0)).collect();
    let ops = |count| Header {
        ops: vec![op(full.clone()); count],
        ..header()
    };
    assert_eq!(ops(97).check(), Ok(()));
    let over = ops(98);
    assert!(over.encoded_len() > MAX_ENTRY_BYTES);
    let error = HeaderError::TooLarge(over.encoded_len());
    assert_eq!(over.check(), Err(error));
    assert_eq!(Header::decode(&over.encode()), Err(error));
}

#[test]
fn the_entry_size_is_an_inclusive_limit_on_what_is_carried() {
    let mut log = Log::new(1);
    log.push(vec![], vec![(body(&Operation::delete("k")), vec![])]);
    let mut entry = log.entries.remove(0);
    let room = MAX_ENTRY_BYTES - entry.header.encoded_len() - 16;
    let with = |entry: &mut Entry, len: usize| {
        entry.bodies = vec![Some(OpBody::from_parts([0; 16], &vec![0; len]))];
        entry.check()
    };
    assert_eq!(with(&mut entry, room), Ok(()));
    assert_eq!(entry.size(), MAX_ENTRY_BYTES);
    assert_eq!(
        with(&mut entry, room + 1),
        Err(HeaderError::TooLarge(MAX_ENTRY_BYTES + 1))
    );
    entry.bodies = vec![None];
    assert_eq!(entry.check(), Ok(()));
    for bodies in [vec![], vec![None, None]] {
        entry.bodies = bodies;
        assert_eq!(entry.check(), Err(HeaderError::BodyCount));
    }
}

#[test]
fn nothing_of_the_operation_stands_in_the_header() {
    let mut log = Log::new(1);
    let secret = Operation::put("the-key-itself", "the-value-itself")
        .with_tags(["the-tag-itself"])
        .with_subject("the-subject-itself");
    log.push(vec![], vec![(body(&secret), vec![])]);
    let bytes = log.entries[0].header.encode();
    let shown = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    for part in ["key", "value", "tag", "subject"].map(|name| format!("the-{name}-itself")) {
        assert!(!shown(part.as_bytes()), "{part}");
    }
    // The salt neither: the commitment would be guessable.
    assert!(!shown(&[7; 16]));
}

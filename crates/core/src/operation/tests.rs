//! Operations: one encoding each, every limit held.

use proptest::prelude::*;

use super::*;

fn bytes(range: std::ops::Range<usize>) -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), range).prop_map(Bytes::from)
}

fn operation() -> impl Strategy<Value = Operation> {
    (
        any::<bool>(),
        bytes(1..40),
        bytes(0..200),
        prop::collection::vec(bytes(1..10), 0..5),
        prop::option::of(bytes(1..20)),
    )
        .prop_map(|(put, key, value, tags, subject)| {
            let op = if put {
                Operation::put(key, value)
            } else {
                Operation::delete(key)
            };
            Operation {
                subject,
                ..op.with_tags(tags)
            }
        })
}

proptest! {
    #[test]
    fn decode_of_encode_is_the_operation(op in operation()) {
        let encoded = op.encode().unwrap();
        prop_assert_eq!(Operation::decode(&encoded), Ok(op));
    }

    #[test]
    fn whatever_decodes_is_canonical(raw in bytes(0..64)) {
        if let Ok(op) = Operation::decode(&raw) {
            prop_assert_eq!(op.encode().unwrap(), raw);
        }
    }

    #[test]
    fn a_changed_byte_changes_the_commitment(op in operation(), at in any::<prop::sample::Index>()) {
        let body = OpBody::from_parts([7; SALT_LEN], &op.encode().unwrap());
        let mut joined = body.joined().to_vec();
        let at = at.index(joined.len());
        joined[at] ^= 1;
        let other = OpBody::from_joined(Bytes::from(joined)).unwrap();
        prop_assert_ne!(other.commitment(), body.commitment());
    }
}

#[test]
fn limits_are_inclusive() {
    let key = |len| Operation::put(vec![b'k'; len], "v").encode().map(|_| ());
    assert_eq!(key(0), Err(InvalidOperation::EmptyKey));
    assert_eq!(key(MAX_KEY_LEN), Ok(()));
    assert_eq!(
        key(MAX_KEY_LEN + 1),
        Err(InvalidOperation::KeyTooLong(MAX_KEY_LEN + 1))
    );
    let value = |len| Operation::put("k", vec![0; len]).encode().map(|_| ());
    assert_eq!(value(MAX_VALUE_LEN), Ok(()));
    assert_eq!(
        value(MAX_VALUE_LEN + 1),
        Err(InvalidOperation::ValueTooLong(MAX_VALUE_LEN + 1))
    );
    let tag = |len| {
        Operation::put("k", "v")
            .with_tags([vec![b't'; len]])
            .check()
    };
    assert_eq!(tag(0), Err(InvalidOperation::TagLength(0)));
    assert_eq!(tag(MAX_TAG_LEN), Ok(()));
    assert_eq!(
        tag(MAX_TAG_LEN + 1),
        Err(InvalidOperation::TagLength(MAX_TAG_LEN + 1))
    );
    let subject = |len| {
        Operation::put("k", "v")
            .with_subject(vec![b's'; len])
            .check()
    };
    assert_eq!(subject(0), Err(InvalidOperation::SubjectLength(0)));
    assert_eq!(subject(MAX_SUBJECT_LEN), Ok(()));
    let many = Operation::put("k", "v").with_tags((0..=MAX_TAGS).map(|n| format!("{n}")));
    assert_eq!(
        many.check(),
        Err(InvalidOperation::TooManyTags(MAX_TAGS + 1))
    );
}

#[test]
fn what_is_no_operation_is_named() {
    let valid = Operation::put("k", "v").encode().unwrap();
    for len in 0..valid.len() {
        assert!(Operation::decode(&valid.slice(..len)).is_err(), "{len}");
    }
    let mut unknown = valid.to_vec();
    unknown[0] = 77;
    assert_eq!(
        Operation::decode(&Bytes::from(unknown)),
        Err(InvalidOperation::Kind(77))
    );
    let mut delete = valid.to_vec();
    delete[0] = 2;
    assert_eq!(
        Operation::decode(&Bytes::from(delete)),
        Err(InvalidOperation::DeleteWithValue)
    );
}

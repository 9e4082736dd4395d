//! Canonical bytes: they round-trip, and nothing else is accepted.

use proptest::prelude::*;

use super::*;
use crate::policy::MAX_AGE_MS;

fn text() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 1..20).prop_map(Bytes::from)
}

pub(crate) fn predicates() -> impl Strategy<Value = Predicate> {
    let leaf = prop_oneof![
        Just(Predicate::False),
        Just(Predicate::True),
        (0..=MAX_AGE_MS).prop_map(|age_ms| Predicate::AgeAtLeast { age_ms }),
        text().prop_map(Predicate::KeyPrefix),
        text().prop_map(Predicate::KeyEq),
        text().prop_map(Predicate::HasTag),
        text().prop_map(Predicate::SubjectIs),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Predicate::all),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Predicate::any),
            inner.prop_map(Predicate::negated),
        ]
    })
}

fn policies() -> impl Strategy<Value = Policy> {
    let clauses = || prop::collection::vec((prop::option::of("[a-z é]{1,9}"), predicates()), 1..4);
    (clauses(), clauses(), any::<bool>()).prop_map(|(forget, retain, keep)| {
        let make = |clauses: Vec<(Option<String>, Predicate)>| {
            let clauses = clauses.into_iter();
            clauses
                .map(|(name, when)| Clause::new(name, when))
                .collect()
        };
        let retain = if keep { make(retain) } else { Vec::new() };
        Policy::new(retain, make(forget)).unwrap()
    })
}

proptest! {
    #[test]
    fn a_predicate_survives_its_encoding(predicate in predicates(), salt in any::<[u8; 16]>()) {
        for predicate in [predicate.blind(salt), predicate] {
            let bytes = predicate.encode().unwrap();
            prop_assert_eq!(Predicate::decode(&bytes), Ok(predicate));
        }
    }

    #[test]
    fn a_policy_survives_its_encoding(policy in policies()) {
        prop_assert_eq!(Policy::decode(policy.encode()), Ok(policy));
    }

    #[test]
    fn what_decodes_is_the_one_encoding(
        predicate in predicates(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = predicate.encode().unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(decoded) = Predicate::decode(&bytes) {
            prop_assert_eq!(decoded.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Predicate::decode(&bytes);
        let _ = Policy::decode(&bytes);
        let prefixed = [&[VERSION, PREDICATE][..], &bytes].concat();
        if let Ok(decoded) = Predicate::decode(&prefixed) {
            prop_assert_eq!(decoded.encode().unwrap(), prefixed);
        }
    }

    #[test]
    fn a_policy_decides_as_its_selector(policy in policies(), key in "[a-c]{1,3}", age in 0..9_u64) {
        let facts = crate::policy::Facts {
            key: key.as_bytes(),
            tags: &[],
            subject: None,
            created_ms: 1,
            size: 1,
        };
        let as_of = age + 1;
        prop_assert_eq!(policy.selects(&facts, as_of), policy.selector().matches(&facts, as_of));
    }
}

#[test]
fn only_canonical_bytes_are_accepted() {
    let a = [op::HAS_TAG, 0, 1, b'a'];
    let b = [op::HAS_TAG, 0, 1, b'b'];
    let and = |operands: &[&[u8]]| {
        let count = u8::try_from(operands.len()).unwrap();
        [
            &[VERSION, PREDICATE, op::AND, 0, count][..],
            &operands.concat(),
        ]
        .concat()
    };
    assert!(Predicate::decode(&and(&[&a, &b])).is_ok());
    for operands in [&[&b[..], &a][..], &[&a, &a], &[&a], &[]] {
        assert_eq!(
            Predicate::decode(&and(operands)),
            Err(DecodeError::Operands)
        );
    }
    let nested = [&[op::AND, 0, 2][..], &a, &b].concat();
    assert_eq!(
        Predicate::decode(&and(&[&nested, &a])),
        Err(DecodeError::Operands)
    );
    for (bytes, expected) in [
        (&[][..], DecodeError::Layout),
        (&[9, 1, 1], DecodeError::Version(9)),
        (&[1, 2, 1], DecodeError::Kind(2)),
        (&[1, 1], DecodeError::Layout),
        (&[1, 1, 1, 0], DecodeError::Layout),
        (&[1, 1, 0x11], DecodeError::Reserved(0x11)),
        (&[1, 1, 0x99], DecodeError::Unknown(0x99)),
        (&[1, 1, 0x20, 0, 2, b'a'], DecodeError::Layout),
        (
            &[1, 1, 0x10, 1, 0, 0, 0, 0, 0, 0, 0],
            PredicateError::Age(1 << 56).into(),
        ),
        (
            &[1, 1, 0x20, 0, 0],
            PredicateError::Length {
                operand: "key prefix",
                len: 0,
                max: 4096,
            }
            .into(),
        ),
    ] {
        assert_eq!(Predicate::decode(bytes), Err(expected), "{bytes:02x?}");
    }
}

#[test]
fn deep_and_wide_inputs_are_refused_early() {
    let mut deep = vec![VERSION, PREDICATE];
    deep.extend(vec![op::NOT; 60_000]);
    deep.push(op::TRUE);
    assert_eq!(
        Predicate::decode(&deep),
        Err(PredicateError::TooDeep.into())
    );
    let mut wide = vec![VERSION, PREDICATE, op::OR, 0xff, 0xff];
    for number in 0..9_000_u16 {
        wide.extend([op::KEY_EQ, 0, 2]);
        wide.extend(number.to_be_bytes());
    }
    assert_eq!(
        Predicate::decode(&wide),
        Err(PredicateError::TooManyNodes.into())
    );
    let huge = vec![0; MAX_ENCODED + 1];
    assert_eq!(
        Predicate::decode(&huge),
        Err(PredicateError::TooLarge(MAX_ENCODED + 1).into())
    );
}

#[test]
fn a_policy_without_a_forget_clause_is_refused() {
    assert_eq!(
        Policy::decode(&[1, 2, 0, 0, 0, 0]),
        Err(PolicyError::NoForgetClause.into())
    );
    assert_eq!(
        Policy::decode(&[1, 2, 0, 0, 0, 1, 0, 1, 0xff, 1]),
        Err(DecodeError::Name)
    );
}

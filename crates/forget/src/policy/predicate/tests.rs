//! Evaluation, normal form and limits of predicates.

use super::*;

const DAY_MS: u64 = 86_400_000;

fn facts<'a>(key: &'a str, tags: &'a [Bytes], subject: Option<&'a str>) -> Facts<'a> {
    Facts {
        key: key.as_bytes(),
        tags,
        subject: subject.map(str::as_bytes),
        created_ms: 100 * DAY_MS,
        size: 64,
    }
}

#[test]
fn each_condition_matches_what_it_says() {
    let tags = [Bytes::from("a"), Bytes::from("b")];
    let facts = facts("log/1", &tags, Some("alice"));
    let now = 110 * DAY_MS;
    let p = Predicate::key_eq("log/1");
    for (predicate, expected) in [
        (Predicate::True, true),
        (Predicate::False, false),
        (p.clone(), true),
        (Predicate::key_eq("log/"), false),
        (Predicate::key_prefix("log/"), true),
        (Predicate::key_prefix("log/12"), false),
        (Predicate::has_tag("b"), true),
        (Predicate::has_tag("c"), false),
        (Predicate::subject_is("alice"), true),
        (Predicate::subject_is("ali"), false),
        (Predicate::age_at_least(Duration::from_hours(240)), true),
        (
            Predicate::AgeAtLeast {
                age_ms: 10 * DAY_MS + 1,
            },
            false,
        ),
        (p.clone().negated(), false),
        (Predicate::all([p.clone(), Predicate::has_tag("a")]), true),
        (Predicate::all([p.clone(), Predicate::has_tag("c")]), false),
        (Predicate::any([p.clone(), Predicate::has_tag("c")]), true),
        (
            Predicate::any([Predicate::False, Predicate::has_tag("c")]),
            false,
        ),
    ] {
        assert_eq!(predicate.matches(&facts, now), expected, "{predicate}");
        let blinded = predicate.blind([7; 16]);
        assert_eq!(
            blinded.matches(&facts, now),
            expected,
            "blinded {predicate}"
        );
    }
}

#[test]
fn what_has_no_subject_matches_none() {
    let facts = facts("k", &[], None);
    assert!(!Predicate::subject_is("alice").matches(&facts, 0));
    assert!(
        !Predicate::subject_is("alice")
            .blind([1; 16])
            .matches(&facts, 0)
    );
}

#[test]
fn what_is_later_than_the_time_asked_about_has_no_age() {
    let facts = facts("k", &[], None);
    let zero = Predicate::AgeAtLeast { age_ms: 0 };
    assert!(!zero.matches(&facts, 100 * DAY_MS - 1));
    assert!(zero.matches(&facts, 100 * DAY_MS));
}

#[test]
fn all_and_any_have_one_form() {
    let (a, b, c) = (
        Predicate::key_eq("a"),
        Predicate::key_eq("b"),
        Predicate::key_eq("c"),
    );
    let nested = Predicate::all([c.clone(), Predicate::all([b.clone(), a.clone()]), b.clone()]);
    assert_eq!(nested, Predicate::all([a.clone(), b.clone(), c.clone()]));
    assert_eq!(Predicate::all([a.clone(), a.clone()]), a);
    assert_eq!(Predicate::all([]), Predicate::True);
    assert_eq!(Predicate::any([]), Predicate::False);
    assert_ne!(
        Predicate::any([a.clone(), b.clone()]).hash(),
        Predicate::all([a, b]).hash()
    );
}

#[test]
fn what_is_over_a_limit_has_no_encoding() {
    let mut deep = Predicate::True;
    for _ in 0..MAX_DEPTH {
        deep = deep.negated();
    }
    assert_eq!(deep.encode(), Err(PredicateError::TooDeep));
    let wide = Predicate::any((0..=MAX_NODES).map(|n| Predicate::key_eq(n.to_string())));
    assert_eq!(wide.encode(), Err(PredicateError::TooManyNodes));
    let large = Predicate::any((0..20).map(|n| Predicate::key_eq(vec![n; MAX_KEY_LEN])));
    assert!(matches!(large.encode(), Err(PredicateError::TooLarge(_))));
    for (predicate, operand, len, max) in [
        (Predicate::key_prefix(""), "key prefix", 0, MAX_KEY_LEN),
        (Predicate::key_eq(vec![0; 4097]), "key", 4097, MAX_KEY_LEN),
        (Predicate::has_tag(vec![0; 257]), "tag", 257, MAX_TAG_LEN),
        (Predicate::subject_is(""), "subject", 0, MAX_SUBJECT_LEN),
    ] {
        let expected = PredicateError::Length { operand, len, max };
        assert_eq!(predicate.encode(), Err(expected));
    }
    assert_eq!(
        Predicate::age_at_least(Duration::MAX).encode(),
        Err(PredicateError::Age(u64::MAX))
    );
}

#[test]
fn a_blinded_predicate_names_nothing_and_depends_on_its_salt() {
    let clear = Predicate::any([
        Predicate::key_eq("secret-key"),
        Predicate::key_prefix("secret-prefix"),
        Predicate::has_tag("secret-tag"),
        Predicate::subject_is("secret-subject"),
    ]);
    let blinded = clear.blind([1; 16]).encode().unwrap();
    assert!(!blinded.windows(6).any(|window| window == b"secret"));
    assert_ne!(blinded, clear.blind([2; 16]).encode().unwrap());
    // A key that equals a subject is not recognised as one.
    let facts = facts("secret-subject", &[], None);
    assert!(!clear.blind([1; 16]).matches(&facts, 0));
}

//! Decisions, and policies that cannot be.

use super::*;

#[test]
fn retain_outweighs_forget_and_the_clauses_are_named() {
    let policy = Policy::builder()
        .forget(Predicate::key_prefix("tmp/"))
        .forget(Predicate::key_prefix("log/"))
        .retain(Predicate::subject_is("bob"))
        .retain(Predicate::key_eq("log/1"))
        .build()
        .unwrap();
    let decide = |key: &[u8]| {
        let facts = Facts {
            key,
            tags: &[],
            subject: None,
            created_ms: 0,
            size: 0,
        };
        policy.decide(&facts, 0)
    };
    assert_eq!(decide(b"other"), Decision::Untouched);
    assert_eq!(decide(b"log/2"), Decision::Forget { forget: 1 });
    assert_eq!(
        decide(b"log/1"),
        Decision::Retained {
            forget: 1,
            retain: 1
        }
    );
}

#[test]
fn policies_that_cannot_be() {
    let forget = || Policy::builder().forget(Predicate::True);
    assert_eq!(
        Policy::builder().retain(Predicate::True).build(),
        Err(PolicyError::NoForgetClause)
    );
    assert_eq!(
        forget().retain_named("", Predicate::True).build(),
        Err(PolicyError::NameLength(0))
    );
    assert_eq!(
        forget().retain_named("a\u{1b}[2J", Predicate::True).build(),
        Err(PolicyError::NameControl)
    );
    let many = (0..=MAX_CLAUSES).fold(Policy::builder(), |builder, _| {
        builder.forget(Predicate::True)
    });
    assert_eq!(
        many.build(),
        Err(PolicyError::TooManyClauses(MAX_CLAUSES + 1))
    );
    let heavy = (0..20).fold(Policy::builder(), |builder, number| {
        builder.forget(Predicate::key_eq(vec![number; 4_000]))
    });
    assert!(matches!(
        heavy.build(),
        Err(PolicyError::Predicate(PredicateError::TooLarge(_)))
    ));
}

#[test]
fn the_hash_covers_names_and_order() {
    let one = Policy::builder().forget(Predicate::True).build().unwrap();
    let named = Policy::builder()
        .forget_named("n", Predicate::True)
        .build()
        .unwrap();
    assert_ne!(one.hash(), named.hash());
    assert_eq!(one.hash().to_string().parse(), Ok(one.hash()));
}

//! Words for policies.

use super::*;

#[test]
fn a_policy_reads_as_sentences() {
    let policy = Policy::builder()
        .forget_named(
            "old logs",
            Predicate::all([
                Predicate::key_prefix("log/"),
                Predicate::AgeAtLeast {
                    age_ms: 30 * 86_400_000,
                },
            ]),
        )
        .forget(Predicate::any([
            Predicate::key_eq(vec![0xff, 0]),
            Predicate::all([
                Predicate::has_tag("a\"b"),
                Predicate::subject_is("x").negated(),
            ]),
        ]))
        .retain(Predicate::has_tag("keep"))
        .build()
        .unwrap();
    assert_eq!(
        policy.explain(),
        "Forgets an operation if\n  \
           - it is at least 30 days old and the key begins with \"log/\"  (old logs)\n  \
           - or (not (its subject is \"x\") and it is tagged \"a\\\"b\") or the key is 0xff00\n\
         Keeps it all the same if\n  \
           - it is tagged \"keep\"\n"
    );
}

#[test]
fn ages_are_exact() {
    for (ms, words, short) in [
        (0, "0 days", "0s"),
        (1, "1 millisecond", "1ms"),
        (90 * 60_000, "1 hour 30 minutes", "1h 30m"),
        (365 * 86_400_000 + 2_000, "365 days 2 seconds", "365d 2s"),
    ] {
        assert_eq!(Age(ms).to_string(), words);
        assert_eq!(written(ms), short);
    }
}

//! Policies as text: what is read, and how what is wrong is reported.

use proptest::prelude::*;

use super::*;
use crate::policy::{Policy, Predicate};

fn shown(error: &ParsePolicyError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}. {hint}"),
        None => error.to_string(),
    }
}

/// The error for a policy in both notations, which must say the same but for the place.
fn toml(text: &str) -> String {
    shown(&Policy::from_toml(text).unwrap_err())
}

fn json(text: &str) -> String {
    shown(&Policy::from_json(text).unwrap_err())
}

#[test]
fn both_notations_give_the_same_policy() {
    let from_toml = Policy::from_toml(
        r#"
        [[forget]]
        name = "old logs"
        when = { all = [ { key_prefix = "log/" }, { age_at_least = "30d" } ] }

        [[forget]]
        when.any = [ { key_eq = { hex = "00FF" } }, { not = { subject_is = "alice" } }, false ]

        [[retain]]
        when = { has_tag = "keep" }
        "#,
    )
    .unwrap();
    let from_json = Policy::from_json(
        r#"{
          "forget": [
            {"name": "old logs",
             "when": {"all": [{"age_at_least": "4weeks 2d"}, {"key_prefix": "lo\u0067/"}]}},
            {"when": {"any": [false, {"key_eq": {"hex": "00ff"}}, {"not": {"subject_is": "alice"}}]}}
          ],
          "retain": [{"when": {"has_tag": "keep"}}]
        }"#,
    )
    .unwrap();
    let built = Policy::builder()
        .forget_named(
            "old logs",
            Predicate::all([
                Predicate::AgeAtLeast {
                    age_ms: 30 * 86_400_000,
                },
                Predicate::key_prefix("log/"),
            ]),
        )
        .forget(Predicate::any([
            Predicate::key_eq(vec![0, 0xff]),
            Predicate::subject_is("alice").negated(),
            Predicate::False,
        ]))
        .retain(Predicate::has_tag("keep"))
        .build()
        .unwrap();
    assert_eq!(from_toml, built);
    assert_eq!(from_json, built);
    assert_eq!(Policy::from_json(&built.to_json().to_string()), Ok(built));
}

#[test]
fn errors_in_toml_name_the_place_and_a_way_out() {
    for (text, expected) in [
        (
            "",
            "line 1, column 1: the policy has no forget clause, so it would never do anything. \
             add one: [[forget]] with when = { key_prefix = \"log/\" }",
        ),
        (
            "[[forget]]\nwhen = { key_prefx = \"log/\" }",
            "line 2, column 10: unknown field `key_prefx` in a condition. did you mean `key_prefix`?",
        ),
        (
            "[[forget]]\nwhen = { colour = \"red\" }",
            "line 2, column 10: unknown field `colour` in a condition. known here: all, any, not, \
             age_at_least, key_prefix, key_eq, has_tag, subject_is",
        ),
        (
            "[[forget]]\nif = true",
            "line 2, column 1: unknown field `if` in a clause. did you mean `when`?",
        ),
        (
            "[[forgett]]\nwhen = true",
            "line 1, column 3: unknown field `forgett` in the policy. did you mean `forget`?",
        ),
        (
            "[forget]\nwhen = true",
            "line 1, column 1: `forget` and `retain` must be a list of clauses, not a table. in \
             TOML, a clause begins with [[forget]] or [[retain]], with two brackets",
        ),
        (
            "[[forget]]\nname = \"é\"\nwhen = { age_at_least = \"3 fortnights\" }",
            "line 3, column 25: \"3 fortnights\" is no duration: it is not a number followed by a \
             unit. write it as \"30d\", \"12h\" or \"1h 30m\"",
        ),
        (
            "[[forget]]\nname = 'x'",
            "line 1, column 1: the clause has no `when`. write what it applies to, as in when = { \
             key_prefix = \"log/\" }",
        ),
        (
            "[[forget]]\nwhen = { key_prefix = \"a\", has_tag = \"b\" }",
            "line 2, column 8: a condition has exactly one field, this one has 2. to ask for \
             several at once: { all = [ { … }, { … } ] }; for any of them: any",
        ),
        (
            "[[forget]]\nwhen = { key_eq = 7 }",
            "line 2, column 19: `key_eq` must be a text or { hex = \"…\" }, not a number. keys, \
             tags and subjects are texts; other bytes are { hex = \"c0ffee\" }",
        ),
        (
            "[[forget]]\nwhen = { key_eq = { hex = \"abc\" } }",
            "line 2, column 27: `hex` must be an even number of hexadecimal digits",
        ),
        (
            "[[forget]]\nwhen = { key_prefix = \"\" }",
            "line 2, column 23: a key prefix has 0 bytes; 1 to 4096 are allowed. to match \
             everything write when = true",
        ),
        (
            "[[forget]]\nwhen = { all = [] }",
            "line 2, column 16: `all` needs at least one condition. for always write when = true",
        ),
    ] {
        assert_eq!(toml(text), expected, "{text}");
    }
}

#[test]
fn errors_in_json_name_the_place_and_a_way_out() {
    for (text, expected) in [
        (
            "{\"forget\": [\n  {\"when\": {\"key_prefx\": \"log/\"}}\n]}",
            "line 2, column 13: unknown field `key_prefx` in a condition. did you mean `key_prefix`?",
        ),
        (
            "{\"forget\": [],\n \"forget\": []}",
            "line 2, column 2: field `forget` stands twice",
        ),
        (
            "[]",
            "line 1, column 1: the policy must be a table, not a list",
        ),
        (
            "{\"forget\": [{\"when\": {\"key_eq\": null}}]}",
            "line 1, column 33: `key_eq` must be a text or { hex = \"…\" }, not null. keys, tags \
             and subjects are texts; other bytes are { hex = \"c0ffee\" }",
        ),
        (
            "{\"forget\": [{\"when\": {\"age_at_least\": 30}}]}",
            "line 1, column 39: `age_at_least` must be a duration, not a number. write it as \
             \"30d\", \"12h\" or \"1h 30m\"",
        ),
    ] {
        assert_eq!(json(text), expected, "{text}");
    }
}

#[test]
fn syntax_errors_carry_the_notations_own_message_and_place() {
    let error = Policy::from_toml("[[forget]]\nwhen = {").unwrap_err();
    assert_eq!(error.line, 2);
    assert!(matches!(
        error.problem,
        Problem::Syntax {
            notation: "TOML",
            ..
        }
    ));
    let error = Policy::from_json("{\n \"forget\": [,]\n}").unwrap_err();
    assert_eq!((error.line, error.column), (2, 13));
    let Problem::Syntax { notation, message } = error.problem else {
        panic!("a syntax error is expected");
    };
    assert_eq!((notation, message.as_str()), ("JSON", "expected value"));
}

#[test]
fn durations_that_are_none() {
    for (text, reason) in [
        ("-3d", DurationProblem::Negative),
        ("30", DurationProblem::NoUnit),
        ("d", DurationProblem::Malformed),
        ("", DurationProblem::Malformed),
        ("3us", DurationProblem::TooFine),
        ("99999999999999999999d", DurationProblem::TooLong),
        ("9999999999y", DurationProblem::TooLong),
        ("10000y", DurationProblem::TooLong),
    ] {
        assert_eq!(duration::millis(text), Err(reason), "{text}");
    }
    for (text, ms) in [
        ("0", 0),
        ("0s", 0),
        ("1h 30m", 5_400_000),
        (" 7d ", 604_800_000),
    ] {
        assert_eq!(duration::millis(text), Ok(ms), "{text}");
    }
}

#[test]
fn deep_and_long_texts_are_refused() {
    let deep = |depth: usize| {
        let (open, close) = ("{\"not\": ".repeat(depth), "}".repeat(depth));
        format!("{{\"forget\": [{{\"when\": {open}true{close}}}]}}")
    };
    assert!(Policy::from_json(&deep(31)).is_ok());
    for depth in [32, 100, 20_000] {
        let error = Policy::from_json(&deep(depth)).unwrap_err();
        assert_eq!(error.problem, Problem::TooDeep, "{depth}");
    }
    let deep_toml = format!(
        "[[forget]]\nwhen = {}true{}",
        "{not=".repeat(5_000),
        "}".repeat(5_000)
    );
    assert!(Policy::from_toml(&deep_toml).is_err());
    let long = " ".repeat(crate::policy::MAX_TEXT + 1);
    for error in [Policy::from_toml(&long), Policy::from_json(&long)] {
        assert_eq!(error.unwrap_err().problem, Problem::TooLarge(long.len()));
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "(\\[\\[forget\\]\\]\n)?[ a-z=\\[\\]{}\",:\\\\0-9\néx_]{0,80}") {
        let _ = Policy::from_toml(&text);
        let _ = Policy::from_json(&text);
    }

    #[test]
    fn what_is_written_as_json_is_read_back(
        predicate in crate::policy::decode::tests::predicates(),
        name in prop::option::of("[a-zé \"]{1,8}"),
    ) {
        let policy = match name {
            Some(name) => Policy::builder().forget_named(name, predicate),
            None => Policy::builder().forget(predicate),
        };
        let policy = policy.build().unwrap();
        prop_assert_eq!(Policy::from_json(&policy.to_json().to_string()), Ok(policy));
    }
}

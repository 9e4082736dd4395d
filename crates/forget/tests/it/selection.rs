//! What is selected, by which decision, and what is left alone.

use nocturne_core::Operation;
use nocturne_forget::engine::ForgetError;
use nocturne_forget::policy::{Policy, Predicate};
use nocturne_forget::receipt::Reason;
use nocturne_forget::target::Target;
use nocturne_store::Batch;

use crate::rig::{Node, START_MS};

const DAY_MS: u64 = 86_400_000;

fn policy() -> Policy {
    Policy::from_toml(
        r#"
        [[forget]]
        when = { all = [ { key_prefix = "log/" }, { age_at_least = "30d" } ] }
        [[retain]]
        when = { has_tag = "keep" }
        "#,
    )
    .unwrap()
}

#[test]
fn a_dry_run_says_what_a_forget_then_does() {
    let mut node = Node::in_memory(1);
    node.put("log/old", "1");
    node.put("log/old", "2");
    let kept = Operation::put("log/kept", "3").with_tags(["keep"]);
    node.handle.write_blocking(kept.into()).unwrap();
    node.put("other", "4");
    node.clock.advance(30 * DAY_MS);
    node.put("log/new", "5");

    let target = Target::Policy(Box::new(policy()));
    let selection = node.forgetter.select(&target, None).unwrap();
    assert_eq!(
        (selection.count, selection.held, selection.examined),
        (2, 0, 5)
    );
    assert_eq!(selection.as_of_ms, START_MS + 30 * DAY_MS);
    assert!(selection.sample.iter().all(|found| found.key == "log/old"));
    assert_eq!(
        node.get("log/old").as_deref(),
        Some("2"),
        "a dry run forgets nothing"
    );

    let outcome = node
        .forgetter
        .forget(&target, None, &mut node.entropy)
        .unwrap();
    assert_eq!(
        (outcome.selected, outcome.bytes),
        (selection.count, selection.bytes)
    );
    assert_eq!(outcome.level, 1);
    assert_eq!(node.get("log/old"), None);
    for (key, value) in [("log/kept", "3"), ("other", "4"), ("log/new", "5")] {
        assert_eq!(node.get(key).as_deref(), Some(value));
    }
    let receipts = node.forgetter.log().of_cut(outcome.cut).unwrap();
    assert_eq!(receipts.len(), 2);
    for (_, receipt) in receipts {
        assert_eq!(receipt.reason, Reason::Policy);
        assert_eq!(receipt.policy, policy().hash());
    }
    assert_eq!(node.forgetter.select(&target, None).unwrap().count, 0);
}

#[test]
fn each_kind_of_target_selects_its_own() {
    let mut node = Node::in_memory(1);
    let of_alice = Operation::put("a/1", "x")
        .with_subject("alice")
        .with_tags(["t"]);
    let batch = Batch::new()
        .with(of_alice)
        .put("a/2", "x")
        .put("b/1", "x")
        .put("b/2", "x")
        .put("c", "x");
    node.handle.write_blocking(batch).unwrap();
    for (target, reason, count) in [
        (Target::Subject("alice".into()), Reason::Subject, 1),
        (Target::Prefix("a/".into()), Reason::Prefix, 1),
        (Target::Key("b/1".into()), Reason::Key, 1),
        (
            Target::Predicate(Predicate::key_eq("c").negated()),
            Reason::Predicate,
            1,
        ),
        (Target::Key("nothing".into()), Reason::Key, 0),
    ] {
        let outcome = node
            .forgetter
            .forget(&target, None, &mut node.entropy)
            .unwrap();
        assert_eq!(outcome.selected, count, "{target:?}");
        let receipts = node.forgetter.log().of_cut(outcome.cut).unwrap();
        assert!(receipts.iter().all(|(_, receipt)| receipt.reason == reason));
    }
    assert_eq!(node.get("c").as_deref(), Some("x"));
    assert_eq!(node.forgetter.log().len(), 4);
}

#[test]
fn only_what_was_written_up_to_the_cuts_time_is_taken() {
    let mut node = Node::in_memory(1);
    node.put("k/1", "early");
    node.clock.advance(10);
    node.put("k/2", "late");
    let target = Target::Prefix("k/".into());
    let outcome = node
        .forgetter
        .forget(&target, Some(START_MS + 5), &mut node.entropy)
        .unwrap();
    assert_eq!(outcome.selected, 1);
    assert_eq!(node.get("k/1"), None);
    assert_eq!(node.get("k/2").as_deref(), Some("late"));
    let future = node
        .forgetter
        .forget(&target, Some(START_MS + 11), &mut node.entropy);
    assert!(matches!(future, Err(ForgetError::Future { .. })));
}

/// The clock doesn't move between forget and write, and yet the write is a new one.
#[test]
fn a_write_after_a_forget_is_a_new_write_even_in_the_same_millisecond() {
    let mut node = Node::in_memory(1);
    let target = Target::Key("k".into());
    for round in 0..3 {
        let value = round.to_string();
        node.put("k", &value);
        assert_eq!(node.get("k"), Some(value));
        let outcome = node
            .forgetter
            .forget(&target, None, &mut node.entropy)
            .unwrap();
        assert_eq!(outcome.selected, 1);
        assert_eq!(node.get("k"), None);
    }
}

/// A peer's clock runs ahead: what it wrote is here, and "forget this key" means all of it. Nothing
/// that another key's time would reach is covered.
#[test]
fn what_a_faster_clock_wrote_is_forgotten_too() {
    let fast = Node::in_memory(2);
    fast.clock.advance(60_000);
    fast.put("k", "from the future");
    fast.clock.advance(60_000);
    fast.put("unrelated", "later still");
    let mut node = Node::in_memory(1);
    node.handle.apply_blocking(fast.runs()).unwrap();
    assert_eq!(node.get("k").as_deref(), Some("from the future"));
    let target = Target::Key("k".into());
    let selection = node.forgetter.select(&target, None).unwrap();
    assert_eq!(
        (selection.count, selection.as_of_ms),
        (1, START_MS + 60_000)
    );
    node.forgetter
        .forget(&target, None, &mut node.entropy)
        .unwrap();
    assert_eq!(node.get("k"), None);
    node.put("k", "new");
    assert_eq!(node.get("k").as_deref(), Some("new"));

    // A policy that asks about age speaks of the clock's time and no other.
    let young = Predicate::AgeAtLeast { age_ms: 1 }.negated();
    let selection = node
        .forgetter
        .select(&Target::Predicate(young), None)
        .unwrap();
    assert_eq!((selection.count, selection.as_of_ms), (0, START_MS));
}

#[test]
fn a_target_over_a_limit_is_refused_and_changes_nothing() {
    let mut node = Node::in_memory(1);
    node.put("k", "v");
    for target in [
        Target::Key(vec![0; 5_000].into()),
        Target::Prefix("".into()),
    ] {
        let refused = node.forgetter.forget(&target, None, &mut node.entropy);
        assert!(matches!(refused, Err(ForgetError::Predicate(_))));
    }
    assert_eq!(node.get("k").as_deref(), Some("v"));
    assert!(node.handle.snapshot().unwrap().cuts().unwrap().is_empty());
}

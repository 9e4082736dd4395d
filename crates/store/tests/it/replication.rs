//! Runs between stores: any order of arrival, the same state; nothing from the future or forged.

use std::collections::BTreeSet;

use nocturne_core::{Frontier, SignedRun};
use nocturne_store::{ApplyOutcome, Depth, Refusal, ScanRange, StoreHandle};

use crate::common::{TestClock, get, identity, in_memory, missing, pull, put};

fn rows(store: &StoreHandle) -> Vec<(Vec<u8>, Vec<u8>, bool)> {
    let snapshot = store.snapshot().unwrap();
    let rows = snapshot.scan(&ScanRange::default()).unwrap();
    rows.map(Result::unwrap)
        .map(|row| (row.key.to_vec(), row.value.to_vec(), row.conflict))
        .collect()
}

#[test]
fn equal_frontiers_mean_equal_states_whatever_the_order() {
    let clock = TestClock::new();
    let writers: Vec<_> = (1..=3).map(|n| in_memory(&clock, n).0).collect();
    // Each round, everyone writes to shared keys and one pulls from the next.
    for round in 0..12 {
        for (n, writer) in writers.iter().enumerate() {
            put(
                writer,
                &format!("k{}", (round + n) % 4),
                &format!("{round}.{n}"),
            );
        }
        clock.advance(1);
        pull(&writers[round % 3], &writers[(round + 1) % 3]);
    }
    for _ in 0..2 {
        for (to, from) in [(0, 1), (1, 2), (2, 0), (0, 1)] {
            pull(&writers[to], &writers[from]);
        }
    }
    let all = missing(&writers[0], &Frontier::new());
    for rotation in 0..all.len() {
        let (store, _) = in_memory(&clock, 9);
        let mut runs = all.clone();
        runs.rotate_left(rotation);
        if rotation % 2 == 1 {
            runs.reverse();
        }
        for run in runs {
            store.apply_blocking(vec![run]).unwrap();
        }
        assert_eq!(store.frontier().digest(), writers[0].frontier().digest());
        assert_eq!(rows(&store), rows(&writers[0]), "rotation {rotation}");
        assert_eq!(store.standing_blocking().unwrap().waiting_entries, 0);
        assert_eq!(store.verify_blocking(Depth::Deep).unwrap().findings, []);
    }
}

#[test]
fn what_is_known_is_passed_over_and_a_gap_waits() {
    let clock = TestClock::new();
    let ((a, _), (b, _)) = (in_memory(&clock, 1), in_memory(&clock, 2));
    put(&a, "x", "1");
    let first = missing(&a, &Frontier::new());
    let have = a.frontier();
    put(&a, "y", "2");
    let second = missing(&a, &have);
    let outcome = b.apply_blocking(second.clone()).unwrap();
    assert!(matches!(outcome[..], [ApplyOutcome::Waiting(at)] if at.seq == 1));
    assert_eq!(b.apply_blocking(first).unwrap(), [ApplyOutcome::Applied(1)]);
    assert_eq!(get(&b, "y").as_deref(), Some("2"));
    assert_eq!(b.apply_blocking(second).unwrap(), [ApplyOutcome::Known]);
}

#[test]
fn only_admitted_authors_are_applied_and_the_others_wait() {
    let clock = TestClock::new();
    let ((a, _), (b, _)) = (in_memory(&clock, 1), in_memory(&clock, 2));
    put(&a, "x", "1");
    b.admit_blocking(Some(BTreeSet::from([identity(2).author()])))
        .unwrap();
    assert!(matches!(pull(&b, &a)[..], [ApplyOutcome::Waiting(_)]));
    assert_eq!(get(&b, "x"), None);
    b.admit_blocking(None).unwrap();
    assert_eq!(get(&b, "x").as_deref(), Some("1"));
}

#[test]
fn a_run_from_the_future_is_kept_sealed_until_the_clock_catches_up() {
    let (early, late) = (TestClock::new(), TestClock::new());
    late.advance(10 * 3_600_000);
    let ((a, _), (b, memory)) = (in_memory(&late, 1), in_memory(&early, 2));
    put(&a, "tomorrow", "a-value-of-the-future");
    assert_eq!(pull(&b, &a), [ApplyOutcome::Quarantined]);
    assert_eq!(pull(&b, &a), [ApplyOutcome::Quarantined]);
    assert_eq!(b.standing_blocking().unwrap().quarantined_runs, 1);
    assert_eq!(get(&b, "tomorrow"), None);
    // Its time was not taken over, and it lies sealed.
    let mine = put(&b, "now", "x");
    assert!(mine.hlc.millis() < 1_700_000_000_000 + 60_000);
    let needle = b"a-value-of-the-future";
    assert!(!memory.bytes().windows(needle.len()).any(|w| w == needle));
    let sealed = memory.image();
    b.shutdown_blocking().unwrap();
    let reopened = memory.image();
    let b = crate::common::reopen(reopened.medium(), &early, 2, 77);
    early.advance(9 * 3_600_000 + 1);
    put(&b, "later", "y");
    assert_eq!(
        get(&b, "tomorrow").as_deref(),
        Some("a-value-of-the-future")
    );
    assert_eq!(b.standing_blocking().unwrap().quarantined_runs, 0);
    assert_ne!(reopened.keyring(), sealed.keyring(), "its key is punctured");
}

#[test]
fn an_author_with_two_histories_is_frozen() {
    let clock = TestClock::new();
    let (store, _) = in_memory(&clock, 1);
    // The same identity writes on two disks.
    let ((one, _), (other, _)) = (in_memory(&clock, 7), in_memory(&clock, 7));
    put(&one, "k", "one");
    put(&other, "k", "another");
    assert_eq!(pull(&store, &one), [ApplyOutcome::Applied(1)]);
    let outcome = store
        .apply_blocking(missing(&other, &Frontier::new()))
        .unwrap();
    assert!(matches!(
        outcome[..],
        [ApplyOutcome::Refused(Refusal::Diverges(_))]
    ));
    assert_eq!(
        store.standing_blocking().unwrap().frozen,
        [identity(7).author()]
    );
    put(&one, "more", "x");
    assert_eq!(pull(&store, &one), [ApplyOutcome::Refused(Refusal::Frozen)]);
}

#[test]
fn a_history_that_goes_on_from_another_entry_convicts_its_author() {
    let clock = TestClock::new();
    let (store, _) = in_memory(&clock, 1);
    let ((one, _), (other, _)) = (in_memory(&clock, 7), in_memory(&clock, 7));
    put(&one, "k", "one");
    pull(&store, &one);
    put(&other, "k", "another");
    put(&other, "k", "and on");
    // Only what follows the entry that the store has of its own: a sync sends no more.
    let outcome = pull(&store, &other);
    assert!(matches!(
        outcome[..],
        [ApplyOutcome::Refused(Refusal::Diverges(_))]
    ));
    assert_eq!(
        store.standing_blocking().unwrap().frozen,
        [identity(7).author()]
    );
}

#[test]
fn a_body_that_its_sender_forgot_is_wanted_and_taken_from_another() {
    let clock = TestClock::new();
    let ((a, _), (b, _)) = (in_memory(&clock, 1), in_memory(&clock, 2));
    put(&a, "k", "old");
    put(&a, "k", "new");
    let whole = missing(&a, &Frontier::new());
    // The same run without its bodies, as a node sends it that has forgotten them.
    let bare: Vec<_> = whole
        .iter()
        .map(|run| {
            let entries = run.entries().iter().map(|entry| {
                let mut entry = entry.entry().clone();
                entry.bodies = vec![None; entry.bodies.len()];
                entry
            });
            SignedRun::new(entries.collect(), run.signature())
                .verify()
                .unwrap()
        })
        .collect();
    b.apply_blocking(bare).unwrap();
    assert_eq!(a.frontier().digest(), b.frontier().digest());
    assert_eq!(get(&b, "k"), None);
    let snapshot = b.snapshot().unwrap();
    let wanted = snapshot.wanted(10).unwrap();
    assert_eq!(wanted.len(), 2);
    let bodies = a.snapshot().unwrap().bodies(&wanted).unwrap();
    assert_eq!(b.supply_bodies_blocking(bodies).unwrap(), 2);
    assert_eq!(rows(&a), rows(&b));
    assert_eq!(b.snapshot().unwrap().history(b"k").unwrap().len(), 2);
    assert_eq!(b.verify_blocking(Depth::Deep).unwrap().findings, []);
}

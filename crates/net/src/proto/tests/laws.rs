//! What a session between honest peers brings about.

use nocturne_core::{OpRef, Operation};
use proptest::prelude::*;

use super::pair::{End, put, run, session_at, store, sync};
use crate::proto::{Input, Output, Phase, Rejection, WINDOW};
use crate::sim::SimStore;

#[test]
fn equal_stores_exchange_one_message_each_way() {
    let (mut a, mut b) = (store(1), store(2));
    put(&mut a, "k", "v");
    sync(&mut a, &mut b).0.unwrap();
    let mut ends = [End::new(&mut a), End::new(&mut b)];
    run(&mut ends);
    for end in &ends {
        assert_eq!(end.sent.len(), 1);
        let report = end.outcome.as_ref().unwrap().as_ref().unwrap();
        assert!(report.converged);
        assert!(report.bytes_sent < 160, "{}", report.bytes_sent);
    }
}

#[test]
fn both_sides_get_what_they_lack_and_report_it() {
    let (mut a, mut b) = (store(1), store(2));
    for i in 0..10 {
        put(&mut a, &format!("a{i}"), "x");
    }
    for i in 0..4 {
        put(&mut b, &format!("b{i}"), "y");
    }
    let (at_a, at_b) = sync(&mut a, &mut b);
    let (at_a, at_b) = (at_a.unwrap(), at_b.unwrap());
    assert_eq!(a.frontier(), b.frontier());
    assert_eq!(a.replica().state(), b.replica().state());
    assert_eq!((at_a.entries_received, at_a.entries_sent), (4, 10));
    assert_eq!((at_b.entries_received, at_b.entries_sent), (10, 4));
    assert_eq!(at_a.bytes_sent, at_b.bytes_received);
    assert!(at_a.converged && at_b.converged);
    assert!(at_a.rejected.is_empty() && at_b.rejected.is_empty());
}

#[test]
fn what_was_written_meanwhile_waits_for_the_next_session() {
    let (mut a, mut b) = (store(1), store(2));
    put(&mut a, "before", "x");
    put(&mut b, "other", "x");
    let mut ends = [End::new(&mut a), End::new(&mut b)];
    put(ends[0].store, "after", "y");
    run(&mut ends);
    for end in &ends {
        let report = end.outcome.as_ref().unwrap().as_ref().unwrap();
        assert!(!report.converged);
    }
    assert!(sync(&mut a, &mut b).0.unwrap().converged);
    assert_eq!(a.frontier(), b.frontier());
}

#[test]
fn more_than_the_window_passes_within_the_window() {
    let (mut a, mut b) = (store(1), store(2));
    let value = "v".repeat(500_000);
    for i in 0..40 {
        put(&mut a, &format!("k{i}"), &value);
    }
    let mut ends = [End::new(&mut a), End::new(&mut b)];
    run(&mut ends);
    let in_flight = ends[1].largest_queue as u64 * 500_000;
    assert!(in_flight <= WINDOW + 500_000, "{in_flight}");
    assert_eq!(a.frontier(), b.frontier());
}

#[test]
fn missing_bodies_are_fetched_and_forgotten_ones_are_not() {
    let (mut a, mut b, mut c) = (store(1), store(2), store(3));
    put(&mut a, "one", "1");
    put(&mut a, "two", "2");
    sync(&mut a, &mut c).0.unwrap();
    let at = |seq| OpRef {
        author: a.author(),
        seq,
        op: 0,
    };
    let (one, two) = (at(1), at(2));
    // b gets both headers without bodies: a has forgotten them.
    a.forget(one);
    a.forget(two);
    sync(&mut a, &mut b).0.unwrap();
    assert_eq!(b.wanted().collect::<Vec<_>>(), [one, two]);
    // b then forgets one of them; c still has both.
    b.forget(one);
    let (at_b, at_c) = sync(&mut b, &mut c);
    assert_eq!(at_b.unwrap().bodies_received, 1);
    assert_eq!(at_c.unwrap().bodies_served, 1);
    assert!(b.body(two).is_some() && b.body(one).is_none());
    assert_eq!(b.wanted().count(), 0);
    // a wants nothing back.
    assert_eq!(sync(&mut a, &mut c).0.unwrap().bodies_received, 0);
    assert!(a.body(one).is_none());
}

#[test]
fn thousands_of_missing_bodies_come_in_several_questions() {
    let (mut a, mut b, mut c) = (store(1), store(2), store(3));
    for batch in 0..3 {
        let operations = (0..2_000)
            .map(|i| Operation::put(format!("{batch}-{i}"), "v".repeat(50)))
            .collect();
        a.write(1, operations).unwrap();
    }
    sync(&mut a, &mut c).0.unwrap();
    for seq in 1..=3 {
        for op in 0..2_000 {
            let author = a.author();
            a.forget(OpRef { author, seq, op });
        }
    }
    sync(&mut a, &mut b).0.unwrap();
    let (at_b, at_c) = sync(&mut b, &mut c);
    assert_eq!(at_b.unwrap().bodies_received, 6_000);
    assert_eq!(at_c.unwrap().bodies_served, 6_000);
    assert_eq!(b.wanted().count(), 0);
}

#[test]
fn a_diverged_log_is_named_and_holds_up_nobody_else() {
    // One author writes in two copies of its store.
    let mut a = store(1);
    put(&mut a, "shared", "x");
    let mut copy = a.clone();
    put(&mut a, "here", "x");
    put(&mut copy, "there", "y");
    put(&mut copy, "there", "z");
    let mut other = store(2);
    put(&mut other, "innocent", "w");
    sync(&mut other, &mut copy).0.unwrap();
    let author = a.author();

    let (at_a, at_copy) = sync(&mut a, &mut copy);
    let at_a = at_a.unwrap();
    assert_eq!(at_a.rejected, [(author, Rejection::Diverged)]);
    assert_eq!(at_a.own_log_behind, Some((2, 3)));
    assert!(!at_a.converged);
    assert_eq!(at_a.entries_received, 1, "the innocent log passes");
    assert!(at_copy.unwrap().rejected.is_empty());

    // As long as each other, and different: seen from the frontiers alone.
    put(&mut a, "here", "again");
    let (at_a, at_copy) = sync(&mut a, &mut copy);
    assert_eq!(at_a.unwrap().rejected, [(author, Rejection::Diverged)]);
    assert_eq!(at_copy.unwrap().rejected, [(author, Rejection::Diverged)]);
}

#[test]
fn the_clocks_are_compared() {
    let (a, b) = (store(1), store(2));
    let mut here = session_at(&a, 5_000);
    let mut there = session_at(&b, 2_000);
    let Some(Output::Send(hello)) = there.poll_output() else {
        panic!("a session begins with its hello");
    };
    here.handle(100, Input::Message(hello.slice(4..)));
    assert_eq!(here.report().clock_offset_ms, -3_100);
}

#[test]
fn thousands_of_authors_are_compared_in_parts() {
    let (mut a, mut b) = (store(1), store(2));
    for seed in 0..2_300 {
        let mut one = store(100 + seed);
        put(&mut one, "k", "v");
        let runs = one.replica().runs_since(&nocturne_core::Frontier::new());
        for run in runs {
            a.apply(run.into_signed());
        }
    }
    let (at_a, at_b) = sync(&mut a, &mut b);
    assert_eq!(at_a.unwrap().entries_sent, 2_300);
    assert_eq!(at_b.unwrap().entries_received, 2_300);
    assert_eq!(a.frontier(), b.frontier());
}

#[test]
fn every_wait_has_a_deadline() {
    let (mut a, mut b) = (store(1), store(2));
    put(&mut a, "k", "v");
    // Cut the conversation after n frames: both ends must give up by themselves.
    let mut ends = [End::new(&mut a), End::new(&mut b)];
    run(&mut ends);
    let whole = ends[0].sent.len() + ends[1].sent.len();
    let mut phases = Vec::new();
    for cut in 0..whole {
        let (mut a, mut b) = (store(1), store(2));
        put(&mut a, "k", "v");
        let mut ends = [End::new(&mut a), End::new(&mut b)];
        let mut left = cut;
        for _ in 0..whole {
            for (from, to) in [(0, 1), (1, 0)] {
                for frame in ends[from].drive(1) {
                    if left > 0 {
                        left -= 1;
                        ends[to].receive(1, frame);
                    }
                }
            }
        }
        for end in &mut ends {
            end.drive(1);
            if end.outcome.is_some() {
                continue;
            }
            let phase = end.session.phase();
            let deadline = end.session.poll_timeout().unwrap();
            assert!(deadline <= 60_001);
            end.session.handle(deadline - 1, Input::Timeout);
            assert!(!end.session.is_finished(), "too early");
            end.session.handle(deadline, Input::Timeout);
            end.drive(deadline);
            let outcome = end.outcome.take().unwrap();
            assert_eq!(outcome, Err(crate::proto::SessionError::Timeout(phase)));
            phases.push(phase);
        }
    }
    phases.sort_unstable();
    phases.dedup();
    assert_eq!(
        phases,
        [
            Phase::Greeting,
            Phase::Comparing,
            Phase::Exchanging,
            Phase::Confirming
        ]
    );
}

/// Writes and partial exchanges that leave two stores different.
#[derive(Debug, Clone)]
enum Step {
    Write(usize, u8, u8),
    Gossip(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..4usize, any::<u8>(), any::<u8>()).prop_map(|(n, k, v)| Step::Write(n, k % 8, v)),
        1 => (0..4usize, 0..4usize).prop_map(|(a, b)| Step::Gossip(a, b)),
    ];
    prop::collection::vec(step, 0..60)
}

fn two(stores: &mut [SimStore], a: usize, b: usize) -> Option<(&mut SimStore, &mut SimStore)> {
    let (low, high) = (a.min(b), a.max(b));
    if low == high {
        return None;
    }
    let (left, right) = stores.split_at_mut(high);
    Some((&mut left[low], &mut right[0]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_histories_are_equal_after_one_session(steps in steps()) {
        let mut stores: Vec<SimStore> = (1..=4).map(store).collect();
        for step in steps {
            match step {
                Step::Write(node, key, value) => {
                    put(&mut stores[node], &format!("k{key}"), &value.to_string());
                }
                Step::Gossip(from, to) => {
                    if let Some((from, to)) = two(&mut stores, from, to) {
                        sync(from, to).0.unwrap();
                    }
                }
            }
        }
        let (a, b) = two(&mut stores, 0, 1).unwrap();
        let (at_a, at_b) = sync(a, b);
        let (at_a, at_b) = (at_a.unwrap(), at_b.unwrap());
        prop_assert_eq!(a.frontier(), b.frontier());
        prop_assert_eq!(a.replica().state(), b.replica().state());
        prop_assert!(at_a.converged && at_b.converged);
        prop_assert_eq!(at_a.entries_sent, at_b.entries_received);
        prop_assert_eq!(at_b.entries_sent, at_a.entries_received);
    }
}

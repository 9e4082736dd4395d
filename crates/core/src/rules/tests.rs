//! Rules: how a run stands to a log, what it lacks, and whether its times hold.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::*;
use crate::fixtures::{Log, body, genesis};
use crate::frontier::LogHead;
use crate::operation::Operation;

/// A frontier that has the first `len` entries of a log.
fn having(log: &Log, len: usize) -> Frontier {
    let last = log.entries[..len].last().map(|entry| LogHead {
        seq: entry.header.seq,
        hash: entry.header.hash(),
    });
    last.map(|head| (log.identity.author(), head))
        .into_iter()
        .collect()
}

fn link_to(frontier: &Frontier, run: &VerifiedRun) -> Link {
    link(run, frontier, genesis().hash())
}

#[test]
fn every_way_a_run_stands_to_a_log() {
    let log = Log::of(1, 6);
    let cases = [
        (0, log.run(..), Link::Continues),
        (3, log.run(3..), Link::Continues),
        (3, log.run(..), Link::Overlaps { have: 3 }),
        (3, log.run(2..4), Link::Overlaps { have: 3 }),
        (3, log.run(2..3), Link::Known),
        (3, log.run(..3), Link::Known),
        (3, log.run(..2), Link::Known),
        (6, log.run(..), Link::Known),
        (0, log.run(1..), Link::Gap { missing: 1 }),
        (3, log.run(4..), Link::Gap { missing: 4 }),
        (3, log.run(5..), Link::Gap { missing: 4 }),
    ];
    for (have, run, expected) in cases {
        let from = run.first_seq();
        assert_eq!(
            link_to(&having(&log, have), &run),
            expected,
            "{have}, from {from}"
        );
    }
}

#[test]
fn two_histories_diverge() {
    let log = Log::of(1, 6);
    let mut twin = Log::new(1);
    twin.entries = log.entries[..2].to_vec();
    for _ in 0..4 {
        twin.push(
            vec![],
            vec![(body(&Operation::delete("other history")), vec![])],
        );
    }
    let have = having(&log, 4);
    for run in [twin.run(4..), twin.run(..), twin.run(2..4), twin.run(3..4)] {
        assert_eq!(link_to(&have, &run), Link::Diverges { at: 4 });
    }
    // Up to where they part they are one.
    assert_eq!(link_to(&having(&log, 2), &twin.run(2..)), Link::Continues);
    // What ends before the log does cannot be told from its last entry alone.
    assert_eq!(link_to(&have, &twin.run(..3)), Link::Known);
}

#[test]
fn a_log_that_begins_elsewhere_diverges_at_once() {
    let log = Log::of(1, 2);
    let other = crate::Genesis {
        created_ms: 1,
        ..genesis()
    };
    assert_eq!(
        link(&log.run(..), &Frontier::new(), other.hash()),
        Link::Diverges { at: 1 }
    );
}

#[test]
fn the_end_of_the_numbers_is_no_special_place() {
    let mut log = Log::of(1, 1);
    log.entries[0].header.seq = u64::MAX;
    let run = log.run(..);
    let head = |seq, hash| {
        [(log.identity.author(), LogHead { seq, hash })]
            .into_iter()
            .collect::<Frontier>()
    };
    assert_eq!(link_to(&Frontier::new(), &run), Link::Gap { missing: 1 });
    assert_eq!(
        link_to(&head(u64::MAX - 1, run.prev()), &run),
        Link::Continues
    );
    assert_eq!(link_to(&head(u64::MAX, run.tip()), &run), Link::Known);
    assert_eq!(
        link_to(&head(u64::MAX, run.prev()), &run),
        Link::Diverges { at: u64::MAX }
    );
    assert_eq!(
        link_to(&head(u64::MAX, run.tip()), &Log::of(1, 3).run(..)),
        Link::Known
    );
}

#[test]
fn dependencies_and_parents_must_be_there() {
    let (two, three) = (Log::of(2, 5), Log::of(3, 5));
    let parent = |log: &Log, seq| OpRef {
        author: log.identity.author(),
        seq,
        op: 0,
    };
    let mut log = Log::of(1, 1);
    let put = || body(&Operation::put("k", "v"));
    log.push(vec![two.at(2)], vec![(put(), vec![])]);
    let own = parent(&log, 2);
    log.push(
        vec![],
        vec![(put(), vec![own]), (put(), vec![parent(&three, 4)])],
    );
    let run = log.run(..);
    let both = |twos: usize, threes: usize| -> Frontier {
        let logs = [having(&two, twos), having(&three, threes)];
        let heads = logs.iter().flat_map(Frontier::iter);
        heads.map(|(author, head)| (*author, *head)).collect()
    };
    for (twos, threes, missing) in [
        (0, 0, Some(two.at(2))),
        (1, 5, Some(two.at(2))),
        (2, 0, Some(three.at(4))),
        (2, 3, Some(three.at(4))),
        (2, 4, None),
        (5, 5, None),
    ] {
        assert_eq!(missing_dependency(&run, &both(twos, threes)), missing);
    }
    // The own log is the link's business.
    assert_eq!(missing_dependency(&log.run(..1), &Frontier::new()), None);
}

#[test]
fn an_entry_is_later_than_everything_it_builds_on() {
    let two = Log::of(2, 3);
    let mut log = Log::of(1, 4);
    let parent = OpRef {
        author: two.identity.author(),
        seq: 3,
        op: 0,
    };
    let delete = body(&Operation::delete("k"));
    log.push(vec![two.at(2)], vec![(delete, vec![parent])]);
    let header = &log.entries[4].header;
    let check = |at: EntryRef, hlc: Hlc| {
        let times: BTreeMap<EntryRef, Hlc> = [
            (log.at(4), Hlc::from_millis(4)),
            (two.at(2), Hlc::from_millis(2)),
            (two.at(3), Hlc::from_millis(3)),
            (at, hlc),
        ]
        .into_iter()
        .collect();
        check_time(header, |at| {
            Ok::<_, Infallible>(times.get(&at).copied().unwrap_or(Hlc::MAX))
        })
        .unwrap()
    };
    let just_before = Hlc::from_bits(header.hlc.bits() - 1);
    for earlier in [log.at(4), two.at(2), two.at(3)] {
        let at = log.at(5);
        assert_eq!(check(earlier, just_before), Ok(()));
        for hlc in [header.hlc, Hlc::MAX] {
            assert_eq!(check(earlier, hlc), Err(TimeError { at, earlier }));
        }
    }
    // A first entry has nothing before it, and a store that fails to answer is not a verdict.
    let first = &log.entries[0].header;
    assert_eq!(check_time(first, |_| Err("asked")), Ok(Ok(())));
    assert_eq!(check_time(header, |_| Err("disk")), Err("disk"));
}

#[test]
fn the_future_begins_after_the_drift() {
    let hlc = Hlc::end_of_millis(1_100);
    assert!(!is_quarantined(hlc, 1_000, 100));
    assert!(is_quarantined(Hlc::from_millis(1_101), 1_000, 100));
    assert!(is_quarantined(Hlc::MAX, 1_000, 100));
    assert!(!is_quarantined(Hlc::MAX, u64::MAX, u64::MAX));
    assert!(!is_quarantined(Hlc::ZERO, 0, 0));
}

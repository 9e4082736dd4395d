//! Replicas: what merging means, told by cases; the laws stand in `laws`.

mod history;
mod laws;

use super::*;
use crate::fixtures::{Log, Seeded, body, genesis, identity};
use crate::limits::{MAX_DEPS, MAX_OPS, MAX_RUN_BYTES};
use crate::run::RunError;

const NOW: u64 = 1_700_000_000_000;

/// A replica with the person who writes on it.
struct Desk {
    replica: Replica,
    identity: Identity,
    entropy: Seeded,
}

impl Desk {
    fn new(number: u8) -> Self {
        Self {
            replica: Replica::new(genesis()),
            identity: identity(number),
            entropy: Seeded(u64::from(number)),
        }
    }

    fn write(&mut self, operations: Vec<Operation>) -> VerifiedRun {
        self.replica
            .write(&self.identity, NOW, operations, &mut self.entropy)
            .unwrap()
    }

    fn put(&mut self, key: &str, value: &str) -> VerifiedRun {
        self.write(vec![Operation::put(key.to_owned(), value.to_owned())])
    }

    fn pull(&mut self, from: &Desk) {
        for run in from.replica.runs_since(self.replica.frontier()) {
            self.replica.apply(run).unwrap();
        }
    }

    fn get(&self, key: &str) -> Option<Bytes> {
        self.replica.get(key.as_bytes())
    }
}

#[test]
fn a_concurrent_edit_shows_two_heads_with_one_winner_and_the_next_write_heals() {
    let mut desks = [Desk::new(1), Desk::new(2), Desk::new(3)];
    desks[0].put("k", "before");
    let first = desks[0].replica.runs_since(&Frontier::new());
    for desk in &mut desks[1..] {
        desk.replica.apply(first[0].clone()).unwrap();
    }
    desks[0].put("k", "one");
    desks[1].put("k", "two");
    let [one, two, three] = &mut desks;
    three.pull(two);
    three.pull(one);
    one.pull(two);
    two.pull(one);
    // Same time on both sides: the greater author wins, on every replica and in every order.
    let winner = if one.identity.author() > two.identity.author() {
        "one"
    } else {
        "two"
    };
    for desk in [&*one, two, three] {
        assert_eq!(desk.replica.heads(b"k").len(), 2);
        assert_eq!(desk.get("k").as_deref(), Some(winner.as_bytes()));
        assert_eq!(desk.replica.state(), three.replica.state());
    }
    three.put("k", "healed");
    one.pull(three);
    two.pull(one);
    for desk in [&*one, two, three] {
        assert_eq!(desk.replica.heads(b"k").len(), 1);
        assert_eq!(desk.get("k").as_deref(), Some(&b"healed"[..]));
    }
}

#[test]
fn a_delete_is_a_head_like_any_other() {
    let (mut one, mut two) = (Desk::new(1), Desk::new(2));
    one.put("k", "v");
    two.pull(&one);
    one.write(vec![Operation::delete("k")]);
    assert_eq!(one.get("k"), None);
    assert_eq!(one.replica.heads(b"k").len(), 1);
    // Edited elsewhere meanwhile, and later: nothing is lost, and the conflict shows.
    let late = vec![Operation::put("k", "edited")];
    two.replica
        .write(&two.identity, NOW + 5, late, &mut two.entropy)
        .unwrap();
    one.pull(&two);
    two.pull(&one);
    for desk in [&one, &two] {
        assert_eq!(desk.replica.heads(b"k").len(), 2);
        assert_eq!(desk.get("k").as_deref(), Some(&b"edited"[..]));
    }
}

#[test]
fn a_batch_is_one_entry() {
    let mut one = Desk::new(1);
    let run = one.write(vec![
        Operation::put("a", "1"),
        Operation::put("b", "2"),
        Operation::delete("c"),
    ]);
    assert_eq!(run.entries().len(), 1);
    assert_eq!(one.replica.state().len(), 3);
    // Two operations of a batch on one key: neither knows of the other, and the last one wins.
    one.write(vec![Operation::put("a", "3"), Operation::put("a", "4")]);
    assert_eq!(one.replica.heads(b"a").len(), 2);
    assert_eq!(one.get("a").as_deref(), Some(&b"4"[..]));
    one.put("a", "5");
    assert_eq!(one.replica.heads(b"a").len(), 1);
}

#[test]
fn a_header_without_body_still_supersedes() {
    let (mut one, mut two) = (Desk::new(1), Desk::new(2));
    let first = one.put("k", "old");
    let second = one.put("k", "forgotten since");
    let third = one.put("other", "kept");
    two.replica.apply(first).unwrap();
    assert_eq!(two.get("k").as_deref(), Some(&b"old"[..]));
    let mut entries: Vec<Entry> = second
        .entries()
        .iter()
        .map(|entry| entry.entry().clone())
        .collect();
    entries[0].bodies[0] = None;
    let stripped = SignedRun::new(entries, second.signature())
        .verify()
        .unwrap();
    two.replica.apply(stripped).unwrap();
    two.replica.apply(third).unwrap();
    assert_eq!(two.replica.heads(b"k"), []);
    assert_eq!(two.get("k"), None);
    assert_eq!(two.get("other").as_deref(), Some(&b"kept"[..]));
    assert_eq!(
        two.replica.frontier().digest(),
        one.replica.frontier().digest()
    );
}

#[test]
fn an_invalid_payload_is_a_recorded_no_op_that_supersedes() {
    let mut log = Log::new(1);
    let put = body(&Operation::put("k", "v"));
    log.push(vec![], vec![(put.clone(), vec![])]);
    let named = OpRef {
        author: log.identity.author(),
        seq: 1,
        op: 0,
    };
    // Unknown kind 9, garbage, and a sound operation in one batch; then the log goes on.
    let mut unknown = put.joined().to_vec();
    unknown[16] = 9;
    log.push(
        vec![],
        vec![
            (OpBody::from_joined(unknown.into()).unwrap(), vec![named]),
            (OpBody::from_parts([1; 16], b""), vec![]),
            (body(&Operation::put("sound", "1")), vec![]),
        ],
    );
    log.push(vec![], vec![(body(&Operation::put("later", "2")), vec![])]);
    let mut replica = Replica::new(genesis());
    assert_eq!(replica.apply(log.run(..)), Ok(Applied::Applied(3)));
    let keys: Vec<Bytes> = replica.state().into_keys().collect();
    assert_eq!(keys, ["later", "sound"]);
}

#[test]
fn a_parent_that_is_no_operation_removes_nothing() {
    let mut log = Log::of(1, 2);
    let beyond = OpRef {
        author: log.identity.author(),
        seq: 2,
        op: 7,
    };
    log.push(
        vec![],
        vec![(body(&Operation::put("x", "1")), vec![beyond])],
    );
    let mut replica = Replica::new(genesis());
    replica.apply(log.run(..)).unwrap();
    assert_eq!(replica.state().len(), 3);
}

#[test]
fn pieces_and_overlaps_add_up_to_the_same() {
    let log = Log::of(1, 9);
    let mut whole = Replica::new(genesis());
    whole.apply(log.run(..)).unwrap();
    let ways: [&[(usize, usize)]; 5] = [
        &[(0, 3), (3, 6), (6, 9)],
        &[(6, 9), (3, 6), (0, 3)],
        &[(0, 5), (3, 9)],
        &[(3, 9), (0, 5)],
        &[(2, 4), (1, 8), (0, 1), (0, 9), (4, 5), (0, 9)],
    ];
    for way in ways {
        let mut replica = Replica::new(genesis());
        for &(from, to) in way {
            replica.apply(log.run(from..to)).unwrap();
        }
        assert_eq!(replica.state(), whole.state(), "{way:?}");
        assert_eq!(replica.frontier(), whole.frontier(), "{way:?}");
    }
}

#[test]
fn what_waits_is_counted_once_and_comes_in_with_what_it_waited_for() {
    let log = Log::of(1, 3);
    let mut replica = Replica::new(genesis());
    for _ in 0..=MAX_WAITING {
        assert_eq!(replica.apply(log.run(2..)), Ok(Applied::Waiting));
    }
    assert_eq!(replica.apply(log.run(1..2)), Ok(Applied::Waiting));
    assert_eq!(replica.frontier().entries(), 0);
    assert_eq!(replica.apply(log.run(..1)), Ok(Applied::Applied(3)));
    assert_eq!(replica.apply(log.run(..)), Ok(Applied::Known));
}

#[test]
fn runs_joined_across_a_reply_wait_until_the_parts_come() {
    // The second author answers the first one's entry and is answered in turn. Joined into one run,
    // the first author's two entries wait for an answer to themselves.
    let (mut first, mut second) = (Log::of(1, 1), Log::new(2));
    second.push(vec![first.at(1)], vec![]);
    second.entries[0].header.hlc = Hlc::from_millis(2);
    first.push(vec![second.at(1)], vec![]);
    first.entries[1].header.hlc = Hlc::from_millis(3);
    let mut replica = Replica::new(genesis());
    assert_eq!(replica.apply(first.run(..)), Ok(Applied::Waiting));
    assert_eq!(replica.apply(second.run(..)), Ok(Applied::Waiting));
    assert_eq!(replica.apply(first.run(..1)), Ok(Applied::Applied(3)));
}

#[test]
fn what_contradicts_is_refused_and_changes_nothing() {
    let log = Log::of(1, 3);
    let mut replica = Replica::new(genesis());
    replica.apply(log.run(..)).unwrap();
    let before = replica.state();
    let mut twin = Log::of(1, 2);
    twin.push(vec![], vec![]);
    twin.push(vec![], vec![]);
    assert_eq!(
        replica.apply(twin.run(2..)),
        Err(ApplyError::Diverges(log.at(3)))
    );
    // An entry that claims to be older than its dependency.
    let mut early = Log::new(2);
    early.push(vec![log.at(3)], vec![]);
    assert_eq!(
        replica.apply(early.run(..)),
        Err(ApplyError::Time(TimeError {
            at: early.at(1),
            earlier: log.at(3)
        }))
    );
    // A run that moves back in time against the log, which verifying it alone can't see.
    let mut back = Log::of(1, 3);
    back.push(vec![], vec![]);
    back.entries[3].header.hlc = Hlc::from_millis(3);
    assert_eq!(
        replica.apply(back.run(3..)),
        Err(ApplyError::Time(TimeError {
            at: log.at(4),
            earlier: log.at(3)
        }))
    );
    let mut elsewhere = Log::of(3, 1);
    elsewhere.entries[0].header.store = crate::StoreId::ZERO;
    assert_eq!(
        replica.apply(elsewhere.run(..)),
        Err(ApplyError::OtherStore)
    );
    assert_eq!(replica.state(), before);
    assert_eq!(replica.frontier().entries(), 3);
}

#[test]
fn a_write_is_later_than_all_it_builds_on_whatever_the_clock_says() {
    let (mut one, mut two) = (Desk::new(1), Desk::new(2));
    one.put("k", "v");
    two.pull(&one);
    for clock in [0, NOW, 0] {
        let run = two
            .replica
            .write(
                &two.identity,
                clock,
                vec![Operation::put("k", "w")],
                &mut two.entropy,
            )
            .unwrap();
        one.replica.apply(run).unwrap();
        assert_eq!(one.replica.heads(b"k").len(), 1);
    }
}

#[test]
fn more_tips_than_dependencies_are_gathered_by_an_empty_entry() {
    let mut one = Desk::new(1);
    let authors = u8::try_from(MAX_DEPS).unwrap() + 3;
    for number in 0..authors {
        one.replica.apply(Log::of(100 + number, 1).run(..)).unwrap();
    }
    let run = one.put("k", "v");
    assert_eq!(run.entries().len(), 2);
    let mut fresh = Replica::new(genesis());
    for run in one.replica.runs_since(&Frontier::new()).into_iter().rev() {
        fresh.apply(run).unwrap();
    }
    assert_eq!(fresh.state(), one.replica.state());
}

#[test]
fn a_write_that_fits_no_entry_says_so_and_writes_nothing() {
    let mut one = Desk::new(1);
    let mut refused = |operations| {
        one.replica
            .write(&one.identity, NOW, operations, &mut one.entropy)
            .unwrap_err()
    };
    assert!(matches!(
        refused(vec![Operation::put("", "v")]),
        WriteError::Operation(InvalidOperation::EmptyKey)
    ));
    let many = vec![Operation::put("k", "v"); MAX_OPS + 1];
    assert!(matches!(
        refused(many),
        WriteError::Run(RunError::Entry { .. })
    ));
    let large = vec![Operation::put("k", vec![0; MAX_RUN_BYTES]); 4];
    assert!(matches!(
        refused(large),
        WriteError::Run(RunError::Entry { .. })
    ));
    assert!(one.replica.frontier().is_empty());
    // The end of time: only an entry of one's own could have brought it on.
    let mut log = Log::of(1, 1);
    log.entries[0].header.hlc = Hlc::MAX;
    one.replica.apply(log.run(..)).unwrap();
    let late = vec![Operation::put("k", "v")];
    assert_eq!(
        one.replica
            .write(&one.identity, NOW, late, &mut one.entropy),
        Err(WriteError::Exhausted)
    );
}

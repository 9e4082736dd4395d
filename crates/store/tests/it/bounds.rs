//! What one call takes is bounded, whatever lies in the store and whoever asks.

use nocturne_core::{Bytes, Frontier, OpRef};
use nocturne_store::{
    ApplyOutcome, Batch, Cut, Depth, ForgetRequest, Medium, OpenError, Refusal, RunsQuery, Store,
    StoreHandle,
};

use crate::common::{TestClock, genesis, get, identity, in_memory, missing, options, pull, put};

const LARGE: usize = 500_000;

fn with_large_values(count: usize) -> StoreHandle {
    let (store, _) = in_memory(&TestClock::new(), 1);
    for n in 0..count {
        let batch = Batch::new().put(format!("k{n}"), vec![7; LARGE]);
        store.write_blocking(batch).unwrap();
    }
    store
}

#[test]
fn a_page_of_runs_stays_near_what_was_asked_for() {
    let store = with_large_values(12);
    let snapshot = store.snapshot().unwrap();
    let have = Frontier::new();
    let (mut from_revision, mut entries) = (0, 0);
    loop {
        let query = RunsQuery {
            have: &have,
            from_revision,
            max_bytes: LARGE,
        };
        let page = snapshot.runs_since(&query).unwrap();
        let sizes = page.runs.iter().flat_map(nocturne_core::SignedRun::entries);
        assert!(sizes.map(nocturne_core::Entry::size).sum::<usize>() < 2 * LARGE);
        for run in page.runs {
            entries += run.verify().unwrap().entries().len();
        }
        match page.next_revision {
            Some(next) => from_revision = next,
            None => break,
        }
    }
    assert_eq!(entries, 12);
}

#[test]
fn a_page_of_events_is_bounded_in_bytes_and_goes_on() {
    let store = with_large_values(20);
    let snapshot = store.snapshot().unwrap();
    let (mut next, mut seen) = (0, Vec::new());
    loop {
        let (events, after) = snapshot.events(next, 256).unwrap();
        assert!(events.len() < 10, "{}", events.len());
        if after == next {
            break;
        }
        next = after;
        seen.extend(events.into_iter().map(|event| event.revision));
    }
    assert_eq!(seen, (0..20).collect::<Vec<u64>>());
}

#[test]
fn a_snapshot_answers_from_itself_when_the_store_has_moved_on() {
    let (store, _) = in_memory(&TestClock::new(), 1);
    put(&store, "a", "1");
    let snapshot = store.snapshot().unwrap();
    let later = put(&store, "b", "2");
    let at = OpRef {
        author: later.author,
        seq: later.seq,
        op: 0,
    };
    assert_eq!(snapshot.bodies(&[at]).unwrap(), []);
    assert_eq!(snapshot.hlc_of(at.entry()).unwrap(), None);
    let beyond = OpRef { op: 9, ..at };
    assert_eq!(store.snapshot().unwrap().bodies(&[beyond]).unwrap(), []);
}

#[test]
fn an_entry_of_thousands_of_operations_is_read_forgotten_and_checked() {
    let clock = TestClock::new();
    let (store, _) = in_memory(&clock, 1);
    let batch: Batch = (0..4_096)
        .map(|n| nocturne_core::Operation::put(format!("k{n:04}"), vec![1; 600]))
        .collect();
    let written = store.write_blocking(batch).unwrap();
    let (events, _) = store.snapshot().unwrap().events(0, 9).unwrap();
    assert_eq!(events.len(), 4_096);
    let targets = (0..4_096).filter(|op| op % 2 == 0).map(|op| OpRef {
        author: written.author,
        seq: written.seq,
        op,
    });
    let request = ForgetRequest {
        cut: Cut {
            id: [1; 16],
            predicate: Bytes::from_static(b"nothing"),
            policy: [0; 32],
            reason: 0,
            as_of_ms: 1_700_000_000_000,
        },
        targets: targets.collect(),
    };
    let forgotten = store.forget_blocking(request).unwrap();
    assert_eq!(forgotten.operations, 2_048);
    assert_eq!(get(&store, "k0000"), None);
    assert!(store.get(b"k0001").unwrap().is_some());
    let standing = store.standing_blocking().unwrap();
    assert_eq!((standing.forgotten, standing.keys), (2_048, 2_048));
    assert_eq!(store.verify_blocking(Depth::Deep).unwrap().findings, []);
}

#[test]
fn thousands_of_heads_on_one_key_are_merged_by_one_write() {
    let clock = TestClock::new();
    let (store, _) = in_memory(&clock, 1);
    let (mut wide, mut rest) = (Vec::new(), 40);
    while rest > 0 {
        let (other, _) = in_memory(&clock, 100 + rest);
        put(&other, "k", "concurrent");
        wide.extend(missing(&other, &Frontier::new()));
        rest -= 1;
    }
    store.apply_blocking(wide).unwrap();
    assert_eq!(store.snapshot().unwrap().heads(b"k").unwrap().len(), 40);
    put(&store, "k", "merged");
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.heads(b"k").unwrap().len(), 1);
    assert_eq!(snapshot.history(b"k").unwrap().len(), 41);
    assert_eq!(store.verify_blocking(Depth::Deep).unwrap().findings, []);
}

#[test]
fn nothing_of_a_convicted_author_waits_any_more() {
    let clock = TestClock::new();
    let (store, _) = in_memory(&clock, 1);
    let ((one, _), (other, _)) = (in_memory(&clock, 7), in_memory(&clock, 7));
    put(&one, "k", "one");
    pull(&store, &one);
    put(&one, "k", "two");
    let have = one.frontier();
    put(&one, "k", "three");
    store.apply_blocking(missing(&one, &have)).unwrap();
    assert_eq!(store.standing_blocking().unwrap().waiting_entries, 1);
    put(&other, "k", "another");
    let outcome = store.apply_blocking(missing(&other, &Frontier::new()));
    assert!(matches!(
        outcome.unwrap()[..],
        [ApplyOutcome::Refused(Refusal::Diverges(_))]
    ));
    assert_eq!(store.standing_blocking().unwrap().waiting_entries, 0);
}

#[test]
fn what_is_born_forgotten_tells_the_frontier_before_and_after() {
    let clock = TestClock::new();
    let ((a, _), (b, _)) = (in_memory(&clock, 1), in_memory(&clock, 2));
    put(&a, "secret", "x");
    let before = b.frontier().digest();
    let request = ForgetRequest {
        cut: Cut {
            id: [1; 16],
            predicate: Bytes::from_static(b"secret"),
            policy: [0; 32],
            reason: 0,
            as_of_ms: 1_700_000_000_000,
        },
        targets: Vec::new(),
    };
    b.forget_blocking(request).unwrap();
    pull(&b, &a);
    let erasures = b.snapshot().unwrap().erasures(9).unwrap();
    assert_eq!(erasures[0].frontier_before, before);
    assert_eq!(erasures[0].frontier_after, b.frontier().digest());
}

#[test]
fn a_keyring_in_use_is_not_destroyed_by_making_another_store() {
    let clock = TestClock::new();
    let dir = tempfile::tempdir().unwrap();
    let create = |seed| {
        let medium = Medium::directory(dir.path()).unwrap();
        Store::create(medium, options(&clock, seed), &genesis(), identity(1))
    };
    let store = StoreHandle::spawn(create(1).unwrap()).unwrap();
    put(&store, "k", "v");
    store.shutdown_blocking().unwrap();
    drop(store);
    let file = dir.path().join(nocturne_store::DATABASE_FILE);
    let away = dir.path().join("away");
    std::fs::rename(&file, &away).unwrap();
    assert!(matches!(create(2), Err(OpenError::KeyringOfOther)));
    std::fs::rename(&away, &file).unwrap();
    let medium = Medium::directory(dir.path()).unwrap();
    let store = Store::open(medium, options(&clock, 3), identity(1), None).unwrap();
    let store = StoreHandle::spawn(store).unwrap();
    assert_eq!(get(&store, "k").as_deref(), Some("v"));
}

//! Power cuts: at every write, with any part of what was not synced lost. What was acknowledged is
//! there, the rest is whole or absent, and the store opens.

use nocturne_core::{Bytes, Frontier, OpBody, OpRef, VerifiedRun};
use nocturne_store::{Batch, Cut, Depth, ForgetRequest, OpenError, Store, StoreHandle};

use crate::common::{TestClock, genesis, get, identity, in_memory, missing, options, put};
use crate::machine::{Dice, Machine, Shared, machine};

/// Restarts after every cut, no two alike.
const CASES: u64 = 4;

/// Cuts the power at every call that `act` makes on a copy of `before`, restarts in a few ways, and
/// shows `check` the store with whether the act was acknowledged. Returns how often it was cut.
fn cut_everywhere(
    clock: &TestClock,
    before: &Machine,
    act: impl Fn(&StoreHandle) -> bool,
    check: impl Fn(&StoreHandle, bool),
) -> u64 {
    let id = Some(genesis().store_id());
    let open = |shared: &Shared, seed| {
        let store = Store::open(shared.medium(), options(clock, seed), identity(1), id);
        store.map(|store| StoreHandle::spawn(store).unwrap())
    };
    for calls in 0.. {
        let shared = Shared::new(before.clone());
        let store = open(&shared, 2).unwrap();
        shared.with(|machine| machine.cut_at = Some(machine.calls + calls));
        let acknowledged = act(&store);
        let (crashed, done) = shared.with(|machine| (machine.clone(), machine.alive()));
        drop(store);
        for case in 0..CASES {
            let mut dice = Dice(calls * 100 + case);
            let mut restarted = crashed.restart(&mut dice);
            if case % 2 == 1 {
                // The power fails again while the store recovers.
                restarted.cut_at = Some(dice.roll(20) as u64);
                let shared = Shared::new(restarted);
                drop(open(&shared, 50));
                restarted = shared.with(|machine| machine.restart(&mut dice));
            }
            let shared = Shared::new(restarted);
            let store = match open(&shared, 100 + case) {
                Ok(store) => store,
                Err(error) => panic!("cut at call {calls}, case {case}: {error}"),
            };
            check(&store, acknowledged);
            let found = store.verify_blocking(Depth::Deep).unwrap();
            assert_eq!(found.findings, [], "cut at call {calls}, case {case}");
            // It goes on, on numbers and keys that fit.
            put(&store, "after", "the crash");
            assert_eq!(get(&store, "after").as_deref(), Some("the crash"));
        }
        if done {
            assert!(acknowledged);
            return calls;
        }
    }
    0
}

/// A closed store with an entry to forget, and one that came without its body.
fn prepared(clock: &TestClock) -> (Machine, Vec<(OpRef, OpBody)>) {
    let (store, memory) = in_memory(clock, 1);
    put(&store, "secret", "value");
    put(&store, "kept", "value");
    let (other, _) = in_memory(clock, 2);
    put(&other, "bare", "supplied");
    let bare = missing(&other, &Frontier::new()).into_iter().map(|run| {
        let signature = run.signature();
        let entries = run.into_entries().into_iter().map(|entry| {
            let mut entry = entry.into_entry();
            entry.bodies = vec![None; entry.bodies.len()];
            entry
        });
        let run = nocturne_core::SignedRun::new(entries.collect(), signature);
        run.verify().unwrap()
    });
    store.apply_blocking(bare.collect()).unwrap();
    let wanted = store.snapshot().unwrap().wanted(9).unwrap();
    let bodies = other.snapshot().unwrap().bodies(&wanted).unwrap();
    store.shutdown_blocking().unwrap();
    drop(store);
    (machine(&memory), bodies)
}

/// With `done`, the key is there; without, it is there or not.
fn whole_or_absent(store: &StoreHandle, key: &str, value: &str, done: bool) {
    let found = get(store, key);
    assert!(found.as_deref() == Some(value) || (found.is_none() && !done));
    assert_eq!(get(store, "kept").as_deref(), Some("value"));
}

#[test]
fn a_put() {
    let clock = TestClock::new();
    let (before, _) = prepared(&clock);
    let act = |store: &StoreHandle| {
        let batch = Batch::new().put("new", "x").put("also", "y");
        store.write_blocking(batch).is_ok()
    };
    let cuts = cut_everywhere(&clock, &before, act, |store, done| {
        whole_or_absent(store, "new", "x", done);
        assert_eq!(get(store, "new").is_some(), get(store, "also").is_some());
    });
    assert!(cuts > 8, "{cuts}");
}

fn runs_of(clock: &TestClock, n: u8, keys: usize) -> Vec<VerifiedRun> {
    let (store, _) = in_memory(clock, n);
    for key in 0..keys {
        put(&store, &format!("r{key}"), "run");
    }
    missing(&store, &Frontier::new())
}

#[test]
fn an_apply() {
    let clock = TestClock::new();
    let (before, _) = prepared(&clock);
    let runs = runs_of(&clock, 3, 20);
    let act = |store: &StoreHandle| store.apply_blocking(runs.clone()).is_ok();
    let cuts = cut_everywhere(&clock, &before, act, |store, done| {
        whole_or_absent(store, "r0", "run", done);
        assert_eq!(get(store, "r0"), get(store, "r19"));
    });
    assert!(cuts > 8, "{cuts}");
}

#[test]
fn a_forget() {
    let clock = TestClock::new();
    let (before, _) = prepared(&clock);
    let request = ForgetRequest {
        cut: Cut {
            id: [3; 16],
            predicate: Bytes::from_static(b"secret"),
            policy: [0; 32],
            reason: 1,
            as_of_ms: 1_700_000_000_000,
        },
        targets: vec![OpRef {
            author: identity(1).author(),
            seq: 1,
            op: 0,
        }],
    };
    let act = |store: &StoreHandle| store.forget_blocking(request.clone()).is_ok();
    let cuts = cut_everywhere(&clock, &before, act, |store, done| {
        let erasures = store.snapshot().unwrap().erasures(9).unwrap();
        let readable = get(store, "secret").is_some();
        assert!(!(readable && done), "readable after it was acknowledged");
        assert_eq!(erasures.len(), usize::from(!readable));
        assert_eq!(get(store, "kept").as_deref(), Some("value"));
    });
    assert!(cuts > 16, "{cuts}");
}

#[test]
fn a_supply() {
    let clock = TestClock::new();
    let (before, bodies) = prepared(&clock);
    assert_eq!(bodies.len(), 1);
    let act = |store: &StoreHandle| store.supply_bodies_blocking(bodies.clone()).is_ok();
    let cuts = cut_everywhere(&clock, &before, act, |store, done| {
        whole_or_absent(store, "bare", "supplied", done);
        let wanted = store.snapshot().unwrap().wanted(9).unwrap();
        assert_eq!(wanted.is_empty(), get(store, "bare").is_some());
    });
    assert!(cuts > 8, "{cuts}");
}

#[test]
fn a_quarantine_and_an_admission_from_it() {
    let (clock, late) = (TestClock::new(), TestClock::new());
    late.advance(10 * 3_600_000);
    let (before, _) = prepared(&clock);
    let runs = runs_of(&late, 3, 1);
    let quarantined = |store: &StoreHandle| {
        let standing = store.standing_blocking().unwrap();
        standing.quarantined_runs == 1
    };
    let act = |store: &StoreHandle| store.apply_blocking(runs.clone()).is_ok();
    let cuts = cut_everywhere(&clock, &before, act, |store, done| {
        assert!(quarantined(store) || !done);
        assert_eq!(get(store, "r0"), None);
    });
    assert!(cuts > 5, "{cuts}");

    let id = Some(genesis().store_id());
    let shared = Shared::new(before);
    let store = Store::open(shared.medium(), options(&clock, 2), identity(1), id).unwrap();
    let store = StoreHandle::spawn(store).unwrap();
    store.apply_blocking(runs.clone()).unwrap();
    store.shutdown_blocking().unwrap();
    drop(store);
    let held = shared.with(|machine| machine.clone());
    let act = |store: &StoreHandle| store.write_blocking(Batch::new().put("now", "x")).is_ok();
    let cuts = cut_everywhere(&late, &held, act, |store, done| {
        whole_or_absent(store, "now", "x", done);
        // Held or admitted, never lost.
        assert!(quarantined(store) != (get(store, "r0").as_deref() == Some("run")));
    });
    assert!(cuts > 16, "{cuts}");
}

#[test]
fn a_creation_can_be_tried_again_or_is_done() {
    let clock = TestClock::new();
    let id = Some(genesis().store_id());
    let create = |shared: &Shared, seed| {
        Store::create(
            shared.medium(),
            options(&clock, seed),
            &genesis(),
            identity(1),
        )
    };
    for calls in 0.. {
        let shared = Shared::new(Machine::default());
        shared.with(|machine| machine.cut_at = Some(calls));
        let made = create(&shared, 1).map(drop).is_ok();
        let (crashed, done) = shared.with(|machine| (machine.clone(), machine.alive()));
        for case in 0..4 {
            let mut dice = Dice(calls * 10 + case);
            let shared = Shared::new(crashed.restart(&mut dice));
            let store = match Store::open(shared.medium(), options(&clock, 3), identity(1), id) {
                Ok(store) => store,
                Err(OpenError::Missing) => {
                    assert!(!made, "lost at call {calls}");
                    create(&shared, 2).unwrap()
                }
                Err(error) => panic!("cut at call {calls}, case {case}: {error}"),
            };
            let store = StoreHandle::spawn(store).unwrap();
            put(&store, "k", "v");
            assert_eq!(get(&store, "k").as_deref(), Some("v"));
        }
        if done {
            return;
        }
    }
}

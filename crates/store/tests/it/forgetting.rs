//! Forgetting: the body is gone, the chain holds, and nothing brings it back.

use nocturne_core::{Bytes, Frontier, OpRef};
use nocturne_store::{Action, Content, Cut, Depth, ForgetRequest, StoreHandle};

use crate::common::{TestClock, get, in_memory, missing, pull, put, reopen};

fn cut(prefix: &str) -> Cut {
    Cut {
        id: *blake3::hash(prefix.as_bytes())
            .as_bytes()
            .first_chunk()
            .unwrap(),
        predicate: Bytes::copy_from_slice(prefix.as_bytes()),
        policy: [5; 32],
        reason: 1,
        as_of_ms: 1_700_000_000_000 + 60_000,
    }
}

fn forget(store: &StoreHandle, prefix: &str) -> nocturne_store::Forgotten {
    let snapshot = store.snapshot().unwrap();
    let targets: Vec<OpRef> = snapshot
        .operations()
        .unwrap()
        .map(Result::unwrap)
        .filter(|op| op.operation.key.starts_with(prefix.as_bytes()))
        .map(|op| op.at)
        .collect();
    drop(snapshot);
    let request = ForgetRequest {
        cut: cut(prefix),
        targets,
    };
    store.forget_blocking(request).unwrap()
}

#[test]
fn value_salt_and_key_are_in_no_byte_of_the_files() {
    let clock = TestClock::new();
    let (store, memory) = in_memory(&clock, 1);
    for n in 0..500 {
        put(
            &store,
            &format!("secret/{n:04}"),
            &format!("classified-{n:04}"),
        );
        put(&store, &format!("plain/{n:04}"), "kept");
    }
    let run = missing(&store, &Frontier::new());
    let salts: Vec<Vec<u8>> = run
        .iter()
        .flat_map(nocturne_core::VerifiedRun::entries)
        .filter_map(|entry| entry.entry().bodies[0].as_ref())
        .filter(|body| body.operation().unwrap().key.starts_with(b"secret"))
        .map(|body| body.joined()[..16].to_vec())
        .collect();
    let forgotten = forget(&store, "secret/");
    assert_eq!(forgotten.operations, 500);
    store.scrub_blocking().unwrap();
    let bytes = memory.bytes();
    let finds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(!finds(b"classified"));
    // The standing cut itself names the prefix, and nothing beyond it.
    assert!(!finds(b"secret/0"), "keys stay in free pages");
    assert!(finds(b"plain/"));
    assert_eq!(salts.len(), 500);
    assert!(!salts.iter().any(|salt| finds(salt)));
    assert_eq!(get(&store, "secret/0001"), None);
    assert_eq!(get(&store, "plain/0001").as_deref(), Some("kept"));
    assert_eq!(store.verify_blocking(Depth::Deep).unwrap().findings, []);
    assert_eq!(memory.keyring().len(), 1);
}

#[test]
fn the_old_keyring_opens_it_and_the_new_one_does_not() {
    let clock = TestClock::new();
    let (store, memory) = in_memory(&clock, 1);
    put(&store, "secret/1", "x");
    let old = memory.image();
    forget(&store, "secret/");
    // The image from before still reads: that is why the old keyring must be destroyed.
    let before = reopen(old.medium(), &clock, 1, 50);
    assert_eq!(get(&before, "secret/1").as_deref(), Some("x"));
    let after = reopen(memory.image().medium(), &clock, 1, 51);
    assert_eq!(get(&after, "secret/1"), None);
}

#[test]
fn a_peer_that_still_has_the_body_does_not_bring_it_back() {
    let clock = TestClock::new();
    let ((a, _), (b, _)) = (in_memory(&clock, 1), in_memory(&clock, 2));
    put(&a, "secret/1", "x");
    pull(&b, &a);
    forget(&b, "secret/");
    pull(&b, &a);
    b.apply_blocking(missing(&a, &Frontier::new())).unwrap();
    let wanted = b.snapshot().unwrap().wanted(10).unwrap();
    assert_eq!(wanted, []);
    let at = OpRef {
        author: a.author(),
        seq: 1,
        op: 0,
    };
    let bodies = a.snapshot().unwrap().bodies(&[at]).unwrap();
    assert_eq!(bodies.len(), 1);
    assert_eq!(b.supply_bodies_blocking(bodies).unwrap(), 0);
    assert_eq!(get(&b, "secret/1"), None);
    assert_eq!(a.frontier().digest(), b.frontier().digest());
    // The header is still served, the body is not.
    assert!(b.snapshot().unwrap().bodies(&[at]).unwrap().is_empty());
    let served = missing(&b, &Frontier::new());
    assert_eq!(served[0].entries()[0].entry().bodies, [None]);
}

#[test]
fn what_arrives_after_the_cut_is_born_forgotten() {
    let clock = TestClock::new();
    let ((a, _), (b, memory)) = (in_memory(&clock, 1), in_memory(&clock, 2));
    put(&a, "secret/late", "never-to-be-written");
    forget(&b, "secret/");
    pull(&b, &a);
    assert_eq!(get(&b, "secret/late"), None);
    let erasures = b.snapshot().unwrap().erasures(10).unwrap();
    assert_eq!(erasures.len(), 1);
    assert_eq!(erasures[0].action, Action::BornForgotten);
    let needle = b"secret/late";
    assert!(!memory.bytes().windows(needle.len()).any(|w| w == needle));
    // A later write to the same key that the cut's time doesn't reach is a new write.
    assert_eq!(b.verify_blocking(Depth::Deep).unwrap().findings, []);
    b.receipted_blocking(vec![erasures[0].number]).unwrap();
    assert!(b.snapshot().unwrap().erasures(10).unwrap().is_empty());
}

#[test]
fn history_names_what_was_forgotten() {
    let clock = TestClock::new();
    let (store, _) = in_memory(&clock, 1);
    let first = put(&store, "k", "one");
    clock.advance(5);
    put(&store, "k", "two");
    let target = OpRef {
        author: first.author,
        seq: 1,
        op: 0,
    };
    let request = ForgetRequest {
        cut: Cut {
            as_of_ms: first.hlc.millis(),
            ..cut("k")
        },
        targets: vec![target],
    };
    assert_eq!(store.forget_blocking(request).unwrap().operations, 1);
    let history = store.snapshot().unwrap().history(b"k").unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[1].content, Content::Forgotten);
    assert_eq!(get(&store, "k").as_deref(), Some("two"));
    assert_eq!(store.verify_blocking(Depth::Deep).unwrap().findings, []);
}

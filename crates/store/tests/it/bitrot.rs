//! A disk that returns something else than what was written: every answer is right or an error.

use nocturne_core::{Bytes, OpRef};
use nocturne_store::{Batch, Cut, Depth, ForgetRequest, Memory, ScanRange, Store, StoreHandle};

use crate::common::{TestClock, genesis, identity, in_memory, options, pull, put};

const PAGE: usize = 4_096;

/// A store of some pages with heads, conflicts, versions, a forgotten body and a quarantined run.
fn prepared(clock: &TestClock) -> (StoreHandle, Memory) {
    let late = TestClock::new();
    late.advance(10 * 3_600_000);
    let (store, memory) = in_memory(clock, 1);
    let ((other, _), (future, _)) = (in_memory(clock, 2), in_memory(&late, 3));
    for n in 0..60 {
        put(&store, &format!("k{}", n % 40), &format!("value {n}"));
        put(&other, &format!("k{n}"), "concurrent");
    }
    put(&store, "large", &"x".repeat(9_000));
    put(&future, "later", "quarantined");
    pull(&store, &other);
    pull(&store, &future);
    let batch = (0..50).fold(Batch::new(), |batch, n| batch.put(format!("b{n}"), "batch"));
    store.write_blocking(batch.delete("k7")).unwrap();
    let request = ForgetRequest {
        cut: Cut {
            id: [3; 16],
            predicate: Bytes::from_static(b"nothing"),
            policy: [0; 32],
            reason: 1,
            as_of_ms: 1_700_000_000_000,
        },
        targets: vec![OpRef {
            author: identity(1).author(),
            seq: 3,
            op: 0,
        }],
    };
    store.forget_blocking(request).unwrap();
    (store, memory)
}

/// Everything that can be read, in words; the first error otherwise.
fn read_all(store: &StoreHandle) -> Result<Vec<String>, nocturne_store::StorageError> {
    let snapshot = store.snapshot()?;
    let mut out = vec![format!("{:?}", snapshot.frontier()?.digest())];
    for n in 0..64 {
        for key in [format!("k{n}"), format!("b{n}")] {
            let row = snapshot.get(key.as_bytes())?;
            out.push(format!("{row:?} {:?}", snapshot.history(key.as_bytes())?));
        }
    }
    for row in snapshot.scan(&ScanRange::default())? {
        out.push(format!("{:?}", row?));
    }
    let mut next = 0;
    loop {
        let (events, after) = snapshot.events(next, 64)?;
        out.push(format!("{events:?}"));
        if after == next {
            break;
        }
        next = after;
    }
    let have = nocturne_core::Frontier::new();
    let query = nocturne_store::RunsQuery {
        have: &have,
        from_revision: 0,
        max_bytes: usize::MAX,
    };
    out.push(format!("{:?}", snapshot.runs_since(&query)?.runs));
    out.push(format!("{:?}", snapshot.erasures(9)?));
    out.push(format!("{:?}", snapshot.wanted(9)?));
    Ok(out)
}

/// Damages every page that is not empty, in a few ways, and opens, reads, verifies and writes.
/// Returns how often the damage was noticed and how often it did no harm.
fn rot(memory: &Memory, clock: &TestClock, right: &[String]) -> (u32, u32) {
    let id = Some(genesis().store_id());
    let (mut noticed, mut harmless) = (0, 0);
    let bytes = memory.bytes();
    for (page, whole) in bytes.chunks(PAGE).enumerate() {
        if whole.iter().all(|byte| *byte == 0) {
            continue;
        }
        let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
        for kind in [page % 3, (page + 1) % 3] {
            let at = used[(page * 31 + kind * 577) % used.len()];
            let image = memory.image();
            image.damage(page * PAGE, |bytes| match kind {
                0 => bytes[at] ^= 1,
                1 => bytes[used[0]] ^= 0xff,
                _ => bytes[..PAGE].fill(0),
            });
            let opened = Store::open(image.medium(), options(clock, 9), identity(1), id);
            let Ok(store) = opened else {
                noticed += 1;
                continue;
            };
            let store = StoreHandle::spawn(store).unwrap();
            let read = read_all(&store);
            let verified = store.verify_blocking(Depth::Deep);
            match (read, verified) {
                (Ok(answers), Ok(found)) if found.findings.is_empty() => {
                    assert!(answers == right, "a wrong answer: page {page}, kind {kind}");
                    harmless += 1;
                }
                (Ok(answers), _) => {
                    assert!(answers == right, "a wrong answer: page {page}, kind {kind}");
                    noticed += 1;
                }
                (Err(_), Ok(found)) => {
                    assert!(!found.findings.is_empty(), "page {page}, kind {kind}");
                    noticed += 1;
                }
                (Err(_), Err(_)) => noticed += 1,
            }
            let _ = store.write_blocking(Batch::new().put("after", "all"));
        }
    }
    (noticed, harmless)
}

#[test]
fn a_closed_file_that_rots_gives_errors_or_right_answers() {
    let clock = TestClock::new();
    let (store, memory) = prepared(&clock);
    let right = read_all(&store).unwrap();
    store.shutdown_blocking().unwrap();
    drop(store);
    assert!(memory.note().is_some());
    let (noticed, harmless) = rot(&memory, &clock, &right);
    assert!(noticed > 30, "{noticed} noticed, {harmless} harmless");
}

#[test]
fn so_does_a_closed_file_whose_note_is_lost() {
    let clock = TestClock::new();
    let (store, memory) = prepared(&clock);
    let right = read_all(&store).unwrap();
    store.shutdown_blocking().unwrap();
    drop(store);
    memory.lose_note();
    let (noticed, harmless) = rot(&memory, &clock, &right);
    assert!(noticed > 30, "{noticed} noticed, {harmless} harmless");
}

/// After a crash an unreadable newest commit can't be told from one that was never finished: the one
/// before it is the right answer then. What is read is consistent, or an error.
#[test]
fn a_file_that_rots_after_a_crash_gives_errors_or_a_consistent_state() {
    let clock = TestClock::new();
    let (store, memory) = prepared(&clock);
    let image = memory.image();
    drop(store);
    let id = Some(genesis().store_id());
    let bytes = image.bytes();
    let (mut noticed, mut consistent) = (0, 0);
    for (page, whole) in bytes.chunks(PAGE).enumerate() {
        let Some(used) = whole.iter().rposition(|byte| *byte != 0) else {
            continue;
        };
        for at in [used, used / 2, page % (used + 1)] {
            let image = image.image();
            image.damage(page * PAGE + at, |bytes| bytes[0] ^= 0x21);
            let opened = Store::open(image.medium(), options(&clock, 9), identity(1), id);
            let Ok(store) = opened else {
                noticed += 1;
                continue;
            };
            let store = StoreHandle::spawn(store).unwrap();
            read_all(&store).unwrap();
            let found = store.verify_blocking(Depth::Deep).unwrap();
            assert_eq!(found.findings, [], "page {page}, byte {at}");
            consistent += 1;
        }
    }
    assert!(noticed > 3 && consistent > 3, "{noticed} {consistent}");
}

#[test]
fn a_page_that_rots_while_the_store_is_open_is_not_believed() {
    let clock = TestClock::new();
    let (store, memory) = prepared(&clock);
    let right = read_all(&store).unwrap();
    store.shutdown_blocking().unwrap();
    drop(store);
    let id = Some(genesis().store_id());
    let pages = memory.bytes().len() / PAGE;
    let mut noticed = 0;
    for page in 1..pages {
        let image = memory.image();
        let bytes = image.bytes();
        let Some(at) = (page * PAGE..(page + 1) * PAGE).find(|at| bytes[*at] != 0) else {
            continue;
        };
        let mut options = options(&clock, 9);
        // Hardly any page stays in memory.
        options.cache_bytes = 0;
        let store = Store::open(image.medium(), options, identity(1), id).unwrap();
        let store = StoreHandle::spawn(store).unwrap();
        image.damage(at, |bytes| bytes[0] ^= 0x10);
        match read_all(&store) {
            Ok(answers) => assert!(answers == right, "a wrong answer: page {page}"),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 3, "{noticed}");
}

//! Reads: winners, scans, history, time travel, watching.

use nocturne_core::Hlc;
use nocturne_store::{Batch, Change, Content, ScanRange, WriteError};

use crate::common::{TestClock, get, in_memory, pull, put};

#[test]
fn a_batch_is_all_or_nothing() {
    let (store, _) = in_memory(&TestClock::new(), 1);
    let written = store
        .write_blocking(Batch::new().put("a", "1").put("b", "2").delete("c"))
        .unwrap();
    assert_eq!((written.seq, written.ops), (1, 3));
    let refused = [
        Batch::new(),
        Batch::new().put("a", "2").put("a", "3"),
        Batch::new().put("d", "1").put("", "1"),
        Batch::new().put("d", vec![0; (1 << 20) + 1]),
    ];
    for batch in refused {
        assert!(store.write_blocking(batch).is_err());
    }
    assert!(matches!(
        store.write_blocking(Batch::new()),
        Err(WriteError::Empty)
    ));
    assert_eq!(get(&store, "a").as_deref(), Some("1"));
    assert_eq!(get(&store, "d"), None);
    assert_eq!(store.frontier().entries(), 1);
}

#[test]
fn scans_are_sorted_bounded_and_skip_the_deleted() {
    let (store, _) = in_memory(&TestClock::new(), 1);
    for key in ["b/2", "a", "b/1", "c", "b/3", "b"] {
        put(&store, key, key);
    }
    store.write_blocking(Batch::new().delete("b/2")).unwrap();
    let snapshot = store.snapshot().unwrap();
    let keys = |range: ScanRange| -> Vec<String> {
        let rows = snapshot.scan(&range).unwrap().map(Result::unwrap);
        rows.map(|row| String::from_utf8(row.key.to_vec()).unwrap())
            .collect()
    };
    assert_eq!(keys(ScanRange::default()), ["a", "b", "b/1", "b/3", "c"]);
    assert_eq!(keys(ScanRange::prefix("b/")), ["b/1", "b/3"]);
    assert_eq!(keys(ScanRange::prefix("b").reversed()), ["b/3", "b/1", "b"]);
    assert_eq!(keys(ScanRange::prefix("b").limited(1)), ["b"]);
    let between = ScanRange {
        from: Some("b".into()),
        to: Some("b/3".into()),
        ..Default::default()
    };
    assert_eq!(keys(between), ["b", "b/1"]);
    let empty = ScanRange {
        from: Some("z".into()),
        to: Some("a".into()),
        ..Default::default()
    };
    assert_eq!(keys(empty), [""; 0]);
}

#[test]
fn history_and_time_travel_agree() {
    let clock = TestClock::new();
    let (store, _) = in_memory(&clock, 1);
    let mut moments = Vec::new();
    for value in ["one", "two", "three"] {
        moments.push((put(&store, "k", value).hlc, Some(value)));
        clock.advance(10);
    }
    let deleted = store.write_blocking(Batch::new().delete("k")).unwrap();
    moments.push((deleted.hlc, None));
    let snapshot = store.snapshot().unwrap();
    for (hlc, value) in &moments {
        let row = snapshot.get_at(b"k", *hlc).unwrap();
        assert_eq!(row.map(|row| row.value), value.map(Into::into));
        let scanned: Vec<_> = snapshot
            .scan_at(&ScanRange::default(), *hlc)
            .unwrap()
            .collect();
        assert_eq!(scanned.len(), usize::from(value.is_some()));
    }
    assert_eq!(snapshot.get_at(b"k", Hlc::from_millis(1)).unwrap(), None);
    let history = snapshot.history(b"k").unwrap();
    let hlcs: Vec<Hlc> = history.iter().map(|version| version.hlc).collect();
    let expected: Vec<Hlc> = moments.iter().rev().map(|(hlc, _)| *hlc).collect();
    assert_eq!(hlcs, expected);
    assert!(
        history
            .iter()
            .all(|v| matches!(v.content, Content::Here(_)))
    );
}

#[test]
fn writes_of_one_commit_build_on_each_other() {
    let (store, _) = in_memory(&TestClock::new(), 1);
    let batches = (0..50)
        .map(|n| Batch::new().put("k", format!("{n}")))
        .collect();
    for written in store.write_many_blocking(batches).unwrap() {
        written.unwrap();
    }
    assert_eq!(get(&store, "k").as_deref(), Some("49"));
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.heads(b"k").unwrap().len(), 1);
    assert_eq!(snapshot.history(b"k").unwrap().len(), 50);
}

#[test]
fn a_conflict_is_seen_and_the_next_write_heals_it() {
    let clock = TestClock::new();
    let ((a, _), (b, _)) = (in_memory(&clock, 1), in_memory(&clock, 2));
    put(&a, "k", "base");
    pull(&b, &a);
    put(&a, "k", "from a");
    put(&b, "k", "from b");
    pull(&a, &b);
    pull(&b, &a);
    let (on_a, on_b) = (a.get(b"k").unwrap(), b.get(b"k").unwrap());
    assert_eq!(on_a, on_b);
    assert!(on_a.unwrap().conflict);
    assert_eq!(a.snapshot().unwrap().heads(b"k").unwrap().len(), 2);
    put(&b, "k", "healed");
    pull(&a, &b);
    let row = a.get(b"k").unwrap().unwrap();
    assert_eq!((&row.value[..], row.conflict), (&b"healed"[..], false));
    assert_eq!(a.snapshot().unwrap().history(b"k").unwrap().len(), 4);
}

#[tokio::test]
async fn a_watcher_resumes_where_it_stopped_and_then_waits() {
    let (store, _) = in_memory(&TestClock::new(), 1);
    store.put("a/1", "x").await.unwrap();
    store.put("b", "y").await.unwrap();
    store.delete("a/1").await.unwrap();
    let mut watcher = store.watch("a/", 0);
    let first = watcher.next().await.unwrap();
    assert!(matches!(first.change, Change::Put { .. }));
    let mut resumed = store.watch("a/", watcher.next_revision());
    let second = resumed.next().await.unwrap();
    assert!(matches!(second.change, Change::Delete { .. }));
    assert_eq!(resumed.try_next().unwrap(), None);
    let (next, written) = tokio::join!(resumed.next(), store.put("a/2", "z"));
    assert_eq!(next.unwrap().revision, written.unwrap().revision);
}

//! Durable writes, reads and applied runs of the store, beside what the disk and bare redb do.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot set up measures nothing"
)]

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use nocturne_benches::limits::{
    appends_per_s, fdatasync_per_s, raw_redb_commits_per_s, raw_redb_reads_per_s,
    raw_redb_rows_per_s, verify_strict_per_s,
};
use nocturne_benches::meter::{Meter, timed};
use nocturne_benches::rows::{Log, Seeded, create, genesis};
use nocturne_core::{SignedRun, VerifiedRun};
use nocturne_store::{ApplyOutcome, Medium, ScanRange, StoreHandle};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Rows that reads run over.
const ROWS: usize = 100_000;
/// Entries applied into an empty store, one iteration each.
const APPLIED: usize = 100_000;
/// Verified runs handed to the store at once: what a sync session has under way.
const RUNS_AT_ONCE: usize = 64;

fn folder() -> TempDir {
    tempfile::tempdir().expect("the temporary folder can be written")
}

fn on_disk(folder: &Path, seed: u64) -> StoreHandle {
    let medium = Medium::directory(folder).expect("the folder can be written");
    create(medium, &genesis(1), seed)
}

fn put(criterion: &mut Criterion) {
    let disk = folder();
    let appends = appends_per_s(disk.path());
    let syncs = fdatasync_per_s(disk.path());
    let commits = raw_redb_commits_per_s(disk.path());
    let runtime = Runtime::new().expect("a runtime can be started");
    let mut seed = 0;
    for callers in [1_u64, 64] {
        let store = on_disk(&disk.path().join(callers.to_string()), callers);
        let meter = Meter::new();
        criterion.bench_function(
            &format!("store/durable put, {callers} callers"),
            |bencher| {
                bencher.iter_custom(|count| {
                    let each = count.div_ceil(callers);
                    let mut writers = JoinSet::new();
                    let (_, took) = timed(|| {
                        runtime.block_on(async {
                            for _ in 0..callers {
                                seed += 1;
                                writers.spawn(write(store.clone(), Seeded::new(seed), each));
                            }
                            writers.join_all().await
                        })
                    });
                    meter.count(each * callers, took);
                    // Criterion divides by the count it asked for; the last callers may do more.
                    took.mul_f64(fraction(count, each * callers))
                });
            },
        );
        let limits = [
            ("fdatasync after an append of 200 bytes", appends),
            ("fdatasync after 4 KiB in place", syncs),
            ("bare redb commits of one row", commits),
        ];
        meter.beside(&format!("durable put, {callers} callers"), "puts", &limits);
        store.shutdown_blocking().expect("the store can be closed");
    }
}

/// One caller: each put waits for the one before.
async fn write(store: StoreHandle, mut rows: Seeded, count: u64) {
    for _ in 0..count {
        let written = store.write(rows.put().into()).await;
        written.expect("the disk has room");
    }
}

fn fraction(part: u64, whole: u64) -> f64 {
    let float = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    float(part) / float(whole.max(1))
}

fn read(criterion: &mut Criterion) {
    let disk = folder();
    let store = on_disk(&disk.path().join("store"), 1);
    let mut rows = Seeded::new(7);
    let operations: Vec<_> = (0..ROWS).map(|_| rows.put()).collect();
    for chunk in operations.chunks(1_000) {
        let batches = chunk
            .iter()
            .map(|operation| operation.clone().into())
            .collect();
        store
            .write_many_blocking(batches)
            .expect("the disk has room");
    }

    let snapshot = store.snapshot().expect("the store can be read");
    let gets = Meter::new();
    let mut keys = operations.iter().map(|operation| &operation.key).cycle();
    criterion.bench_function("store/get", |bencher| {
        bencher.iter_custom(|count| {
            let work = || {
                for key in keys
                    .by_ref()
                    .take(usize::try_from(count).unwrap_or(usize::MAX))
                {
                    let row = snapshot.get(key).expect("the store can be read");
                    std::hint::black_box(row.expect("the key was written"));
                }
            };
            gets.time(count, work).1
        });
    });
    let (bare, bare_scan) =
        raw_redb_reads_per_s(disk.path(), u32::try_from(ROWS).unwrap_or(u32::MAX));
    gets.beside("get", "rows", &[("gets of bare redb", bare)]);

    let scans = Meter::new();
    criterion.bench_function("store/scan of 1,000", |bencher| {
        bencher.iter_custom(|count| {
            let range = ScanRange::prefix("").limited(1_000);
            let work = || {
                for _ in 0..count {
                    let found = snapshot.scan(&range).expect("the store can be read");
                    let rows = found.map(|row| row.expect("the store can be read").value.len());
                    std::hint::black_box(rows.sum::<usize>());
                }
            };
            scans.time(count * 1_000, work).1
        });
    });
    scans.beside("scan", "rows", &[("rows scanned in bare redb", bare_scan)]);
}

fn apply(criterion: &mut Criterion) {
    let runs: Vec<SignedRun> = Log::new(&genesis(1), 9).runs(APPLIED);
    let verified: Vec<VerifiedRun> = runs
        .into_iter()
        .map(|run| run.verify().expect("the run was signed just now"))
        .collect();
    let meter = Meter::new();
    let mut bytes = 0;
    criterion.bench_function("store/apply 100,000 entries in verified runs", |bencher| {
        bencher.iter_custom(|count| {
            let mut total = std::time::Duration::ZERO;
            for _ in 0..count {
                let disk = folder();
                let store = on_disk(disk.path(), 2);
                let copies: Vec<Vec<VerifiedRun>> = verified
                    .chunks(RUNS_AT_ONCE)
                    .map(<[VerifiedRun]>::to_vec)
                    .collect();
                let work = || {
                    for runs in copies {
                        let outcomes = store.apply_blocking(runs).expect("the disk has room");
                        let applied =
                            |outcome: &ApplyOutcome| matches!(outcome, ApplyOutcome::Applied(_));
                        assert!(outcomes.iter().all(applied), "every run is new and applies");
                    }
                };
                total += meter
                    .time(u64::try_from(APPLIED).unwrap_or(u64::MAX), work)
                    .1;
                store.shutdown_blocking().expect("the store can be closed");
                bytes = std::fs::metadata(disk.path().join(nocturne_store::DATABASE_FILE))
                    .map_or(0, |file| file.len());
            }
            total
        });
    });
    let disk = folder();
    let per_commit = u32::try_from(RUNS_AT_ONCE * 1_024).unwrap_or(u32::MAX);
    let rows = raw_redb_rows_per_s(
        disk.path(),
        u32::try_from(APPLIED).unwrap_or(u32::MAX),
        per_commit,
    );
    let signatures = verify_strict_per_s();
    let limits = [
        ("rows into bare redb, sorted, as large commits", rows),
        ("verify_strict", signatures),
    ];
    meter.beside("apply verified runs", "entries", &limits);
    if bytes > 0 {
        println!(
            "    disk: {} bytes an entry",
            bytes / u64::try_from(APPLIED).unwrap_or(1)
        );
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().without_plots().sample_size(10);
    targets = put, read, apply
}
criterion_main!(benches);

//! Initial sync of 100,000 entries, in memory and over QUIC on loopback, beside hashes and signatures.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot set up measures nothing"
)]

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use nocturne_benches::limits::{blake3_bytes_per_s, verify_strict_per_s};
use nocturne_benches::meter::{Meter, timed};
use nocturne_benches::rows::{KEY_LEN, Log, VALUE_LEN, create, genesis};
use nocturne_core::{AuthorId, Genesis, Identity, StoreId, VerifiedRun};
use nocturne_net::driver::{SyncOptions, serve_connection, sync_once};
use nocturne_net::iroh::{IrohNode, SYNC_ALPN};
use nocturne_net::memory::MemoryNetwork;
use nocturne_net::proto::Report;
use nocturne_net::transport::{CloseReason, PeerAddr, Transport};
use nocturne_store::{Medium, StoreHandle};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Entries that the newcomer fetches.
const ENTRIES: usize = 100_000;

/// A store on disk with all entries, and what it takes to make empty ones beside it.
struct Source {
    genesis: Genesis,
    store: StoreHandle,
    _folder: TempDir,
}

impl Source {
    fn new() -> Self {
        let genesis = genesis(1);
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let store = on_disk(&folder, &genesis, 1);
        let runs = Log::new(&genesis, 5).runs(ENTRIES).into_iter();
        let verified: Vec<VerifiedRun> = runs
            .map(|run| run.verify().expect("the run was signed just now"))
            .collect();
        store.apply_blocking(verified).expect("the disk has room");
        Self {
            genesis,
            store,
            _folder: folder,
        }
    }
}

fn on_disk(folder: &TempDir, genesis: &Genesis, seed: u64) -> StoreHandle {
    let medium = Medium::directory(folder.path()).expect("the folder can be written");
    create(medium, genesis, seed)
}

/// Answers every connection about the source's store.
async fn serve(transport: Arc<dyn Transport>, store: StoreHandle) {
    let lookup = Arc::new(move |id: StoreId| (id == store.id()).then(|| store.clone()));
    while let Some(connection) = transport.accept().await {
        serve_connection(
            connection,
            lookup.clone(),
            SyncOptions::default(),
            Arc::new(|_| ()),
        )
        .await;
    }
}

/// Syncs an empty store on disk `count` times; returns the time that took and the last report.
async fn fetch(
    from: &dyn Transport,
    to: &PeerAddr,
    source: &Source,
    count: u64,
) -> (Duration, Option<Report>) {
    let (mut total, mut last) = (Duration::ZERO, None);
    for seed in 0..count {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let empty = on_disk(&folder, &source.genesis, 100 + seed);
        let connection = from.connect(to).await.expect("the source listens");
        let start = tokio::time::Instant::now();
        let report = sync_once(&*connection, &empty, &SyncOptions::default()).await;
        total += start.elapsed();
        let report = report.expect("the sync comes to its end");
        assert_eq!(
            report.entries_received,
            u64::try_from(ENTRIES).unwrap_or(u64::MAX)
        );
        assert!(report.converged, "both sides have equal frontiers");
        last = Some(report);
        connection.close(CloseReason::Done);
        empty.shutdown().await.expect("the store can be closed");
    }
    (total, last)
}

fn bench(
    criterion: &mut Criterion,
    name: &str,
    runtime: &Runtime,
    source: &Source,
    (from, to): (Arc<dyn Transport>, Arc<dyn Transport>),
) {
    let addr = to.local_addr();
    let server = runtime.spawn(serve(to, source.store.clone()));
    let (meter, mut last) = (Meter::new(), None);
    criterion.bench_function(&format!("sync/100,000 entries over {name}"), |bencher| {
        bencher.iter_custom(|count| {
            let (took, report) = runtime.block_on(fetch(&*from, &addr, source, count));
            meter.count(count * u64::try_from(ENTRIES).unwrap_or(u64::MAX), took);
            last = report;
            took
        });
    });
    server.abort();
    let Some(report) = last else { return };
    let entry = f64::from(u32::try_from(KEY_LEN + VALUE_LEN).unwrap_or(u32::MAX));
    let limits = [
        ("entries with a signature each", verify_strict_per_s()),
        (
            "entries by BLAKE3 of 512 bytes",
            blake3_bytes_per_s(512) / 512.0,
        ),
    ];
    meter.beside(&format!("initial sync over {name}"), "entries", &limits);
    let wire = report.bytes_received / u64::try_from(ENTRIES).unwrap_or(1);
    println!("    wire: {wire} bytes an entry, of which {entry} are key and value");
}

fn sync(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime can be started");
    let (source, took) = timed(Source::new);
    println!("{ENTRIES} entries signed, verified and applied in {took:?}");

    let network = MemoryNetwork::new();
    let node = |byte: u8| AuthorId::from_bytes([byte; 32]);
    let pair: (Arc<dyn Transport>, Arc<dyn Transport>) = (
        Arc::new(network.endpoint(node(1))),
        Arc::new(network.endpoint(node(2))),
    );
    bench(criterion, "memory", &runtime, &source, pair);

    let bind = |byte: u8| {
        let identity = Identity::from_secret_bytes(&[byte; 32]);
        let loopback = "127.0.0.1:0".parse().expect("a loopback address");
        let node = IrohNode::builder(&identity)
            .listen(loopback)
            .protocol(SYNC_ALPN);
        runtime
            .block_on(node.bind())
            .expect("loopback can be bound")
    };
    let nodes = [bind(3), bind(4)];
    let transport = |node: &IrohNode| -> Arc<dyn Transport> {
        Arc::new(node.transport(SYNC_ALPN).expect("the node speaks sync"))
    };
    let [one, two] = &nodes;
    bench(
        criterion,
        "QUIC on loopback",
        &runtime,
        &source,
        (transport(one), transport(two)),
    );
    for node in &nodes {
        runtime.block_on(node.close(CloseReason::Shutdown));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().without_plots().sample_size(10).measurement_time(Duration::from_secs(20));
    targets = sync
}
criterion_main!(benches);

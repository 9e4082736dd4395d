//! Real stores sync over both transports.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use nocturne_net::driver::{Served, SyncError, SyncOptions, sync_once};
use nocturne_net::framing::frame;
use nocturne_net::iroh::SYNC_ALPN;
use nocturne_net::memory::MemoryNetwork;
use nocturne_net::proto::{Deadlines, Phase, RefuseReason, SessionError, Violation};
use nocturne_net::transport::{CloseReason, Closed, Connection, Transport};
use nocturne_store::{Cut, ForgetRequest, StoreHandle};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::nodes::{builder, identity};
use crate::stores::{fill, serve, store, store_of};

const LIMIT: Duration = Duration::from_mins(1);

/// A connection in memory to a node that serves these stores.
async fn connected(
    stores: Vec<StoreHandle>,
) -> (Arc<dyn Connection>, mpsc::UnboundedReceiver<Served>) {
    let network = MemoryNetwork::new();
    let here = network.endpoint(identity(1).author());
    let there = network.endpoint(identity(2).author());
    let addr = there.local_addr();
    let served = serve(there, stores);
    (here.connect(&addr).await.unwrap(), served)
}

fn assert_equal(a: &StoreHandle, b: &StoreHandle) {
    assert_eq!(a.frontier(), b.frontier());
    let rows = |store: &StoreHandle| {
        let snapshot = store.snapshot().unwrap();
        snapshot
            .scan(&nocturne_store::ScanRange::default())
            .unwrap()
            .map(|row| row.unwrap())
            .map(|row| (row.key, row.value, row.conflict))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(a), rows(b));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_are_equal_after_one_sync_in_memory() {
    let (here, there) = (store(1), store(2));
    fill(&here, 0, 3_000, 100).await;
    fill(&there, 2_000, 3_000, 100).await;
    let (connection, mut served) = connected(vec![there.clone()]).await;
    let options = SyncOptions::default();
    let report = sync_once(&*connection, &here, &options).await.unwrap();
    assert_equal(&here, &there);
    assert!(report.converged);
    assert_eq!(
        (report.entries_sent, report.entries_received),
        (3_000, 3_000)
    );
    let other = served.recv().await.unwrap();
    assert_eq!(other.store, Some(here.id()));
    assert_eq!(other.peer, identity(1).author());
    let other = other.outcome.unwrap();
    assert_eq!(other.bytes_sent, report.bytes_received);
    assert_eq!(other.bytes_received, report.bytes_sent);

    // Nothing to do: one message each way.
    let again = sync_once(&*connection, &here, &options).await.unwrap();
    assert!(again.converged && again.bytes_sent < 160 && again.bytes_received < 160);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_are_equal_after_one_sync_over_quic() {
    let (one, two) = (
        builder(1).bind().await.unwrap(),
        builder(2).bind().await.unwrap(),
    );
    let (here, there) = (store(1), store(2));
    fill(&here, 0, 5_000, 100).await;
    fill(&there, 4_000, 20, 500_000).await;
    let served = serve(two.transport(SYNC_ALPN).unwrap(), vec![there.clone()]);
    let from = one.transport(SYNC_ALPN).unwrap();
    let connection = from.connect(&two.local_addr()).await.unwrap();
    let options = SyncOptions::default();
    let syncing = sync_once(&*connection, &here, &options);
    let report = timeout(LIMIT, syncing).await.unwrap().unwrap();
    assert!(report.converged);
    assert_equal(&here, &there);
    // 32-byte keys, 100-byte values: what is sent stays near what is stored.
    let per_entry = report.bytes_sent / 5_000;
    assert!(per_entry <= 180, "{per_entry} bytes an entry");
    drop(served);
    one.close(CloseReason::Done).await;
    two.close(CloseReason::Done).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_stores_share_a_connection() {
    let here: Vec<_> = (1..=4).map(|which| store_of(which, 1)).collect();
    let there: Vec<_> = (1..=4).map(|which| store_of(which, 2)).collect();
    for (number, store) in here.iter().chain(&there).enumerate() {
        fill(store, number * 100, 500, 50).await;
    }
    let (connection, _served) = connected(there.clone()).await;
    let mut tasks = Vec::with_capacity(here.len());
    for store in here.clone() {
        let connection = connection.clone();
        tasks.push(tokio::spawn(async move {
            sync_once(&*connection, &store, &SyncOptions::default()).await
        }));
    }
    for task in tasks {
        assert!(task.await.unwrap().unwrap().converged);
    }
    for (a, b) in here.iter().zip(&there) {
        assert_equal(a, b);
    }
}

#[tokio::test]
async fn a_store_that_is_not_served_is_declined_and_the_connection_goes_on() {
    let (connection, mut served) = connected(vec![store_of(1, 2)]).await;
    let options = SyncOptions::default();
    let other = sync_once(&*connection, &store_of(7, 1), &options).await;
    assert_eq!(
        other,
        Err(SessionError::Refused(RefuseReason::UnknownStore).into())
    );
    let told = served.recv().await.unwrap().outcome;
    assert!(matches!(told, Err(SyncError::UnknownStore(_))));
    let known = sync_once(&*connection, &store_of(1, 1), &options).await;
    assert!(known.unwrap().converged);
}

#[tokio::test]
async fn a_peer_that_talks_nonsense_is_disconnected() {
    for nonsense in [
        frame(b"nonsense"),
        Bytes::from_static(&[0xff; 64]),
        frame(&[0; 600]),
    ] {
        let (connection, mut served) = connected(vec![store(2)]).await;
        let (mut send, _recv) = connection.open_stream().await.unwrap();
        send.write(nonsense).await.unwrap();
        let told = served.recv().await.unwrap().outcome;
        assert!(matches!(
            told,
            Err(SyncError::Session(SessionError::Violation(
                Violation::Malformed | Violation::Frame(_)
            )))
        ));
        assert_eq!(
            connection.closed().await,
            Closed::ByPeer(CloseReason::Violation)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up_in_time() {
    let network = MemoryNetwork::new();
    let here = network.endpoint(identity(1).author());
    let there = network.endpoint(identity(2).author());
    let addr = there.local_addr();
    let connection = here.connect(&addr).await.unwrap();
    let _silent = there.accept().await.unwrap();
    let options = SyncOptions {
        deadlines: Deadlines {
            greeting_ms: 3_000,
            idle_ms: 5_000,
        },
        ..SyncOptions::default()
    };
    let outcome = sync_once(&*connection, &store(1), &options).await;
    assert_eq!(outcome, Err(SessionError::Timeout(Phase::Greeting).into()));
    // The stranger's side of the same: it opens a stream and says nothing.
    let (connection, mut served) = connected(vec![store(2)]).await;
    let (mut send, _recv) = connection.open_stream().await.unwrap();
    send.write(Bytes::from_static(&[0])).await.unwrap();
    let told = served.recv().await.unwrap();
    assert_eq!(
        told.outcome.unwrap_err(),
        SessionError::Timeout(Phase::Greeting).into()
    );
    assert_eq!(told.store, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_keeps_what_was_stored_and_the_next_sync_goes_on() {
    let network = MemoryNetwork::new();
    let (a, b) = (identity(1).author(), identity(2).author());
    let here = network.endpoint(a);
    let there = network.endpoint(b);
    let addr = there.local_addr();
    let (source, target) = (store(1), store(2));
    fill(&source, 0, 20_000, 100).await;
    let _served = serve(there, vec![source.clone()]);
    let connection = here.connect(&addr).await.unwrap();
    let (network, cut) = (network.clone(), target.clone());
    let options = SyncOptions {
        // The path breaks as soon as something is stored.
        progress: Some(Arc::new(move |progress| {
            if progress.entries_received > 0 {
                network.sever(a, b);
            }
        })),
        ..SyncOptions::default()
    };
    let broken = sync_once(&*connection, &target, &options).await;
    assert!(matches!(broken, Err(SyncError::Stream(_))), "{broken:?}");
    let kept = cut.frontier().entries();
    assert!(kept > 0);
    let connection = here.connect(&addr).await.unwrap();
    let report = sync_once(&*connection, &target, &SyncOptions::default())
        .await
        .unwrap();
    assert_eq!(report.entries_received, 20_000 - kept);
    assert_equal(&source, &target);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_body_does_not_come_back_and_a_missing_one_is_fetched() {
    let (one, two, three) = (store(1), store(2), store(3));
    let secret = one.put("secret", "of one").await.unwrap();
    let options = SyncOptions::default();
    let (to_one, _served) = connected(vec![one.clone()]).await;
    sync_once(&*to_one, &two, &options).await.unwrap();
    let at = nocturne_core::OpRef {
        author: secret.author,
        seq: secret.seq,
        op: 0,
    };
    let cut = Cut {
        id: [1; 16],
        predicate: Bytes::from_static(b"secret"),
        policy: [2; 32],
        reason: 0,
        as_of_ms: secret.hlc.millis(),
    };
    let targets = vec![at];
    one.forget(ForgetRequest { cut, targets }).await.unwrap();
    // Two still has it; one does not take it back.
    let report = sync_once(&*to_one, &two, &options).await.unwrap();
    assert_eq!((report.bodies_received, report.bodies_served), (0, 0));
    assert!(one.get(b"secret").unwrap().is_none());
    // Three learns the header from one, and the body from two.
    let report = sync_once(&*to_one, &three, &options).await.unwrap();
    assert!(report.converged);
    assert!(three.get(b"secret").unwrap().is_none());
    let (to_two, _served) = connected(vec![two]).await;
    let report = sync_once(&*to_two, &three, &options).await.unwrap();
    assert_eq!(report.bodies_received, 1);
    assert_eq!(three.get(b"secret").unwrap().unwrap().value, "of one");
}

//! Both transports of this crate do what every transport must.

use std::time::Duration;

use nocturne_net::conformance::all;
use nocturne_net::iroh::SYNC_ALPN;
use nocturne_net::memory::MemoryNetwork;
use nocturne_net::transport::{CloseReason, ConnectError, PeerAddr, Transport};
use tokio::time::timeout;

use crate::nodes::{builder, identity};

const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    let network = MemoryNetwork::new();
    let one = network.endpoint(identity(1).author());
    let two = network.endpoint(identity(2).author());
    timeout(LIMIT, all(&one, &two)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn iroh_on_loopback() {
    let one = builder(1).bind().await.unwrap();
    let two = builder(2).bind().await.unwrap();
    let (from, to) = (
        one.transport(SYNC_ALPN).unwrap(),
        two.transport(SYNC_ALPN).unwrap(),
    );
    timeout(LIMIT, all(&from, &to)).await.unwrap().unwrap();
    one.close(CloseReason::Shutdown).await;
    two.close(CloseReason::Shutdown).await;
}

#[tokio::test]
async fn a_closed_transport_accepts_nothing_and_tells_its_peers() {
    let one = builder(1).bind().await.unwrap();
    let two = builder(2).bind().await.unwrap();
    let (from, to) = (
        one.transport(SYNC_ALPN).unwrap(),
        two.transport(SYNC_ALPN).unwrap(),
    );
    let addr = to.local_addr();
    let near = from.connect(&addr).await.unwrap();
    let far = to.accept().await.unwrap();
    assert_eq!(far.peer(), one.id());
    two.close(CloseReason::Shutdown).await;
    assert_eq!(
        near.closed().await,
        nocturne_net::transport::Closed::ByPeer(CloseReason::Shutdown)
    );
    assert!(to.accept().await.is_none());
    one.close(CloseReason::Done).await;
    assert_eq!(
        from.connect(&addr).await.unwrap_err(),
        ConnectError::TransportClosed
    );
}

#[tokio::test]
async fn a_dead_address_fails_within_the_timeout() {
    let one = builder(1)
        .connect_timeout(Duration::from_millis(200))
        .bind()
        .await
        .unwrap();
    let from = one.transport(SYNC_ALPN).unwrap();
    // A port that nobody listens on any more.
    let gone = builder(2).bind().await.unwrap();
    let addr = gone.local_addr();
    gone.close(CloseReason::Done).await;
    drop(gone);
    let error = timeout(LIMIT, from.connect(&addr)).await.unwrap();
    assert!(matches!(
        error,
        Err(ConnectError::Timeout | ConnectError::Unreachable)
    ));
    let mut id = addr;
    id.relay = Some("not a url".to_owned());
    assert_eq!(
        from.connect(&id).await.unwrap_err(),
        ConnectError::BadAddress
    );
    assert!(matches!(
        from.connect(&PeerAddr::new(identity(3).author())).await,
        Err(ConnectError::Timeout | ConnectError::Unreachable)
    ));
    one.close(CloseReason::Done).await;
}

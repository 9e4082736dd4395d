//! Nobody but members gets past the handshake.

use nocturne_core::{AuthorId, Entropy, Identity};
use nocturne_net::iroh::{IrohNode, JOIN_ALPN, SYNC_ALPN};
use nocturne_net::transport::{CloseReason, Closed, ConnectError, PeerAddr, Transport};
use nocturne_store::SeededEntropy;

use crate::harness::Home;

/// How the daemon at `address` ends a connection of this identity.
async fn turned_away(identity: &Identity, alpn: &'static [u8], address: &PeerAddr) -> CloseReason {
    let endpoint = IrohNode::builder(identity)
        .listen("127.0.0.1:0".parse().unwrap())
        .protocol(alpn)
        .bind()
        .await
        .unwrap();
    let reason = match endpoint.transport(alpn).unwrap().connect(address).await {
        Err(ConnectError::Refused(reason)) => reason,
        Err(other) => panic!("{other}"),
        Ok(connection) => match connection.closed().await {
            Closed::ByPeer(reason) => reason,
            other => panic!("{other}"),
        },
    };
    endpoint.close(CloseReason::Done).await;
    reason
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_closed_before_any_stream() {
    let home = Home::init("one");
    let daemon = home.serve();
    let status = home.json(["status"]);
    let id: AuthorId = status["node"].as_str().unwrap().parse().unwrap();
    let mut address = PeerAddr::new(id);
    for listen in status["listen"].as_array().unwrap() {
        address = address.with_direct(listen.as_str().unwrap().parse().unwrap());
    }
    let mut entropy = SeededEntropy::new(9);
    let mut seed = [0; 32];
    entropy.fill(&mut seed);
    let stranger = Identity::from_secret_bytes(&seed);
    assert_eq!(
        turned_away(&stranger, SYNC_ALPN, &address).await,
        CloseReason::NotMember
    );
    // For joining: a ticket that nobody wrote.
    assert_eq!(
        turned_away(&stranger, JOIN_ALPN, &address).await,
        CloseReason::Other(100)
    );
    // An open ticket opens the door to joining, and to nothing else.
    let ticket: nocturne_node::ticket::Ticket = home.ticket().parse().unwrap();
    assert_eq!(
        turned_away(&ticket.key(), SYNC_ALPN, &address).await,
        CloseReason::NotMember
    );
    daemon.stop();
}

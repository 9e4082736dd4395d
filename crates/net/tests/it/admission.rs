//! Nobody but whom the caller admits gets past the handshake.

use nocturne_core::AuthorId;
use nocturne_net::iroh::{Decision, IrohNode, JOIN_ALPN, SYNC_ALPN};
use nocturne_net::transport::{CloseReason, Closed, PeerAddr, StreamError, Transport};

use crate::nodes::{builder, identity, loopback};

/// How a connection to `to` ends, or nothing if the peer answers on a stream.
async fn attempt(from: &IrohNode, to: &PeerAddr, alpn: &'static [u8]) -> Option<CloseReason> {
    let connection = from.transport(alpn).unwrap().connect(to).await;
    let connection = match connection {
        Ok(connection) => connection,
        Err(nocturne_net::transport::ConnectError::Refused(reason)) => return Some(reason),
        Err(error) => panic!("{error}"),
    };
    let asked = async {
        let (mut send, mut recv) = connection.open_stream().await?;
        send.write(bytes::Bytes::from_static(b"?")).await?;
        recv.read(1).await
    };
    match asked.await {
        Ok(_) => None,
        Err(StreamError::Connection(Closed::ByPeer(reason))) => Some(reason),
        Err(other) => panic!("{other}"),
    }
}

/// Answers the first stream of every connection with one byte.
fn answer(node: &IrohNode, alpn: &'static [u8]) {
    let transport = node.transport(alpn).unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Some(connection) = transport.accept().await {
            if let Ok((mut send, recv)) = connection.accept_stream().await {
                send.write(bytes::Bytes::from_static(b"!")).await.ok();
                send.finish().ok();
                kept.push((connection, recv));
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_turned_away_with_the_reason_and_a_member_is_not() {
    let member = builder(1).bind().await.unwrap();
    let stranger = builder(2).bind().await.unwrap();
    let known = member.id();
    let server = builder(3)
        .admission(move |peer: &AuthorId, _: &[u8]| {
            if *peer == known {
                Decision::Accept
            } else {
                Decision::Reject(CloseReason::NotMember)
            }
        })
        .bind()
        .await
        .unwrap();
    answer(&server, SYNC_ALPN);
    let addr = server.local_addr();
    assert_eq!(attempt(&member, &addr, SYNC_ALPN).await, None);
    assert_eq!(
        attempt(&stranger, &addr, SYNC_ALPN).await,
        Some(CloseReason::NotMember)
    );

    // Admission changes while the endpoint runs.
    server.set_admission(|_: &AuthorId, _: &[u8]| Decision::Accept);
    assert_eq!(attempt(&stranger, &addr, SYNC_ALPN).await, None);
    for node in [member, stranger, server] {
        node.close(CloseReason::Done).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_protocol_has_its_own_rule_and_queue() {
    let ticket = IrohNode::builder(&identity(1))
        .listen(loopback())
        .protocol(JOIN_ALPN)
        .protocol(SYNC_ALPN)
        .bind()
        .await
        .unwrap();
    let server = builder(2)
        .protocol(JOIN_ALPN)
        .admission(|_: &AuthorId, alpn: &[u8]| {
            if alpn == JOIN_ALPN {
                Decision::Accept
            } else {
                Decision::Reject(CloseReason::NotMember)
            }
        })
        .bind()
        .await
        .unwrap();
    answer(&server, JOIN_ALPN);
    let addr = server.local_addr();
    assert_eq!(attempt(&ticket, &addr, JOIN_ALPN).await, None);
    assert_eq!(
        attempt(&ticket, &addr, SYNC_ALPN).await,
        Some(CloseReason::NotMember)
    );
    assert!(server.transport(b"other").is_none());
    ticket.close(CloseReason::Done).await;
    server.close(CloseReason::Done).await;
}

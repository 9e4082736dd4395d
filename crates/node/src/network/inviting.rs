//! The inviter's side of a join.

use std::sync::Arc;

use nocturne_net::framing::{FrameDecoder, frame};
use nocturne_net::iroh::IrohTransport;
use nocturne_net::transport::{CloseReason, Connection, Transport};
use nocturne_store::Batch;
use tokio::sync::Semaphore;
use tokio::time::{Duration, timeout};

use crate::join::{JoinRefusal, JoinRequest, MAX_MESSAGE, encode_answer};
use crate::mesh::{Invite, Member, Status};
use crate::node::Node;

/// How long one join may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Joins at once.
const JOINS: usize = 8;

/// Answers those who come with a ticket.
pub(super) async fn accept(node: Arc<Node>, transport: IrohTransport) {
    let room = Arc::new(Semaphore::new(JOINS));
    while let Some(connection) = transport.accept().await {
        let Ok(slot) = Arc::clone(&room).try_acquire_owned() else {
            connection.close(CloseReason::Busy);
            continue;
        };
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            let reason = match timeout(PATIENCE, answer(&node, &*connection)).await {
                Ok(Ok(())) => CloseReason::Done,
                Ok(Err(refusal)) => refusal.reason(),
                Err(_) => CloseReason::Timeout,
            };
            connection.close(reason);
            drop(slot);
        });
    }
}

async fn answer(node: &Node, connection: &dyn Connection) -> Result<(), JoinRefusal> {
    let broken = |_| JoinRefusal::Broken;
    let (mut send, mut recv) = connection.accept_stream().await.map_err(broken)?;
    let mut decoder = FrameDecoder::new(MAX_MESSAGE);
    let request = loop {
        if let Some(request) = decoder.next_frame().map_err(|_| JoinRefusal::BadRequest)? {
            break request;
        }
        match recv.read(decoder.read_hint()).await.map_err(broken)? {
            Some(data) => decoder.push(data),
            None => return Err(JoinRefusal::Broken),
        }
    };
    let request =
        JoinRequest::decode(&request, node.root.genesis()).ok_or(JoinRefusal::BadRequest)?;
    admit(node, connection, &request).await?;
    // The entry is durable: only now may the joiner know that it is a member.
    let answer = frame(&encode_answer(node.root.genesis()));
    send.write(answer).await.map_err(broken)?;
    send.finish().map_err(broken)?;
    connection.closed().await;
    Ok(())
}

/// Makes the node a member and the ticket used, in one entry. A join that was interrupted after
/// that is answered again, to the same node.
async fn admit(
    node: &Node,
    connection: &dyn Connection,
    request: &JoinRequest,
) -> Result<(), JoinRefusal> {
    let _one = node.joining.lock().await;
    node.refresh().await.map_err(|_| JoinRefusal::Failed)?;
    let mesh = node.mesh();
    let invite = mesh.invites.get(&request.ticket);
    let returning = invite.is_some_and(|invite| invite.used_by == Some(request.node));
    if returning && connection.peer() == request.node {
        return Ok(());
    }
    if let Some(refusal) = JoinRefusal::of(invite, node.id(), node.clock.now_ms()) {
        return Err(refusal);
    }
    let (Some(invite), true) = (invite, connection.peer() == request.ticket) else {
        return Err(JoinRefusal::BadRequest);
    };
    if mesh
        .members
        .get(&request.node)
        .is_some_and(|member| member.status == Status::Removed)
    {
        return Err(JoinRefusal::BadRequest);
    }
    let member = Member::new(
        &request.name,
        invite.role,
        invite.access,
        node.id(),
        node.clock.now_ms(),
    );
    let operations = member
        .admit(request.node)
        .into_iter()
        .chain([Invite::consume(request.ticket, request.node)]);
    let written = node.write_root(operations.collect::<Batch>()).await;
    written.map_err(|error| {
        tracing::error!(%error, "cannot commit a new member");
        JoinRefusal::Failed
    })?;
    tracing::info!(node = %request.node, name = %request.name, "a new member joined");
    Ok(())
}

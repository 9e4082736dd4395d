//! Executes requests against an open node: the same for a daemon and for a single command.

mod evidence;
mod mesh;
mod policies;
mod reads;
mod status;

use std::sync::Arc;

use nocturne_store::Batch;
use tokio::sync::mpsc;

use crate::api::{BatchOp, Item, JsonHlc, Request};
use crate::daemon::Handler;
use crate::error::NodeError;
use crate::node::Node;
use crate::report::ErrorReport;

/// Where a request's items go. Closed when nobody listens any more.
pub type Out = mpsc::Sender<Item>;

/// Executes one request, handing its items to `out`. Returns early once `out` is closed.
pub async fn execute(node: &Arc<Node>, request: Request, out: &Out) -> Result<(), NodeError> {
    match request {
        Request::Status => {
            let item = status::status(node).await?;
            give(out, item).await
        }
        Request::Peers => give(out, Item::Members(status::members(node))).await,
        Request::Write { store, ops, batch } => {
            let item = write(node, &store, ops, batch).await?;
            give(out, item).await
        }
        Request::Get {
            store,
            key,
            at,
            heads,
        } => {
            let item = reads::get(node, &store, key, at, heads).await?;
            give(out, item).await
        }
        Request::Scan(spec) => reads::scan(node, spec, out.clone()).await,
        Request::History { store, key } => reads::history(node, &store, key, out.clone()).await,
        Request::Watch {
            store,
            prefix,
            from_revision,
        } => reads::watch(node, &store, prefix, from_revision, out).await,
        Request::Sync { peer, timeout_ms } => {
            let item = mesh::sync(node, peer.as_deref(), timeout_ms).await?;
            give(out, item).await
        }
        Request::Invite {
            expires_in_ms,
            role,
            access,
        } => mesh::invite(node, expires_in_ms, role, access, out).await,
        Request::PolicySet { store, name, text } => {
            let item = policies::set(node, &store, &name, text).await?;
            give(out, item).await
        }
        Request::PolicyList { store } => {
            let item = policies::list(node, &store)?;
            give(out, item).await
        }
        Request::PolicyShow { store, name } => {
            let item = policies::show(node, &store, &name)?;
            give(out, item).await
        }
        Request::PolicyRemove { store, name } => {
            let item = policies::remove(node, &store, &name).await?;
            give(out, item).await
        }
        Request::PolicyTest { store, name } => {
            let item = policies::test(node, &store, &name).await?;
            give(out, item).await
        }
        Request::Forget {
            store,
            what,
            dry_run,
        } => {
            let item = evidence::forget(node, &store, what, dry_run).await?;
            give(out, item).await
        }
        Request::Receipts { store, cut, export } => {
            evidence::receipts(node, &store, cut.as_deref(), export, out.clone()).await
        }
        Request::Verify { deep } => evidence::verify(node, deep, out).await,
    }
}

/// Hands an item on. That nobody listens any more is no error: the request is done all the same.
async fn give(out: &Out, item: Item) -> Result<(), NodeError> {
    out.send(item).await.ok();
    Ok(())
}

async fn write(
    node: &Node,
    store: &str,
    ops: Vec<BatchOp>,
    batch: bool,
) -> Result<Item, NodeError> {
    let handle = node.application(store)?.handle;
    node.may_write()?;
    let operations: Batch = ops.into_iter().map(BatchOp::into_operation).collect();
    let written = handle.write(operations).await?;
    Ok(Item::Written {
        author: written.author.to_string(),
        seq: written.seq,
        op: (!batch).then_some(0),
        ops: batch.then_some(written.ops),
        hlc: JsonHlc(written.hlc),
        hash: written.hash.to_string(),
    })
}

/// Executes requests that come over the socket.
#[derive(Debug)]
pub struct NodeHandler(pub Arc<Node>);

impl Handler for NodeHandler {
    async fn handle(&self, request: Request, out: mpsc::Sender<Item>) -> Result<(), ErrorReport> {
        execute(&self.0, request, &out)
            .await
            .map_err(|error| error.report())
    }
}

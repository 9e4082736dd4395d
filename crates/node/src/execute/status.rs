//! `status` and `peer list`.

use std::path::Path;
use std::sync::Arc;

use nocturne_store::StoreHandle;
use tokio::task::spawn_blocking;

use crate::api::{Item, MemberInfo, StoreStatus};
use crate::error::NodeError;
use crate::node::Node;
use crate::time::Rfc3339;

pub(super) async fn status(node: &Arc<Node>) -> Result<Item, NodeError> {
    let mut stores = Vec::new();
    for handle in node.handles() {
        stores.push(store(node, &handle).await?);
    }
    let network = node.network();
    let root = node.layout.root().to_owned();
    let disk_bytes = spawn_blocking(move || bytes_below(&root)).await?;
    Ok(Item::Status {
        node: node.id().to_string(),
        mesh: node.root.id().to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        serving: network.is_some(),
        listen: network
            .map(|network| {
                network
                    .local_addr()
                    .direct
                    .iter()
                    .map(ToString::to_string)
                    .collect()
            })
            .unwrap_or_default(),
        disk_bytes,
        receipts: node.receipts.len(),
        stores,
        peers: members(node),
    })
}

async fn store(node: &Arc<Node>, handle: &StoreHandle) -> Result<StoreStatus, NodeError> {
    let standing = handle.standing().await?;
    let frontier = handle.frontier();
    let dir = node.layout.store(handle.id());
    let disk_bytes = spawn_blocking(move || bytes_below(&dir)).await?;
    Ok(StoreStatus {
        store: handle.id().to_string(),
        name: node.store_name(handle.id()),
        entries: frontier.entries(),
        keys: standing.keys,
        frontier: frontier.digest().to_string(),
        state_root: None,
        watermark: None,
        base: None,
        waiting: standing.waiting_entries,
        quarantined: standing.quarantined_runs,
        wanted: standing.wanted,
        forgotten: standing.forgotten,
        frozen: standing.frozen.len() as u64,
        disk_bytes,
        revision: *handle.revision().borrow(),
    })
}

/// Sizes of all files below; what vanishes meanwhile counts nothing.
fn bytes_below(dir: &Path) -> u64 {
    let files = walkdir::WalkDir::new(dir)
        .into_iter()
        .filter_map(Result::ok);
    files
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

/// The members as this node knows them, in order of id.
pub(super) fn members(node: &Arc<Node>) -> Vec<MemberInfo> {
    let network = node.network();
    let mesh = node.mesh();
    mesh.members
        .iter()
        .map(|(id, member)| {
            let this = id == node.id();
            let seen = node
                .known_peer(id)
                .last_seen_ms
                .map(|ms| Rfc3339(ms).to_string());
            MemberInfo {
                node: id.to_string(),
                name: member.name.clone(),
                status: member.status.to_string(),
                role: member.role.to_string(),
                access: member.access.to_string(),
                last_seen: if this {
                    Some(Rfc3339(node.clock.now_ms()).to_string())
                } else {
                    seen
                },
                connected: network
                    .as_ref()
                    .is_some_and(|network| network.is_connected(&id)),
                lag: network.as_ref().and_then(|network| network.lag(node, id)),
                this,
            }
        })
        .collect()
}

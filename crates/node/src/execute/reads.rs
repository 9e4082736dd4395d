//! `get`, `scan`, `history`, `watch`.

use std::sync::Arc;

use nocturne_core::{OpKind, Operation};
use nocturne_store::{Change, Content, Row, ScanRange, Version};
use tokio::task::spawn_blocking;

use super::Out;
use crate::api::{Action, Head, Item, JsonHlc, ScanSpec};
use crate::bytes_json::{JsonBytes, Shown};
use crate::error::{NoValue, NodeError};
use crate::node::Node;

pub(super) async fn get(
    node: &Arc<Node>,
    store: &str,
    key: JsonBytes,
    at: Option<JsonHlc>,
    with_values: bool,
) -> Result<Item, NodeError> {
    let handle = node.store(store)?;
    spawn_blocking(move || {
        let snapshot = handle.snapshot()?;
        let missing = |why| NodeError::NoValue {
            key: Shown(&key.0).to_string().into(),
            why,
        };
        if let Some(JsonHlc(time)) = at {
            let row = snapshot
                .get_at(&key.0, time)?
                .ok_or_else(|| missing(NoValue::Absent))?;
            return Ok(value(row, Vec::new()));
        }
        let heads = snapshot.heads(&key.0)?;
        match snapshot.get(&key.0)? {
            Some(row) => {
                let heads = heads
                    .iter()
                    .map(|version| head(version, with_values))
                    .collect();
                Ok(value(row, heads))
            }
            None => Err(missing(
                match heads.first().map(|version| &version.content) {
                    Some(Content::Here(_)) => NoValue::Deleted,
                    Some(Content::Forgotten) => NoValue::Forgotten,
                    Some(Content::Wanted) => NoValue::Wanted,
                    Some(Content::Invalid) | None => NoValue::Absent,
                },
            )),
        }
    })
    .await?
}

fn value(row: Row, heads: Vec<Head>) -> Item {
    let heads = if heads.is_empty() {
        vec![Head {
            author: row.at.author.to_string(),
            seq: row.at.seq,
            op: row.at.op,
            hlc: JsonHlc(row.hlc),
            kind: Some(Action::Put),
            value: None,
        }]
    } else {
        heads
    };
    Item::Value {
        key: row.key.into(),
        value: row.value.into(),
        hlc: JsonHlc(row.hlc),
        author: row.at.author.to_string(),
        conflict: row.conflict,
        heads,
    }
}

fn action(operation: &Operation) -> Action {
    match operation.kind {
        OpKind::Put => Action::Put,
        OpKind::Delete => Action::Delete,
    }
}

fn put_value(operation: &Operation) -> Option<JsonBytes> {
    (operation.kind == OpKind::Put).then(|| operation.value.clone().into())
}

fn head(version: &Version, with_value: bool) -> Head {
    let operation = version.content.operation();
    Head {
        author: version.at.author.to_string(),
        seq: version.at.seq,
        op: version.at.op,
        hlc: JsonHlc(version.hlc),
        kind: match &version.content {
            Content::Forgotten => Some(Action::Forgotten),
            _ => operation.map(action),
        },
        value: operation.filter(|_| with_value).and_then(put_value),
    }
}

pub(super) async fn scan(node: &Arc<Node>, spec: ScanSpec, out: Out) -> Result<(), NodeError> {
    let handle = node.store(&spec.store)?;
    spawn_blocking(move || {
        let range = ScanRange {
            prefix: spec.prefix.into_bytes(),
            from: spec.from.map(JsonBytes::into_bytes),
            to: spec.to.map(JsonBytes::into_bytes),
            reverse: spec.reverse,
            limit: spec.limit,
        };
        let snapshot = handle.snapshot()?;
        let rows = match spec.at {
            Some(JsonHlc(time)) => snapshot.scan_at(&range, time)?,
            None => snapshot.scan(&range)?,
        };
        for row in rows {
            let row = row?;
            let item = Item::Row {
                key: row.key.into(),
                value: row.value.into(),
                hlc: JsonHlc(row.hlc),
            };
            if out.blocking_send(item).is_err() {
                break;
            }
        }
        Ok(())
    })
    .await?
}

pub(super) async fn history(
    node: &Arc<Node>,
    store: &str,
    key: JsonBytes,
    out: Out,
) -> Result<(), NodeError> {
    let handle = node.store(store)?;
    spawn_blocking(move || {
        let versions = handle.snapshot()?.history(&key.0)?;
        if versions.is_empty() {
            return Err(NodeError::NoVersions(Shown(&key.0).to_string().into()));
        }
        for version in versions {
            let operation = version.content.operation();
            let item = Item::Version {
                hlc: JsonHlc(version.hlc),
                author: version.at.author.to_string(),
                seq: version.at.seq,
                kind: operation.map(action),
                value: operation.and_then(put_value),
                forgotten: version.content == Content::Forgotten,
                wanted: version.content == Content::Wanted,
                parents: version.parents.iter().map(ToString::to_string).collect(),
            };
            if out.blocking_send(item).is_err() {
                break;
            }
        }
        Ok(())
    })
    .await?
}

pub(super) async fn watch(
    node: &Arc<Node>,
    store: &str,
    prefix: JsonBytes,
    from_revision: Option<u64>,
    out: &Out,
) -> Result<(), NodeError> {
    let handle = node.store(store)?;
    let from = match from_revision {
        Some(revision) => revision,
        None => *handle.revision().borrow(),
    };
    let mut watcher = handle.watch(prefix.into_bytes(), from);
    loop {
        let event = tokio::select! {
            biased;
            () = out.closed() => return Ok(()),
            event = watcher.next() => event?,
        };
        let (event_kind, key, value) = match event.change {
            Change::Put { key, value } => (Action::Put, Some(key), Some(value)),
            Change::Delete { key } => (Action::Delete, Some(key), None),
            Change::Forgotten => (Action::Forgotten, None, None),
        };
        let item = Item::Change {
            revision: event.revision,
            event: event_kind,
            key: key.map(Into::into),
            value: value.map(Into::into),
            author: event.at.author.to_string(),
            seq: event.at.seq,
            op: event.at.op,
            hlc: JsonHlc(event.hlc),
        };
        if out.send(item).await.is_err() {
            return Ok(());
        }
    }
}

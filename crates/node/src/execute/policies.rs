//! `policy set`, `list`, `show`, `remove`, `test`.

use std::sync::Arc;

use nocturne_forget::policy::{ParsePolicyError, Policy};
use nocturne_forget::target::Target;
use nocturne_store::Batch;
use tokio::task::spawn_blocking;

use crate::api::{Item, PolicyInfo};
use crate::error::NodeError;
use crate::mesh::{Name, PolicyRow, remove_policy, set_policy};
use crate::node::Node;

/// Reads a policy in either notation: JSON begins with a brace, TOML never does.
fn parse(text: &str) -> Result<Policy, ParsePolicyError> {
    if text.trim_start().starts_with('{') {
        Policy::from_json(text)
    } else {
        Policy::from_toml(text)
    }
}

fn name_of(text: &str) -> Result<Name, NodeError> {
    text.parse().map_err(|_| NodeError::BadName(text.into()))
}

fn row(node: &Node, store: &str, name: &str) -> Result<PolicyRow, NodeError> {
    let id = node.find_store(store)?;
    let mesh = node.mesh();
    mesh.policies
        .get(id, name)
        .cloned()
        .ok_or_else(|| NodeError::UnknownPolicy {
            name: name.into(),
            store: store.into(),
        })
}

/// The policy of that name, as it stands in the mesh.
pub(super) fn find(node: &Node, store: &str, name: &str) -> Result<Policy, NodeError> {
    Ok(parse(&row(node, store, name)?.text)?)
}

pub(super) async fn set(
    node: &Arc<Node>,
    store: &str,
    name: &str,
    text: String,
) -> Result<Item, NodeError> {
    let name = name_of(name)?;
    let id = node.application(store)?.handle.id();
    let hash = parse(&text)?.hash().to_string();
    let row = PolicyRow {
        text,
        hash: hash.clone(),
    };
    node.write_root(set_policy(id, &name, &row).into_iter().collect::<Batch>())
        .await?;
    Ok(Item::PolicySaved {
        name: name.to_string(),
        store: id.to_string(),
        hash,
    })
}

pub(super) fn list(node: &Node, store: &str) -> Result<Item, NodeError> {
    let id = node.find_store(store)?;
    let mesh = node.mesh();
    let infos = mesh.policies.of(id).map(|(name, row)| {
        // A policy that a newer version wrote is listed all the same.
        let clauses = parse(&row.text)
            .ok()
            .map(|p| (p.forget().len(), p.retain().len()));
        let (forget_clauses, retain_clauses) = clauses.unzip();
        PolicyInfo {
            name: name.to_owned(),
            hash: row.hash.clone(),
            forget_clauses,
            retain_clauses,
        }
    });
    Ok(Item::Policies(infos.collect()))
}

pub(super) fn show(node: &Node, store: &str, name: &str) -> Result<Item, NodeError> {
    let id = node.find_store(store)?;
    let row = row(node, store, name)?;
    let policy = parse(&row.text)?;
    Ok(Item::Policy {
        name: name.to_owned(),
        store: id.to_string(),
        hash: row.hash,
        explanation: policy.explain().lines().map(str::to_owned).collect(),
        text: row.text,
    })
}

pub(super) async fn remove(node: &Arc<Node>, store: &str, name: &str) -> Result<Item, NodeError> {
    let id = node.find_store(store)?;
    row(node, store, name)?;
    let name = name_of(name)?;
    node.write_root(remove_policy(id, &name).into_iter().collect::<Batch>())
        .await?;
    Ok(Item::PolicyGone {
        name: name.to_string(),
        store: id.to_string(),
    })
}

pub(super) async fn test(node: &Arc<Node>, store: &str, name: &str) -> Result<Item, NodeError> {
    let forgetter = node.application(store)?.forgetter;
    let target = Target::Policy(Box::new(find(node, store, name)?));
    let selection = spawn_blocking(move || forgetter.select(&target, None)).await??;
    #[expect(clippy::cast_precision_loss, reason = "a fraction for people")]
    let fraction = match selection.examined {
        0 => 0.0,
        examined => selection.count as f64 / examined as f64,
    };
    Ok(Item::PolicyTested {
        name: name.to_owned(),
        selected: selection.count,
        bytes: selection.bytes,
        held: selection.held,
        operations: selection.examined,
        fraction,
    })
}

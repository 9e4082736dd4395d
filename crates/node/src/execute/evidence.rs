//! `forget`, `receipts`, `verify`.

use std::sync::Arc;

use nocturne_core::StoreId;
use nocturne_forget::cut::CutId;
use nocturne_forget::receipt::Receipt;
use nocturne_forget::receipt_log::{ExportOptions, LogError};
use nocturne_forget::target::Target;
use nocturne_store::{Depth, SystemEntropy};
use tokio::task::spawn_blocking;

use super::{Out, give, policies};
use crate::api::{ForgetWhat, Item, Problem};
use crate::error::NodeError;
use crate::node::{Node, OpenStore};

/// Receipts read at once.
const PAGE: usize = 1_024;
/// A proof file travels in pieces of this many bytes.
const CHUNK: usize = 4 * 1024 * 1024;

pub(super) async fn forget(
    node: &Arc<Node>,
    store: &str,
    what: ForgetWhat,
    dry_run: bool,
) -> Result<Item, NodeError> {
    let forgetter = node.application(store)?.forgetter;
    let target = match what {
        ForgetWhat::Key(key) => Target::Key(key.into_bytes()),
        ForgetWhat::Prefix(prefix) => Target::Prefix(prefix.into_bytes()),
        ForgetWhat::Subject(subject) => Target::Subject(subject.into_bytes()),
        ForgetWhat::Policy(name) => Target::Policy(Box::new(policies::find(node, store, &name)?)),
    };
    spawn_blocking(move || {
        if dry_run {
            let selection = forgetter.select(&target, None)?;
            return Ok(Item::Forgotten {
                cut: None,
                selected: selection.count,
                bytes: selection.bytes,
                held: selection.held,
                missing_members: Vec::new(),
                level: nocturne_forget::engine::LEVEL,
                grade: None,
                receipts: 0,
                dry_run,
            });
        }
        let outcome = forgetter.forget(&target, None, &mut SystemEntropy::new()?)?;
        Ok(Item::Forgotten {
            cut: Some(outcome.cut.to_string()),
            selected: outcome.selected,
            bytes: outcome.bytes,
            held: 0,
            missing_members: Vec::new(),
            level: outcome.level,
            grade: Some(outcome.grade.to_string()),
            receipts: outcome.receipts.end - outcome.receipts.start,
            dry_run,
        })
    })
    .await?
}

pub(super) async fn receipts(
    node: &Arc<Node>,
    store: &str,
    cut: Option<&str>,
    export: bool,
    out: Out,
) -> Result<(), NodeError> {
    let open = node.application(store)?;
    let cut = cut.map(str::parse::<CutId>).transpose()?;
    let node = Arc::clone(node);
    spawn_blocking(move || {
        // What was born forgotten since the last look gets its receipts now.
        open.forgetter.resume()?;
        let wanted = |receipt: &Receipt| {
            receipt.store == open.handle.id() && cut.is_none_or(|cut| receipt.cut == cut)
        };
        if export {
            return proof(&node, &open, wanted, &out);
        }
        every(&node, |index, receipt| {
            let listed = Item::Receipt {
                index,
                receipt: receipt.to_json(),
            };
            !wanted(receipt) || out.blocking_send(listed).is_ok()
        })?;
        Ok(())
    })
    .await?
}

/// Goes through all receipts until told to stop.
fn every(node: &Node, mut visit: impl FnMut(u64, &Receipt) -> bool) -> Result<(), LogError> {
    let mut next = 0;
    loop {
        let page = node.receipts.read(next, PAGE)?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        next = last + 1;
        for (index, receipt) in &page {
            if !visit(*index, receipt) {
                return Ok(());
            }
        }
    }
}

fn proof(
    node: &Node,
    open: &OpenStore,
    wanted: impl Fn(&Receipt) -> bool,
    out: &Out,
) -> Result<(), NodeError> {
    let (mut indices, mut chosen) = (Vec::new(), Vec::new());
    every(node, |index, receipt| {
        if wanted(receipt) {
            indices.push(index);
            chosen.push(*receipt);
        }
        indices.len() <= nocturne_forget::proof::MAX_LEAVES
    })?;
    let chains = open.forgetter.chains(&chosen)?;
    let options = ExportOptions {
        chains,
        ..ExportOptions::default()
    };
    let bytes = node.receipts.export(&indices, options)?.encode()?;
    for chunk in bytes.chunks(CHUNK) {
        let hex = data_encoding::HEXLOWER.encode(chunk);
        let item = Item::ProofChunk {
            hex,
            receipts: indices.len() as u64,
        };
        if out.blocking_send(item).is_err() {
            break;
        }
    }
    Ok(())
}

pub(super) async fn verify(node: &Arc<Node>, deep: bool, out: &Out) -> Result<(), NodeError> {
    let depth = if deep { Depth::Deep } else { Depth::Quick };
    let (mut stores, mut entries, mut problems) = (Vec::new(), 0, Vec::new());
    for handle in node.handles() {
        let name = node.store_name(handle.id());
        let findings = handle.verify(depth).await?;
        entries += findings.entries;
        problems.extend(findings.findings.iter().map(|finding| Problem {
            place: format!("store {name}"),
            what: finding.to_string(),
        }));
        stores.push(name);
    }
    let (receipts, damage) = {
        let node = Arc::clone(node);
        spawn_blocking(move || check_receipts(&node)).await?
    };
    problems.extend(damage);
    let failure = problems.first().map(|first| NodeError::Unsound {
        problems: problems.len(),
        place: first.place.as_str().into(),
        first: first.what.as_str().into(),
    });
    let error = failure.as_ref().map(NodeError::report);
    let valid = failure.is_none();
    give(
        out,
        Item::Verified {
            valid,
            stores,
            entries,
            receipts,
            problems,
            error,
        },
    )
    .await?;
    match failure {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Every receipt must read, be about a store of this mesh, and stand where the log says.
fn check_receipts(node: &Node) -> (u64, Option<Problem>) {
    let known: Vec<StoreId> = node
        .handles()
        .iter()
        .map(nocturne_store::StoreHandle::id)
        .collect();
    let (mut count, mut stray) = (0, None);
    let read = every(node, |index, receipt| {
        if index != count || !known.contains(&receipt.store) {
            stray = Some(index);
        }
        count += 1;
        stray.is_none()
    });
    let what = match (read, stray) {
        (Err(error), _) => Some(error.to_string()),
        (Ok(()), Some(index)) => Some(format!("receipt {index} is about no store of this mesh")),
        (Ok(()), None) if count != node.receipts.len() => Some(format!(
            "{} receipts of {} can be read",
            count,
            node.receipts.len()
        )),
        (Ok(()), None) => None,
    };
    (
        count,
        what.map(|what| Problem {
            place: "receipts".to_owned(),
            what,
        }),
    )
}

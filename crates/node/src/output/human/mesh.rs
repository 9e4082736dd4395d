//! The node, its mesh and its peers.

use std::io::{self, Write};

use super::{Page, list, short, size};
use crate::api::{Item, MemberInfo, StoreStatus};

pub(super) fn print(page: &mut Page<'_>, item: &Item) -> io::Result<()> {
    let Page {
        out,
        terminal: _,
        quiet,
    } = page;
    let quiet = *quiet;
    match item {
        Item::Initialised { node, mesh, stores } => {
            writeln!(out, "node  {node}\nmesh  {mesh}\nmain  {}", stores.main)
        }
        Item::Node { node } => writeln!(out, "{node}"),
        Item::Ready { node, listen, .. } => {
            writeln!(out, "ready: node {node} listening on {}", list(listen))?;
            out.flush()
        }
        Item::Invited { ticket, .. } if quiet => writeln!(out, "{ticket}"),
        Item::Invited { ticket, expires_at } => {
            writeln!(
                out,
                "{ticket}\n\nIt lets one node in until {expires_at}; whoever has it can use it."
            )?;
            writeln!(
                out,
                "On the other machine, while `nocturne serve` runs here: nocturne join TICKET"
            )
        }
        Item::Joined { mesh, node, peers } => {
            writeln!(
                out,
                "joined mesh {mesh} as node {node}; {} other member(s)",
                peers.len()
            )
        }
        Item::Members(members) => members
            .iter()
            .try_for_each(|member| member_line(out, member)),
        Item::Synced { stores, peers } => {
            for store in stores {
                writeln!(
                    out,
                    "{}: {} entries received ({}), {} sent ({}), {} ms",
                    store.name,
                    store.entries_received,
                    size(store.bytes_received),
                    store.entries_sent,
                    size(store.bytes_sent),
                    store.elapsed_ms
                )?;
            }
            for peer in peers {
                let how = match (&peer.problem, peer.synced) {
                    (Some(problem), _) => problem.as_str(),
                    (None, true) => "equal",
                    (None, false) => "not equal yet",
                };
                writeln!(out, "{}: {how}", peer.name)?;
            }
            Ok(())
        }
        Item::Status {
            node,
            mesh,
            serving,
            listen,
            disk_bytes,
            receipts,
            stores,
            peers,
            ..
        } => {
            writeln!(out, "node      {node}\nmesh      {mesh}")?;
            let daemon = if *serving {
                list(listen)
            } else {
                "not running".to_owned()
            };
            writeln!(
                out,
                "daemon    {daemon}\ndisk      {}\nreceipts  {receipts}\n",
                size(*disk_bytes)
            )?;
            stores
                .iter()
                .try_for_each(|store| store_lines(out, store))?;
            writeln!(out, "members")?;
            peers.iter().try_for_each(|peer| member_line(out, peer))
        }
        // The rest is printed elsewhere: `human.rs` decides.
        _ => Ok(()),
    }
}

fn member_line(out: &mut dyn Write, member: &MemberInfo) -> io::Result<()> {
    let id = short(&member.node);
    let seen = match (&member.last_seen, member.this, member.connected) {
        (_, true, _) => "this node",
        (_, _, true) => "connected",
        (Some(seen), ..) => seen,
        (None, ..) => "never seen",
    };
    let access = if member.access == "reader" {
        ", reader"
    } else {
        ""
    };
    writeln!(
        out,
        "  {id}  {:<16} {} {}{access}  {seen}",
        member.name, member.status, member.role
    )
}

fn store_lines(out: &mut dyn Write, store: &StoreStatus) -> io::Result<()> {
    writeln!(out, "store {} {}", store.name, store.store)?;
    writeln!(
        out,
        "  {} keys, {} entries, {}",
        store.keys,
        store.entries,
        size(store.disk_bytes)
    )?;
    writeln!(out, "  frontier {}", store.frontier)?;
    let odd = [
        (store.waiting, "waiting"),
        (store.quarantined, "quarantined"),
        (store.wanted, "wanted"),
        (store.frozen, "authors frozen"),
    ];
    let odd: Vec<String> = odd
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
    if !odd.is_empty() {
        writeln!(out, "  {}", odd.join(", "))?;
    }
    writeln!(out)
}

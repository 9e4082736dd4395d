//! For people: an answer as a few plain lines.

use std::io::{self, Write};

use crate::api::{Action, Item, JsonHlc, MemberInfo, StoreStatus};
use crate::bytes_json::JsonBytes;
use crate::time::Rfc3339;

/// Prints one answer. `terminal`: whether a reader would miss a line end after a bare value.
pub(super) fn print(
    out: &mut dyn Write,
    item: &Item,
    terminal: bool,
    quiet: bool,
) -> io::Result<()> {
    match item {
        Item::Initialised { node, mesh, stores } => {
            writeln!(out, "node  {node}\nmesh  {mesh}\nmain  {}", stores.main)
        }
        Item::Node { node } => writeln!(out, "{node}"),
        Item::Ready { node, listen, .. } => {
            writeln!(out, "ready: node {node} listening on {}", list(listen))?;
            out.flush()
        }
        Item::Invited { ticket, expires_at } if quiet => {
            let _ = expires_at;
            writeln!(out, "{ticket}")
        }
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
        Item::Written { .. } if quiet => Ok(()),
        Item::Written {
            author, seq, ops, ..
        } => {
            let author: String = author.chars().take(8).collect();
            match ops {
                Some(ops) => writeln!(out, "written: entry {seq} of {author}, {ops} operation(s)"),
                None => writeln!(out, "written: entry {seq} of {author}"),
            }
        }
        Item::Value {
            key,
            value,
            conflict,
            heads,
            ..
        } => {
            if heads.iter().any(|head| head.value.is_some()) {
                return heads.iter().enumerate().try_for_each(|(index, head)| {
                    let mark = if index == 0 { "*" } else { " " };
                    let author: String = head.author.chars().take(8).collect();
                    let shown = content(head.kind, head.value.as_ref());
                    writeln!(out, "{mark} {}  {author}  {shown}", time(head.hlc))
                });
            }
            out.write_all(&value.0)?;
            if terminal {
                writeln!(out)?;
            }
            if *conflict && !quiet {
                out.flush()?;
                let shown = key.shown();
                writeln!(
                    io::stderr(),
                    "note: {shown} has concurrent values; see `get {shown} --heads`"
                )?;
            }
            Ok(())
        }
        Item::Row { key, value, .. } => writeln!(out, "{}\t{}", key.shown(), value.shown()),
        Item::Version {
            hlc,
            author,
            seq,
            kind,
            value,
            forgotten,
            wanted,
            ..
        } => {
            let author: String = author.chars().take(8).collect();
            let shown = match (forgotten, wanted) {
                (true, _) => "forgotten".to_owned(),
                (_, true) => "not here yet".to_owned(),
                _ => content(*kind, value.as_ref()),
            };
            writeln!(out, "{}  {author}/{seq}  {shown}", time(*hlc))
        }
        Item::Change {
            revision,
            event,
            key,
            value,
            author,
            seq,
            op,
            ..
        } => {
            match key {
                Some(key) => {
                    let shown = content(Some(*event), value.as_ref());
                    writeln!(out, "{revision}\t{}\t{shown}", key.shown())?;
                }
                None => writeln!(out, "{revision}\t{author}/{seq}/{op}\t{}", event.as_str())?,
            }
            out.flush()
        }
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
        Item::Moved {
            rows,
            entries,
            bytes,
            elapsed_ms,
        } => {
            writeln!(
                out,
                "{rows} rows, {} in {elapsed_ms} ms ({entries} entries)",
                size(*bytes)
            )
        }
        Item::PolicySaved { name, hash, .. } => writeln!(out, "policy {name} set, {hash}"),
        Item::Policies(policies) => policies.iter().try_for_each(|policy| {
            let clauses = match (policy.forget_clauses, policy.retain_clauses) {
                (Some(forget), Some(retain)) => format!("{forget} forget, {retain} retain"),
                _ => "not readable by this version".to_owned(),
            };
            writeln!(out, "{}\t{clauses}\t{}", policy.name, policy.hash)
        }),
        Item::Policy {
            name,
            hash,
            explanation,
            text,
            ..
        } => {
            writeln!(out, "policy {name}, {hash}\n")?;
            explanation
                .iter()
                .try_for_each(|line| writeln!(out, "{line}"))?;
            writeln!(out, "\n{}", text.trim_end())
        }
        Item::PolicyGone { name, .. } => writeln!(out, "policy {name} removed"),
        Item::PolicyTested {
            name,
            selected,
            bytes,
            held,
            operations,
            fraction,
        } => writeln!(
            out,
            "policy {name} would forget {selected} of {operations} operations ({:.1} %), {}; held: {held}",
            fraction * 100.0,
            size(*bytes)
        ),
        Item::Forgotten {
            selected,
            bytes,
            held,
            receipts,
            dry_run,
            ..
        } => {
            let did = if *dry_run { "would forget" } else { "forgot" };
            writeln!(
                out,
                "{did} {selected} operation(s), {}; held: {held}; receipts: {receipts}",
                size(*bytes)
            )
        }
        Item::Receipt { index, receipt } => writeln!(out, "{index}\t{receipt}"),
        Item::ProofChunk { .. } => Ok(()),
        Item::ProofWritten {
            path,
            receipts,
            bytes,
        } => {
            writeln!(
                out,
                "{receipts} receipt(s) written to {path}, {}",
                size(*bytes)
            )
        }
        Item::Proof {
            level,
            words: Some((claims, not_claimed)),
            ..
        } => {
            writeln!(out, "valid, level {level}\n\nproved:")?;
            claims
                .iter()
                .try_for_each(|claim| writeln!(out, "  - {claim}"))?;
            writeln!(out, "not proved:")?;
            not_claimed
                .iter()
                .try_for_each(|claim| writeln!(out, "  - {claim}"))
        }
        // What is wrong is told as an error.
        Item::Proof { words: None, .. } => Ok(()),
        Item::Verified {
            valid,
            stores,
            entries,
            receipts,
            problems,
            ..
        } => {
            for problem in problems {
                writeln!(out, "{}: {}", problem.place, problem.what)?;
            }
            if *valid {
                writeln!(
                    out,
                    "clean: {} store(s), {entries} entries, {receipts} receipts",
                    stores.len()
                )?;
            }
            Ok(())
        }
        Item::Residue {
            matches,
            files,
            bytes,
        } => {
            for found in matches {
                writeln!(out, "{}: offset {}", found.file, found.offset)?;
            }
            if !quiet {
                writeln!(
                    out,
                    "{} match(es) in {files} files, {}",
                    matches.len(),
                    size(*bytes)
                )?;
            }
            Ok(())
        }
        Item::Note { text } if quiet => {
            let _ = text;
            Ok(())
        }
        Item::Note { text } => writeln!(out, "{text}"),
    }
}

fn member_line(out: &mut dyn Write, member: &MemberInfo) -> io::Result<()> {
    let id: String = member.node.chars().take(8).collect();
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

fn content(kind: Option<Action>, value: Option<&JsonBytes>) -> String {
    match (kind, value) {
        (Some(Action::Put), Some(value)) => value.shown().to_string(),
        (Some(Action::Put), None) => "put".to_owned(),
        (Some(Action::Delete), _) => "deleted".to_owned(),
        (Some(Action::Forgotten), _) => "forgotten".to_owned(),
        (None, _) => "not here".to_owned(),
    }
}

fn time(hlc: JsonHlc) -> Rfc3339 {
    Rfc3339(hlc.0.millis())
}

fn list(addresses: &[String]) -> String {
    if addresses.is_empty() {
        "no address".to_owned()
    } else {
        addresses.join(", ")
    }
}

fn size(bytes: u64) -> indicatif::BinaryBytes {
    indicatif::BinaryBytes(bytes)
}

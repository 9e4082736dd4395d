//! Keys and values.

use std::io::{self, Write};

use super::{Page, short, size};
use crate::api::{Action, Item, JsonHlc};
use crate::bytes_json::JsonBytes;
use crate::time::Rfc3339;

pub(super) fn print(page: &mut Page<'_>, item: &Item) -> io::Result<()> {
    let Page {
        out,
        terminal,
        quiet,
    } = page;
    let (terminal, quiet) = (*terminal, *quiet);
    match item {
        Item::Written { .. } if quiet => Ok(()),
        Item::Written {
            author, seq, ops, ..
        } => {
            let author = short(author);
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
                    let author = short(&head.author);
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
            let author = short(author);
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
        // The rest is printed elsewhere: `human.rs` decides.
        _ => Ok(()),
    }
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

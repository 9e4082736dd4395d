//! For people: an answer as a few plain lines.

mod data;
mod evidence;
mod mesh;
mod policies;

use std::io::{self, Write};

use crate::api::Item;

/// Where an answer goes.
pub(super) struct Page<'a> {
    pub(super) out: &'a mut dyn Write,
    /// Whether a reader would miss a line end after a bare value.
    pub(super) terminal: bool,
    /// Whether only results are wanted.
    pub(super) quiet: bool,
}

/// Prints one answer.
pub(super) fn print(page: &mut Page<'_>, item: &Item) -> io::Result<()> {
    match item {
        Item::Initialised { .. }
        | Item::Node { .. }
        | Item::Ready { .. }
        | Item::Invited { .. }
        | Item::Joined { .. }
        | Item::Members(_)
        | Item::Synced { .. }
        | Item::Status { .. } => mesh::print(page, item),
        Item::Written { .. }
        | Item::Value { .. }
        | Item::Row { .. }
        | Item::Version { .. }
        | Item::Change { .. }
        | Item::Moved { .. } => data::print(page, item),
        Item::PolicySaved { .. }
        | Item::Policies(_)
        | Item::Policy { .. }
        | Item::PolicyGone { .. }
        | Item::PolicyTested { .. } => policies::print(page, item),
        Item::Forgotten { .. }
        | Item::Receipt { .. }
        | Item::ProofChunk { .. }
        | Item::ProofWritten { .. }
        | Item::Proof { .. }
        | Item::Verified { .. }
        | Item::Residue { .. } => evidence::print(page, item),
        // Told as it went.
        Item::Demonstrated { .. } => Ok(()),
        Item::Note { .. } if page.quiet => Ok(()),
        Item::Note { text } => writeln!(page.out, "{text}"),
    }
}

fn short(id: &str) -> String {
    id.chars().take(8).collect()
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

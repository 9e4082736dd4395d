//! Retention policies.

use std::io::{self, Write};

use super::{Page, size};
use crate::api::Item;

pub(super) fn print(page: &mut Page<'_>, item: &Item) -> io::Result<()> {
    let Page { out, .. } = page;
    match item {
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
        // The rest is printed elsewhere: `human.rs` decides.
        _ => Ok(()),
    }
}

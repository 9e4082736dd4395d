//! Forgetting, its evidence, and checks. What is wrong is told as an error, not here.

use std::io::{self, Write};

use super::{Page, size};
use crate::api::Item;

pub(super) fn print(page: &mut Page<'_>, item: &Item) -> io::Result<()> {
    let Page { out, quiet, .. } = page;
    let quiet = *quiet;
    match item {
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
        // The rest is printed elsewhere: `human.rs` decides.
        _ => Ok(()),
    }
}

//! `cargo xtask ci`: everything a change must pass, the cheap before the dear.

use std::path::Path;

use anyhow::{Result, bail};

use crate::shell::cargo;
use crate::tidy;

/// Runs the whole gate; stops at the first failure.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    if let Some(unknown) = arguments.first() {
        bail!("ci takes no arguments, and `{unknown}` is one");
    }
    cargo(root, &[], &["fmt", "--all", "--check"])?;
    println!("$ cargo xtask tidy");
    tidy::run(root, &[])?;
    cargo(
        root,
        &[],
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    let test: Vec<&str> = tidy::TEST.split(' ').skip(1).collect();
    cargo(root, &[], &test)?;
    cargo(
        root,
        &[("RUSTDOCFLAGS", "-D warnings")],
        &["doc", "--workspace", "--no-deps"],
    )?;
    println!("ci: everything passed");
    Ok(())
}

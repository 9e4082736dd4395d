//! `cargo xtask ci`: everything a change must pass, the cheap before the dear.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell::cargo;
use crate::{tidy, vectors};

/// Runs the whole gate; stops at the first failure.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    if let Some(unknown) = arguments.first() {
        bail!("ci takes no arguments, and `{unknown}` is one");
    }
    cargo(root, &[], &["fmt", "--all", "--check"])?;
    println!("$ cargo xtask tidy");
    tidy::run(root, &[])?;
    println!("$ cargo xtask vectors --check");
    vectors::run(root, &["--check".to_owned()])?;
    second_opinion(root)?;
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

/// Checks the vectors with the implementations in Python, where there is one.
fn second_opinion(root: &Path) -> Result<()> {
    const CHECKER: &str = "proto/v1/check_vectors.py";
    println!("$ python3 {CHECKER}");
    match Command::new("python3")
        .arg(CHECKER)
        .current_dir(root)
        .status()
    {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => bail!("`python3 {CHECKER}` failed"),
        Err(_) => {
            println!("skipped: no python3 here");
            Ok(())
        }
    }
}

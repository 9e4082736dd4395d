//! `cargo xtask tidy`: the house rules that neither rustc nor clippy can hold.
//!
//! Each rule is a function from small inputs to violations, in its own module; this file gathers
//! the inputs, runs all rules and prints what they found, so that one run names everything.

mod attributes;
mod banned;
mod dependencies;
mod layers;
mod links;
mod lints;
mod modules;
mod purity;
mod readme;
mod size;
mod versions;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::shell::cargo_output;
use crate::sources::read_all;

pub(crate) use readme::TEST;

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// A file (with a line where there is one) or a package.
    pub(crate) place: String,
    /// One sentence: what is wrong and what to do.
    pub(crate) what: String,
}

impl Violation {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }

    fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self::new(format!("{path}:{line}"), what)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.what)
    }
}

/// Runs every rule over the workspace at `root`; fails when one is broken.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    if let Some(unknown) = arguments.first() {
        bail!("tidy takes no arguments, and `{unknown}` is one");
    }
    let sources = read_all(root)?;
    let metadata = serde_json::from_str(&cargo_output(
        root,
        &["metadata", "--format-version", "1", "--no-deps"],
    )?)?;
    let lock = std::fs::read_to_string(root.join("Cargo.lock"))?;
    let page = std::fs::read_to_string(root.join(dependencies::PAGE)).unwrap_or_default();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap_or_default();
    let gate = std::fs::read_to_string(root.join(".ci/run")).unwrap_or_default();

    let rules = [
        ("layers", layers::check(&metadata)),
        ("modules", modules::check(&sources)),
        ("size", size::check(&sources)),
        ("banned", banned::check(&sources)),
        ("attributes", attributes::check(&sources)),
        ("lints", lints::check(&sources)),
        (
            "links",
            links::check(&sources, &|path| root.join(path).exists()),
        ),
        ("dependencies", dependencies::check(&metadata, &page)),
        ("versions", versions::check(&lock)),
        (
            "purity",
            purity::check(&|arguments| cargo_output(root, arguments))?,
        ),
        ("readme", readme::check(&readme, &gate)),
    ];

    let mut broken = 0;
    for (rule, violations) in &rules {
        for violation in violations {
            println!("{rule}: {violation}");
        }
        broken += violations.len();
    }
    if broken > 0 {
        bail!("tidy: {broken} violations");
    }
    println!(
        "tidy: {} files, {} rules, no violation",
        sources.len(),
        rules.len()
    );
    Ok(())
}

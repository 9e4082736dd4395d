//! `cargo xtask vectors [--check]`: golden vectors of every format, as JSON for any language.
//!
//! Without arguments it writes `proto/v1/vectors` from the code; with `--check` it compares, and
//! fails when a format has changed. What a field means stands in `proto/v1/README.md`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nocturne_core::vectors::{Case, VectorFile};
use serde_json::{Map, Value, json};

/// Where the vectors lie, from the root.
const FOLDER: &str = "proto/v1/vectors";

/// Writes or checks the vectors below `root`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let folder = root.join(FOLDER);
    let made = files();
    match arguments {
        [] => write(&folder, &made),
        [flag] if flag == "--check" => check(&folder, &made),
        _ => bail!("usage: cargo xtask vectors [--check]"),
    }
}

/// File name → its text, for every format of every crate.
fn files() -> BTreeMap<String, String> {
    let core = nocturne_core::vectors::all();
    let core = core
        .iter()
        .map(|file| (file.name.to_owned(), core_file(file)));
    let forget = ("forget".to_owned(), nocturne_forget::vectors());
    core.chain([forget])
        .map(|(name, value)| (format!("{name}.json"), format!("{value:#}\n")))
        .collect()
}

fn core_file(file: &VectorFile) -> Value {
    let cases: Vec<Value> = file.cases.iter().map(core_case).collect();
    json!({ "format": file.name, "cases": cases })
}

fn core_case(case: &Case) -> Value {
    let fields = case
        .fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
    json!({ "name": case.name, "fields": fields.collect::<Map<_, _>>() })
}

fn write(folder: &Path, made: &BTreeMap<String, String>) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in made {
        std::fs::write(folder.join(name), text)
            .with_context(|| format!("cannot write {FOLDER}/{name}"))?;
    }
    for name in stored(folder)?
        .keys()
        .filter(|name| !made.contains_key(*name))
    {
        std::fs::remove_file(folder.join(name))?;
    }
    println!("vectors: {} files written to {FOLDER}", made.len());
    Ok(())
}

fn check(folder: &Path, made: &BTreeMap<String, String>) -> Result<()> {
    let stored = stored(folder)?;
    let names: std::collections::BTreeSet<&String> = stored.keys().chain(made.keys()).collect();
    let differ: Vec<String> = names
        .into_iter()
        .filter(|name| stored.get(*name) != made.get(*name))
        .map(|name| format!("{FOLDER}/{name}"))
        .collect();
    if !differ.is_empty() {
        bail!(
            "the code makes other vectors than {}; a format has changed, or `cargo xtask vectors` was not run",
            differ.join(", ")
        );
    }
    println!("vectors: {} files agree with the code", made.len());
    Ok(())
}

/// What lies in the folder now.
fn stored(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut stored = BTreeMap::new();
    if !folder.exists() {
        return Ok(stored);
    }
    for found in std::fs::read_dir(folder)? {
        let found = found?;
        let name = found.file_name().to_string_lossy().into_owned();
        stored.insert(name, std::fs::read_to_string(found.path())?);
    }
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_has_its_file_and_all_of_them_are_json() {
        let files = files();
        for name in ["genesis.json", "header.json", "run.json", "forget.json"] {
            let value: Value = serde_json::from_str(&files[name]).expect("the file is JSON");
            assert!(value.is_object(), "{name}");
        }
    }

    #[test]
    fn a_change_an_addition_and_a_loss_are_seen() {
        let folder = std::env::temp_dir().join(format!("nocturne-vectors-{}", std::process::id()));
        let two = BTreeMap::from([
            ("a.json".to_owned(), "1".to_owned()),
            ("b.json".to_owned(), "2".to_owned()),
        ]);
        write(&folder, &two).expect("the folder can be written");
        assert!(check(&folder, &two).is_ok());
        let mut other = two.clone();
        other.insert("a.json".to_owned(), "3".to_owned());
        assert!(check(&folder, &other).is_err());
        other.remove("a.json");
        assert!(check(&folder, &other).is_err());
        write(&folder, &other).expect("the folder can be written");
        assert!(check(&folder, &other).is_ok());
        assert!(check(&folder, &two).is_err());
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}

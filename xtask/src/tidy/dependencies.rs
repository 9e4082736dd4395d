//! Rule: every direct third-party dependency has its row in docs/dependencies.md, and every row its dependency.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Violation;

/// The page, from the root.
pub(crate) const PAGE: &str = "docs/dependencies.md";

/// Compares `cargo metadata --no-deps` with the rows of the page.
pub(crate) fn check(metadata: &Value, page: &str) -> Vec<Violation> {
    let used = used(metadata);
    let named = named(page);
    let missing = used.difference(&named).map(|name| {
        Violation::new(
            PAGE,
            format!(
                "says nothing about {name}: what for, why this one, its licence, the alternatives"
            ),
        )
    });
    let stale = named.difference(&used).map(|name| {
        Violation::new(
            PAGE,
            format!("has a row for {name}, which no package depends on"),
        )
    });
    missing.chain(stale).collect()
}

/// Dependencies of all packages and kinds that come from outside the workspace.
fn used(metadata: &Value) -> BTreeSet<&str> {
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let dependencies = packages
        .filter_map(|package| package.get("dependencies")?.as_array())
        .flatten();
    let outside =
        dependencies.filter(|dependency| dependency.get("source").is_some_and(Value::is_string));
    outside
        .filter_map(|dependency| dependency.get("name")?.as_str())
        .collect()
}

/// Names in the first column of the page's tables, written as code.
fn named(page: &str) -> BTreeSet<&str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split('|').next());
    // A cell may name several crates of one project: `clap`, `clap_complete`.
    cells
        .flat_map(|cell| cell.split(','))
        .map(|name| name.trim().trim_matches('`'))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_page(page: &str) -> Vec<String> {
        let metadata = json!({ "packages": [{ "name": "nocturne-core", "dependencies": [
            { "name": "bytes", "source": "registry+https://example.org" },
            { "name": "prost", "source": "registry+https://example.org" },
            { "name": "nocturne-core", "source": null },
        ] }] });
        check(&metadata, page)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn page_and_manifests_agree() {
        assert!(check_page("| crate | for |\n|---|---|\n| `bytes`, `prost` | x |\n").is_empty());
        assert_eq!(
            check_page("| `bytes` | x |\nand `prost` in passing\n").len(),
            1
        );
        assert_eq!(
            check_page("| `bytes` | x |\n| `prost` | x |\n| `syn` | x |\n"),
            ["docs/dependencies.md: has a row for syn, which no package depends on"]
        );
    }
}

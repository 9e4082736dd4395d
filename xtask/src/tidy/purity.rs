//! Rule: the pure layers stay fit for wasm and embedding: no runtime, no database, no ambient randomness.

use anyhow::Result;

use super::Violation;

/// A way of building a package, and what must then not be linked into it.
struct Pure {
    package: &'static str,
    arguments: &'static [&'static str],
    without: &'static [&'static str],
}

const PURE: &[Pure] = &[
    Pure {
        package: "nocturne-core",
        arguments: &["--all-features"],
        without: &["tokio", "redb", "iroh", "rand", "getrandom"],
    },
    Pure {
        package: "nocturne-net",
        arguments: &["--no-default-features"],
        without: &["tokio", "redb", "iroh"],
    },
];

/// Checks the normal dependencies of each pure build, as `cargo tree` (called through `cargo`) lists them.
pub(crate) fn check(cargo: &dyn Fn(&[&str]) -> Result<String>) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for pure in PURE {
        let fixed = [
            "tree",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            pure.package,
        ];
        let arguments: Vec<&str> = fixed.iter().chain(pure.arguments).copied().collect();
        violations.extend(linked(pure, &cargo(&arguments)?));
    }
    Ok(violations)
}

/// The unwanted packages in a tree: lines of `NAME vVERSION …`, the package itself first.
fn linked(pure: &Pure, tree: &str) -> Vec<Violation> {
    let names = || {
        tree.lines()
            .filter_map(|line| line.split_whitespace().next())
    };
    if names().next() != Some(pure.package) {
        return vec![Violation::new(
            pure.package,
            "`cargo tree` did not list it; the rule checks nothing",
        )];
    }
    let found = pure
        .without
        .iter()
        .filter(|unwanted| names().any(|name| name == **unwanted));
    let how = pure.arguments.join(" ");
    found
        .map(|unwanted| Violation::new(pure.package, format!("with {how} it links {unwanted}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_trees(core: &str, net: &str) -> Vec<String> {
        let cargo = |arguments: &[&str]| {
            let tree = if arguments.contains(&"nocturne-core") {
                core
            } else {
                net
            };
            Ok(tree.to_owned())
        };
        let found = check(&cargo).expect("the trees are given");
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn unwanted_packages_are_named() {
        let net = "nocturne-net v0.1.0 (/x)\nnocturne-core v0.1.0 (/x)\nbytes v1.0.0\n";
        let core = "nocturne-core v0.1.0 (/x)\nrand_core v0.9.0\n";
        assert!(check_trees(core, net).is_empty());
        let found = check_trees(
            "nocturne-core v0.1.0 (/x)\nrand v0.10.0\n",
            &format!("{net}tokio v1.0.0 (*)\n"),
        );
        assert_eq!(
            found,
            [
                "nocturne-core: with --all-features it links rand",
                "nocturne-net: with --no-default-features it links tokio"
            ]
        );
    }

    #[test]
    fn an_empty_tree_passes_nothing() {
        assert_eq!(check_trees("", "").len(), 2);
    }
}

//! Rule: every package takes the workspace's lints; without the two lines a manifest escapes them all.

use super::Violation;
use crate::sources::Source;

/// Checks the text of every package's manifest.
pub(crate) fn check(sources: &[Source]) -> Vec<Violation> {
    let manifests = sources
        .iter()
        .filter(|source| source.path.ends_with("Cargo.toml"));
    let packages =
        manifests.filter(|source| source.text.lines().any(|line| line.trim() == "[package]"));
    packages
        .filter(|source| {
            let mut lines = source
                .text
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty());
            !(lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true"))
        })
        .map(|source| Violation::new(&source.path, "has no `[lints]` with `workspace = true`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&[Source::new("crates/core/Cargo.toml", text)]).len()
    }

    #[test]
    fn packages_take_the_lints() {
        assert_eq!(
            count("[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n"),
            0
        );
        assert_eq!(
            count("[package]\nname = \"x\"\n\n[dependencies]\nworkspace = true\n"),
            1
        );
        assert_eq!(count("[workspace]\nmembers = []\n"), 0);
    }
}

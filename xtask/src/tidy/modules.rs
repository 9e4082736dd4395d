//! Rule: every Rust file begins with a `//!` line that says what the file is for.

use super::Violation;
use crate::sources::Source;

/// Where the rule holds; everything Rust lives there.
const PLACES: &[&str] = &["crates/", "xtask/", "examples/", "benches/"];

/// Checks the first line of every Rust file.
pub(crate) fn check(sources: &[Source]) -> Vec<Violation> {
    let held = sources.iter().filter(|source| source.has_extension("rs"));
    held.filter(|source| PLACES.iter().any(|place| source.path.starts_with(place)))
        .filter_map(|source| {
            let first = source.text.lines().next().unwrap_or_default();
            let words = first
                .strip_prefix("//!")
                .map_or(0, |said| said.split_whitespace().count());
            match words {
                0 => Some(Violation::at(
                    &source.path,
                    1,
                    "begin with a `//!` line that says what the file is for",
                )),
                1 => Some(Violation::at(
                    &source.path,
                    1,
                    "one word does not say what the file is for",
                )),
                _ => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&[Source::new(path, text)]).len()
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        assert_eq!(
            count(
                "crates/core/src/entry.rs",
                "//! Entries and their hashes.\nuse x;\n"
            ),
            0
        );
        assert_eq!(count("crates/core/src/entry.rs", "use x;\n"), 1);
        assert_eq!(count("crates/core/build.rs", ""), 1);
        assert_eq!(count("crates/core/src/entry.rs", "//! placeholder\n"), 1);
        assert_eq!(count("docs/page.md", "# Page\n"), 0);
    }
}

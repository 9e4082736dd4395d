//! Rule: nothing unfinished and no test that does not run.

use super::Violation;
use crate::sources::Source;

/// What may stand nowhere in code, and why.
const BANNED: &[(&str, &str)] = &[
    (
        "#[ignore",
        "a test that does not run holds nothing: make it fast, or an `xtask` command",
    ),
    ("todo!", "finish it or leave it out"),
    ("unimplemented!", "finish it or leave it out"),
    ("dbg!", "use `tracing`"),
];

/// Fences of examples that the compiler never sees.
const FENCES: &[&str] = &["```ignore", "```rust,ignore", "```no_compile"];

/// Checks the code of every Rust file, and the examples in its documentation.
pub(crate) fn check(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.has_extension("rs")) {
        for (line, code) in source.code().lines().enumerate() {
            let dense: String = code
                .chars()
                .filter(|character| !character.is_whitespace())
                .collect();
            let found = BANNED.iter().filter(|(banned, _)| stands(&dense, banned));
            violations.extend(found.map(|(banned, why)| {
                Violation::at(&source.path, line + 1, format!("`{banned}`: {why}"))
            }));
        }
        for (line, text) in source.text.lines().enumerate() {
            let Some(said) = text
                .trim_start()
                .strip_prefix("///")
                .or_else(|| text.trim_start().strip_prefix("//!"))
            else {
                continue;
            };
            if FENCES
                .iter()
                .any(|fence| said.trim_start().starts_with(fence))
            {
                violations.push(Violation::at(
                    &source.path,
                    line + 1,
                    "an example that is not compiled will lie: `no_run` is the least",
                ));
            }
        }
    }
    violations
}

/// Whether `banned` stands in `code` as a word of its own.
fn stands(code: &str, banned: &str) -> bool {
    code.match_indices(banned).any(|(start, _)| {
        let before = code
            .get(..start)
            .and_then(|before| before.chars().next_back());
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&[Source::new("crates/a.rs", text)]).len()
    }

    #[test]
    fn unfinished_code_is_found_in_code_only() {
        assert_eq!(count("fn a() { todo!() }"), 1);
        assert_eq!(count("fn a() { unimplemented ! (\"x\") }"), 1);
        assert_eq!(count("#[ignore = \"slow\"]\nfn a() {}"), 1);
        assert_eq!(count("// todo!\nconst A: &str = \"dbg!\"; not_dbg!(x);"), 0);
    }

    #[test]
    fn examples_must_compile() {
        assert_eq!(count("/// ```ignore\n/// x\n/// ```\nfn a() {}"), 1);
        assert_eq!(count("/// ```no_run\n/// x\n/// ```\nfn a() {}"), 0);
    }
}

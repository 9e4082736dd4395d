//! Rule: lints are silenced by `expect(…, reason = "…")`, which complains once it is not needed.

use super::Violation;
use crate::sources::Source;

/// Checks every attribute in every Rust file.
pub(crate) fn check(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.has_extension("rs")) {
        let code = source.code();
        for (start, attribute) in attributes(&code) {
            let line = code.get(..start).unwrap_or_default().matches('\n').count() + 1;
            if calls(attribute, "allow") {
                violations.push(Violation::at(
                    &source.path,
                    line,
                    "`allow(…)`: use `expect(…, reason = \"…\")`",
                ));
            } else if calls(attribute, "expect") && !attribute.contains("reason") {
                violations.push(Violation::at(
                    &source.path,
                    line,
                    "`expect(…)` gives no reason",
                ));
            }
        }
    }
    violations
}

/// Every attribute with the byte at which it starts.
fn attributes(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.match_indices('#').filter_map(|(start, _)| {
        let rest = code.get(start + 1..)?;
        let inner = rest.strip_prefix('!').unwrap_or(rest);
        if !inner.trim_start().starts_with('[') {
            return None;
        }
        let mut depth = 0_usize;
        for (offset, character) in inner.char_indices() {
            match character {
                '[' => depth += 1,
                ']' if depth == 1 => return Some((start, inner.get(..offset)?)),
                ']' => depth -= 1,
                _ => {}
            }
        }
        None
    })
}

/// Whether `attribute` calls `name(…)`, at its start or inside a `cfg_attr`.
fn calls(attribute: &str, name: &str) -> bool {
    attribute.match_indices(name).any(|(start, _)| {
        let before = attribute
            .get(..start)
            .and_then(|before| before.chars().next_back());
        let after = attribute.get(start + name.len()..).unwrap_or_default();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
            && after.trim_start().starts_with('(')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&[Source::new("crates/a.rs", text)]).len()
    }

    #[test]
    fn allow_is_found_in_every_form() {
        assert_eq!(count("#[allow(dead_code)]\nfn a() {}"), 1);
        assert_eq!(count("#![allow(clippy::panic, reason = \"x\")]"), 1);
        assert_eq!(count("#[cfg_attr(test, allow(dead_code))]\nfn a() {}"), 1);
        assert_eq!(
            count("fn allow(x: u8) {}\n#[must_use]\nfn b() { allow(1) }"),
            0
        );
    }

    #[test]
    fn expect_needs_a_reason() {
        assert_eq!(
            count("#[expect(clippy::panic, reason = \"x\")]\nfn a() {}"),
            0
        );
        assert_eq!(
            count("#[expect(clippy::panic)]\nfn a() { b.expect(\"c\") }"),
            1
        );
    }
}

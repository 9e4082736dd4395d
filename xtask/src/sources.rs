//! The repository's text files as the rules see them: path from the root, text, and Rust code alone.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use walkdir::WalkDir;

/// Folders that are no part of the sources.
const SKIPPED: &[&str] = &["target", ".git"];

/// A text file of the repository.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path from the root, with `/` on every platform.
    pub(crate) path: String,
    /// Its whole text.
    pub(crate) text: String,
}

impl Source {
    /// A source given in place: what the rules' own tests are made of.
    #[cfg(test)]
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Whether the path ends in `.EXTENSION`.
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|found| found == extension)
    }

    /// Whether the file holds tests only, by its place: a `tests` folder or a `tests.rs`.
    pub(crate) fn is_test(&self) -> bool {
        self.path
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs")
    }

    /// The text with every comment and literal blanked out; lines keep their numbers.
    pub(crate) fn code(&self) -> String {
        blank(&self.text)
    }
}

/// Reads every Rust file, Markdown page and manifest below `root`, ordered by path.
pub(crate) fn read_all(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    let walk = WalkDir::new(root).sort_by_file_name().into_iter();
    for found in
        walk.filter_entry(|found| !SKIPPED.iter().any(|skipped| found.file_name() == *skipped))
    {
        let found = found?;
        let known = found
            .path()
            .extension()
            .is_some_and(|extension| extension == "rs" || extension == "md");
        if found.file_type().is_file() && (known || found.file_name() == "Cargo.toml") {
            let text = std::fs::read_to_string(found.path())
                .with_context(|| format!("cannot read {}", found.path().display()))?;
            sources.push(Source {
                path: relative(root, found.path()),
                text,
            });
        }
    }
    Ok(sources)
}

/// `path` from `root`, with `/` between its parts.
fn relative(root: &Path, path: &Path) -> String {
    let parts: PathBuf = path.strip_prefix(root).unwrap_or(path).to_path_buf();
    parts
        .iter()
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

/// Replaces comments and the inside of literals by spaces and keeps line ends.
///
/// Rust's lexical grammar as far as it decides where code ends: nested block comments, strings with
/// escapes, raw strings, characters beside lifetimes.
fn blank(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut index = 0;
    while index < characters.len() {
        let end = match (at(index), at(index + 1)) {
            ('/', '/') => line_end(&characters, index),
            ('/', '*') => comment_end(&characters, index),
            ('"', _) => string_end(&characters, index),
            ('\'', _) => character_end(&characters, index),
            ('r', '"' | '#')
                if !is_word(at(index.wrapping_sub(1))) || at(index.wrapping_sub(1)) == 'b' =>
            {
                raw_end(&characters, index)
            }
            _ => index,
        };
        if end == index {
            out.push(at(index));
            index += 1;
        } else {
            out.extend((index..end).map(|inside| if at(inside) == '\n' { '\n' } else { ' ' }));
            index = end;
        }
    }
    out
}

fn line_end(characters: &[char], start: usize) -> usize {
    let rest = characters.get(start..).unwrap_or_default();
    start
        + rest
            .iter()
            .position(|found| *found == '\n')
            .unwrap_or(rest.len())
}

fn comment_end(characters: &[char], start: usize) -> usize {
    let at = |index: usize| characters.get(index).copied().unwrap_or('\0');
    let mut depth = 0_usize;
    let mut index = start;
    while index < characters.len() {
        match (at(index), at(index + 1)) {
            ('/', '*') => (depth, index) = (depth + 1, index + 2),
            ('*', '/') if depth == 1 => return index + 2,
            ('*', '/') => (depth, index) = (depth.saturating_sub(1), index + 2),
            _ => index += 1,
        }
    }
    characters.len()
}

fn string_end(characters: &[char], start: usize) -> usize {
    let mut index = start + 1;
    while let Some(found) = characters.get(index) {
        match found {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    characters.len()
}

/// The end of a character literal, or `start` where the quote begins a lifetime.
fn character_end(characters: &[char], start: usize) -> usize {
    let at = |index: usize| characters.get(index).copied().unwrap_or('\0');
    if at(start + 1) == '\\' {
        let rest = characters.get(start + 3..).unwrap_or_default();
        return rest
            .iter()
            .position(|found| *found == '\'')
            .map_or(start, |length| start + 3 + length + 1);
    }
    if at(start + 2) == '\'' {
        start + 3
    } else {
        start
    }
}

/// The end of a raw string, or `start` where `r#` begins a raw identifier.
fn raw_end(characters: &[char], start: usize) -> usize {
    let rest = characters.get(start + 1..).unwrap_or_default();
    let hashes = rest.iter().take_while(|found| **found == '#').count();
    if rest.get(hashes) != Some(&'"') {
        return start;
    }
    let mut index = start + 1 + hashes + 1;
    while index < characters.len() {
        let closes = characters.get(index) == Some(&'"')
            && characters
                .get(index + 1..index + 1 + hashes)
                .is_some_and(|after| after.iter().all(|found| *found == '#'));
        if closes {
            return index + 1 + hashes;
        }
        index += 1;
    }
    characters.len()
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(blank(text), expected, "{text}");
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        check("a // b\nc", "a     \nc");
        check("a /* b /* c */ d */ e", "a                   e");
        check(r#"f("x\"y", 1)"#, "f(      , 1)");
        check("f(r#\"x\"y\"#)", "f(        )");
        check("f(br\"x\")", "f(b    )");
        check(
            r"match c { '\'' => 1, '\u{41}' => 2, '\\' => 3, '\n' => 4, 'x' => 5 }",
            r"match c {      => 1,          => 2,      => 3,      => 4,     => 5 }",
        );
        check("a \"b\nc\" d", "a   \n   d");
    }

    #[test]
    fn lifetimes_and_raw_identifiers_are_code() {
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
        check("let r#type = bar#\"", "let r#type = bar# ");
    }

    #[test]
    fn tests_are_known_by_their_place() {
        assert!(Source::new("crates/core/tests/it/main.rs", "").is_test());
        assert!(Source::new("crates/core/src/merge/tests.rs", "").is_test());
        assert!(!Source::new("crates/core/src/testsuite.rs", "").is_test());
    }
}

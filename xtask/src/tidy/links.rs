//! Rule: a link in a page leads to a file that exists, and to a heading that the page has.

use super::Violation;
use crate::sources::Source;

/// Checks the relative links of every Markdown page; `exists` answers for paths from the root.
pub(crate) fn check(sources: &[Source], exists: &dyn Fn(&str) -> bool) -> Vec<Violation> {
    let mut violations = Vec::new();
    for page in sources.iter().filter(|source| source.has_extension("md")) {
        for (line, target) in targets(&page.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = target
                .split_once('#')
                .map_or((target, None), |(path, heading)| (path, Some(heading)));
            let leads_to = if path.is_empty() {
                page.path.clone()
            } else {
                resolve(&page.path, path)
            };
            if !exists(&leads_to) {
                violations.push(Violation::at(
                    &page.path,
                    line,
                    format!("`{target}` leads to no file"),
                ));
                continue;
            }
            let known = sources
                .iter()
                .find(|source| source.path == leads_to && source.has_extension("md"));
            if let (Some(heading), Some(known)) = (heading, known)
                && !headings(&known.text).any(|found| found == heading)
            {
                violations.push(Violation::at(
                    &page.path,
                    line,
                    format!("`{target}` leads to no heading"),
                ));
            }
        }
    }
    violations
}

/// Lines outside code fences, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(line, said)| {
        if said.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((line + 1, said))
    })
}

/// The target of every inline link, with its line.
fn targets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(text).flat_map(|(line, said)| {
        said.match_indices("](")
            .filter_map(move |(start, opening)| {
                let rest = said.get(start + opening.len()..)?;
                let target = rest.split(')').next()?.split_whitespace().next()?;
                Some((line, target))
            })
    })
}

/// The anchors of a page's headings, as forges make them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    prose(text)
        .filter(|(_, said)| said.starts_with('#'))
        .map(|(_, said)| {
            let words = said.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|character| character.is_alphanumeric() || " -_".contains(*character));
            kept.map(|character| if character == ' ' { '-' } else { character })
                .collect()
        })
}

/// `target` as seen from the folder of `page`, with `.` and `..` taken away.
fn resolve(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_page(text: &str) -> Vec<String> {
        let pages = [
            Source::new("docs/a.md", text),
            Source::new("docs/b.md", "# One\n\n## Two, three\n"),
        ];
        let exists = |path: &str| ["docs/a.md", "docs/b.md", "README.md", "crates"].contains(&path);
        check(&pages, &exists)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn links_lead_somewhere() {
        assert!(
            check_page(
                "[b](b.md), [r](../README.md), [c](../crates/), [w](https://example.org/x.md)"
            )
            .is_empty()
        );
        assert_eq!(
            check_page("# A\n[c](c.md)"),
            ["docs/a.md:2: `c.md` leads to no file"]
        );
        assert!(check_page("```\n[c](c.md)\n```\n").is_empty());
    }

    #[test]
    fn headings_are_there() {
        assert!(check_page("# Own\n[b](b.md#two-three) [a](#own)").is_empty());
        assert_eq!(
            check_page("[b](b.md#four)"),
            ["docs/a.md:1: `b.md#four` leads to no heading"]
        );
    }
}

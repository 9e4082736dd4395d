//! Rule: a file fits in the head: at most 400 lines, tests set apart.

use super::Violation;
use crate::sources::Source;

/// Lines a file may have, its own small `mod tests` included.
const LIMIT: usize = 400;

/// A file that may be longer: up to how many lines, and why it should not be split.
struct Exception {
    path: &'static str,
    lines: usize,
    reason: &'static str,
}

/// Every exception there is; one that is no longer needed is a violation too.
const EXCEPTIONS: &[Exception] = &[];

/// Checks the length of every Rust file that isn't a test file.
pub(crate) fn check(sources: &[Source]) -> Vec<Violation> {
    check_with(sources, EXCEPTIONS)
}

fn check_with(sources: &[Source], exceptions: &[Exception]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources
        .iter()
        .filter(|source| source.has_extension("rs") && !source.is_test())
    {
        let lines = source.text.lines().count();
        match exceptions
            .iter()
            .find(|exception| exception.path == source.path)
        {
            None if lines > LIMIT => {
                violations.push(Violation::new(
                    &source.path,
                    format!("{lines} lines, {LIMIT} is the limit: split it by noun"),
                ));
            }
            Some(exception) if lines > exception.lines => violations.push(Violation::new(
                &source.path,
                format!(
                    "{lines} lines, its exception ({}) allows {}",
                    exception.reason, exception.lines
                ),
            )),
            Some(_) if lines <= LIMIT => {
                violations.push(Violation::new(
                    &source.path,
                    "needs its exception to the size limit no longer: remove it",
                ));
            }
            None | Some(_) => {}
        }
    }
    let gone = exceptions
        .iter()
        .filter(|exception| sources.iter().all(|source| source.path != exception.path));
    violations.extend(gone.map(|exception| {
        Violation::new(
            exception.path,
            "has an exception to the size limit, and does not exist",
        )
    }));
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, count: usize) -> Source {
        Source::new(path, &"x\n".repeat(count))
    }

    const LONG: Exception = Exception {
        path: "crates/a.rs",
        lines: 500,
        reason: "one table",
    };

    #[test]
    fn long_files_are_named_and_tests_may_be_long() {
        assert!(
            check_with(
                &[
                    lines("crates/a.rs", LIMIT),
                    lines("crates/a/tests.rs", LIMIT + 1)
                ],
                &[]
            )
            .is_empty()
        );
        assert_eq!(check_with(&[lines("crates/a.rs", LIMIT + 1)], &[]).len(), 1);
    }

    #[test]
    fn exceptions_are_bounded_and_leave_when_they_are_not_needed() {
        assert!(check_with(&[lines("crates/a.rs", 500)], &[LONG]).is_empty());
        assert_eq!(check_with(&[lines("crates/a.rs", 501)], &[LONG]).len(), 1);
        assert_eq!(check_with(&[lines("crates/a.rs", 10)], &[LONG]).len(), 1);
        assert_eq!(check_with(&[], &[LONG]).len(), 1);
    }
}

//! Rule: the README's two commands stand in it, and the gate runs the same test command.

use super::Violation;

/// Does the main job on this machine.
const RUN: &str = "cargo run --release -- demo";
/// Runs every test there is.
pub(crate) const TEST: &str = "cargo test --workspace";

/// Checks the texts of `README.md` and `.ci/run`.
pub(crate) fn check(readme: &str, gate: &str) -> Vec<Violation> {
    let stands = |text: &str, command: &str| text.lines().any(|line| line.trim() == command);
    let mut violations = Vec::new();
    for command in [RUN, TEST] {
        if !stands(readme, command) {
            violations.push(Violation::new(
                "README.md",
                format!("`{command}` stands on no line of its own"),
            ));
        }
    }
    if !stands(gate, TEST) {
        violations.push(Violation::new(
            ".ci/run",
            format!("does not run the README's test command, `{TEST}`"),
        ));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_commands_and_the_gate() {
        let readme = format!("```sh\n{RUN}\n{TEST}\n```\n");
        assert!(check(&readme, &format!("set -e\n{TEST}\n")).is_empty());
        assert_eq!(check(&readme, "cargo test\n").len(), 1);
        assert_eq!(check("", "").len(), 3);
    }
}

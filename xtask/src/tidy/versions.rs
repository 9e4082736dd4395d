//! Rule: one version each of the crates that hold state, speak to others or hash.

use super::Violation;

/// Two of one of these would double a runtime, or let one value have two types.
const SINGLE: &[&str] = &["tokio", "redb", "iroh", "blake3", "ed25519-dalek", "prost"];

/// Checks the text of `Cargo.lock`.
pub(crate) fn check(lock: &str) -> Vec<Violation> {
    SINGLE
        .iter()
        .filter_map(|name| {
            let versions = versions(lock, name);
            match versions.len() {
                1 => None,
                0 => Some(Violation::new(
                    "Cargo.lock",
                    format!("{name} is not there; the rule in xtask/src/tidy/versions.rs is stale"),
                )),
                _ => Some(Violation::new(
                    "Cargo.lock",
                    format!(
                        "{name} is there in {} versions: {}",
                        versions.len(),
                        versions.join(", ")
                    ),
                )),
            }
        })
        .collect()
}

/// The versions in which `name` stands in the lock file.
fn versions<'a>(lock: &'a str, name: &str) -> Vec<&'a str> {
    let wanted = format!("name = \"{name}\"");
    let mut lines = lock.lines();
    let mut versions = Vec::new();
    while let Some(line) = lines.next() {
        if line == wanted {
            let version = lines
                .next()
                .and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
            versions.extend(version);
        }
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(packages: &[(&str, &str)]) -> String {
        let package = |(name, version): &(&str, &str)| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\n")
        };
        packages.iter().map(package).collect::<Vec<_>>().concat()
    }

    #[test]
    fn one_version_each() {
        let mut packages: Vec<(&str, &str)> = SINGLE.iter().map(|name| (*name, "1.0.0")).collect();
        assert!(check(&lock(&packages)).is_empty());
        packages.push(("redb", "2.0.0"));
        let found = check(&lock(&packages));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found.first().map(|found| found.what.as_str()),
            Some("redb is there in 2 versions: 1.0.0, 2.0.0")
        );
    }

    #[test]
    fn a_missing_crate_is_a_stale_rule() {
        assert_eq!(check("").len(), SINGLE.len());
    }
}

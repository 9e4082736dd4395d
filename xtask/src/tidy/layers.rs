//! Rule: dependencies between the workspace's packages point down.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Violation;

/// What a package of the workspace may depend on.
struct Layer {
    package: &'static str,
    below: &'static [&'static str],
    /// Allowed only as an optional dependency.
    optional: &'static [&'static str],
}

/// The whole picture; a package that isn't here is a violation until someone decides where it stands.
const LAYERS: &[Layer] = &[
    Layer {
        package: "nocturne-core",
        below: &[],
        optional: &[],
    },
    Layer {
        package: "nocturne-store",
        below: &["nocturne-core"],
        optional: &[],
    },
    Layer {
        package: "nocturne-net",
        below: &["nocturne-core"],
        optional: &["nocturne-store"],
    },
    Layer {
        package: "nocturne-forget",
        below: &["nocturne-core", "nocturne-store"],
        optional: &[],
    },
    Layer {
        package: "nocturne-node",
        below: ALL,
        optional: &[],
    },
    Layer {
        package: "nocturne-examples",
        below: ALL,
        optional: &[],
    },
    Layer {
        package: "nocturne-benches",
        below: ALL,
        optional: &[],
    },
    Layer {
        package: "xtask",
        below: &["nocturne-core", "nocturne-store", "nocturne-forget"],
        optional: &[],
    },
];

const ALL: &[&str] = &[
    "nocturne-core",
    "nocturne-store",
    "nocturne-net",
    "nocturne-forget",
];

/// A dependency as `cargo metadata` states it.
struct Dependency<'a> {
    name: &'a str,
    optional: bool,
}

/// Checks `cargo metadata --no-deps`: dependencies of every kind (normal, build, dev) count.
pub(crate) fn check(metadata: &Value) -> Vec<Violation> {
    let packages = workspace(metadata);
    let mut violations = Vec::new();
    for (package, dependencies) in &packages {
        let Some(layer) = LAYERS.iter().find(|layer| layer.package == *package) else {
            violations.push(Violation::new(
                *package,
                "is in no layer; add it to xtask/src/tidy/layers.rs and docs/architecture.md",
            ));
            continue;
        };
        for dependency in dependencies {
            // A package that names itself for its tests turns on its own features; no direction in that.
            let inside = packages.contains_key(dependency.name) && dependency.name != *package;
            if !inside || layer.below.contains(&dependency.name) {
                continue;
            }
            if !layer.optional.contains(&dependency.name) {
                violations.push(Violation::new(
                    *package,
                    format!("may not depend on {}", dependency.name),
                ));
            } else if !dependency.optional {
                violations.push(Violation::new(
                    *package,
                    format!("may depend on {} only optionally", dependency.name),
                ));
            }
        }
    }
    violations
}

/// Package name → its dependencies.
fn workspace(metadata: &Value) -> BTreeMap<&str, Vec<Dependency<'_>>> {
    let packages = metadata.get("packages").and_then(Value::as_array);
    packages
        .into_iter()
        .flatten()
        .filter_map(|package| {
            let dependencies = package.get("dependencies").and_then(Value::as_array);
            let dependencies = dependencies
                .into_iter()
                .flatten()
                .filter_map(dependency)
                .collect();
            Some((package.get("name")?.as_str()?, dependencies))
        })
        .collect()
}

fn dependency(value: &Value) -> Option<Dependency<'_>> {
    Some(Dependency {
        name: value.get("name")?.as_str()?,
        optional: value
            .get("optional")
            .and_then(Value::as_bool)
            .unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(packages: &[(&str, &[(&str, bool)])]) -> Value {
        let packages: Vec<Value> = packages
            .iter()
            .map(|(name, dependencies)| {
                let dependencies: Vec<Value> = dependencies
                    .iter()
                    .map(|(name, optional)| json!({ "name": name, "optional": optional, "kind": null }))
                    .collect();
                json!({ "name": name, "dependencies": dependencies })
            })
            .collect();
        json!({ "packages": packages })
    }

    fn check_one(package: &str, dependency: &str, optional: bool) -> Vec<String> {
        let found = check(&metadata(&[
            (package, &[(dependency, optional)]),
            (dependency, &[]),
        ]));
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn arrows_point_down() {
        assert!(check_one("nocturne-store", "nocturne-core", false).is_empty());
        assert!(check_one("nocturne-net", "nocturne-store", true).is_empty());
        assert_eq!(
            check_one("nocturne-core", "nocturne-store", false),
            ["nocturne-core: may not depend on nocturne-store"]
        );
        assert_eq!(
            check_one("nocturne-net", "nocturne-forget", true),
            ["nocturne-net: may not depend on nocturne-forget"]
        );
        assert_eq!(
            check_one("nocturne-forget", "nocturne-net", false),
            ["nocturne-forget: may not depend on nocturne-net"]
        );
        assert_eq!(
            check_one("nocturne-net", "nocturne-store", false),
            ["nocturne-net: may depend on nocturne-store only optionally"]
        );
    }

    #[test]
    fn a_new_package_must_be_placed() {
        let found = check(&metadata(&[("nocturne-query", &[])]));
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_package_may_name_itself_for_its_tests() {
        assert!(check(&metadata(&[("nocturne-net", &[("nocturne-net", false)])])).is_empty());
    }
}

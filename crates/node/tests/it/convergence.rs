//! Three nodes: what any of them wrote while others were away is on all of them after a sync.

use serde_json::Value;

use crate::harness::Home;

fn three() -> [Home; 3] {
    let one = Home::init("one");
    let daemon = one.serve();
    let two = Home::join(&one, "two");
    let three = Home::join(&one, "three");
    // Each runs once, so that everybody knows where everybody else can be found.
    for home in [&two, &three] {
        let daemon = home.serve();
        home.run(["sync", "one"]).ok();
        daemon.stop();
    }
    daemon.stop();
    [one, two, three]
}

fn value(home: &Home, key: &str) -> Value {
    home.json(["get", key])
}

#[test]
fn offline_writes_meet_and_a_conflict_heals() {
    let homes = three();
    // Each writes while nobody else runs.
    for (n, home) in homes.iter().enumerate() {
        home.run(["put", "same", &format!("from {n}")]).ok();
        home.run(["put", &format!("own/{n}"), "x"]).ok();
    }
    let daemons: Vec<_> = homes.iter().map(Home::serve).collect();
    for home in &homes {
        home.run(["sync"]).ok();
    }
    let rows = homes[0].rows();
    assert_eq!(rows.lines().count(), 4);
    for home in &homes {
        assert_eq!(home.rows(), rows);
        assert_eq!(home.frontier(), homes[0].frontier());
        let same = value(home, "same");
        assert_eq!(same["conflict"], true);
        assert_eq!(same["value"], value(&homes[0], "same")["value"]);
        assert_eq!(same["heads"].as_array().unwrap().len(), 3);
    }
    homes[1].run(["put", "same", "healed"]).ok();
    homes[1].run(["sync"]).ok();
    for home in &homes {
        let same = value(home, "same");
        assert_eq!(
            (&same["value"], &same["conflict"]),
            (&"healed".into(), &false.into())
        );
    }
    for daemon in daemons {
        daemon.stop();
    }
}

#[test]
fn a_node_that_was_down_catches_up_with_one_sync() {
    let [one, two, three] = three();
    let (first, second) = (one.serve(), two.serve());
    for n in 0..20 {
        one.run(["put", &format!("k{n}"), "x"]).ok();
    }
    let done = two.json(["sync"]);
    assert!(done["stores"].is_array());
    first.stop();
    // The writer is gone; the third gets its entries from the second.
    three.run(["sync", "two"]).ok();
    assert_eq!(three.rows(), two.rows());
    assert_eq!(three.rows().lines().count(), 20);
    second.stop();
}

#[test]
fn a_running_daemon_pushes_what_is_written() {
    let [one, two, _three] = three();
    let (first, second) = (one.serve(), two.serve());
    one.run(["sync", "two"]).ok();
    let mut watch = two.stream(["watch", "--from-revision", "0", "--json"]);
    for n in 0..3 {
        one.run(["put", "live", &n.to_string()]).ok();
        let line = watch.line();
        assert!(
            line.contains("live") && line.contains(&n.to_string()),
            "{line}"
        );
    }
    drop(watch);
    first.stop();
    second.stop();
}

#[test]
fn peers_that_cannot_be_reached_are_named() {
    let [one, two, _three] = three();
    let line = one.run(["sync", "--timeout", "2s"]).fails(6);
    assert!(line.contains("two") && line.contains("three"), "{line}");
    let daemon = two.serve();
    let done = one.json(["sync", "--timeout", "20s"]);
    let peers = done["peers"].as_array().unwrap();
    let named = |name: &str| peers.iter().find(|peer| peer["name"] == name).unwrap();
    assert_eq!(named("two")["synced"], true);
    assert_eq!(named("three")["synced"], false);
    assert!(named("three")["problem"].is_string());
    daemon.stop();
    let alone = Home::init("alone");
    assert!(alone.run(["sync"]).fails(6).contains("only member"));
}

//! A command gives the same whether a daemon runs or not.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::harness::{Home, Ran};

/// Commands that read, and some that must fail.
fn reads(home: &Home) -> Vec<Ran> {
    let mut out = Vec::new();
    for json in [false, true] {
        for command in [
            &["id"][..],
            &["get", "a"],
            &["get", "a", "--heads"],
            &["get", "a", "--at", "1970-01-02T00:00:00Z"],
            &["get", "--key-hex", "ff00"],
            &["get", "gone"],
            &["get", "never"],
            &["scan"],
            &["scan", "dir/", "--reverse", "--limit", "1"],
            &["scan", "--from", "a", "--to", "b"],
            &["scan", "--store", "nowhere"],
            &["history", "a"],
            &["history", "gone"],
            &["history", "never"],
            &["policy", "list"],
            &["policy", "show", "logs"],
            &["policy", "test", "logs"],
            &["policy", "show", "none"],
            &["receipts"],
            &["receipts", "--cut", "zz"],
            &["forget", "--prefix", "dir/", "--local", "--dry-run"],
            &["verify", "--deep"],
            &["export", "--prefix", "dir/", "--format", "jsonl"],
            &["sync", "nobody"],
            &["put", "a", "b", "--store", "root"],
        ] {
            let mut args = command.to_vec();
            if json {
                args.push("--json");
            }
            out.push(home.run(args));
        }
    }
    out
}

fn filled() -> Home {
    let home = Home::init("one");
    home.run(["put", "a", "first"]).ok();
    home.run(["put", "a", "second", "--tag", "t", "--subject", "s"])
        .ok();
    home.run(["put", "--key-hex", "ff00", "binary key"]).ok();
    home.run(["put", "dir/x", "{\"n\":1}"]).ok();
    home.run(["put", "dir/y", "{\"n\":2}"]).ok();
    home.run(["put", "gone", "x"]).ok();
    home.run(["delete", "gone"]).ok();
    let policy = home.file("p.toml", "[[forget]]\nwhen = { key_prefix = \"dir/\" }\n");
    home.run(["policy", "set", "logs", "--file", policy.to_str().unwrap()])
        .ok();
    home.run(["put", "secret", "hush"]).ok();
    home.run(["forget", "secret", "--local"]).ok();
    home
}

#[test]
fn every_read_gives_the_same() {
    let home = filled();
    // A daemon says once where it can be found: from then on nothing differs.
    home.serve().stop();
    let alone = reads(&home);
    let daemon = home.serve();
    let served = reads(&home);
    daemon.stop();
    let again = reads(&home);
    assert_eq!(alone.len(), served.len());
    for (alone, (served, again)) in alone.iter().zip(served.iter().zip(&again)) {
        assert_eq!(alone, served);
        assert_eq!(alone, again);
    }
    let codes: BTreeSet<i32> = alone.iter().map(|ran| ran.code).collect();
    assert_eq!(codes, BTreeSet::from([0, 2, 3, 5]));
}

#[test]
fn writes_have_the_same_shape() {
    let (alone, served) = (Home::init("one"), Home::init("one"));
    let daemon = served.serve();
    for command in [
        &["put", "k", "v"][..],
        &["delete", "k"],
        &["invite"],
        &["forget", "k", "--local"],
        &["peer", "list"],
    ] {
        let keys = |home: &Home| -> Vec<String> {
            let answer = home.json(command);
            let object = answer.as_array().map_or(&answer, |list| &list[0]);
            object.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&alone), keys(&served), "{command:?}");
    }
    daemon.stop();
}

#[test]
fn what_is_written_through_the_daemon_stays() {
    let home = Home::init("one");
    let daemon = home.serve();
    home.run(["put", "a", "1"]).ok();
    let csv = home.file("rows.csv", "id,n\nx,1\ny,2\n");
    let moved = home.json([
        "import",
        csv.to_str().unwrap(),
        "--prefix",
        "r/",
        "--key",
        "id",
    ]);
    assert_eq!(
        (moved["rows"].as_u64(), moved["entries"].as_u64()),
        (Some(2), Some(1))
    );
    let expected = home.rows();
    daemon.kill();
    assert_eq!(home.rows(), expected);
    // What a killed daemon leaves is no daemon.
    let daemon = home.serve();
    assert_eq!(home.rows(), expected);
    daemon.stop();
    assert!(!home.path().join("daemon.sock").exists());
}

#[test]
fn a_watcher_sees_what_was_and_what_comes() {
    let home = Home::init("one");
    home.run(["put", "log/1", "old"]).ok();
    home.run(["put", "other", "x"]).ok();
    let daemon = home.serve();
    let mut watch = home.stream(["watch", "log/", "--from-revision", "0", "--json"]);
    assert!(watch.line().contains("old"));
    home.run(["put", "other", "y"]).ok();
    home.run(["put", "log/2", "new"]).ok();
    let line = watch.line();
    assert!(line.contains("log/2") && line.contains("new"), "{line}");
    home.run(["delete", "log/2"]).ok();
    assert!(watch.line().contains("delete"));
    daemon.stop();
}

#[test]
fn a_data_directory_may_lie_deep() {
    let home = Home::new();
    let deep: PathBuf = home.path().join("d".repeat(100)).join("e".repeat(100));
    let deep = deep.to_str().unwrap();
    home.run(["--data-dir", deep, "init"]).ok();
    let mut daemon = home.stream(["--data-dir", deep, "serve"]);
    assert!(daemon.line().starts_with("ready"));
    home.run(["--data-dir", deep, "put", "a", "1"]).ok();
    assert_eq!(home.run(["--data-dir", deep, "get", "a"]).ok(), "1");
    daemon.stop();
}

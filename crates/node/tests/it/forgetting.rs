//! What is forgotten leaves no byte, has a receipt that anyone can check, and does not come back.

use serde_json::Value;

use crate::harness::{Home, flip};

const SECRET: &str = "a very particular value that stands nowhere else";

fn residue(home: &Home, pattern: &str) -> usize {
    home.json(["residue", pattern])["matches"]
        .as_array()
        .unwrap()
        .len()
}

#[test]
fn a_forgotten_value_is_gone_and_proved() {
    let home = Home::init("one");
    for n in 0..40 {
        home.run(["put", &format!("keep/{n}"), "kept"]).ok();
    }
    home.run(["put", "gone", SECRET]).ok();
    home.run(["put", "gone", "later"]).ok();
    assert_eq!(home.run(["residue", "nothing of that kind"]).code, 0);

    let forgotten = home.json(["forget", "gone", "--local"]);
    assert_eq!(forgotten["selected"], 2);
    assert_eq!(forgotten["level"], 1);
    assert_eq!(residue(&home, SECRET), 0);
    assert_eq!(residue(&home, "later"), 0);
    assert!(home.run(["get", "gone"]).fails(3).contains("forgotten"));
    let history = home.run(["history", "gone", "--json"]);
    assert!(!history.stdout.contains(SECRET));
    home.run(["verify", "--deep"]).ok();
    assert_eq!(home.rows().lines().count(), 40);

    let listed = home.run(["receipts", "--json"]).ok();
    assert_eq!(listed.lines().count(), 2);
    let cut = forgotten["cut"].as_str().unwrap();
    assert_eq!(home.run(["receipts", "--cut", cut]).ok().lines().count(), 2);
    let file = home.path().with_file_name("receipts.proof");
    let file = file.to_str().unwrap();
    home.run(["receipts", "--export", file]).ok();
    // Somebody else checks it, without any node.
    let elsewhere = Home::new();
    let verdict: Value = elsewhere.json(["proof", "verify", file]);
    assert_eq!(
        (&verdict["valid"], &verdict["level"]),
        (&true.into(), &1.into())
    );
    assert!(!verdict["not_claimed"].as_array().unwrap().is_empty());
    let len = std::fs::read(file).unwrap().len();
    for at in [0, 40, len / 3, len / 2, len - 1] {
        flip(file.as_ref(), at);
        elsewhere.run(["proof", "verify", file]).fails(7);
        flip(file.as_ref(), at);
    }
    elsewhere.run(["proof", "verify", file]).ok();
}

#[test]
fn a_peer_that_still_has_it_does_not_bring_it_back() {
    let one = Home::init("one");
    let daemon = one.serve();
    one.run(["put", "gone", SECRET]).ok();
    let two = Home::join(&one, "two");
    assert_eq!(two.run(["get", "gone"]).ok(), SECRET);
    one.run(["forget", "gone", "--local"]).ok();
    two.run(["put", "other", "x"]).ok();
    two.run(["sync"]).ok();
    assert_eq!(one.run(["get", "other"]).ok(), "x");
    one.run(["get", "gone"]).fails(3);
    assert_eq!(residue(&one, SECRET), 0);
    assert_eq!(one.frontier(), two.frontier());
    // On the other node it was not forgotten, and nobody claims so.
    assert_eq!(two.run(["get", "gone"]).ok(), SECRET);
    daemon.stop();
}

#[test]
fn a_policy_selects_counts_and_forgets() {
    let home = Home::init("one");
    for n in 0..4 {
        home.run(["put", &format!("log/{n}"), "x", "--tag", "t"])
            .ok();
    }
    home.run(["put", "log/keep", "x", "--tag", "keep"]).ok();
    home.run(["put", "data", "x"]).ok();
    let text =
        "[[forget]]\nwhen = { key_prefix = \"log/\" }\n[[retain]]\nwhen = { has_tag = \"keep\" }\n";
    let file = home.file("p.toml", text);
    home.run(["policy", "set", "logs", "--file", file.to_str().unwrap()])
        .ok();
    assert!(home.run(["policy", "show", "logs"]).ok().contains("log/"));
    let tested = home.json(["policy", "test", "logs"]);
    assert_eq!(
        (&tested["selected"], &tested["operations"]),
        (&4.into(), &6.into())
    );
    assert_eq!(
        home.json(["forget", "--policy", "logs", "--local"])["selected"],
        4
    );
    assert_eq!(home.rows().lines().count(), 2);
    home.run(["policy", "remove", "logs"]).ok();
    home.run(["forget", "--policy", "logs", "--local"]).fails(3);
}

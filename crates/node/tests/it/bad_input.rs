//! Bad input of every kind: one clear line, the right exit code, and nothing lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Home, flip};

#[test]
fn without_a_data_directory_every_command_says_so() {
    let home = Home::new();
    for command in [
        &["id"][..],
        &["status"],
        &["put", "a", "b"],
        &["get", "a"],
        &["scan"],
        &["serve"],
        &["sync"],
        &["invite"],
        &["verify"],
        &["residue", "x"],
        &["policy", "list"],
        &["receipts"],
        &["watch"],
    ] {
        let line = home.run(command).fails(1);
        assert!(line.contains("no data directory"), "{command:?}: {line}");
        assert!(line.contains("nocturne init"), "{command:?}: {line}");
    }
    assert!(!home.path().exists(), "a failed command made something");
}

#[test]
fn a_second_init_changes_nothing() {
    let home = Home::init("one");
    let before = home.json(["status"]);
    let line = home.run(["init"]).fails(1);
    assert!(line.contains("already initialised"), "{line}");
    let after = home.json(["status"]);
    assert_eq!(before["node"], after["node"]);
    assert_eq!(before["mesh"], after["mesh"]);
    assert_eq!(
        before["stores"][1]["frontier"],
        after["stores"][1]["frontier"]
    );
}

#[test]
fn a_directory_in_use_is_named_with_its_user() {
    let home = Home::init("one");
    let daemon = home.serve();
    let line = home.run(["serve"]).fails(1);
    assert!(line.contains("in use by another process (pid"), "{line}");
    daemon.stop();
    let lock = fs::File::open(home.path().join("lock")).unwrap();
    lock.try_lock().unwrap();
    let line = home.run(["get", "a"]).fails(1);
    assert!(line.contains("in use"), "{line}");
}

#[test]
fn a_missing_or_swapped_key_is_refused_and_named() {
    let home = Home::init("one");
    home.run(["put", "a", "1"]).ok();
    let key = home.path().join("identity.key");
    let own = fs::read(&key).unwrap();

    fs::remove_file(&key).unwrap();
    let line = home.run(["get", "a"]).fails(7);
    assert!(line.contains("identity.key is missing"), "{line}");

    let other = Home::init("other");
    fs::copy(other.path().join("identity.key"), &key).unwrap();
    let line = home.run(["put", "a", "2"]).fails(7);
    assert!(line.contains("belongs to node"), "{line}");

    fs::write(&key, "rubbish").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(home.run(["get", "a"]).fails(7).contains("damaged"));

    fs::write(&key, &own).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(home.run(["get", "a"]).fails(5).contains("chmod 600"));

    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(home.run(["get", "a"]).ok(), "1");
}

#[test]
fn a_damaged_state_file_is_named() {
    let home = Home::init("one");
    let state = home.path().join("state.json");
    let own = fs::read(&state).unwrap();
    fs::write(&state, &own[..own.len() / 2]).unwrap();
    assert!(
        home.run(["get", "a"])
            .fails(7)
            .contains("state.json is damaged")
    );
    fs::remove_file(&state).unwrap();
    assert!(
        home.run(["get", "a"])
            .fails(7)
            .contains("state.json is missing")
    );
    assert!(
        home.run(["init"])
            .fails(7)
            .contains("state.json is missing")
    );
    fs::write(&state, own).unwrap();
    assert_eq!(home.run(["get", "a"]).code, 3);
}

#[test]
fn a_damaged_database_is_an_error_and_never_a_wrong_answer() {
    let home = Home::init("one");
    for n in 0..50 {
        home.run(["put", &format!("key{n}"), &format!("value{n}")])
            .ok();
    }
    let expected = home.rows();
    let store = home.main_store();
    let database = store.join("store.redb");
    let whole = fs::read(&database).unwrap();
    // What a closed store lies on: the database, its checksums, the keyring.
    let intact: Vec<_> = fs::read_dir(&store)
        .unwrap()
        .map(|item| item.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    let restore = || {
        fs::remove_dir_all(&store).unwrap();
        fs::create_dir(&store).unwrap();
        for (path, bytes) in &intact {
            fs::write(path, bytes).unwrap();
        }
    };

    for len in [0, 100, whole.len() / 2, whole.len() - 4_096] {
        restore();
        fs::write(&database, &whole[..len]).unwrap();
        let scan = home.run(["scan", "--json"]);
        assert_eq!(scan.code, 7, "truncated to {len}: {scan:?}");
    }

    let mut noticed = 0;
    for page in 0..whole.len() / 4_096 {
        restore();
        flip(&database, page * 4_096 + 100);
        let scan = home.run(["scan", "--json"]);
        assert!(
            scan.code == 7 || (scan.code == 0 && scan.stdout == expected),
            "page {page}: {scan:?}"
        );
        let verify = home.run(["verify", "--deep"]);
        if verify.code != 0 {
            assert_eq!(verify.code, 7, "page {page}: {verify:?}");
            assert!(
                verify.stderr.starts_with("error: "),
                "page {page}: {verify:?}"
            );
            noticed += 1;
        }
    }
    assert!(noticed > 0, "no flipped page was noticed");

    restore();
    assert_eq!(home.rows(), expected);
    home.run(["verify", "--deep"]).ok();
}

#[test]
fn a_store_that_vanished_is_lost_and_not_made_anew() {
    let home = Home::init("one");
    home.run(["put", "a", "1"]).ok();
    fs::remove_dir_all(home.main_store()).unwrap();
    let line = home.run(["get", "a"]).fails(7);
    assert!(line.contains("there is no store here"), "{line}");
}

#[test]
fn values_and_keys_have_limits() {
    let home = Home::init("one");
    let big = home.file("big", vec![b'x'; 2 * 1024 * 1024]);
    let big = big.to_str().unwrap();
    let line = home.run(["put", "k", "--value-file", big]).fails(2);
    assert!(line.contains("has more than 1048576 bytes"), "{line}");
    let line = home
        .run_with(["put", "k", "-"], &fs::read(big).unwrap())
        .fails(2);
    assert!(line.contains("has more than 1048576 bytes"), "{line}");
    assert!(
        home.run(["put", "", "v"])
            .fails(2)
            .contains("the key is empty")
    );
    let long = "k".repeat(4_097);
    assert!(
        home.run(["put", &long, "v"])
            .fails(2)
            .contains("at most 4096")
    );
    assert!(
        home.run(["put", "--key-hex", "zz", "v"])
            .fails(2)
            .contains("not hex")
    );
    assert!(
        home.run(["get", "k", "--at", "yesterday"])
            .fails(2)
            .contains("RFC 3339")
    );
    assert_eq!(home.rows(), "");
    let most = home.file("most", vec![b'x'; 1024 * 1024]);
    home.run(["put", "k", "--value-file", most.to_str().unwrap()])
        .ok();
    assert_eq!(home.run(["get", "k"]).ok().len(), 1024 * 1024);
}

#[test]
fn a_batch_is_all_or_nothing() {
    let home = Home::init("one");
    let good = "{\"op\":\"put\",\"key\":\"a\",\"value\":\"1\"}\n";
    for (bad, expected) in [
        (
            "{\"op\":\"put\",\"key\":\"b\"}",
            "line 2: missing field `value`",
        ),
        (
            "{\"op\":\"put\",\"key\":\"a\",\"value\":\"2\"}",
            "a key appears twice",
        ),
        (
            "{\"op\":\"incr\",\"key\":\"n\",\"by\":1}",
            "line 2: unknown variant `incr`",
        ),
        ("rubbish", "line 2: expected"),
    ] {
        let line = home
            .run_with(["batch", "-"], format!("{good}{bad}").as_bytes())
            .fails(2);
        assert!(line.contains(expected), "{line}");
        assert_eq!(home.rows(), "");
    }
    let both = format!("{good}{{\"op\":\"put\",\"key\":\"b\",\"value\":{{\"hex\":\"ff\"}}}}\n");
    let written = home
        .run_with(["batch", "-", "--json"], both.as_bytes())
        .json();
    assert_eq!(written["ops"], 2);
    assert_eq!(home.rows().lines().count(), 2);
}

#[test]
fn a_policy_that_is_none_is_refused() {
    let home = Home::init("one");
    for text in [
        "",
        "nonsense = 1",
        "[[forget]]\nwhen = { key_prefix = 5 }",
        "{\"forget\":[]}",
        "[[forget",
    ] {
        let file = home.file("policy", text);
        let line = home
            .run(["policy", "set", "p", "--file", file.to_str().unwrap()])
            .fails(2);
        assert!(line.contains("not a policy"), "{text:?}: {line}");
    }
    let line = home
        .run(["policy", "set", "p", "--file", "/does/not/exist"])
        .fails(2);
    assert!(line.contains("cannot read /does/not/exist"), "{line}");
    assert!(
        home.run(["policy", "show", "p"])
            .fails(3)
            .contains("no policy `p`")
    );
    assert_eq!(home.json(["policy", "list"]), serde_json::json!([]));
}

#[test]
fn a_proof_that_is_none_is_invalid() {
    let home = Home::new();
    for content in [&b""[..], b"no proof", &[0; 5_000]] {
        let file = home.file("proof", content);
        let line = home
            .run(["proof", "verify", file.to_str().unwrap()])
            .fails(7);
        assert!(line.contains("is invalid"), "{line}");
        let ran = home.run(["proof", "verify", file.to_str().unwrap(), "--json"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (7, ""));
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(answer["valid"], false);
        assert_eq!(answer["error"]["code"], "invalid-proof");
    }
    home.run(["proof", "verify", "/does/not/exist"]).fails(2);
}

#[test]
fn with_json_an_error_is_one_object_on_stdout() {
    let home = Home::init("one");
    let ran = home.run(["get", "missing", "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (3, ""));
    let error: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(error["error"]["code"], "not-found");
    let ran = home.run(["put", "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (2, ""));
    let error: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(error["error"]["code"], "usage");
}

#[test]
fn usage_errors_are_one_line_too() {
    let home = Home::init("one");
    for args in [
        &["frobnicate"][..],
        &["put", "a"],
        &["scan", "--limit", "many"],
        &["forget", "a"],
        &["forget", "--local"],
    ] {
        home.run(args).fails(2);
    }
    home.run(["--help"]).ok();
    assert!(home.run(["help", "import"]).ok().contains("Examples:"));
    let line = home.run(["put", "a", "b", "--store", "nowhere"]).fails(3);
    assert!(line.contains("no store `nowhere`"), "{line}");
    assert!(
        home.run(["put", "a", "b", "--store", "root"])
            .fails(5)
            .contains("control plane")
    );
}

#[test]
fn bad_settings_are_named_with_their_line() {
    let home = Home::init("one");
    let config = home.path().join("config.toml");
    fs::write(&config, "low_power = true\nspeed = 9\n").unwrap();
    let line = home.run(["get", "a"]).fails(2);
    assert!(line.contains("config.toml, line 2"), "{line}");
    fs::write(&config, "low_power = true\n").unwrap();
    assert_eq!(home.run(["get", "a"]).code, 3);
}

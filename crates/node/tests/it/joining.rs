//! Tickets: who gets in, who doesn't, and what an interrupted join leaves.

use std::fs;

use nocturne_core::Genesis;
use nocturne_node::data_dir::{Layout, Pending, State, create_identity};
use nocturne_store::SeededEntropy;

use crate::harness::Home;

#[test]
fn a_ticket_lets_one_node_in() {
    let one = Home::init("one");
    let daemon = one.serve();
    one.run(["put", "a", "1"]).ok();
    let ticket = one.ticket();
    let two = Home::new();
    let joined = two.json(["join", &ticket, "--name", "two"]);
    assert_eq!(joined["peers"].as_array().unwrap().len(), 1);
    assert_eq!(two.run(["get", "a"]).ok(), "1");

    let three = Home::new();
    let line = three.run(["join", &ticket]).fails(5);
    assert!(line.contains("used"), "{line}");
    let line = two.run(["join", &one.ticket()]).fails(1);
    assert!(line.contains("already belongs to mesh"), "{line}");

    let names: Vec<String> = one
        .json(["peer", "list"])
        .as_array()
        .unwrap()
        .iter()
        .map(|peer| peer["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        names.contains(&"two".to_owned()) && names.len() == 2,
        "{names:?}"
    );
    daemon.stop();
}

#[test]
fn an_expired_or_unknown_ticket_is_refused() {
    let one = Home::init("one");
    let daemon = one.serve();
    let expired = one.json(["invite", "--expires", "0s"])["ticket"]
        .as_str()
        .unwrap()
        .to_owned();
    let two = Home::new();
    let line = two.run(["join", &expired]).fails(5);
    assert!(line.contains("expired"), "{line}");

    // A ticket of the same node but of a mesh that it no longer has in this form: an old copy of the
    // data directory invites, the real one has never heard of it.
    let copy = Home::new();
    let (from, to) = (one.path(), copy.path());
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .arg(&from)
            .arg(&to)
            .status()
            .unwrap()
            .success()
    );
    fs::remove_file(to.join("daemon.sock")).ok();
    let unknown = copy.ticket();
    let line = two.run(["join", &unknown]).fails(5);
    assert!(line.contains("does not know this ticket"), "{line}");
    daemon.stop();
}

#[test]
fn an_inviter_that_is_not_there_is_unreachable() {
    let one = Home::init("one");
    let daemon = one.serve();
    let ticket = one.ticket();
    daemon.stop();
    let two = Home::new();
    let line = two.run(["join", &ticket]).fails(6);
    assert!(line.contains("cannot reach the inviter"), "{line}");
    // Nothing is lost: the same ticket works when the inviter is back at the same place or another.
    let daemon = one.serve();
    let again = one.ticket();
    two.run(["join", &again]).ok();
    daemon.stop();
}

#[test]
fn a_mistyped_ticket_is_told_from_an_unknown_one() {
    let one = Home::init("one");
    let ticket = one.ticket();
    let two = Home::new();
    for (wrong, expected) in [
        (ticket.replacen('a', "b", 1), "checksum"),
        (ticket[..ticket.len() - 3].to_owned(), "checksum"),
        (
            ticket.replace("nocturne", "nocturn"),
            "begins with `nocturne`",
        ),
        (format!("{ticket}!"), "does not belong"),
    ] {
        let line = two.run(["join", &wrong]).fails(2);
        assert!(line.contains(expected), "{wrong}: {line}");
    }
    assert!(!two.path().exists());
}

#[test]
fn a_join_that_was_interrupted_goes_on() {
    let one = Home::init("one");
    let daemon = one.serve();
    one.run(["put", "a", "1"]).ok();
    let ticket = one.ticket();
    let two = Home::new();
    two.run(["join", &ticket, "--no-wait"]).ok();
    // As a crash would leave it after the inviter had committed, before the answer was kept.
    let state = two.path().join("state.json");
    let text = fs::read_to_string(&state).unwrap();
    let mesh = one.json(["status"])["mesh"].as_str().unwrap().to_owned();
    let torn = text.replace(
        &format!("\"mesh\": \"{mesh}\""),
        &format!("\"pending\": {{\"kind\": \"join\", \"mesh\": \"{mesh}\"}}"),
    );
    assert_ne!(text, torn);
    fs::write(&state, torn).unwrap();
    fs::remove_dir_all(two.path().join("stores")).unwrap();
    let line = two.run(["get", "a"]).fails(1);
    assert!(
        line.contains("partly initialised") && line.contains("join"),
        "{line}"
    );
    two.run(["join", &ticket]).ok();
    assert_eq!(two.run(["get", "a"]).ok(), "1");
    assert_eq!(one.json(["peer", "list"]).as_array().unwrap().len(), 2);
    daemon.stop();
}

#[test]
fn an_init_that_was_interrupted_is_finished() {
    let home = Home::new();
    let layout = Layout::new(home.path());
    let lock = layout.create_and_lock().unwrap();
    let mut entropy = SeededEntropy::new(3);
    let me = create_identity(&layout.identity(), &mut entropy)
        .unwrap()
        .author();
    // Interrupted after the key was made: the next init uses it.
    let root = Genesis::root(me, 1, &mut entropy);
    let main = Genesis::application(me, 1, root.store_id(), &mut entropy);
    let mut state = State::new(me);
    let (mesh, name) = (root.store_id(), "torn".parse().unwrap());
    state.pending = Some(Pending::Init { root, main, name });
    layout.write_state(&state).unwrap();
    // And in the middle of making the root store.
    fs::create_dir_all(layout.store(mesh)).unwrap();
    fs::write(layout.store(mesh).join("store.redb"), "").unwrap();
    drop(lock);

    let line = home.run(["get", "a"]).fails(1);
    assert!(
        line.contains("partly initialised") && line.contains("nocturne init"),
        "{line}"
    );
    let begun = home.json(["init"]);
    assert_eq!(begun["node"], me.to_string());
    assert_eq!(begun["mesh"], mesh.to_string());
    home.run(["put", "a", "1"]).ok();
    assert_eq!(home.run(["get", "a"]).ok(), "1");
    assert_eq!(home.json(["peer", "list"])[0]["name"], "torn");
    assert!(home.run(["init"]).fails(1).contains("already initialised"));
}

#[test]
fn a_reader_reads_and_does_not_write() {
    let one = Home::init("one");
    let daemon = one.serve();
    one.run(["put", "a", "1"]).ok();
    let ticket = one.json(["invite", "--reader"])["ticket"]
        .as_str()
        .unwrap()
        .to_owned();
    let two = Home::new();
    two.run(["join", &ticket, "--name", "two"]).ok();
    assert_eq!(two.run(["get", "a"]).ok(), "1");
    assert!(two.run(["put", "b", "2"]).fails(5).contains("reader"));
    assert!(two.run(["invite"]).fails(5).contains("reader"));
    daemon.stop();
}

#[test]
fn any_member_may_invite() {
    let one = Home::init("one");
    let daemon = one.serve();
    one.run(["put", "a", "1"]).ok();
    let two = Home::join(&one, "two");
    daemon.stop();
    // The node that made the mesh is gone; the one that it let in lets in a third.
    let daemon = two.serve();
    let three = Home::join(&two, "three");
    assert_eq!(three.run(["get", "a"]).ok(), "1");
    three.run(["put", "b", "3"]).ok();
    three.run(["sync", "two"]).ok();
    assert_eq!(two.run(["get", "b"]).ok(), "3");
    let names = |home: &Home| home.json(["peer", "list"]).as_array().unwrap().len();
    assert_eq!((names(&two), names(&three)), (3, 3));
    daemon.stop();
    // And the first hears of it from either.
    let daemon = three.serve();
    let second = two.serve();
    two.run(["sync", "three"]).ok();
    let first = one.serve();
    two.run(["sync", "one"]).ok();
    assert_eq!(one.run(["get", "b"]).ok(), "3");
    for daemon in [daemon, second, first] {
        daemon.stop();
    }
}

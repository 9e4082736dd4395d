//! What was forgotten does not come back, whoever brings it.

use nocturne_core::OpRef;
use nocturne_forget::receipt::Action;
use nocturne_forget::target::Target;
use nocturne_store::{ApplyOutcome, Depth};

use crate::rig::Node;

/// A peer with three entries, and what it would send.
fn peer() -> Node {
    let peer = Node::in_memory(2);
    peer.put("k", "one");
    peer.put("k", "two");
    peer.put("other", "three");
    peer
}

fn bodies(node: &Node, upto: u64) -> Vec<(OpRef, nocturne_core::OpBody)> {
    let author = node.handle.author();
    let places: Vec<_> = (1..=upto).map(|seq| OpRef { author, seq, op: 0 }).collect();
    node.handle.snapshot().unwrap().bodies(&places).unwrap()
}

#[test]
fn neither_the_run_nor_the_bodies_bring_it_back() {
    let peer = peer();
    let mut node = Node::in_memory(1);
    node.handle.apply_blocking(peer.runs()).unwrap();
    assert_eq!(node.get("k").as_deref(), Some("two"));
    let target = Target::Key("k".into());
    let outcome = node
        .forgetter
        .forget(&target, None, &mut node.entropy)
        .unwrap();
    assert_eq!(outcome.selected, 2);

    let outcomes = node.handle.apply_blocking(peer.runs()).unwrap();
    assert!(
        outcomes
            .iter()
            .all(|outcome| *outcome == ApplyOutcome::Known),
        "{outcomes:?}"
    );
    let supplied = node
        .handle
        .supply_bodies_blocking(bodies(&peer, 3))
        .unwrap();
    assert_eq!(supplied, 0);
    assert_eq!(node.get("k"), None);
    assert_eq!(node.get("other").as_deref(), Some("three"));
    assert_eq!(
        node.handle.frontier().digest(),
        peer.handle.frontier().digest()
    );
    assert_eq!(node.forgetter.log().len(), 2);
    assert!(
        node.handle
            .snapshot()
            .unwrap()
            .wanted(10)
            .unwrap()
            .is_empty()
    );
    let findings = node.handle.verify_blocking(Depth::Deep).unwrap();
    assert!(findings.findings.is_empty(), "{findings:?}");

    // A third node gets the headers, and the forgotten bodies from nobody but the peer.
    let third = Node::in_memory(3);
    third.handle.apply_blocking(node.runs()).unwrap();
    assert_eq!(third.get("k"), None);
    assert_eq!(third.get("other").as_deref(), Some("three"));
    let wanted = third.handle.snapshot().unwrap().wanted(10).unwrap();
    assert_eq!(wanted.len(), 2);
    assert!(
        node.handle
            .snapshot()
            .unwrap()
            .bodies(&wanted)
            .unwrap()
            .is_empty()
    );
    third
        .handle
        .supply_bodies_blocking(bodies(&peer, 3))
        .unwrap();
    assert_eq!(third.get("k").as_deref(), Some("two"));
}

#[test]
fn a_late_operation_that_a_cut_covers_is_born_forgotten() {
    let peer = peer();
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::in_directory(dir.path(), 1);
    node.clock.advance(1_000);
    let target = Target::Key("k".into());
    let outcome = node
        .forgetter
        .forget(&target, None, &mut node.entropy)
        .unwrap();
    assert_eq!((outcome.selected, outcome.receipts.is_empty()), (0, true));
    // The cut stands across a restart.
    node.stop();
    let node = Node::in_directory(dir.path(), 1);

    node.handle.apply_blocking(peer.runs()).unwrap();
    assert_eq!(node.get("k"), None);
    assert_eq!(node.get("other").as_deref(), Some("three"));
    assert_eq!(
        node.handle.frontier().digest(),
        peer.handle.frontier().digest()
    );
    let receipts = node.forgetter.resume().unwrap();
    assert_eq!(receipts, 0..2);
    for (_, receipt) in node.forgetter.log().of_cut(outcome.cut).unwrap() {
        assert_eq!(receipt.action, Action::BornForgotten);
        assert_eq!(receipt.keyring_before, receipt.keyring_after);
    }
    assert!(node.forgetter.resume().unwrap().is_empty());
    assert_eq!(
        node.handle
            .supply_bodies_blocking(bodies(&peer, 3))
            .unwrap(),
        0
    );

    // What is written after the cut's time is not covered.
    peer.clock.advance(5_000);
    peer.put("k", "four");
    node.clock.advance(10_000);
    node.handle.apply_blocking(peer.runs()).unwrap();
    assert_eq!(node.get("k").as_deref(), Some("four"));
}

/// A body that was wanted when the cut came is not taken afterwards either.
#[test]
fn a_wanted_body_that_a_cut_covers_is_refused() {
    let peer = peer();
    let mut forgetful = Node::in_memory(3);
    forgetful.handle.apply_blocking(peer.runs()).unwrap();
    let target = Target::Key("k".into());
    forgetful
        .forgetter
        .forget(&target, None, &mut forgetful.entropy)
        .unwrap();

    let mut node = Node::in_memory(1);
    node.handle.apply_blocking(forgetful.runs()).unwrap();
    assert_eq!(node.handle.snapshot().unwrap().wanted(10).unwrap().len(), 2);
    node.forgetter
        .forget(&target, None, &mut node.entropy)
        .unwrap();
    node.handle
        .supply_bodies_blocking(bodies(&peer, 3))
        .unwrap();
    assert_eq!(node.get("k"), None);
    assert!(
        node.handle
            .snapshot()
            .unwrap()
            .wanted(10)
            .unwrap()
            .is_empty()
    );
    node.forgetter.resume().unwrap();
    let receipts = node.forgetter.log().read(0, 10).unwrap();
    assert_eq!(receipts.len(), 2);
    assert!(
        receipts
            .iter()
            .all(|(_, receipt)| receipt.action == Action::BornForgotten)
    );
}

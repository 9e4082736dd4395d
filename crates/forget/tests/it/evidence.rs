//! Receipts as evidence: exported, checked without the node, and of no use when altered.

use nocturne_core::{Genesis, OpRef};
use nocturne_forget::engine::ChainsError;
use nocturne_forget::proof::{Claim, NotClaimed, verify_bundle};
use nocturne_forget::receipt_log::{ExportError, ExportOptions, LogError, ReceiptLog};
use nocturne_forget::target::Target;
use nocturne_store::{Ledger, SeededEntropy};

use crate::rig::{Node, identity};

/// A node that forgot `a` and then `b` among other things.
fn node() -> Node {
    node_of(1)
}

fn node_of(seed: u8) -> Node {
    let mut node = Node::in_memory(seed);
    for key in ["a", "x", "b", "y", "a"] {
        node.put(key, "value");
    }
    for key in ["a", "b"] {
        let target = Target::Key(key.into());
        node.forgetter
            .forget(&target, None, &mut node.entropy)
            .unwrap();
    }
    node
}

#[test]
fn an_exported_proof_verifies_offline_and_no_altered_one_does() {
    let node = node();
    let log = node.forgetter.log();
    let receipts = log.read(0, 10).unwrap();
    assert_eq!(receipts.len(), 3);
    let chains = node
        .forgetter
        .chains(receipts.iter().map(|(_, receipt)| receipt))
        .unwrap();
    let options = ExportOptions {
        earlier: None,
        chains,
    };
    let bytes = log.export(&[2, 0, 1], options).unwrap().encode().unwrap();
    let verdict = verify_bundle(&bytes).unwrap();
    let written: Vec<_> = verdict
        .claims
        .iter()
        .filter_map(|claim| match claim {
            Claim::Forgot { written, .. } => Some(written.is_some()),
            _ => None,
        })
        .collect();
    assert_eq!(written, [true; 3]);
    assert!(verdict.not_claimed.contains(&NotClaimed::HonestNode));

    let bytes = log
        .export(&[1], ExportOptions::default())
        .unwrap()
        .encode()
        .unwrap();
    assert!(verify_bundle(&bytes).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(verify_bundle(&altered).is_err(), "bit {bit}");
    }
}

#[test]
fn a_proof_shows_that_the_log_has_only_grown() {
    let mut node = node();
    let before = node.forgetter.log().checkpoint();
    let target = Target::Key("x".into());
    let outcome = node
        .forgetter
        .forget(&target, None, &mut node.entropy)
        .unwrap();
    let log = node.forgetter.log();
    let indices: Vec<_> = outcome.receipts.collect();
    let options = || ExportOptions {
        earlier: Some(before),
        chains: Vec::new(),
    };
    let bytes = log.export(&indices, options()).unwrap().encode().unwrap();
    let verdict = verify_bundle(&bytes).unwrap();
    assert!(
        verdict
            .claims
            .iter()
            .any(|claim| matches!(claim, Claim::Extends { size: 3, .. }))
    );

    // Another node's log is no earlier state of this one, nor the other way round.
    let other = node_of(2);
    let other = other.forgetter.log();
    assert!(matches!(
        other.export(&[0], options()),
        Err(ExportError::NotOurs)
    ));
    assert!(matches!(
        other.export(&[], ExportOptions::default()),
        Err(ExportError::Nothing)
    ));
    assert!(matches!(
        log.export(&[4], ExportOptions::default()),
        Err(ExportError::Log(LogError::OutOfRange(_)))
    ));
}

#[test]
fn whoever_kept_the_body_can_show_that_it_is_the_forgotten_one() {
    let peer = Node::in_memory(2);
    let written = peer.put("k", "kept by the peer");
    let mut node = Node::in_memory(1);
    node.handle.apply_blocking(peer.runs()).unwrap();
    let target = Target::Key("k".into());
    node.forgetter
        .forget(&target, None, &mut node.entropy)
        .unwrap();
    let (_, receipt) = node.forgetter.log().read(0, 1).unwrap()[0];
    let at = OpRef {
        author: written.author,
        seq: written.seq,
        op: 0,
    };
    let bodies = peer.handle.snapshot().unwrap().bodies(&[at]).unwrap();
    assert_eq!(receipt.verify_body_matches(&bodies[0].1), Ok(()));
}

#[test]
fn headers_of_another_store_are_not_had_here() {
    let node = node();
    let (_, mut receipt) = node.forgetter.log().read(0, 1).unwrap()[0];
    receipt.operation.seq = 99;
    let missing = node.forgetter.chains([&receipt]);
    assert!(matches!(missing, Err(ChainsError::Missing(at)) if at.seq == 99));
    receipt.store = nocturne_core::StoreId::from_bytes([0; 16]);
    let other = node.forgetter.chains([&receipt]);
    assert!(matches!(other, Err(ChainsError::OtherStore)));
}

#[test]
fn a_log_of_another_identity_is_noticed() {
    let memory = nocturne_store::Memory::default();
    let ledger = || Ledger::on(memory.medium().disk).unwrap();
    let receipt = node().forgetter.log().read(0, 1).unwrap()[0].1;
    ledger()
        .append([0; 16], &[receipt.encode().to_vec()])
        .unwrap();
    assert_eq!(ReceiptLog::open(ledger(), identity(1)).unwrap().len(), 1);
    assert!(matches!(
        ReceiptLog::open(ledger(), identity(2)),
        Err(LogError::OtherIssuer(0))
    ));
    ledger().append([1; 16], &[b"no receipt".to_vec()]).unwrap();
    assert!(matches!(
        ReceiptLog::open(ledger(), identity(1)),
        Err(LogError::Damaged { index: 1, .. })
    ));
}

#[test]
fn two_stores_share_one_log() {
    let first = node();
    let log = first.forgetter.log().clone();
    let genesis = Genesis::root(identity(1).author(), 1, &mut SeededEntropy::new(7));
    let second = Node::of_store(1, &genesis);
    second.put("a", "value");
    let mut entropy = SeededEntropy::new(99);
    let clock = std::sync::Arc::clone(&second.clock);
    let forgetter =
        nocturne_forget::engine::Forgetter::new(second.handle.clone(), log.clone(), clock);
    let target = Target::Key("a".into());
    let outcome = forgetter.forget(&target, None, &mut entropy).unwrap();
    assert_eq!(outcome.receipts, 3..4);
    assert_eq!(log.of_cut(outcome.cut).unwrap().len(), 1);
    let proof = log.export(&[0, 1, 2, 3], ExportOptions::default()).unwrap();
    assert!(proof.verify().is_ok());
}

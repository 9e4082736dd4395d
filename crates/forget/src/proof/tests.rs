//! What a proof file must show, and every way in which it can fail to.

use nocturne_core::merkle::{ConsistencyError, InclusionSetError};
use nocturne_core::{AuthorId, Identity};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::checkpoint::SignedCheckpoint;
use crate::vectors::sample_bundle;

fn bundle() -> Bundle {
    sample_bundle().unwrap()
}

fn plain() -> Bundle {
    Bundle {
        earlier: None,
        chains: Vec::new(),
        ..bundle()
    }
}

#[test]
fn a_proof_shows_what_it_says() {
    let bytes = bundle().encode().unwrap();
    assert_eq!(Bundle::decode(&bytes).as_ref(), Ok(&bundle()));
    let verdict = verify_bundle(&bytes).unwrap();
    assert!(verdict.valid);
    assert_eq!(verdict.level, 1);
    assert!(!verdict.not_claimed.contains(&NotClaimed::Authorship));
    let [log, extends, one, two] = verdict.claims.as_slice() else {
        panic!("four claims are expected");
    };
    assert!(matches!(log, Claim::Log { size: 7, .. }));
    assert!(matches!(extends, Claim::Extends { size: 4, .. }));
    for (index, claim) in (4..).zip([one, two]) {
        let Claim::Forgot {
            index: found,
            written,
            ..
        } = claim
        else {
            panic!("a receipt is expected");
        };
        assert_eq!(*found, index);
        assert!(written.is_some());
    }
    assert_eq!(verdict.to_json()["claims"][2]["action"], "forgotten");
}

#[test]
fn without_headers_authorship_is_not_claimed() {
    let verdict = verify_bundle(&plain().encode().unwrap()).unwrap();
    assert!(verdict.not_claimed.contains(&NotClaimed::Authorship));
    assert_eq!(verdict.claims.len(), 3);
}

#[test]
fn every_flipped_bit_is_rejected() {
    for bundle in [plain(), bundle()] {
        let bytes = bundle.encode().unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(verify_bundle(&forged).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn every_missing_or_added_byte_is_rejected() {
    let bytes = bundle().encode().unwrap();
    for end in 0..bytes.len() {
        assert!(verify_bundle(&bytes[..end]).is_err(), "cut at {end}");
    }
    let with = |tail: &[u8]| verify_bundle(&[&bytes, tail].concat());
    // A field that is not ours, a field of ours once more, and a field that is empty.
    for tail in [&[0x38, 1][..], &[0x08, 1], &[0x2a, 0], &[0]] {
        assert!(with(tail).is_err(), "{tail:?}");
    }
    let not_canonical = ProofError::Bundle(BundleError::NotCanonical);
    assert_eq!(with(&[0x38, 1]), Err(not_canonical));
}

#[test]
fn parts_of_different_proofs_do_not_go_together() {
    let check = |change: &dyn Fn(&mut Bundle)| {
        let mut bundle = bundle();
        change(&mut bundle);
        verify_bundle(&bundle.encode().unwrap()).unwrap_err()
    };
    let stranger = Identity::from_secret_bytes(&[9; 32]);
    let by = |identity: &Identity, bundle: &Bundle| {
        let log = bundle.checkpoint.checkpoint();
        SignedCheckpoint::sign(identity, log.size, log.root)
    };
    assert_eq!(
        check(&|b| b.checkpoint = by(&stranger, b)),
        ProofError::Issuer(4)
    );
    assert_eq!(
        check(&|b| b.earlier.as_mut().unwrap().checkpoint = by(&stranger, &bundle())),
        ProofError::OtherLog
    );
    assert_eq!(
        check(&|b| b.leaves.clear()),
        ProofError::Inclusion(InclusionSetError::Empty)
    );
    assert_eq!(
        check(&|b| b.leaves.swap(0, 1)),
        ProofError::Inclusion(InclusionSetError::Indices)
    );
    assert_eq!(
        check(&|b| b.leaves[0].receipt.issued_ms += 1),
        ProofError::Inclusion(InclusionSetError::Root)
    );
    assert_eq!(
        check(&|b| b.siblings.truncate(1)),
        ProofError::Inclusion(InclusionSetError::Hashes)
    );
    assert_eq!(
        check(&|b| b.earlier.as_mut().unwrap().path.clear()),
        ProofError::Consistency(ConsistencyError::PathLength)
    );
    assert_eq!(
        check(&|b| {
            let now = b.checkpoint;
            let earlier = b.earlier.as_mut().unwrap();
            b.checkpoint = earlier.checkpoint;
            earlier.checkpoint = now;
        }),
        ProofError::Inclusion(InclusionSetError::Indices)
    );
    assert_eq!(
        check(&|b| b.chains.push(b.chains[0].clone())),
        ProofError::Chains
    );
}

/// A node that lies about an entry: the log is in order, but the header says otherwise.
#[test]
fn a_receipt_that_its_header_contradicts_is_rejected() {
    let check = |change: &dyn Fn(&mut Leaf)| {
        let mut forged = bundle();
        for leaf in &mut forged.leaves {
            change(leaf);
        }
        let identity = Identity::from_secret_bytes(&[7; 32]);
        let tree: nocturne_core::merkle::Tree = forged
            .leaves
            .iter()
            .map(|leaf| leaf.receipt.leaf())
            .collect();
        for (index, leaf) in (0..).zip(&mut forged.leaves) {
            leaf.index = index;
        }
        forged.checkpoint = SignedCheckpoint::sign(&identity, tree.len(), tree.root());
        forged.siblings = Vec::new();
        forged.earlier = None;
        verify_bundle(&forged.encode().unwrap())
    };
    assert!(check(&|_| ()).is_ok());
    let other = AuthorId::from_bytes([1; 32]);
    assert_eq!(
        check(&|leaf| leaf.receipt.operation.author = other),
        Err(ProofError::Chains)
    );
    for change in [
        (&|leaf: &mut Leaf| leaf.receipt.operation.op = 2) as &dyn Fn(&mut Leaf),
        &|leaf| leaf.receipt.commitment = nocturne_core::Commitment::from_bytes([9; 32]),
        &|leaf| leaf.receipt.entry = nocturne_core::EntryHash::from_bytes([9; 32]),
    ] {
        assert_eq!(check(change), Err(ProofError::HeaderMismatch(0)));
    }
    assert_eq!(
        check(&|leaf| leaf.receipt.as_of_ms = 1),
        Err(ProofError::WrittenAfterCut(0))
    );
    assert_eq!(
        check(&|leaf| if leaf.index == 5 {
            leaf.receipt.operation.seq = 6;
        }),
        Err(ProofError::MissingHeader(1))
    );
}

#[test]
fn a_chain_must_link_and_be_signed() {
    let chain = &bundle().chains[0];
    let headers: Vec<_> = chain
        .headers()
        .iter()
        .map(|(header, _)| header.clone())
        .collect();
    let signature = nocturne_core::Signature::from_bytes([0; 64]);
    let (first, last) = (headers[0].at(), headers[1].at());
    assert_eq!(Chain::new(Vec::new(), signature), Err(ChainError::Empty));
    assert_eq!(
        Chain::new(headers.clone(), signature),
        Err(ChainError::Signature(last))
    );
    let backwards = vec![headers[1].clone(), headers[0].clone()];
    assert_eq!(
        Chain::new(backwards, signature),
        Err(ChainError::Broken(first))
    );
}

#[test]
fn files_that_ask_for_too_much_are_refused_before_they_are_read() {
    let leaves = [0x22, 0].repeat(MAX_LEAVES + 1);
    assert_eq!(Bundle::decode(&leaves), Err(BundleError::TooManyLeaves));
    let chains = [0x12, 0].repeat(MAX_HEADERS + 1);
    assert_eq!(Bundle::decode(&chains), Err(BundleError::TooManyHeaders));
    let chain = wire::ProofChain {
        headers: vec![prost::bytes::Bytes::new(); MAX_HEADERS + 1],
        signature: prost::bytes::Bytes::new(),
    };
    let one = wire::ProofBundle {
        chains: vec![chain],
        ..Default::default()
    };
    assert_eq!(
        Bundle::decode(&one.encode_to_vec()),
        Err(BundleError::TooManyHeaders)
    );
    let long = vec![0; MAX_BUNDLE + 1];
    assert_eq!(
        Bundle::decode(&long),
        Err(BundleError::TooLarge(MAX_BUNDLE + 1))
    );
    assert_eq!(Bundle::decode(&[0x08, 2]), Err(BundleError::Version(2)));
    assert_eq!(Bundle::decode(b"{\"not\": 1}"), Err(BundleError::Framing));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = verify_bundle(&bytes);
    }

    #[test]
    fn damaged_proofs_never_pass(
        cut in any::<prop::sample::Index>(),
        with in prop::collection::vec(any::<u8>(), 0..6),
    ) {
        let bytes = bundle().encode().unwrap();
        let at = cut.index(bytes.len());
        let end = (at + with.len()).min(bytes.len());
        let forged = [&bytes[..at], &with, &bytes[end..]].concat();
        prop_assume!(forged != bytes);
        prop_assert!(verify_bundle(&forged).is_err());
    }
}

//! The receipt's layout, byte by byte.

use super::*;
use crate::vectors::sample_receipt;

#[test]
fn the_layout_is_as_specified() {
    let receipt = sample_receipt();
    let bytes = receipt.encode();
    assert_eq!(Receipt::decode(&bytes), Ok(receipt));
    assert_eq!(bytes[0], 1);
    assert_eq!(bytes[1..33], *receipt.issuer.as_bytes());
    assert_eq!(bytes[33..49], *receipt.store.as_bytes());
    assert_eq!(bytes[49..81], *receipt.operation.author.as_bytes());
    assert_eq!(bytes[81..89], receipt.operation.seq.to_be_bytes());
    assert_eq!(bytes[89..91], receipt.operation.op.to_be_bytes());
    assert_eq!(bytes[91..123], *receipt.entry.as_bytes());
    assert_eq!(bytes[123..155], *receipt.commitment.as_bytes());
    assert_eq!(bytes[155], receipt.action.number());
    assert_eq!(bytes[156..172], *receipt.cut.as_bytes());
    assert_eq!(bytes[172..204], *receipt.policy.as_bytes());
    assert_eq!(bytes[204], receipt.reason.number());
    assert_eq!(bytes[205..213], receipt.as_of_ms.to_be_bytes());
    assert_eq!(bytes[213..221], receipt.issued_ms.to_be_bytes());
    assert_eq!(bytes[221], 1);
    assert_eq!(bytes[222..254], receipt.state_before);
    assert_eq!(bytes[254..286], receipt.state_after);
    assert_eq!(bytes[286..294], receipt.keyring_before.to_be_bytes());
    assert_eq!(bytes[294..302], receipt.keyring_after.to_be_bytes());
    assert_eq!(bytes[302], receipt.grade.number());
    assert_eq!(bytes.len(), RECEIPT_LEN);
}

#[test]
fn every_flipped_bit_changes_the_receipt_or_is_refused() {
    let receipt = sample_receipt();
    for bit in 0..RECEIPT_LEN * 8 {
        let mut bytes = receipt.encode();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = Receipt::decode(&bytes) {
            assert_ne!(other, receipt);
            assert_ne!(other.leaf(), receipt.leaf());
            assert_eq!(other.encode(), bytes);
        }
    }
}

#[test]
fn what_is_no_receipt_is_refused() {
    let good = sample_receipt().encode();
    let with = |at: usize, byte: u8| {
        let mut bytes = good;
        bytes[at] = byte;
        Receipt::decode(&bytes)
    };
    assert_eq!(Receipt::decode(&[]), Err(ReceiptError::Length(0)));
    assert_eq!(
        Receipt::decode(&good[..302]),
        Err(ReceiptError::Length(302))
    );
    assert_eq!(
        Receipt::decode(&[&good[..], &[0]].concat()),
        Err(ReceiptError::Length(304))
    );
    assert_eq!(with(0, 2), Err(ReceiptError::Version(2)));
    for (at, field) in [
        (155, "action"),
        (204, "reason"),
        (221, "state kind"),
        (302, "grade"),
    ] {
        let code = 0;
        assert_eq!(with(at, 0), Err(ReceiptError::Code { field, code }));
    }
    assert_eq!(
        with(294, 0xff).map(|receipt| receipt.grade),
        Ok(Grade::Scrubbed)
    );
    assert_eq!(with(286, 0xff), Err(ReceiptError::Keyring));
    let mut unnumbered = good;
    unnumbered[81..89].fill(0);
    assert_eq!(Receipt::decode(&unnumbered), Err(ReceiptError::Seq));
}

#[test]
fn a_body_convicts_only_by_the_commitment() {
    let body = OpBody::from_parts([1; 16], b"body");
    let mut receipt = sample_receipt();
    assert_eq!(receipt.verify_body_matches(&body), Err(OtherBody));
    receipt.commitment = body.commitment();
    assert_eq!(receipt.verify_body_matches(&body), Ok(()));
}

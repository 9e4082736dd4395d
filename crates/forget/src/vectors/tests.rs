//! The vectors themselves: pinned, complete, and what is written down.

use super::*;

/// A change here is a change of format: every receipt and policy in the world would be another.
#[test]
fn signed_and_hashed_bytes_are_pinned() {
    assert_eq!(
        sample_receipt().leaf().to_string(),
        "3081284b9902a57b2d4a8d9dbdd157059dbd35cdef5c45ca7b99a4aa8b72da02"
    );
    let key = Predicate::key_eq("user/1");
    assert_eq!(key.encode().unwrap()[..], *b"\x01\x01\x21\x00\x06user/1");
    assert_eq!(
        key.hash().unwrap().to_string(),
        "5904eaefd2bd1f716681f2bd82fe3e52b982166b48a3f54212a356d8e682bcb1"
    );
    assert_eq!(
        key.blind([1; 16]).hash().unwrap().to_string(),
        "497707a0b5499a7529a2de2beb74013e26f097f90e17f461d9a1c8f9399dae1d"
    );
    let bundle = sample_bundle().unwrap().encode().unwrap();
    assert_eq!(
        blake3::hash(&bundle).to_string(),
        "b838111a7d34aeb2b346ac906cf4824dca63cfbe0e3a496e46e1d376af1a0b5f"
    );
}

#[test]
fn no_sample_is_left_out() {
    let vectors = vectors();
    for (list, count) in [
        ("predicates", 14),
        ("policies", 2),
        ("receipts", 2),
        ("checkpoints", 1),
        ("proofs", 2),
    ] {
        assert_eq!(vectors[list].as_array().unwrap().len(), count, "{list}");
    }
}

#[test]
fn what_is_written_down_is_what_the_code_makes() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../proto/v1/vectors/forget.json"
    );
    let written: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(written, vectors());
}

//! The note's text, its signature, and everything that is not it.

use nocturne_core::merkle::empty_root;

use super::*;

fn signed() -> SignedCheckpoint {
    SignedCheckpoint::sign(&Identity::from_secret_bytes(&[7; 32]), 12, empty_root())
}

#[test]
fn the_note_is_as_the_format_fixes_it() {
    let note = signed().to_string();
    let node = Identity::from_secret_bytes(&[7; 32]).author();
    let lines: Vec<_> = note.lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0], format!("nocturne/receipts/{node}"));
    assert_eq!(lines[1], "12");
    assert_eq!(lines[2], "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(lines[3], "");
    assert!(lines[4].starts_with(&format!("— nocturne/receipts/{node} ")));
    assert!(note.ends_with('\n'));
    assert_eq!(SignedCheckpoint::parse(note.as_bytes()), Ok(signed()));
}

#[test]
fn the_verifier_key_names_origin_and_key_hash() {
    let node = Identity::from_secret_bytes(&[7; 32]).author();
    let vkey = verifier_key(&node);
    let parts: Vec<_> = vkey.splitn(3, '+').collect();
    assert_eq!(parts[0], format!("nocturne/receipts/{node}"));
    assert_eq!(parts[1], HEXLOWER.encode(&key_hash(&node)));
    let key = BASE64.decode(parts[2].as_bytes()).unwrap();
    assert_eq!((key[0], &key[1..]), (1, &node.as_bytes()[..]));
}

#[test]
fn every_flipped_bit_is_rejected() {
    let note = signed().to_string().into_bytes();
    for bit in 0..note.len() * 8 {
        let mut forged = note.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        assert!(SignedCheckpoint::parse(&forged).is_err(), "bit {bit}");
    }
}

#[test]
fn what_is_no_note_is_rejected() {
    let note = signed().to_string();
    let with = |from: &str, to: &str| {
        let changed = note.replacen(from, to, 1);
        assert_ne!(changed, note);
        SignedCheckpoint::parse(changed.as_bytes())
    };
    assert_eq!(with("\n12\n", "\n012\n"), Err(CheckpointError::Size));
    assert_eq!(with("\n12\n", "\n+12\n"), Err(CheckpointError::Size));
    assert_eq!(with("\n12\n", "\n13\n"), Err(CheckpointError::Signature));
    assert_eq!(with("uFU=", "uFU"), Err(CheckpointError::Root));
    assert_eq!(with("\n\n", "\nextension\n\n"), Err(CheckpointError::Note));
    assert_eq!(with("receipts", "else"), Err(CheckpointError::Origin));
    assert_eq!(with("— ", "- "), Err(CheckpointError::SignatureLine));
    for text in ["", "\n", "a\nb\nc\n\nd\n"] {
        assert!(SignedCheckpoint::parse(text.as_bytes()).is_err());
    }
    let twice = format!("{note}{}\n", note.lines().last().unwrap());
    assert_eq!(
        SignedCheckpoint::parse(twice.as_bytes()),
        Err(CheckpointError::Note)
    );
    assert_eq!(
        SignedCheckpoint::parse(&vec![b'a'; MAX_CHECKPOINT + 1]),
        Err(CheckpointError::Note)
    );
}

#[test]
fn nobody_signs_for_another_node() {
    let other = Identity::from_secret_bytes(&[8; 32]);
    let text = signed().checkpoint().text();
    let forged = SignedCheckpoint {
        signature: other.sign_note(text.as_bytes()),
        ..signed()
    };
    assert_eq!(
        SignedCheckpoint::parse(forged.to_string().as_bytes()),
        Err(CheckpointError::Signature)
    );
}

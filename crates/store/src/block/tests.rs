//! Blocks read back as they were written, and damage is an error.

use super::*;

fn block() -> Block {
    let op = |body| StoredOp {
        commitment: Commitment::from_bytes([3; 32]),
        parents: vec![(1, 2, 3), (4, 5, 6)],
        body,
    };
    let sealed = Stored::Sealed {
        number: 70,
        bytes: vec![1, 2, 3],
    };
    let later = Stored::SealedLater {
        number: 900,
        nonce: [8; 12],
        bytes: vec![9; 40],
    };
    let entry = StoredEntry {
        hlc: Hlc::from_millis(5),
        first_number: 70,
        deps: vec![(0, 9)],
        ops: vec![
            op(sealed),
            op(Stored::Forgotten),
            op(Stored::Wanted),
            op(later),
        ],
    };
    let empty = StoredEntry {
        hlc: Hlc::from_millis(6),
        first_number: 74,
        deps: vec![],
        ops: vec![],
    };
    Block {
        prev: EntryHash::from_bytes([1; 32]),
        nonce: [2; 12],
        signature: Some(Signature::from_bytes([7; 64])),
        entries: vec![entry, empty],
    }
}

#[test]
fn reads_what_it_wrote_whole_and_by_entry() {
    let bytes = block().encode();
    assert_eq!(Block::decode(&bytes), Ok(block()));
    let view = BlockView::new(&bytes).unwrap();
    assert_eq!(view.entry(1).as_ref(), Ok(&block().entries[1]));
    assert_eq!(view.entry(2), Err(BAD));
    for (index, entry) in (0..).zip(&block().entries) {
        assert_eq!(view.hlc(index), Ok(entry.hlc));
        for op in 0..5 {
            let expected = entry.ops.get(usize::from(op)).cloned();
            assert_eq!(view.op(index, op), Ok(expected.map(|op| (entry.hlc, op))));
        }
    }
}

#[test]
fn a_cut_block_is_damage_and_not_a_panic() {
    let bytes = block().encode();
    for len in 0..bytes.len() {
        assert_eq!(Block::decode(&bytes[..len]), Err(BAD), "{len}");
    }
}

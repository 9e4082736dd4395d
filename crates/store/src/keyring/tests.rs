//! Puncturing loses exactly what it names, for good.

use proptest::prelude::*;

use super::*;
use crate::rim::SeededEntropy;

fn keyring(upto: u64) -> Keyring {
    let mut keyring = Keyring::new([9; 16]);
    keyring.allocate(upto, &mut SeededEntropy::new(1));
    keyring
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn punctured_keys_are_gone_and_all_others_stay(
        holes in prop::collection::btree_set(0..2 * LEAVES, 0..60)
    ) {
        let whole = keyring(2 * LEAVES);
        let mut holed = whole.clone();
        holed.puncture(holes.iter().copied());
        let holed = decode(&encode(&holed)).unwrap();
        let mut cursor = holed.cursor();
        for number in 0..2 * LEAVES {
            let expected = (!holes.contains(&number)).then(|| whole.key(number)).flatten();
            prop_assert_eq!(holed.key(number), expected.clone());
            prop_assert_eq!(cursor.key(number), expected);
        }
        // No key of a punctured leaf or of a node above it is written to the file.
        for number in holes {
            let lost = whole.key(number).unwrap();
            prop_assert!(!encode(&holed).windows(32).any(|window| window == &lost[..]));
        }
    }
}

#[test]
fn a_segment_with_nothing_left_vanishes() {
    let mut keyring = keyring(1);
    let before = encode(&keyring).len();
    assert!(keyring.puncture(0..LEAVES));
    assert!(!keyring.puncture(0..LEAVES));
    assert_eq!(encode(&keyring).len(), before - (8 + 2 + 2 + 1 + 32));
    assert_eq!(keyring.key(5), None);
    assert!(keyring.key(LEAVES).is_some());
}

#[test]
fn a_million_operations_take_some_ten_kilobytes() {
    assert!(encode(&keyring(1_000_000)).len() < 13_000);
}

#[test]
fn damage_anywhere_is_noticed() {
    let good = encode(&keyring(1)).to_vec();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(matches!(decode(&bad), Err(KeyringFileError::Checksum)));
        assert!(decode(&good[..at]).is_err());
    }
}

//! The tree against the RFC's definitions, its proofs for every small size, and their forgeries.

use super::*;

const SIZES: u64 = 200;

fn leaf(index: u64) -> TreeHash {
    leaf_hash(&index.to_be_bytes())
}

fn tree(size: u64) -> Tree {
    (0..size).map(leaf).collect()
}

/// `MTH` as RFC 9162 §2.1.1 writes it.
fn defined_root(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            node_hash(&defined_root(&leaves[..k]), &defined_root(&leaves[k..]))
        }
    }
}

fn flipped(hash: &TreeHash, bit: usize) -> TreeHash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    TreeHash::from_bytes(bytes)
}

/// The vectors of the Certificate Transparency reference implementation.
#[test]
fn known_roots() {
    let leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::new();
    assert_eq!(tree.root().to_string(), roots[0]);
    for (data, root) in leaves.iter().zip(&roots[1..]) {
        let data = data_encoding::HEXLOWER.decode(data.as_bytes()).unwrap();
        tree.push(leaf_hash(&data));
        assert_eq!(tree.root().to_string(), **root);
    }
}

#[test]
fn every_earlier_root_is_the_defined_one() {
    let leaves: Vec<_> = (0..SIZES).map(leaf).collect();
    let tree = tree(SIZES);
    for size in 0..=SIZES {
        let expected = defined_root(&leaves[..usize::try_from(size).unwrap()]);
        assert_eq!(tree.root_at(size), Ok(expected), "size {size}");
    }
    assert_eq!(
        tree.root_at(SIZES + 1),
        Err(OutOfRange {
            asked: SIZES + 1,
            len: SIZES
        })
    );
}

#[test]
fn every_inclusion_proof_verifies_and_no_other() {
    let tree = tree(SIZES);
    for size in 1..=SIZES {
        let root = tree.root_at(size).unwrap();
        for index in 0..size {
            let path = tree.inclusion(index, size).unwrap();
            let verify = |leaf: &TreeHash, index, path: &[TreeHash], root: &TreeHash| {
                verify_inclusion(leaf, index, size, path, root)
            };
            assert_eq!(verify(&leaf(index), index, &path, &root), Ok(()));
            assert!(verify(&leaf(index + 1), index, &path, &root).is_err());
            assert!(verify(&leaf(index), index ^ 1, &path, &root).is_err());
            assert_eq!(
                verify(&leaf(index), index, &path, &flipped(&root, 0)),
                Err(InclusionError::Root)
            );
            let mut longer = path.clone();
            longer.push(root);
            assert!(verify(&leaf(index), index, &longer, &root).is_err());
            if let Some((_, shorter)) = path.split_last() {
                assert_eq!(
                    verify(&leaf(index), index, shorter, &root),
                    Err(InclusionError::PathLength)
                );
            }
        }
        assert!(tree.inclusion(size, size).is_err());
    }
}

#[test]
fn every_consistency_proof_verifies_and_no_other() {
    let tree = tree(SIZES);
    for new in 1..=SIZES {
        let new_root = tree.root_at(new).unwrap();
        for old in 0..=new {
            let old_root = tree.root_at(old).unwrap();
            let path = tree.consistency(old, new).unwrap();
            let verify = |old_root: &TreeHash, new_root: &TreeHash, path: &[TreeHash]| {
                verify_consistency(old, old_root, new, new_root, path)
            };
            assert_eq!(verify(&old_root, &new_root, &path), Ok(()), "{old} {new}");
            assert!(verify(&flipped(&old_root, 9), &new_root, &path).is_err());
            if old > 0 {
                assert!(verify(&old_root, &flipped(&new_root, 9), &path).is_err());
            }
            let mut longer = path.clone();
            longer.push(new_root);
            assert_eq!(
                verify(&old_root, &new_root, &longer),
                Err(ConsistencyError::PathLength)
            );
            if let Some((_, shorter)) = path.split_last() {
                assert!(verify(&old_root, &new_root, shorter).is_err());
            }
        }
        assert!(tree.consistency(new + 1, new).is_err());
    }
}

#[test]
fn a_flipped_bit_anywhere_in_a_path_is_rejected() {
    let tree = tree(50);
    for size in [2, 7, 31, 50] {
        let root = tree.root_at(size).unwrap();
        for number in 0..size {
            let inclusion = tree.inclusion(number, size).unwrap();
            for (at, bit) in (0..inclusion.len()).flat_map(|at| (0..256).map(move |b| (at, b))) {
                let mut path = inclusion.clone();
                path[at] = flipped(&path[at], bit);
                assert_eq!(
                    verify_inclusion(&leaf(number), number, size, &path, &root),
                    Err(InclusionError::Root)
                );
            }
            let old_root = tree.root_at(number).unwrap();
            let consistency = tree.consistency(number, size).unwrap();
            for (at, bit) in (0..consistency.len()).flat_map(|at| (0..256).map(move |b| (at, b))) {
                let mut path = consistency.clone();
                path[at] = flipped(&path[at], bit);
                assert!(verify_consistency(number, &old_root, size, &root, &path).is_err());
            }
        }
    }
}

#[test]
fn a_proof_for_one_size_does_not_pass_for_another() {
    let tree = tree(64);
    for size in 2..64 {
        let root = tree.root_at(size).unwrap();
        let path = tree.inclusion(0, size).unwrap();
        let next = tree.root_at(size + 1).unwrap();
        assert!(verify_inclusion(&leaf(0), 0, size + 1, &path, &next).is_err());
        let path = tree.consistency(1, size).unwrap();
        assert!(verify_consistency(1, &leaf(0), size + 1, &next, &path).is_err());
        assert!(verify_consistency(size, &root, 1, &leaf(0), &path).is_err());
    }
}

#[test]
fn sizes_at_the_end_of_the_range_do_not_overflow() {
    let path = [leaf(0); 64];
    let hash = leaf(1);
    assert!(verify_inclusion(&hash, u64::MAX - 1, u64::MAX, &path, &hash).is_err());
    assert!(verify_consistency(u64::MAX - 1, &hash, u64::MAX, &hash, &path).is_err());
    assert!(verify_consistency(1 << 63, &hash, u64::MAX, &hash, &path).is_err());
}

#[test]
fn a_proof_for_one_leaf_has_the_hashes_of_its_audit_path() {
    let tree = tree(37);
    for index in 0..37 {
        let mut path = tree.inclusion(index, 37).unwrap();
        let mut set = tree.inclusion_set(&[index], 37).unwrap();
        path.sort_unstable();
        set.sort_unstable();
        assert_eq!(path, set);
    }
}

#[test]
fn every_set_of_leaves_of_a_small_tree_is_proven_and_no_other() {
    for size in 1..=9_u64 {
        let grown = tree(size + 1).root();
        let tree = tree(size);
        let root = tree.root();
        for chosen in 1..(1_u64 << size) {
            let indices: Vec<_> = (0..size).filter(|index| chosen >> index & 1 == 1).collect();
            let leaves: Vec<_> = indices.iter().map(|index| (*index, leaf(*index))).collect();
            let hashes = tree.inclusion_set(&indices, size).unwrap();
            let verify = |leaves: &[(u64, TreeHash)], hashes: &[TreeHash]| {
                verify_inclusion_set(leaves, size, hashes, &root)
            };
            assert_eq!(verify(&leaves, &hashes), Ok(()));
            for at in 0..leaves.len() {
                let mut forged = leaves.clone();
                forged[at].1 = flipped(&forged[at].1, 3);
                assert_eq!(verify(&forged, &hashes), Err(InclusionSetError::Root));
                let mut moved = leaves.clone();
                moved[at].0 += 1;
                assert!(verify(&moved, &hashes).is_err());
            }
            for at in 0..hashes.len() {
                let mut forged = hashes.clone();
                forged[at] = flipped(&forged[at], 3);
                assert_eq!(verify(&leaves, &forged), Err(InclusionSetError::Root));
            }
            let longer = [&hashes[..], &[root]].concat();
            assert_eq!(verify(&leaves, &longer), Err(InclusionSetError::Hashes));
            // A size is bound by its root: the two must come from one signed checkpoint.
            assert!(verify_inclusion_set(&leaves, size + 1, &hashes, &grown).is_err());
        }
        assert_eq!(
            verify_inclusion_set(&[], size, &[], &root),
            Err(InclusionSetError::Empty)
        );
        assert!(tree.inclusion_set(&[size], size).is_err());
    }
}

#[test]
fn a_run_of_leaves_costs_a_logarithmic_proof() {
    let tree = tree(SIZES);
    let run: Vec<_> = (60..140).collect();
    assert!(tree.inclusion_set(&run, SIZES).unwrap().len() <= 16);
}

//! After a crash, and when files are wrong: nothing acknowledged is lost, and errors say what is.

use nocturne_store::{DATABASE_FILE, Depth, Medium, OpenError, Store, StoreHandle};

use crate::common::{TestClock, genesis, get, identity, in_memory, options, put, reopen};

#[test]
fn what_was_acknowledged_is_there_after_a_crash_at_any_commit() {
    let clock = TestClock::new();
    let (store, memory) = in_memory(&clock, 1);
    for n in 0_u32..40 {
        put(&store, &format!("k{n}"), &format!("{n}"));
        // The bytes as they are now, the writer still running: a crash.
        let crashed = reopen(memory.image().medium(), &clock, 1, 1_000 + u64::from(n));
        for k in 0..=n {
            assert_eq!(get(&crashed, &format!("k{k}")), Some(format!("{k}")));
        }
        assert_eq!(crashed.verify_blocking(Depth::Quick).unwrap().findings, []);
        put(&crashed, "after", "the crash");
    }
}

#[test]
fn wrong_files_are_named() {
    let clock = TestClock::new();
    let dir = tempfile::tempdir().unwrap();
    let medium = || Medium::directory(dir.path()).unwrap();
    let open = |medium| Store::open(medium, options(&clock, 3), identity(1), None).map(drop);
    assert!(matches!(open(medium()), Err(OpenError::Missing)));
    let store = Store::create(medium(), options(&clock, 1), &genesis(), identity(1)).unwrap();
    let store = StoreHandle::spawn(store).unwrap();
    put(&store, "k", "v");
    assert!(Medium::directory(dir.path()).is_err(), "locked");
    store.shutdown_blocking().unwrap();
    drop(store);
    let again = Store::create(medium(), options(&clock, 2), &genesis(), identity(1));
    assert!(matches!(again.map(drop), Err(OpenError::Exists)));
    assert!(open(medium()).is_ok());

    let keyring = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|item| item.unwrap().path())
        .find(|path| path.to_str().unwrap().contains("keyring."))
        .unwrap();
    let good = std::fs::read(&keyring).unwrap();
    std::fs::write(&keyring, &good[..good.len() - 1]).unwrap();
    assert!(matches!(open(medium()), Err(OpenError::Keyring(_))));
    std::fs::remove_file(&keyring).unwrap();
    assert!(matches!(open(medium()), Err(OpenError::KeyringMissing)));
    std::fs::write(&keyring, &good).unwrap();

    let other = tempfile::tempdir().unwrap();
    let medium_of_other = Medium::directory(other.path()).unwrap();
    drop(Store::create(medium_of_other, options(&clock, 8), &genesis(), identity(1)).unwrap());
    std::fs::copy(
        other.path().join(DATABASE_FILE),
        dir.path().join(DATABASE_FILE),
    )
    .unwrap();
    assert!(matches!(open(medium()), Err(OpenError::Replaced)));
    std::fs::remove_file(dir.path().join("store.redb.sums")).unwrap();
    assert!(matches!(open(medium()), Err(OpenError::KeyringOfOther)));
}

#[test]
fn a_torn_new_keyring_beside_the_old_one_is_passed_over() {
    let clock = TestClock::new();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(
        Medium::directory(dir.path()).unwrap(),
        options(&clock, 1),
        &genesis(),
        identity(1),
    )
    .unwrap();
    let store = StoreHandle::spawn(store).unwrap();
    put(&store, "k", "v");
    store.shutdown_blocking().unwrap();
    drop(store);
    std::fs::write(dir.path().join("keyring.00000000000000000099"), b"torn").unwrap();
    let store = reopen(Medium::directory(dir.path()).unwrap(), &clock, 1, 9);
    assert_eq!(get(&store, "k").as_deref(), Some("v"));
    assert!(!dir.path().join("keyring.00000000000000000099").exists());
}

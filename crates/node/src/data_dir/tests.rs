//! What a data directory refuses, and what survives.

use std::os::unix::fs::PermissionsExt;

use nocturne_core::{Genesis, Identity};

use super::*;
use nocturne_store::SeededEntropy;

fn layout() -> (tempfile::TempDir, Layout) {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::new(dir.path().join("node"));
    (dir, layout)
}

#[test]
fn a_second_user_is_turned_away_and_told_by_whom() {
    let (_dir, layout) = layout();
    let lock = layout.create_and_lock().unwrap();
    match layout.create_and_lock() {
        Err(DataDirError::InUse { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    drop(lock);
    layout.create_and_lock().unwrap();
}

#[test]
fn nothing_is_not_a_data_directory() {
    let (_dir, layout) = layout();
    assert!(matches!(
        layout.lock_existing(),
        Err(DataDirError::Missing { .. })
    ));
    drop(layout.create_and_lock().unwrap());
    assert!(matches!(
        layout.lock_existing(),
        Err(DataDirError::Missing { .. })
    ));
    assert!(matches!(
        layout.read_ready(),
        Err(DataDirError::Missing { .. })
    ));
}

#[test]
fn stores_without_their_state_file_are_not_overwritten() {
    let (_dir, layout) = layout();
    let _lock = layout.create_and_lock().unwrap();
    fs::create_dir_all(layout.stores().join("x")).unwrap();
    assert!(matches!(
        layout.read_state(),
        Err(DataDirError::StateMissing { .. })
    ));
}

#[test]
fn a_key_is_made_once_and_read_again() {
    let (_dir, layout) = layout();
    let _lock = layout.create_and_lock().unwrap();
    let path = layout.identity();
    let made = create_identity(&path, &mut SeededEntropy::new(1)).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let again = create_identity(&path, &mut SeededEntropy::new(1)).unwrap();
    assert_eq!(made.author(), again.author());
    let other = Identity::from_secret_bytes(&[9; 32]).author();
    assert!(matches!(
        read_identity(&path, Some(other)),
        Err(IdentityError::Swapped { .. })
    ));
}

#[test]
fn a_damaged_or_exposed_key_is_refused() {
    let (_dir, layout) = layout();
    let _lock = layout.create_and_lock().unwrap();
    let path = layout.identity();
    assert!(matches!(
        read_identity(&path, None),
        Err(IdentityError::Missing { .. })
    ));
    for bad in [&b""[..], b"short", &[b'z'; 64], &[b'0'; 66], &[b'0'; 1_000]] {
        write_atomically(&path, bad).unwrap();
        assert!(matches!(
            read_identity(&path, None),
            Err(IdentityError::Damaged { .. })
        ));
    }
    write_atomically(&path, &[b'0'; 64]).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(
        read_identity(&path, None),
        Err(IdentityError::Exposed { mode: 0o644, .. })
    ));
}

#[test]
fn the_state_comes_back_as_it_was() {
    let me = Identity::from_secret_bytes(&[1; 32]).author();
    let root = Genesis::root(me, 5, &mut SeededEntropy::new(1));
    let main = Genesis::application(me, 5, root.store_id(), &mut SeededEntropy::new(1));
    let mut state = State::new(me);
    state.peers.insert(
        Identity::from_secret_bytes(&[2; 32]).author(),
        KnownPeer {
            direct: vec!["127.0.0.1:9".parse().unwrap()],
            relay: None,
            last_seen_ms: Some(3),
        },
    );
    state.stores.insert(main.store_id());
    let pendings = [
        None,
        Some(Pending::Init {
            root: root.clone(),
            main,
            name: "a".parse().unwrap(),
        }),
        Some(Pending::Join {
            mesh: root.store_id(),
            root: Some(root.clone()),
        }),
        Some(Pending::Join {
            mesh: root.store_id(),
            root: None,
        }),
    ];
    for pending in pendings {
        state.pending = pending;
        assert_eq!(
            State::parse(Path::new("x"), &state.to_json()).unwrap(),
            state
        );
    }
    state.mesh = Some(root.store_id());
    assert_eq!(
        State::parse(Path::new("x"), &state.to_json()).unwrap(),
        state
    );
}

#[test]
fn a_damaged_state_is_named_by_line() {
    let path = Path::new("state.json");
    let me = Identity::from_secret_bytes(&[1; 32]).author();
    let good = String::from_utf8(State::new(me).to_json()).unwrap();
    let bad = good.replace("\"node\"", "\"noed\"");
    assert!(matches!(
        State::parse(path, bad.as_bytes()),
        Err(StateError::Damaged { line: 3, .. })
    ));
    assert!(matches!(
        State::parse(path, b""),
        Err(StateError::Damaged { .. })
    ));
    let newer = good.replace("\"version\": 1", "\"version\": 2");
    assert!(matches!(
        State::parse(path, newer.as_bytes()),
        Err(StateError::Newer { version: 2, .. })
    ));
}

#[test]
fn a_socket_can_be_bound_where_the_path_is_too_long_for_one() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("d".repeat(120));
    fs::create_dir(&deep).unwrap();
    let path = deep.join("daemon.sock");
    for _ in 0..2 {
        let _listener = bind_socket(&path).unwrap();
        std::os::unix::net::UnixStream::connect(SocketPath::of(&path).unwrap().as_path()).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

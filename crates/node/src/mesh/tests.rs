//! The view reads what the writers write, and nothing that is malformed.

use std::collections::BTreeMap;

use nocturne_core::{Genesis, Identity, OpKind, Operation};
use nocturne_net::transport::PeerAddr;

use super::*;

fn author(n: u8) -> AuthorId {
    Identity::from_secret_bytes(&[n; 32]).author()
}

fn genesis(mesh: StoreId, created_ms: u64) -> Genesis {
    let kind = nocturne_core::StoreKind::Application;
    Genesis {
        kind,
        creator: author(1),
        created_ms,
        mesh,
        secret: [7; 32],
    }
}

fn root() -> StoreId {
    StoreId::from_bytes([9; 16])
}

fn view(operations: &[Operation]) -> Mesh {
    let mut rows: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    for operation in operations {
        match operation.kind {
            OpKind::Put => rows.insert(&operation.key, &operation.value),
            OpKind::Delete => rows.remove(&operation.key[..]),
        };
    }
    Mesh::from_rows(root(), rows)
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn a_member_that_was_admitted_is_there() {
    let member = Member::new(&name("box"), Role::Server, Access::Writer, author(1), 5);
    let mut operations = member.admit(author(2));
    assert_eq!(view(&operations).members.get(&author(2)), Some(&member));
    let address = PeerAddr::new(author(2)).with_direct("127.0.0.1:7".parse().unwrap());
    operations.push(announce_address(&address));
    let mesh = view(&operations);
    assert_eq!(mesh.members.get(&author(2)).unwrap().address, Some(address));
    assert!(mesh.members.may_connect(&author(2)));
    assert_eq!(mesh.members.find("box"), [author(2)]);
    assert_eq!(mesh.members.find(&author(2).to_string()[..10]), [author(2)]);
    assert_eq!(mesh.members.find("b"), []);
}

#[test]
fn a_reader_is_no_writer_and_a_removed_member_stays_out() {
    let reader = Member::new(&name("r"), Role::Device, Access::Reader, author(1), 5);
    let mut operations = reader.admit(author(2));
    assert_eq!(view(&operations).members.writers().count(), 0);
    operations.push(put(format!("/nodes/{}/status", author(2)), "removed"));
    assert!(!view(&operations).members.may_connect(&author(2)));
}

#[test]
fn an_address_alone_makes_no_member() {
    let address = PeerAddr::new(author(2)).with_direct("127.0.0.1:7".parse().unwrap());
    let mesh = view(&[announce_address(&address)]);
    assert_eq!(mesh.members.iter().count(), 0);
    assert!(!mesh.members.may_connect(&author(2)));
}

#[test]
fn an_invite_is_open_until_its_time_or_its_use() {
    let by = author(1);
    let invite = Invite {
        by,
        expires_ms: 100,
        role: Role::Device,
        access: Access::Writer,
        used_by: None,
    };
    let mut operations = invite.issue(author(3));
    let open = view(&operations).invites.get(&author(3)).cloned().unwrap();
    assert_eq!(open, invite);
    assert_eq!(open.state(100), InviteState::Open);
    assert_eq!(open.state(101), InviteState::Expired);
    operations.push(Invite::consume(author(3), author(4)));
    let used = view(&operations).invites.get(&author(3)).cloned().unwrap();
    assert_eq!(used.state(0), InviteState::Used(author(4)));
    assert_eq!(used.state(101), InviteState::Used(author(4)));
    operations.remove(0);
    assert_eq!(view(&operations).invites.get(&author(3)), None);
}

#[test]
fn a_store_must_be_what_its_id_says() {
    let main = genesis(root(), 5);
    let other_mesh = genesis(StoreId::from_bytes([1; 16]), 5);
    let mut operations = declare_store(&name("main"), &main);
    operations.extend(declare_store(&name("alien"), &other_mesh));
    operations.push(put(
        format!("/stores/{}/genesis", StoreId::from_bytes([5; 16])),
        main.encode(),
    ));
    let stores = view(&operations).stores;
    assert_eq!(
        stores.iter().map(|(id, _)| id).collect::<Vec<_>>(),
        [main.store_id()]
    );
    assert_eq!(stores.find("main"), Some(main.store_id()));
    assert_eq!(
        stores.find(&main.store_id().to_string()),
        Some(main.store_id())
    );
    assert_eq!(stores.find("alien"), None);
}

#[test]
fn of_two_stores_of_one_name_the_elder_has_it() {
    let (old, new) = (genesis(root(), 5), genesis(root(), 6));
    let operations = [
        declare_store(&name("a"), &new),
        declare_store(&name("a"), &old),
    ]
    .concat();
    assert_eq!(view(&operations).stores.find("a"), Some(old.store_id()));
}

#[test]
fn a_policy_is_kept_as_written_and_can_be_removed() {
    let row = PolicyRow {
        text: "[[forget]]\n".to_owned(),
        hash: "ab".to_owned(),
    };
    let store = StoreId::from_bytes([3; 16]);
    let mut operations = set_policy(store, &name("logs"), &row);
    let mesh = view(&operations);
    assert_eq!(mesh.policies.get(store, "logs"), Some(&row));
    assert_eq!(mesh.policies.of(store).count(), 1);
    assert_eq!(mesh.policies.of(root()).count(), 0);
    operations.extend(remove_policy(store, &name("logs")));
    assert_eq!(view(&operations).policies.get(store, "logs"), None);
}

#[test]
fn rubbish_is_passed_over() {
    let operations = [
        put("nodes/x".to_owned(), "a"),
        put("/nodes/zz/status".to_owned(), "active"),
        put(format!("/nodes/{}/status/more", author(1)), "active"),
        put(format!("/nodes/{}/status", author(1)), "king"),
        put(format!("/nodes/{}/status", author(2)), &b"\xff"[..]),
        put(format!("/policies/{}/../text", root()), "x"),
    ];
    assert_eq!(view(&operations), Mesh::default());
}

#[test]
fn names_fit_everywhere() {
    for bad in ["", "a/b", "a b", "ä", "x\n", &"x".repeat(65)] {
        assert_eq!(bad.parse::<Name>(), Err(BadName));
    }
    assert_eq!(Name::lenient("my host\n").unwrap().as_str(), "my-host");
    assert_eq!(Name::lenient(""), None);
}

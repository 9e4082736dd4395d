//! The mesh as its root store tells it: members, stores, invites, policies.
//!
//! Everything here is a pure function from rows (key, winning value) to a view, or from an intent to
//! the operations of one entry. Rows that don't parse are passed over: whatever a member writes into
//! the root store, every node sees the same mesh.
//!
//! ```text
//! /nodes/{public key}/{name,status,role,access,added_by,added_at,addr}
//! /stores/{uuid}/{name,genesis}
//! /invites/{ticket public key}/{expires_at,role,access,by,used_by}
//! /policies/{store uuid}/{name}/{text,hash}
//! ```

mod invites;
mod members;
mod names;
mod policies;
mod stores;

pub use invites::{Invite, InviteState, Invites};
pub use members::{Access, Member, Members, Role, Status, announce_address};
pub use names::{BadName, Name};
pub use policies::{PolicyRow, StoredPolicies, remove_policy, set_policy};
pub use stores::{DeclaredStore, Stores, declare_store};

use nocturne_core::{AuthorId, Bytes, GenesisHash, StoreId};

/// Everything the root store says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mesh {
    /// Who belongs to it.
    pub members: Members,
    /// The application stores.
    pub stores: Stores,
    /// Tickets, outstanding and used.
    pub invites: Invites,
    /// Retention policies by store and name.
    pub policies: StoredPolicies,
}

impl Mesh {
    /// Reads rows of the root store `root`, in any order.
    pub fn from_rows<'a>(
        root: StoreId,
        rows: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Self {
        let mut mesh = Self::default();
        for (key, value) in rows {
            let Ok(key) = std::str::from_utf8(key) else {
                continue;
            };
            let mut parts = key.split('/');
            if parts.next() != Some("") {
                continue;
            }
            match (
                parts.next(),
                parts.next(),
                parts.next(),
                parts.next(),
                parts.next(),
            ) {
                (Some("nodes"), Some(id), Some(field), None, None) => {
                    if let Ok(id) = id.parse::<AuthorId>() {
                        mesh.members.read(id, field, value);
                    }
                }
                (Some("stores"), Some(id), Some(field), None, None) => {
                    if let Ok(id) = id.parse::<StoreId>() {
                        mesh.stores.read(root, id, field, value);
                    }
                }
                (Some("invites"), Some(id), Some(field), None, None) => {
                    if let Ok(id) = id.parse::<AuthorId>() {
                        mesh.invites.read(id, field, value);
                    }
                }
                (Some("policies"), Some(store), Some(name), Some(field), None) => {
                    if let Ok(store) = store.parse::<StoreId>() {
                        mesh.policies.read(store, name, field, value);
                    }
                }
                _ => {}
            }
        }
        mesh.members.complete();
        mesh.stores.complete();
        mesh.invites.complete();
        mesh.policies.complete();
        mesh
    }
}

/// What a join request is signed over, so that a signature made for one ticket of one mesh fits no
/// other: mesh, genesis, ticket key.
pub fn join_message(mesh: StoreId, genesis: GenesisHash, ticket_key: AuthorId) -> Vec<u8> {
    [
        &mesh.as_bytes()[..],
        genesis.as_bytes(),
        ticket_key.as_bytes(),
    ]
    .concat()
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

fn put(key: String, value: impl Into<Bytes>) -> nocturne_core::Operation {
    nocturne_core::Operation::put(key, value.into())
}

#[cfg(test)]
mod tests;

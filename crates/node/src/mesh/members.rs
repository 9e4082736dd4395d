//! Members: which nodes belong to the mesh, and as what.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use nocturne_core::{AuthorId, Operation};
use nocturne_net::transport::PeerAddr;
use serde::{Deserialize, Serialize};

use super::names::Name;
use super::{put, text};
use crate::ticket::MAX_ADDRESSES;

/// Where a member stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Takes part.
    Active,
    /// Away for long: not waited for.
    Dormant,
    /// Gone for good.
    Removed,
}

/// Which peers to prefer for sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Is up most of the time.
    Server,
    /// Comes and goes.
    Device,
}

/// Whether a member may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Its entries count.
    Writer,
    /// Its entries are not taken.
    Reader,
}

/// A word that the root store does not use there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a word that is known here")]
pub struct UnknownWord;

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* }) => {
        impl $type {
            /// The word in the root store and in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }
        impl FromStr for $type {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word { $($word => Ok(Self::$variant),)* _ => Err(UnknownWord) }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
words!(Status { Active = "active", Dormant = "dormant", Removed = "removed" });
words!(Role { Server = "server", Device = "device" });
words!(Access { Writer = "writer", Reader = "reader" });

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub status: Status,
    /// Server or device.
    pub role: Role,
    /// Writer or reader.
    pub access: Access,
    /// Who let it in; itself for the node that made the mesh.
    pub added_by: Option<AuthorId>,
    /// When, in Unix milliseconds.
    pub added_at_ms: Option<u64>,
    /// Where it says it can be found.
    pub address: Option<PeerAddr>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Draft {
    name: Option<String>,
    status: Option<Status>,
    role: Option<Role>,
    access: Option<Access>,
    added_by: Option<AuthorId>,
    added_at_ms: Option<u64>,
    address: Option<PeerAddr>,
}

/// All members by id, those that left included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    drafts: BTreeMap<AuthorId, Draft>,
    members: BTreeMap<AuthorId, Member>,
}

#[derive(Serialize, Deserialize)]
struct AddressForm {
    #[serde(default)]
    direct: Vec<SocketAddr>,
    #[serde(default)]
    relay: Option<String>,
}

impl Members {
    pub(super) fn read(&mut self, id: AuthorId, field: &str, value: &[u8]) {
        let Some(value) = text(value) else { return };
        let draft = self.drafts.entry(id).or_default();
        match field {
            "name" => draft.name = value.parse::<Name>().ok().map(|name| name.to_string()),
            "status" => draft.status = value.parse().ok(),
            "role" => draft.role = value.parse().ok(),
            "access" => draft.access = value.parse().ok(),
            "added_by" => draft.added_by = value.parse().ok(),
            "added_at" => draft.added_at_ms = value.parse().ok(),
            "addr" => {
                draft.address =
                    serde_json::from_str(value)
                        .ok()
                        .map(|form: AddressForm| PeerAddr {
                            id,
                            direct: form.direct.into_iter().take(MAX_ADDRESSES).collect(),
                            relay: form.relay,
                        });
            }
            _ => {}
        }
    }

    /// A node without a status was never let in: an address or a name alone makes no member.
    pub(super) fn complete(&mut self) {
        let drafts = std::mem::take(&mut self.drafts);
        self.members = drafts
            .into_iter()
            .filter_map(|(id, draft)| {
                let member = Member {
                    name: draft
                        .name
                        .unwrap_or_else(|| id.to_string().chars().take(8).collect()),
                    status: draft.status?,
                    role: draft.role.unwrap_or(Role::Device),
                    access: draft.access.unwrap_or(Access::Writer),
                    added_by: draft.added_by,
                    added_at_ms: draft.added_at_ms,
                    address: draft.address,
                };
                Some((id, member))
            })
            .collect();
    }

    /// One member, whatever its status.
    pub fn get(&self, id: &AuthorId) -> Option<&Member> {
        self.members.get(id)
    }

    /// All of them in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (AuthorId, &Member)> {
        self.members.iter().map(|(id, member)| (*id, member))
    }

    /// Whether the node may connect.
    pub fn may_connect(&self, id: &AuthorId) -> bool {
        self.get(id)
            .is_some_and(|member| matches!(member.status, Status::Active | Status::Dormant))
    }

    /// Whose entries count.
    pub fn writers(&self) -> impl Iterator<Item = AuthorId> {
        self.members
            .iter()
            .filter(|(_, member)| member.access == Access::Writer)
            .map(|(id, _)| *id)
    }

    /// Members that `text` names: by name, by id, or by the beginning of an id (8 digits or more).
    pub fn find(&self, text: &str) -> Vec<AuthorId> {
        let by_name = self
            .members
            .iter()
            .filter(|(_, member)| member.name == text);
        let named: Vec<AuthorId> = by_name.map(|(id, _)| *id).collect();
        if !named.is_empty() || text.len() < 8 {
            return named;
        }
        let text = text.to_ascii_lowercase();
        self.members
            .keys()
            .filter(|id| id.to_string().starts_with(&text))
            .copied()
            .collect()
    }
}

impl Member {
    /// A new active member.
    pub fn new(
        name: &Name,
        role: Role,
        access: Access,
        added_by: AuthorId,
        added_at_ms: u64,
    ) -> Self {
        Self {
            name: name.to_string(),
            status: Status::Active,
            role,
            access,
            added_by: Some(added_by),
            added_at_ms: Some(added_at_ms),
            address: None,
        }
    }

    /// The operations that let it in.
    pub fn admit(&self, id: AuthorId) -> Vec<Operation> {
        let field = |field: &str| format!("/nodes/{id}/{field}");
        let mut operations = vec![
            put(field("name"), self.name.clone()),
            put(field("status"), self.status.as_str()),
            put(field("role"), self.role.as_str()),
            put(field("access"), self.access.as_str()),
        ];
        operations.extend(
            self.added_by
                .map(|by| put(field("added_by"), by.to_string())),
        );
        operations.extend(
            self.added_at_ms
                .map(|at| put(field("added_at"), at.to_string())),
        );
        operations
    }
}

/// The operation by which a node says where it can be found.
pub fn announce_address(address: &PeerAddr) -> Operation {
    let form = AddressForm {
        direct: address.direct.iter().copied().take(MAX_ADDRESSES).collect(),
        relay: address.relay.clone(),
    };
    // Addresses and strings always serialise.
    let json = serde_json::to_vec(&form).unwrap_or_default();
    put(format!("/nodes/{}/addr", address.id), json)
}

//! Invites: single-use tickets, known to the mesh by their public key only.

use std::collections::BTreeMap;

use nocturne_core::{AuthorId, Operation};

use super::members::{Access, Role};
use super::{put, text};

/// An invite as the root store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// Who wrote it; nobody else answers it, so that it can be used once and not once a partition.
    pub by: AuthorId,
    /// Unix milliseconds after which it is refused.
    pub expires_ms: u64,
    /// What the joiner becomes.
    pub role: Role,
    /// What the joiner may do.
    pub access: Access,
    /// Who used it.
    pub used_by: Option<AuthorId>,
}

/// Whether an invite lets somebody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteState {
    /// It does.
    Open,
    /// Its time is over.
    Expired,
    /// This node used it.
    Used(AuthorId),
}

impl Invite {
    /// Its state at a time. Used stays used, whatever the clock says.
    pub fn state(&self, now_ms: u64) -> InviteState {
        match self.used_by {
            Some(by) => InviteState::Used(by),
            None if now_ms > self.expires_ms => InviteState::Expired,
            None => InviteState::Open,
        }
    }

    /// The operations that record a new invite.
    pub fn issue(&self, ticket_key: AuthorId) -> Vec<Operation> {
        let field = |field: &str| format!("/invites/{ticket_key}/{field}");
        vec![
            put(field("by"), self.by.to_string()),
            put(field("expires_at"), self.expires_ms.to_string()),
            put(field("role"), self.role.as_str()),
            put(field("access"), self.access.as_str()),
        ]
    }

    /// The operation that uses it up.
    pub fn consume(ticket_key: AuthorId, used_by: AuthorId) -> Operation {
        put(
            format!("/invites/{ticket_key}/used_by"),
            used_by.to_string(),
        )
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Draft {
    by: Option<AuthorId>,
    expires_ms: Option<u64>,
    role: Option<Role>,
    access: Option<Access>,
    used_by: Option<AuthorId>,
}

/// All invites by ticket key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invites {
    drafts: BTreeMap<AuthorId, Draft>,
    invites: BTreeMap<AuthorId, Invite>,
}

impl Invites {
    pub(super) fn read(&mut self, key: AuthorId, field: &str, value: &[u8]) {
        let Some(value) = text(value) else { return };
        let draft = self.drafts.entry(key).or_default();
        match field {
            "by" => draft.by = value.parse().ok(),
            "expires_at" => draft.expires_ms = value.parse().ok(),
            "role" => draft.role = value.parse().ok(),
            "access" => draft.access = value.parse().ok(),
            "used_by" => draft.used_by = value.parse().ok(),
            _ => {}
        }
    }

    /// An invite that lacks anything lets nobody in.
    pub(super) fn complete(&mut self) {
        self.invites = std::mem::take(&mut self.drafts)
            .into_iter()
            .filter_map(|(key, draft)| {
                let invite = Invite {
                    by: draft.by?,
                    expires_ms: draft.expires_ms?,
                    role: draft.role?,
                    access: draft.access?,
                    used_by: draft.used_by,
                };
                Some((key, invite))
            })
            .collect();
    }

    /// The invite of a ticket key.
    pub fn get(&self, key: &AuthorId) -> Option<&Invite> {
        self.invites.get(key)
    }
}

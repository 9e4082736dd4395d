//! What inviter and joiner say to each other: one frame each way on one stream.
//!
//! The joiner has connected under the ticket's key (or, when an earlier join was interrupted after
//! the inviter had committed it, under its own). It names its real identity and signs for it; the
//! inviter answers with the root store's genesis record, or with a refusal.

use nocturne_core::{AuthorId, Genesis, Identity, Signature};
use nocturne_net::transport::CloseReason;
use prost::Message;

use crate::mesh::{Invite, InviteState, Name, join_message};
use crate::ticket::Ticket;

/// Neither message is longer.
pub const MAX_MESSAGE: usize = 4 * 1024;
const DOMAIN: &str = "nocturne/v1/join";

/// Close codes of a refused join; they follow those of `nocturne-net`, from 100 on.
const UNKNOWN_TICKET: u32 = 100;
const USED: u32 = 101;
const EXPIRED: u32 = 102;
const BAD_REQUEST: u32 = 103;
const FAILED: u32 = 104;

/// Why a join was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinRefusal {
    /// The inviter knows no such ticket.
    #[error("it does not know this ticket")]
    UnknownTicket,
    /// Somebody used the ticket before.
    #[error("the ticket was used already")]
    Used,
    /// The ticket's time is over.
    #[error("the ticket has expired")]
    Expired,
    /// The request is not one of this ticket's holder.
    #[error("it did not accept the request")]
    BadRequest,
    /// The inviter could not commit it.
    #[error("it could not commit the new member")]
    Failed,
    /// The connection ended without an answer.
    #[error("it ended the connection without an answer")]
    Broken,
}

impl JoinRefusal {
    /// As a close code.
    pub fn reason(self) -> CloseReason {
        CloseReason::Other(match self {
            Self::UnknownTicket => UNKNOWN_TICKET,
            Self::Used => USED,
            Self::Expired => EXPIRED,
            Self::BadRequest => BAD_REQUEST,
            Self::Failed | Self::Broken => FAILED,
        })
    }

    /// From a close code.
    pub fn from_reason(reason: CloseReason) -> Self {
        match reason {
            CloseReason::Other(UNKNOWN_TICKET) | CloseReason::NotMember => Self::UnknownTicket,
            CloseReason::Other(USED) => Self::Used,
            CloseReason::Other(EXPIRED) => Self::Expired,
            CloseReason::Other(BAD_REQUEST) => Self::BadRequest,
            CloseReason::Other(FAILED) => Self::Failed,
            _ => Self::Broken,
        }
    }

    /// What the state of an invite means for somebody who comes with it; `None` lets it in.
    pub fn of(invite: Option<&Invite>, me: AuthorId, now_ms: u64) -> Option<Self> {
        // Only who wrote a ticket answers it: two members apart could each let somebody in.
        let Some(invite) = invite.filter(|invite| invite.by == me) else {
            return Some(Self::UnknownTicket);
        };
        match invite.state(now_ms) {
            InviteState::Open => None,
            InviteState::Used(_) => Some(Self::Used),
            InviteState::Expired => Some(Self::Expired),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct RequestForm {
    #[prost(bytes = "vec", tag = "1")]
    ticket: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    node: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(string, tag = "4")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct AnswerForm {
    #[prost(bytes = "vec", tag = "1")]
    genesis: Vec<u8>,
}

/// A checked request: whoever holds the ticket wants this node to be a member, and so does the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// Which ticket.
    pub ticket: AuthorId,
    /// The new member.
    pub node: AuthorId,
    /// What it wants to be called.
    pub name: Name,
}

impl JoinRequest {
    /// The request's bytes, signed.
    pub fn encode(ticket: &Ticket, identity: &Identity, name: &Name) -> Vec<u8> {
        let key = ticket.key().author();
        let message = join_message(ticket.mesh, ticket.genesis, key);
        RequestForm {
            ticket: key.as_bytes().to_vec(),
            node: identity.author().as_bytes().to_vec(),
            signature: identity.sign(DOMAIN, &message).as_bytes().to_vec(),
            name: name.to_string(),
        }
        .encode_to_vec()
    }

    /// Reads and checks a request to join the mesh of `root`.
    pub fn decode(bytes: &[u8], root: &Genesis) -> Option<Self> {
        let form = RequestForm::decode(bytes).ok()?;
        let ticket = AuthorId::from_bytes(form.ticket.try_into().ok()?);
        let node = AuthorId::from_bytes(form.node.try_into().ok()?);
        let signature = Signature::from_slice(&form.signature)?;
        let message = join_message(root.store_id(), root.hash(), ticket);
        node.verify(DOMAIN, &message, &signature).ok()?;
        Some(Self {
            ticket,
            node,
            name: form.name.parse().ok()?,
        })
    }
}

/// The inviter's answer.
pub fn encode_answer(root: &Genesis) -> Vec<u8> {
    AnswerForm {
        genesis: root.encode(),
    }
    .encode_to_vec()
}

/// The root genesis in an answer, if it is the one that the ticket promised.
pub fn decode_answer(bytes: &[u8], ticket: &Ticket) -> Option<Genesis> {
    let form = AnswerForm::decode(bytes).ok()?;
    let genesis = Genesis::decode(&form.genesis).ok()?;
    (genesis.hash() == ticket.genesis && genesis.store_id() == ticket.mesh).then_some(genesis)
}

#[cfg(test)]
mod tests {
    use nocturne_net::transport::PeerAddr;
    use zeroize::Zeroizing;

    use super::*;
    use crate::mesh::{Access, Role};

    fn identity(n: u8) -> Identity {
        Identity::from_secret_bytes(&[n; 32])
    }

    fn genesis(secret: u8) -> Genesis {
        let kind = nocturne_core::StoreKind::Root;
        let mesh = nocturne_core::StoreId::ZERO;
        Genesis {
            kind,
            creator: identity(1).author(),
            created_ms: 1,
            mesh,
            secret: [secret; 32],
        }
    }

    fn ticket(root: &Genesis) -> Ticket {
        Ticket {
            mesh: root.store_id(),
            genesis: root.hash(),
            inviter: PeerAddr::new(identity(1).author()),
            seed: Zeroizing::new([7; 32]),
            expires_ms: 10,
        }
    }

    #[test]
    fn a_request_is_bound_to_mesh_ticket_and_node() {
        let root = genesis(1);
        let name: Name = "phone".parse().unwrap();
        let bytes = JoinRequest::encode(&ticket(&root), &identity(2), &name);
        let expected = JoinRequest {
            ticket: identity(7).author(),
            node: identity(2).author(),
            name,
        };
        assert_eq!(JoinRequest::decode(&bytes, &root), Some(expected));
        assert_eq!(JoinRequest::decode(&bytes, &genesis(2)), None);
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            let read = JoinRequest::decode(&wrong, &root);
            // Only the name is not signed: the ticket's holder chooses it.
            assert!(
                read.is_none_or(|read| read.node == identity(2).author()),
                "byte {at}"
            );
        }
        assert_eq!(JoinRequest::decode(b"", &root), None);
    }

    #[test]
    fn an_answer_must_be_the_promised_mesh() {
        let root = genesis(1);
        assert_eq!(
            decode_answer(&encode_answer(&root), &ticket(&root)),
            Some(root.clone())
        );
        assert_eq!(
            decode_answer(&encode_answer(&genesis(2)), &ticket(&root)),
            None
        );
        assert_eq!(decode_answer(b"x", &ticket(&root)), None);
    }

    #[test]
    fn refusals_survive_the_wire() {
        use JoinRefusal::{BadRequest, Expired, Failed, UnknownTicket, Used};
        for refusal in [UnknownTicket, Used, Expired, BadRequest, Failed] {
            let code = CloseReason::from_code(refusal.reason().code());
            assert_eq!(JoinRefusal::from_reason(code), refusal);
        }
    }

    #[test]
    fn only_an_open_ticket_of_ones_own_lets_in() {
        let (me, other) = (identity(1).author(), identity(2).author());
        let mut invite = Invite {
            by: me,
            expires_ms: 5,
            role: Role::Device,
            access: Access::Writer,
            used_by: None,
        };
        assert_eq!(JoinRefusal::of(Some(&invite), me, 5), None);
        assert_eq!(
            JoinRefusal::of(Some(&invite), me, 6),
            Some(JoinRefusal::Expired)
        );
        assert_eq!(
            JoinRefusal::of(Some(&invite), other, 5),
            Some(JoinRefusal::UnknownTicket)
        );
        assert_eq!(
            JoinRefusal::of(None, me, 5),
            Some(JoinRefusal::UnknownTicket)
        );
        invite.used_by = Some(other);
        assert_eq!(
            JoinRefusal::of(Some(&invite), me, 5),
            Some(JoinRefusal::Used)
        );
    }
}

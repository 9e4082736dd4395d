//! Frames to messages and back. Counts and sizes are checked before anything is decoded.

use bytes::Bytes;
use nocturne_core::wire::messages::Runs;
use nocturne_core::{
    AuthorId, EntryHash, Frontier, FrontierDigest, LogHead, OpBody, OpRef, StoreId,
};
use prost::Message as _;

use super::error::{RefuseReason, Violation};
use super::{FRONTIER_PART, MAX_FRAME, MAX_FRONTIER_FRAME, MAX_HELLO_FRAME, MAX_WANT, scan};
use crate::framing::frame_message;

/// The generated messages.
#[expect(
    unreachable_pub,
    clippy::pedantic,
    reason = "generated from sync.proto, which documents them"
)]
pub(super) mod wire {
    include!(concat!(env!("OUT_DIR"), "/nocturne.sync.v1.rs"));
}

use wire::frame::Kind;

/// A message with its fields checked for form.
#[derive(Debug)]
pub(super) enum Message {
    Hello(Hello),
    Refuse(RefuseReason),
    Frontiers(Vec<(AuthorId, LogHead)>, bool),
    Runs(Runs),
    Credit(u64),
    End,
    Want(Vec<OpRef>),
    /// (Place in the question, body), and whether the question is answered.
    Bodies(Vec<(usize, OpBody)>, bool),
    Durable(FrontierDigest),
}

impl Message {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "Hello",
            Self::Refuse(_) => "Refuse",
            Self::Frontiers(..) => "Frontiers",
            Self::Runs(_) => "Runs",
            Self::Credit(_) => "Credit",
            Self::End => "End",
            Self::Want(_) => "Want",
            Self::Bodies(..) => "Bodies",
            Self::Durable(_) => "Durable",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Hello {
    pub(super) version: u32,
    pub(super) store: StoreId,
    pub(super) frontier: FrontierDigest,
    pub(super) wanted: u64,
    pub(super) wall_ms: u64,
}

/// The store that a session's first frame asks for, so that a driver can find it. The frame is
/// checked fully when it is handed to the session.
pub fn peek_store(frame: &Bytes) -> Result<StoreId, Violation> {
    match decode(frame)? {
        Message::Hello(hello) => Ok(hello.store),
        other => Err(Violation::OutOfOrder {
            message: other.name(),
        }),
    }
}

/// Largest content of each kind of message, in bytes.
const fn max_len(number: u64) -> usize {
    match number {
        1 => MAX_HELLO_FRAME,
        2 | 5 | 6 | 9 => 64,
        3 => MAX_FRONTIER_FRAME,
        // Each body's author once, and two varints each.
        7 => MAX_WANT * (40 + 14),
        _ => MAX_FRAME,
    }
}

/// Reads one frame's payload.
pub(super) fn decode(frame: &Bytes) -> Result<Message, Violation> {
    let (number, offset) = scan::only_field(frame)?;
    let body = frame.slice(offset..);
    if body.len() > max_len(number) {
        return Err(Violation::Malformed);
    }
    match number {
        1 => {
            let hello = wire::Hello::decode(body).map_err(|_| Violation::Malformed)?;
            // Another version may mean something else by the fields.
            let usable = hello.version == super::VERSION;
            Ok(Message::Hello(Hello {
                version: hello.version,
                store: StoreId::from_slice(&hello.store).ok_or(Violation::Malformed)?,
                frontier: match FrontierDigest::from_slice(&hello.frontier) {
                    Some(digest) => digest,
                    None if usable => return Err(Violation::Malformed),
                    None => FrontierDigest::ZERO,
                },
                wanted: hello.wanted,
                wall_ms: hello.wall_ms,
            }))
        }
        2 => {
            let refuse = wire::Refuse::decode(body).map_err(|_| Violation::Malformed)?;
            Ok(Message::Refuse(reason_from(refuse.reason())))
        }
        3 => {
            scan::at_most(&body, 1, FRONTIER_PART, "Frontiers")?;
            let part = wire::Frontiers::decode(body).map_err(|_| Violation::Malformed)?;
            let heads: Option<Vec<_>> = part.heads.iter().map(head).collect();
            Ok(Message::Frontiers(
                heads.ok_or(Violation::Frontier)?,
                part.last,
            ))
        }
        4 => {
            scan::runs(&body)?;
            let runs = Runs::decode(body).map_err(|_| Violation::Malformed)?;
            Ok(Message::Runs(runs))
        }
        5 => {
            let credit = wire::Credit::decode(body).map_err(|_| Violation::Malformed)?;
            Ok(Message::Credit(credit.bytes))
        }
        6 => {
            wire::End::decode(body).map_err(|_| Violation::Malformed)?;
            Ok(Message::End)
        }
        7 => {
            scan::at_most(&body, 1, MAX_WANT, "Want")?;
            let want = wire::Want::decode(body).map_err(|_| Violation::Malformed)?;
            Ok(Message::Want(wanted(&want)?))
        }
        8 => {
            scan::at_most(&body, 1, MAX_WANT, "Bodies")?;
            let bodies = wire::Bodies::decode(body).map_err(|_| Violation::Malformed)?;
            let done = bodies.done;
            let parts: Option<Vec<_>> = bodies
                .bodies
                .into_iter()
                .map(|one| Some((one.index.try_into().ok()?, OpBody::from_joined(one.body)?)))
                .collect();
            Ok(Message::Bodies(parts.ok_or(Violation::Bodies)?, done))
        }
        9 => {
            let durable = wire::Durable::decode(body).map_err(|_| Violation::Malformed)?;
            FrontierDigest::from_slice(&durable.frontier)
                .map(Message::Durable)
                .ok_or(Violation::Malformed)
        }
        _ => Err(Violation::Malformed),
    }
}

fn head(head: &wire::Head) -> Option<(AuthorId, LogHead)> {
    let author = AuthorId::from_slice(&head.author)?;
    let hash = EntryHash::from_slice(&head.hash)?;
    (head.seq > 0).then_some((
        author,
        LogHead {
            seq: head.seq,
            hash,
        },
    ))
}

fn wanted(want: &wire::Want) -> Result<Vec<OpRef>, Violation> {
    let mut refs = Vec::new();
    for of in &want.authors {
        let author = AuthorId::from_slice(&of.author).ok_or(Violation::Want)?;
        let (pairs, rest) = of.ops.as_chunks::<2>();
        if !rest.is_empty() || pairs.is_empty() {
            return Err(Violation::Want);
        }
        if refs.len() + pairs.len() > MAX_WANT {
            return Err(Violation::TooMany { message: "Want" });
        }
        for &[seq, op] in pairs {
            let op = u16::try_from(op).map_err(|_| Violation::Want)?;
            refs.push(OpRef { author, seq, op });
        }
    }
    let ascending = refs.is_sorted_by(|a, b| a < b);
    if refs.is_empty() || !ascending || refs.iter().any(|at| at.seq == 0) {
        return Err(Violation::Want);
    }
    Ok(refs)
}

fn send(kind: Kind) -> Bytes {
    frame_message(&wire::Frame { kind: Some(kind) })
}

pub(super) fn hello(hello: &Hello) -> Bytes {
    send(Kind::Hello(wire::Hello {
        version: hello.version,
        store: Bytes::copy_from_slice(hello.store.as_bytes()),
        frontier: Bytes::copy_from_slice(hello.frontier.as_bytes()),
        wanted: hello.wanted,
        wall_ms: hello.wall_ms,
        cursor: 0,
        base: Bytes::new(),
        cuts: Bytes::new(),
    }))
}

pub(super) fn refuse(reason: RefuseReason) -> Bytes {
    use wire::refuse::Reason;
    let reason = match reason {
        RefuseReason::UnknownStore => Reason::UnknownStore,
        RefuseReason::Version => Reason::Version,
        RefuseReason::Busy => Reason::Busy,
        RefuseReason::Unavailable => Reason::Unavailable,
        RefuseReason::Shutdown => Reason::Shutdown,
        RefuseReason::TooManyAuthors => Reason::TooManyAuthors,
        RefuseReason::Other => Reason::Unspecified,
    };
    send(Kind::Refuse(wire::Refuse {
        reason: reason.into(),
    }))
}

fn reason_from(reason: wire::refuse::Reason) -> RefuseReason {
    use wire::refuse::Reason;
    match reason {
        Reason::UnknownStore => RefuseReason::UnknownStore,
        Reason::Version => RefuseReason::Version,
        Reason::Busy => RefuseReason::Busy,
        Reason::Unavailable => RefuseReason::Unavailable,
        Reason::Shutdown => RefuseReason::Shutdown,
        Reason::TooManyAuthors => RefuseReason::TooManyAuthors,
        Reason::Unspecified => RefuseReason::Other,
    }
}

/// A frontier in parts; an empty one is one empty part.
pub(super) fn frontiers(frontier: &Frontier) -> Vec<Bytes> {
    let heads: Vec<wire::Head> = frontier
        .iter()
        .map(|(author, head)| wire::Head {
            author: Bytes::copy_from_slice(author.as_bytes()),
            seq: head.seq,
            hash: Bytes::copy_from_slice(head.hash.as_bytes()),
        })
        .collect();
    let mut parts: Vec<_> = heads.chunks(FRONTIER_PART).map(<[_]>::to_vec).collect();
    if parts.is_empty() {
        parts.push(Vec::new());
    }
    let last = parts.len().saturating_sub(1);
    parts
        .into_iter()
        .enumerate()
        .map(|(index, heads)| {
            send(Kind::Frontiers(wire::Frontiers {
                heads,
                last: index == last,
            }))
        })
        .collect()
}

pub(super) fn runs(runs: Runs) -> Bytes {
    send(Kind::Runs(runs))
}

pub(super) fn credit(bytes: u64) -> Bytes {
    send(Kind::Credit(wire::Credit { bytes }))
}

pub(super) fn end() -> Bytes {
    send(Kind::End(wire::End {}))
}

pub(super) fn want(refs: &[OpRef]) -> Bytes {
    let authors = refs
        .chunk_by(|a, b| a.author == b.author)
        .filter_map(|of| {
            Some(wire::WantOf {
                author: Bytes::copy_from_slice(of.first()?.author.as_bytes()),
                ops: of
                    .iter()
                    .flat_map(|at| [at.seq, u64::from(at.op)])
                    .collect(),
            })
        })
        .collect();
    send(Kind::Want(wire::Want { authors }))
}

pub(super) fn bodies(bodies: Vec<(u32, OpBody)>, done: bool) -> Bytes {
    let bodies = bodies
        .into_iter()
        .map(|(index, body)| wire::Body {
            index,
            body: body.joined().clone(),
        })
        .collect();
    send(Kind::Bodies(wire::Bodies { bodies, done }))
}

pub(super) fn durable(frontier: FrontierDigest) -> Bytes {
    send(Kind::Durable(wire::Durable {
        frontier: Bytes::copy_from_slice(frontier.as_bytes()),
    }))
}

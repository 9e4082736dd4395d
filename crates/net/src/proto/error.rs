//! How a session fails: the peer broke the rules, refused, was too slow, or this side failed.

use nocturne_core::wire::RunDecodeError;
use nocturne_core::{AuthorId, RunError};

use super::io::LocalFailure;
use super::report::Phase;
use crate::framing::FrameError;
use crate::transport::CloseReason;

/// Why a session ended without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The peer broke the protocol; disconnect it.
    #[error("the peer broke the sync protocol: {0}")]
    Violation(Violation),
    /// The peer has entries that a newer program wrote: nobody's fault. The store can't follow
    /// until this program is updated; nothing is lost.
    #[error("the peer has entries of version {0}; this program must be updated to read them")]
    EntryVersion(u32),
    /// The peer declined.
    #[error("the peer declined to sync: {0}")]
    Refused(RefuseReason),
    /// The peer speaks another version of the protocol.
    #[error("the peer speaks version {0} of the sync protocol")]
    Version(u32),
    /// The other side did not come in time.
    #[error("timed out while {0}")]
    Timeout(Phase),
    /// The stream ended before the session did.
    #[error("the peer ended the stream while {0}")]
    Ended(Phase),
    /// The store here failed.
    #[error("the local store failed: {0}")]
    Local(LocalFailure),
    /// The frontier here has too many authors for a session.
    #[error("{0} authors are more than a sync session can carry")]
    TooManyAuthors(usize),
}

impl SessionError {
    /// What to close the connection with, if the connection should not go on.
    pub const fn close_reason(&self) -> Option<CloseReason> {
        match self {
            Self::Violation(_) => Some(CloseReason::Violation),
            Self::Timeout(_) => Some(CloseReason::Timeout),
            Self::EntryVersion(_)
            | Self::Refused(_)
            | Self::Version(_)
            | Self::Ended(_)
            | Self::Local(_)
            | Self::TooManyAuthors(_) => None,
        }
    }
}

impl From<Violation> for SessionError {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::Run(RunDecodeError::Version(version)) => Self::EntryVersion(version),
            other => Self::Violation(other),
        }
    }
}

/// A broken rule of the protocol. Every one ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The stream is no sequence of frames, or a frame is too large for the state.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Not a message of the protocol, or not exactly one.
    #[error("a frame is not one message of the protocol")]
    Malformed,
    /// More items in a message than it may have.
    #[error("a {message} message has more items than allowed")]
    TooMany {
        /// Which message.
        message: &'static str,
    },
    /// A message that has no place now.
    #[error("a {message} message came out of order")]
    OutOfOrder {
        /// Which message.
        message: &'static str,
    },
    /// A session about another store than the one asked for.
    #[error("the session is about another store")]
    OtherStore,
    /// A frontier that is not sorted, has empty logs, or comes in parts that are not full.
    #[error("the frontier is not well formed")]
    Frontier,
    /// A frontier that is not the one `Hello` announced.
    #[error("the frontier does not match its digest")]
    FrontierDigest,
    /// More authors than a session may name.
    #[error("more than {} authors", super::MAX_AUTHORS)]
    TooManyAuthors,
    /// More under way than the window allows, or more credit given than was used.
    #[error("flow control was overrun")]
    Credit,
    /// A run that was not asked for.
    #[error("a run of {author} from {first_seq} was not asked for")]
    Unrequested {
        /// Whose.
        author: AuthorId,
        /// Its first entry.
        first_seq: u64,
    },
    /// Messages that make no run.
    #[error("a run is malformed: {0}")]
    Run(#[from] RunDecodeError),
    /// A run that does not verify.
    #[error("a run is invalid: {0}")]
    Invalid(RunError),
    /// A question for bodies that is empty, out of order, or asked before the last was answered.
    #[error("a question for bodies is not well formed")]
    Want,
    /// Bodies that were not asked for or that don't match what their headers commit to.
    #[error("a body was not asked for or does not match its header")]
    Bodies,
}

/// Why a peer declines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefuseReason {
    /// It doesn't know the store or doesn't share it with this node.
    #[error("it does not have this store")]
    UnknownStore,
    /// It doesn't speak this version.
    #[error("it does not speak this version")]
    Version,
    /// It has too much to do.
    #[error("it is busy")]
    Busy,
    /// Its store is paused or damaged.
    #[error("its store is not available")]
    Unavailable,
    /// It is stopping.
    #[error("it is shutting down")]
    Shutdown,
    /// Its frontier doesn't fit a session.
    #[error("it has too many authors")]
    TooManyAuthors,
    /// It gave a reason that is not known here.
    #[error("for a reason that this version does not know")]
    Other,
}

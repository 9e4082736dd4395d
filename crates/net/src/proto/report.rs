//! What a session is doing and what it did.

use std::fmt;

use nocturne_core::AuthorId;

use super::io::Rejection;

/// What a session waits for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// The peer's `Hello`.
    Greeting,
    /// The peer's frontier.
    Comparing,
    /// Entries, both ways.
    Exchanging,
    /// Bodies that were missing.
    Fetching,
    /// The peer's confirmation that it has stored everything.
    Confirming,
    /// Nothing: it is over.
    Done,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "greeting",
            Self::Comparing => "comparing frontiers",
            Self::Exchanging => "exchanging entries",
            Self::Fetching => "fetching bodies",
            Self::Confirming => "waiting for the peer to confirm",
            Self::Done => "finishing",
        })
    }
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it waits for.
    pub phase: Phase,
    /// Entries stored durably so far.
    pub entries_received: u64,
    /// Entries that the peer has and this side lacked at the beginning.
    pub entries_expected: u64,
    /// Entries sent so far.
    pub entries_sent: u64,
    /// Entries that the peer lacked at the beginning.
    pub entries_to_send: u64,
    /// Bytes of frames received so far.
    pub bytes_received: u64,
    /// Bytes of frames sent so far.
    pub bytes_sent: u64,
}

/// What a session did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Entries applied here.
    pub entries_received: u64,
    /// Entries sent to the peer; it may have had some from elsewhere in the meantime.
    pub entries_sent: u64,
    /// Entries kept that wait for others or for their time.
    pub runs_waiting: u64,
    /// Bytes of frames received, prefixes included.
    pub bytes_received: u64,
    /// Bytes of frames sent, prefixes included.
    pub bytes_sent: u64,
    /// Missing bodies that the peer had and that are stored now.
    pub bodies_received: u64,
    /// Bodies given to the peer.
    pub bodies_served: u64,
    /// Logs that could not be brought together, and why; by author, each once.
    pub rejected: Vec<(AuthorId, Rejection)>,
    /// Peer's clock minus this one's, in milliseconds, path delay included.
    pub clock_offset_ms: i64,
    /// The peer knows more of this node's own log than this node does: (here, there). The node
    /// was restored from an old copy and must not write before it has caught up.
    pub own_log_behind: Option<(u64, u64)>,
    /// Both sides end with equal frontiers.
    pub converged: bool,
}

impl Report {
    pub(super) fn reject(&mut self, author: AuthorId, why: Rejection) {
        if let Err(place) = self.rejected.binary_search_by_key(&author, |(a, _)| *a) {
            self.rejected.insert(place, (author, why));
        }
    }

    pub(super) fn is_rejected(&self, author: &AuthorId) -> bool {
        self.rejected
            .binary_search_by_key(author, |(a, _)| *a)
            .is_ok()
    }
}

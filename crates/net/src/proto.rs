//! The sync protocol as a value: one [`Session`] per peer and store, without sockets, clocks,
//! tasks or storage. Messages and rules: `proto/v1/sync.proto` and `proto/v1/sync.md`.
//!
//! A driver feeds [`Input`]s with the time, does what the [`Output`]s say, and asks
//! [`Session::poll_timeout`] when to come back. The session believes that something is stored only
//! when it is told so.

mod bodies;
mod error;
mod hint;
mod inbound;
mod io;
mod messages;
mod outbound;
mod report;
mod scan;
mod session;

pub use self::error::{RefuseReason, SessionError, Violation};
pub use self::hint::Hint;
pub use self::io::{
    Cursor, Input, Load, Loaded, LocalFailure, Output, Persist, Persisted, Rejection, RunOutcome,
};
pub use self::messages::peek_store;
pub use self::report::{Phase, Progress, Report};
pub use self::session::{Config, Deadlines, Session};

/// The protocol's version.
pub const VERSION: u32 = 1;
/// Largest frame before `Hello` is accepted, in bytes: a `Hello` has at most some 160.
pub const MAX_HELLO_FRAME: usize = 512;
/// Largest frame while frontiers are exchanged: a full part has at most some 86,000 bytes.
pub const MAX_FRONTIER_FRAME: usize = 128 * 1024;
/// Largest frame afterwards: the largest entry, and slack for what frames it. An entry of empty
/// operations with many parents grows a little on the wire.
pub const MAX_FRAME: usize = nocturne_core::limits::MAX_ENTRY_BYTES + 256 * 1024;
/// Authors in one part of a frontier; every part but the last has exactly so many, so that the
/// number of messages is bounded too.
pub const FRONTIER_PART: usize = 1_000;
/// Most authors in a session's frontiers.
pub const MAX_AUTHORS: usize = 65_536;
/// Cost of `Runs` and `Bodies` frames (bytes, or entries if they are tiny) that a sender may have under way before the receiver says
/// they are durable: room for the largest frame and for the pipeline of disk and path.
pub const WINDOW: u64 = 8 * 1024 * 1024;
/// What an entry costs of the window at least, in bytes: an entry without operations takes four
/// bytes on the wire and much more in memory.
pub const MIN_ENTRY_COST: u64 = 64;
/// Size that a sender fills `Runs` and `Bodies` frames to, in bytes.
pub const FRAME_TARGET: usize = 256 * 1024;
/// Most bodies in one question.
pub const MAX_WANT: usize = 4_096;

const _: () = assert!(MAX_FRAME as u64 <= WINDOW, "a frame must fit the window");

#[cfg(test)]
mod tests;

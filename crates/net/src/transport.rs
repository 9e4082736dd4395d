//! What sync needs from a network: authenticated peers, byte streams, reasons for closing.
//!
//! The traits are object-safe and use only `std` futures, so that any runtime (or a simulation)
//! can stand behind them. [`crate::conformance`] checks an implementation.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use nocturne_core::AuthorId;

/// A boxed future, so that the traits stay object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a peer may be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddr {
    /// Who it must prove to be.
    pub id: AuthorId,
    /// Addresses at which it may be reached directly.
    pub direct: Vec<SocketAddr>,
    /// URL of a relay that forwards to it.
    pub relay: Option<String>,
}

impl PeerAddr {
    /// A peer of which only the identity is known; the transport must find it by itself.
    pub fn new(id: AuthorId) -> Self {
        Self {
            id,
            direct: Vec::new(),
            relay: None,
        }
    }

    /// Adds a direct address.
    #[must_use]
    pub fn with_direct(mut self, addr: SocketAddr) -> Self {
        self.direct.push(addr);
        self
    }
}

/// Why a connection was closed, as the closer says. Codes are part of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CloseReason {
    /// 0: nothing more to do.
    Done,
    /// 1: the closer is stopping.
    Shutdown,
    /// 2: the closer doesn't know this peer as a member.
    NotMember,
    /// 3: the peer broke the protocol.
    Violation,
    /// 4: the peer was too slow.
    Timeout,
    /// 5: too many connections or streams.
    Busy,
    /// 6: a newer connection to the same peer takes over.
    Superseded,
    /// Any other code.
    Other(u32),
}

impl CloseReason {
    /// The code on the wire.
    pub const fn code(self) -> u32 {
        match self {
            Self::Done => 0,
            Self::Shutdown => 1,
            Self::NotMember => 2,
            Self::Violation => 3,
            Self::Timeout => 4,
            Self::Busy => 5,
            Self::Superseded => 6,
            Self::Other(code) => code,
        }
    }

    /// From the code on the wire.
    pub const fn from_code(code: u32) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::Shutdown,
            2 => Self::NotMember,
            3 => Self::Violation,
            4 => Self::Timeout,
            5 => Self::Busy,
            6 => Self::Superseded,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("nothing more to do"),
            Self::Shutdown => f.write_str("shutting down"),
            Self::NotMember => f.write_str("not a member"),
            Self::Violation => f.write_str("the protocol was broken"),
            Self::Timeout => f.write_str("too slow"),
            Self::Busy => f.write_str("too busy"),
            Self::Superseded => f.write_str("replaced by a newer connection"),
            Self::Other(code) => write!(f, "code {code}"),
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// The peer closed it.
    #[error("closed by the peer: {0}")]
    ByPeer(CloseReason),
    /// This side closed it.
    #[error("closed by this side: {0}")]
    ByUs(CloseReason),
    /// It broke: the peer vanished or the path did.
    #[error("the connection was lost")]
    Lost,
}

/// Why no connection came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The peer's identity is not a usable key or an address does not parse.
    #[error("the peer's address is not usable")]
    BadAddress,
    /// No answer in time.
    #[error("the peer did not answer in time")]
    Timeout,
    /// No way to the peer is known or the network refused.
    #[error("the peer cannot be reached")]
    Unreachable,
    /// The peer turned the connection away.
    #[error("the peer turned the connection away: {0}")]
    Refused(CloseReason),
    /// This transport has been closed.
    #[error("the transport is closed")]
    TransportClosed,
}

/// Why a stream can't be opened, read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The connection is gone.
    #[error("{0}")]
    Connection(#[from] Closed),
    /// The peer dropped its end of this stream; the connection goes on.
    #[error("the peer gave up the stream")]
    Stopped,
    /// Written after `finish`.
    #[error("the stream is finished")]
    Finished,
}

/// Both ends of a bidirectional stream.
pub type Stream = (Box<dyn SendStream>, Box<dyn RecvStream>);

/// An endpoint: one identity that connects and is connected to.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Who this endpoint is.
    fn local_id(&self) -> AuthorId;

    /// Where others may find it.
    fn local_addr(&self) -> PeerAddr;

    /// Connects; returns once the peer has proved to be `addr.id`. Bounded in time. Whether the
    /// peer wants the connection may show only at the first read.
    fn connect<'a>(
        &'a self,
        addr: &'a PeerAddr,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, ConnectError>>;

    /// The next connection from a peer; `None` once the transport is closed. Cancel-safe.
    fn accept(&self) -> BoxFuture<'_, Option<Arc<dyn Connection>>>;

    /// Closes every connection and stops. Returns when peers have been told.
    fn close(&self, reason: CloseReason) -> BoxFuture<'_, ()>;
}

/// A connection to one authenticated peer. Carries any number of streams.
pub trait Connection: fmt::Debug + Send + Sync {
    /// Who the peer has proved to be.
    fn peer(&self) -> AuthorId;

    /// Opens a stream. The peer sees it with its first byte.
    fn open_stream(&self) -> BoxFuture<'_, Result<Stream, StreamError>>;

    /// The next stream that the peer opened. Cancel-safe.
    fn accept_stream(&self) -> BoxFuture<'_, Result<Stream, StreamError>>;

    /// Closes at once; what is in flight may be lost. The first close wins.
    fn close(&self, reason: CloseReason);

    /// Waits for the end and says how it came. Cancel-safe.
    fn closed(&self) -> BoxFuture<'_, Closed>;
}

/// The sending end of a stream. Dropped without `finish`, the receiver gets what was written and
/// then the end or an error, whichever the transport does.
pub trait SendStream: fmt::Debug + Send {
    /// Takes all of `data`, waiting for the receiver as the transport's flow control says. Not
    /// cancel-safe: a dropped call may have written a part.
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), StreamError>>;

    /// Tells the receiver that nothing more comes.
    fn finish(&mut self) -> Result<(), StreamError>;
}

/// The receiving end of a stream. Dropping it tells the sender to stop.
pub trait RecvStream: fmt::Debug + Send {
    /// The next bytes, at least one and at most `max`; `None` at the end. Cancel-safe.
    fn read(&mut self, max: usize) -> BoxFuture<'_, Result<Option<Bytes>, StreamError>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_round_trip() {
        for code in 0..20 {
            assert_eq!(CloseReason::from_code(code).code(), code);
        }
        assert_eq!(CloseReason::from_code(3), CloseReason::Violation);
    }
}

//! Runs sync sessions over connections against stores, on tokio.
//!
//! [`sync_once`] opens a stream and brings one store up to date in both directions;
//! [`serve_connection`] answers whatever stores the peer asks about, each on a stream of its own,
//! so that several stores share a connection. [`live`] keeps a store current between syncs.
//!
//! The session decides; what happens here is reading, writing and waiting. Verification and
//! decoding run on tokio's blocking threads, never on its reactor.

pub mod live;

mod load;
mod persist;
mod run;

use std::fmt;
use std::sync::Arc;

use nocturne_core::{AuthorId, StoreId};
use nocturne_store::{Clock, StoreHandle, SystemClock};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};

use self::run::{Channel, Driver};
use crate::framing::FrameDecoder;
use crate::proto::{
    Deadlines, MAX_HELLO_FRAME, Progress, RefuseReason, Report, Session, SessionError, Violation,
    peek_store,
};
use crate::transport::{CloseReason, Connection, Stream, StreamError};

/// Sessions at once on one connection; more are declined as busy.
pub const MAX_STREAMS: usize = 16;

/// How to sync.
#[derive(Clone)]
pub struct SyncOptions {
    /// Tells the peer our time and measures its difference.
    pub clock: Arc<dyn Clock>,
    /// How long to wait.
    pub deadlines: Deadlines,
    /// Told how far a session is, after each step; must return at once.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

impl Default for SyncOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            deadlines: Deadlines::default(),
            progress: None,
        }
    }
}

impl fmt::Debug for SyncOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncOptions")
            .field("deadlines", &self.deadlines)
            .finish_non_exhaustive()
    }
}

/// Why a sync failed. Runs that were stored before stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The session failed; says whose fault it was.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The stream or its connection failed.
    #[error("the connection failed: {0}")]
    Stream(#[from] StreamError),
    /// The peer asked for a store that is not served here.
    #[error("the peer asked for store {0}, which is not served here")]
    UnknownStore(StoreId),
}

/// A session that was served.
#[derive(Debug)]
pub struct Served {
    /// With whom.
    pub peer: AuthorId,
    /// About which store, if the peer came to say so.
    pub store: Option<StoreId>,
    /// How it went.
    pub outcome: Result<Report, SyncError>,
}

/// Syncs one store with the peer of a connection, both ways. A peer that breaks the protocol is
/// disconnected.
pub async fn sync_once(
    connection: &dyn Connection,
    store: &StoreHandle,
    options: &SyncOptions,
) -> Result<Report, SyncError> {
    let stream = connection.open_stream().await?;
    let channel = Channel::new(stream, FrameDecoder::new(MAX_HELLO_FRAME));
    let driver = Driver::new(connection.peer(), store, options);
    let outcome = driver.run(channel, None).await;
    disconnect_if_guilty(connection, &outcome);
    outcome
}

/// Answers one stream that the peer opened. `lookup` says which stores this peer may sync.
pub async fn serve_stream(
    connection: &dyn Connection,
    stream: Stream,
    lookup: &(dyn Fn(StoreId) -> Option<StoreHandle> + Send + Sync),
    options: &SyncOptions,
) -> Served {
    let peer = connection.peer();
    let mut channel = Channel::new(stream, FrameDecoder::new(MAX_HELLO_FRAME));
    let mut asked = None;
    let outcome = async {
        let greeting = Duration::from_millis(options.deadlines.greeting_ms);
        let Ok(first) = timeout(greeting, channel.next_frame()).await else {
            return Err(SessionError::Timeout(crate::proto::Phase::Greeting).into());
        };
        let first = first?;
        let id = peek_store(&first).map_err(SessionError::Violation)?;
        asked = Some(id);
        let Some(store) = lookup(id) else {
            channel.decline(RefuseReason::UnknownStore).await;
            return Err(SyncError::UnknownStore(id));
        };
        Driver::new(peer, &store, options)
            .run(channel, Some(first))
            .await
    }
    .await;
    disconnect_if_guilty(connection, &outcome);
    Served {
        peer,
        store: asked,
        outcome,
    }
}

/// Answers everything that the peer of a connection asks, until the connection ends; at most
/// [`MAX_STREAMS`] sessions at once. `served` is told of each; it must return at once.
pub async fn serve_connection(
    connection: Arc<dyn Connection>,
    lookup: Arc<dyn Fn(StoreId) -> Option<StoreHandle> + Send + Sync>,
    options: SyncOptions,
    served: Arc<dyn Fn(Served) + Send + Sync>,
) {
    let room = Arc::new(Semaphore::new(MAX_STREAMS));
    // Dropped with this future: no session outlives its connection's server.
    let mut sessions = JoinSet::new();
    while let Ok(stream) = connection.accept_stream().await {
        while sessions.try_join_next().is_some() {}
        let Ok(permit) = room.clone().try_acquire_owned() else {
            let channel = Channel::new(stream, FrameDecoder::new(MAX_HELLO_FRAME));
            if sessions.len() < 2 * MAX_STREAMS {
                sessions.spawn(async move {
                    channel.decline(RefuseReason::Busy).await;
                });
            }
            continue;
        };
        let (connection, lookup) = (connection.clone(), lookup.clone());
        let (options, served) = (options.clone(), served.clone());
        sessions.spawn(async move {
            served(serve_stream(&*connection, stream, &*lookup, &options).await);
            drop(permit);
        });
    }
}

fn disconnect_if_guilty(connection: &dyn Connection, outcome: &Result<Report, SyncError>) {
    if let Err(SyncError::Session(error)) = outcome
        && let Some(reason) = error.close_reason()
    {
        tracing::warn!(peer = %connection.peer(), %error, "disconnecting a peer");
        connection.close(reason);
    }
}

/// What [`CloseReason`] a failed sync suggests for the connection, if it should be closed.
pub fn close_reason(error: &SyncError) -> Option<CloseReason> {
    match error {
        SyncError::Session(error) => error.close_reason(),
        SyncError::Stream(_) | SyncError::UnknownStore(_) => None,
    }
}

impl From<Violation> for SyncError {
    fn from(violation: Violation) -> Self {
        Self::Session(violation.into())
    }
}

/// The frame that declines, for [`Channel::decline`].
fn refusal(reason: RefuseReason) -> bytes::Bytes {
    Session::refusal(reason)
}

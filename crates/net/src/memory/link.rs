//! A connection between two endpoints of one process, and its streams.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use nocturne_core::AuthorId;

use super::wake::Wakers;
use crate::transport::{
    BoxFuture, CloseReason, Closed, Connection, RecvStream, SendStream, Stream, StreamError,
};

/// Bytes that a stream holds before its writer waits: about what QUIC's default window is.
const STREAM_WINDOW: usize = 1024 * 1024;
/// Streams that may wait to be accepted; the opener waits beyond.
const STREAM_QUEUE: usize = 100;

/// Which end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Connected,
    Accepted,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Connected => Self::Accepted,
            Self::Accepted => Self::Connected,
        }
    }
}

/// What both ends share.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum End {
    ClosedBy(Side, CloseReason),
    Lost,
}

#[derive(Debug, Default)]
struct State {
    end: Option<End>,
    next_stream: u64,
    to_connector: VecDeque<u64>,
    to_acceptor: VecDeque<u64>,
    /// Keyed by stream and by whether the connector writes.
    pipes: BTreeMap<(u64, bool), Pipe>,
    wakers: Wakers,
}

#[derive(Debug, Default)]
struct Pipe {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    finished: bool,
    reader_gone: bool,
    writer_gone: bool,
}

impl State {
    fn ended(&self, side: Side) -> Result<(), Closed> {
        match self.end {
            None => Ok(()),
            Some(End::Lost) => Err(Closed::Lost),
            Some(End::ClosedBy(by, reason)) if by == side => Err(Closed::ByUs(reason)),
            Some(End::ClosedBy(_, reason)) => Err(Closed::ByPeer(reason)),
        }
    }

    fn incoming(&mut self, side: Side) -> &mut VecDeque<u64> {
        match side {
            Side::Connected => &mut self.to_connector,
            Side::Accepted => &mut self.to_acceptor,
        }
    }

    fn finish(&mut self, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
            self.pipes.clear();
            self.to_connector.clear();
            self.to_acceptor.clear();
        }
        self.wakers.wake();
    }

    fn drop_end(&mut self, key: (u64, bool), reader: bool) {
        if let Some(pipe) = self.pipes.get_mut(&key) {
            if reader {
                pipe.reader_gone = true;
                pipe.chunks.clear();
                pipe.bytes = 0;
            } else {
                pipe.writer_gone = true;
            }
            if pipe.reader_gone && pipe.writer_gone {
                self.pipes.remove(&key);
            }
        }
        self.wakers.wake();
    }
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().end.is_some()
    }

    pub(super) fn close(&self, side: Side, reason: CloseReason) {
        self.lock().finish(End::ClosedBy(side, reason));
    }

    pub(super) fn lose(&self) {
        self.lock().finish(End::Lost);
    }
}

/// One end of a link.
#[derive(Debug)]
pub(super) struct MemoryConnection {
    link: Arc<Link>,
    side: Side,
    peer: AuthorId,
}

impl MemoryConnection {
    pub(super) fn new(link: Arc<Link>, side: Side, peer: AuthorId) -> Self {
        Self { link, side, peer }
    }

    fn stream(&self, id: u64) -> Stream {
        let writes = self.side == Side::Connected;
        let half = |writer_is_connector| Half {
            link: self.link.clone(),
            side: self.side,
            key: (id, writer_is_connector),
        };
        (
            Box::new(MemorySend(half(writes))),
            Box::new(MemoryRecv(half(!writes))),
        )
    }
}

impl Connection for MemoryConnection {
    fn peer(&self) -> AuthorId {
        self.peer
    }

    fn open_stream(&self) -> BoxFuture<'_, Result<Stream, StreamError>> {
        Box::pin(poll_fn(move |cx| {
            let mut state = self.link.lock();
            state.ended(self.side)?;
            if state.incoming(self.side.other()).len() >= STREAM_QUEUE {
                state.wakers.register(cx.waker());
                return Poll::Pending;
            }
            let id = state.next_stream;
            state.next_stream += 1;
            state.pipes.insert((id, true), Pipe::default());
            state.pipes.insert((id, false), Pipe::default());
            state.incoming(self.side.other()).push_back(id);
            state.wakers.wake();
            Poll::Ready(Ok(self.stream(id)))
        }))
    }

    fn accept_stream(&self) -> BoxFuture<'_, Result<Stream, StreamError>> {
        Box::pin(poll_fn(move |cx| {
            let mut state = self.link.lock();
            state.ended(self.side)?;
            if let Some(id) = state.incoming(self.side).pop_front() {
                state.wakers.wake();
                return Poll::Ready(Ok(self.stream(id)));
            }
            state.wakers.register(cx.waker());
            Poll::Pending
        }))
    }

    fn close(&self, reason: CloseReason) {
        self.link.close(self.side, reason);
    }

    fn closed(&self) -> BoxFuture<'_, Closed> {
        Box::pin(poll_fn(move |cx| {
            let mut state = self.link.lock();
            if let Err(closed) = state.ended(self.side) {
                return Poll::Ready(closed);
            }
            state.wakers.register(cx.waker());
            Poll::Pending
        }))
    }
}

/// As with QUIC, a connection that nobody holds is closed.
impl Drop for MemoryConnection {
    fn drop(&mut self) {
        self.link.close(self.side, CloseReason::Done);
    }
}

/// One end of one direction of a stream.
#[derive(Debug)]
struct Half {
    link: Arc<Link>,
    side: Side,
    key: (u64, bool),
}

#[derive(Debug)]
struct MemorySend(Half);

#[derive(Debug)]
struct MemoryRecv(Half);

impl MemorySend {
    fn poll_write(&self, cx: &Context<'_>, data: &mut Bytes) -> Poll<Result<(), StreamError>> {
        let half = &self.0;
        let mut state = half.link.lock();
        state.ended(half.side)?;
        let Some(pipe) = state.pipes.get_mut(&half.key) else {
            return Poll::Ready(Err(StreamError::Stopped));
        };
        if pipe.finished {
            return Poll::Ready(Err(StreamError::Finished));
        }
        if pipe.reader_gone {
            return Poll::Ready(Err(StreamError::Stopped));
        }
        let room = STREAM_WINDOW.saturating_sub(pipe.bytes);
        let now = data.split_to(room.min(data.len()));
        let wrote = !now.is_empty();
        if wrote {
            pipe.bytes += now.len();
            pipe.chunks.push_back(now);
        }
        if wrote {
            state.wakers.wake();
        }
        if data.is_empty() {
            return Poll::Ready(Ok(()));
        }
        state.wakers.register(cx.waker());
        Poll::Pending
    }
}

impl SendStream for MemorySend {
    fn write(&mut self, mut data: Bytes) -> BoxFuture<'_, Result<(), StreamError>> {
        Box::pin(poll_fn(move |cx| self.poll_write(cx, &mut data)))
    }

    fn finish(&mut self) -> Result<(), StreamError> {
        let half = &self.0;
        let mut state = half.link.lock();
        state.ended(half.side)?;
        if let Some(pipe) = state.pipes.get_mut(&half.key) {
            if pipe.finished {
                return Err(StreamError::Finished);
            }
            pipe.finished = true;
        }
        state.wakers.wake();
        Ok(())
    }
}

impl RecvStream for MemoryRecv {
    fn read(&mut self, max: usize) -> BoxFuture<'_, Result<Option<Bytes>, StreamError>> {
        Box::pin(poll_fn(move |cx| {
            let half = &self.0;
            let mut state = half.link.lock();
            state.ended(half.side)?;
            let Some(pipe) = state.pipes.get_mut(&half.key) else {
                return Poll::Ready(Ok(None));
            };
            if let Some(chunk) = pipe.chunks.front_mut() {
                let data = chunk.split_to(max.max(1).min(chunk.len()));
                if chunk.is_empty() {
                    pipe.chunks.pop_front();
                }
                pipe.bytes -= data.len();
                state.wakers.wake();
                return Poll::Ready(Ok(Some(data)));
            }
            if pipe.finished || pipe.writer_gone {
                return Poll::Ready(Ok(None));
            }
            state.wakers.register(cx.waker());
            Poll::Pending
        }))
    }
}

impl Drop for MemorySend {
    fn drop(&mut self) {
        self.0.link.lock().drop_end(self.0.key, false);
    }
}

impl Drop for MemoryRecv {
    fn drop(&mut self) {
        self.0.link.lock().drop_end(self.0.key, true);
    }
}

//! The loop of one session: reads, writes, waits, and does what the session says.

use std::future::pending;

use bytes::Bytes;
use nocturne_core::AuthorId;
use nocturne_store::{StorageError, StoreHandle};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::load::{load, wanted_count};
use super::persist::Pipeline;
use super::{SyncError, SyncOptions, refusal};
use crate::framing::{FrameDecoder, FrameError};
use crate::proto::{
    Config, Input, Load, Loaded, LocalFailure, Output, RefuseReason, Report, Session, SessionError,
    Violation,
};
use crate::transport::{RecvStream, SendStream, Stream, StreamError};

/// Frames between the session and the network: the next is built while one is written.
const WRITE_QUEUE: usize = 2;
/// Frames from this size on are decoded on a blocking thread: decoding hashes every entry.
const LARGE_FRAME: usize = 16 * 1024;
/// How long to wait, after the end, until the peer has taken the last bytes.
const LINGER: Duration = Duration::from_secs(5);

/// A stream cut into frames.
pub(super) struct Channel {
    send: Box<dyn SendStream>,
    recv: Box<dyn RecvStream>,
    decoder: FrameDecoder,
}

impl Channel {
    pub(super) fn new((send, recv): Stream, decoder: FrameDecoder) -> Self {
        Self {
            send,
            recv,
            decoder,
        }
    }

    /// The next frame; the caller sets the deadline.
    pub(super) async fn next_frame(&mut self) -> Result<Bytes, SyncError> {
        loop {
            if let Some(frame) = self.decoder.next_frame().map_err(Violation::Frame)? {
                return Ok(frame);
            }
            match self.recv.read(self.decoder.read_hint()).await? {
                Some(data) => self.decoder.push(data),
                None => return Err(Violation::Frame(FrameError::Truncated).into()),
            }
        }
    }

    /// Declines the session, and waits shortly until the peer has heard it.
    pub(super) async fn decline(mut self, reason: RefuseReason) {
        let declining = async {
            if self.send.write(refusal(reason)).await.is_ok() {
                self.send.finish().ok();
                drain(&mut *self.recv).await;
            }
        };
        timeout(LINGER, declining).await.ok();
    }
}

/// Reads to the end, keeping nothing.
async fn drain(recv: &mut dyn RecvStream) {
    while let Ok(Some(_)) = recv.read(64 * 1024).await {}
}

/// One session's surroundings.
pub(super) struct Driver<'a> {
    peer: AuthorId,
    store: &'a StoreHandle,
    options: &'a SyncOptions,
    started: Instant,
}

/// Something that the loop waited for.
enum Event {
    /// Room for a frame; or the writer has given up and frames go nowhere. What the peer still
    /// says, or how the stream ends, tells why.
    Room(Option<mpsc::OwnedPermit<Bytes>>),
    Loaded(Result<Loaded, LocalFailure>),
    Persisted(Result<crate::proto::Persisted, LocalFailure>),
    Read(Result<Option<Bytes>, StreamError>),
    Deadline,
}

impl<'a> Driver<'a> {
    pub(super) fn new(peer: AuthorId, store: &'a StoreHandle, options: &'a SyncOptions) -> Self {
        Self {
            peer,
            store,
            options,
            started: Instant::now(),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Runs a session to its end; `first` is what the peer sent before the store was known.
    pub(super) async fn run(
        self,
        channel: Channel,
        first: Option<Bytes>,
    ) -> Result<Report, SyncError> {
        let store = self.store.clone();
        let counted = spawn_blocking(move || wanted_count(&store)).await;
        let Ok(Ok(wanted)) = counted else {
            channel.decline(RefuseReason::Unavailable).await;
            return Err(SessionError::Local(LocalFailure::Read).into());
        };
        let config = Config {
            store: self.store.id(),
            me: self.store.author(),
            frontier: self.store.frontier().as_ref().clone(),
            wanted,
            wall_ms: self.options.clock.now_ms(),
            deadlines: self.options.deadlines,
        };
        let mut session = Session::new(self.now_ms(), config);
        if let Some(first) = first {
            session.handle(self.now_ms(), Input::Message(first));
        }
        let outcome = self.exchange(session, channel).await;
        if let Ok(report) = &outcome {
            // A store that has stopped meanwhile needs no clock any more.
            self.store
                .note_peer_clock(self.peer, report.clock_offset_ms)
                .await
                .ok();
        }
        outcome
    }

    async fn exchange(&self, mut session: Session, channel: Channel) -> Result<Report, SyncError> {
        let Channel {
            send,
            mut recv,
            mut decoder,
        } = channel;
        let (frames, queue) = mpsc::channel(WRITE_QUEUE);
        let mut writer = JoinSet::new();
        writer.spawn(write_all(send, queue));
        let mut pipeline = Pipeline::new(self.store.clone());
        let mut persisting = 0usize;
        let mut loads: JoinSet<Result<Loaded, StorageError>> = JoinSet::new();
        let mut outputs = true;
        let outcome = loop {
            let deadline = session
                .poll_timeout()
                .map(|ms| self.started + Duration::from_millis(ms));
            let event = tokio::select! {
                biased;
                room = frames.clone().reserve_owned(), if outputs => Event::Room(room.ok()),
                Some(loaded) = loads.join_next() => Event::Loaded(match loaded {
                    Ok(Ok(loaded)) => Ok(loaded),
                    Ok(Err(error)) => {
                        tracing::error!(%error, store = %self.store.id(), "reading for a peer failed");
                        Err(LocalFailure::Read)
                    }
                    Err(_) => Err(LocalFailure::Read),
                }),
                persisted = pipeline.next(), if persisting > 0 => Event::Persisted(persisted),
                read = recv.read(decoder.read_hint()) => Event::Read(read),
                () = until(deadline) => Event::Deadline,
            };
            match event {
                Event::Room(permit) => match session.poll_output() {
                    Some(Output::Send(frame)) => {
                        if let Some(permit) = permit {
                            permit.send(frame);
                        }
                        self.tell(&session);
                    }
                    Some(Output::Load(load)) => self.load(&mut loads, load),
                    Some(Output::Persist(batch)) => match pipeline.push(batch) {
                        Ok(()) => persisting += 1,
                        Err(failure) => session.handle(self.now_ms(), Input::Failed(failure)),
                    },
                    Some(Output::Finished(outcome)) => break outcome,
                    None => outputs = false,
                },
                Event::Loaded(loaded) => {
                    let input = loaded.map_or_else(Input::Failed, Input::Loaded);
                    session.handle(self.now_ms(), input);
                    outputs = true;
                }
                Event::Persisted(persisted) => {
                    persisting -= 1;
                    let input = persisted.map_or_else(Input::Failed, Input::Persisted);
                    session.handle(self.now_ms(), input);
                    outputs = true;
                    self.tell(&session);
                }
                Event::Read(Ok(Some(data))) => {
                    decoder.push(data);
                    session = self.frames(session, &mut decoder).await?;
                    outputs = true;
                }
                Event::Read(Ok(None)) => {
                    match decoder.finish() {
                        Ok(()) => session.handle(self.now_ms(), Input::Ended),
                        Err(error) => session.violated(error.into()),
                    }
                    outputs = true;
                }
                Event::Read(Err(error)) => return Err(error.into()),
                Event::Deadline => {
                    session.handle(self.now_ms(), Input::Timeout);
                    outputs = true;
                }
            }
        };
        self.tell(&session);
        // The peer finishes its side once it has everything: then nothing of ours can be lost.
        drop(frames);
        let flushing = async {
            while writer.join_next().await.is_some() {}
            drain(&mut *recv).await;
        };
        let guilty = matches!(&outcome, Err(error) if error.close_reason().is_some());
        if !guilty {
            timeout(LINGER, flushing).await.ok();
        }
        Ok(outcome?)
    }

    /// Hands all complete frames to the session. A frame's limit depends on those before it.
    async fn frames(
        &self,
        mut session: Session,
        decoder: &mut FrameDecoder,
    ) -> Result<Session, SyncError> {
        loop {
            decoder.set_max(session.max_frame());
            match decoder.next_frame() {
                Ok(None) => return Ok(session),
                Ok(Some(frame)) if frame.len() < LARGE_FRAME => {
                    session.handle(self.now_ms(), Input::Message(frame));
                }
                Ok(Some(frame)) => {
                    let now_ms = self.now_ms();
                    let handling = spawn_blocking(move || {
                        session.handle(now_ms, Input::Message(frame));
                        session
                    });
                    session = handling
                        .await
                        .map_err(|_| SessionError::Local(LocalFailure::Unavailable))?;
                }
                Err(error) => {
                    session.violated(error.into());
                    return Ok(session);
                }
            }
            if session.is_finished() {
                return Ok(session);
            }
        }
    }

    fn load(&self, loads: &mut JoinSet<Result<Loaded, StorageError>>, what: Load) {
        let store = self.store.clone();
        loads.spawn_blocking(move || load(&store, what));
    }

    fn tell(&self, session: &Session) {
        if let Some(progress) = &self.options.progress {
            progress(session.progress());
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Writes what comes and finishes the stream.
async fn write_all(mut send: Box<dyn SendStream>, mut queue: mpsc::Receiver<Bytes>) {
    while let Some(frame) = queue.recv().await {
        if send.write(frame).await.is_err() {
            return;
        }
    }
    send.finish().ok();
}

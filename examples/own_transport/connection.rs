//! A connection over Unix sockets and its streams.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;

use bytes::Bytes;
use nocturne_core::AuthorId;
use nocturne_net::transport::{
    BoxFuture, CloseReason, Closed, Connection, RecvStream, SendStream, Stream, StreamError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};

use crate::{QUEUE, Shared, Token, socket_path};

/// A connection to a peer on this machine.
#[derive(Debug)]
pub(crate) struct UnixConnection {
    shared: Arc<Shared>,
    peer: AuthorId,
    token: Token,
    control: StdStream,
    streams: AsyncMutex<mpsc::Receiver<UnixStream>>,
    end: watch::Sender<Option<Closed>>,
}

impl UnixConnection {
    /// From a greeted socket; the sender feeds it the streams that the peer opens.
    pub(crate) fn new(
        socket: UnixStream,
        shared: Arc<Shared>,
        peer: AuthorId,
        token: Token,
    ) -> io::Result<(Arc<Self>, mpsc::Sender<UnixStream>)> {
        let socket = socket.into_std()?;
        let control = socket.try_clone()?;
        let (sender, streams) = mpsc::channel(QUEUE);
        let streams = AsyncMutex::new(streams);
        let end = watch::Sender::new(None);
        tokio::spawn(watch_control(UnixStream::from_std(socket)?, end.clone()));
        Ok((
            Arc::new(Self {
                shared,
                peer,
                token,
                control,
                streams,
                end,
            }),
            sender,
        ))
    }

    /// Tells the connecting side that its streams will be taken.
    pub(crate) fn welcome(&self) -> io::Result<()> {
        (&self.control).write_all(b"!")
    }

    async fn stream(&self) -> io::Result<Stream> {
        let mut socket = UnixStream::connect(socket_path(&self.shared.folder, &self.peer)).await?;
        socket.write_all(&[b"S", &self.token[..]].concat()).await?;
        halves(socket, &self.end)
    }
}

impl Connection for UnixConnection {
    fn peer(&self) -> AuthorId {
        self.peer
    }

    fn open_stream(&self) -> BoxFuture<'_, Result<Stream, StreamError>> {
        Box::pin(async move {
            unless_ended(&self.end.subscribe(), self.stream())
                .await?
                .map_err(|_| Closed::Lost.into())
        })
    }

    fn accept_stream(&self) -> BoxFuture<'_, Result<Stream, StreamError>> {
        Box::pin(async move {
            let next = async { self.streams.lock().await.recv().await };
            let socket = unless_ended(&self.end.subscribe(), next)
                .await?
                .ok_or(Closed::Lost)?;
            halves(socket, &self.end).map_err(|_| Closed::Lost.into())
        })
    }

    fn close(&self, reason: CloseReason) {
        if end_once(&self.end, Closed::ByUs(reason)) {
            // Four bytes fit any socket's buffer; if the peer is gone, there is nobody to tell.
            drop((&self.control).write_all(&reason.code().to_be_bytes()));
            drop(self.control.shutdown(Shutdown::Both));
        }
    }

    fn closed(&self) -> BoxFuture<'_, Closed> {
        let mut end = self.end.subscribe();
        Box::pin(async move { ended(&mut end).await })
    }
}

impl Drop for UnixConnection {
    fn drop(&mut self) {
        self.close(CloseReason::Done);
        if let Some(links) = self.shared.links().as_mut() {
            links.remove(&self.token);
        }
    }
}

/// Waits for the peer's last word: why it closes, or nothing when it vanished.
async fn watch_control(mut socket: UnixStream, end: watch::Sender<Option<Closed>>) {
    let closed = match socket.read_u32().await {
        Ok(code) => Closed::ByPeer(CloseReason::from_code(code)),
        Err(_) => Closed::Lost,
    };
    end_once(&end, closed);
}

/// The first end wins.
fn end_once(end: &watch::Sender<Option<Closed>>, closed: Closed) -> bool {
    end.send_if_modified(|end| end.replace(end.unwrap_or(closed)).is_none())
}

async fn ended(end: &mut watch::Receiver<Option<Closed>>) -> Closed {
    let closed = end.wait_for(Option::is_some).await;
    closed
        .ok()
        .and_then(|closed| *closed)
        .unwrap_or(Closed::Lost)
}

/// What `work` gives, unless the connection has ended or ends before.
async fn unless_ended<T>(
    end: &watch::Receiver<Option<Closed>>,
    work: impl Future<Output = T>,
) -> Result<T, Closed> {
    let mut end = end.clone();
    tokio::select! {
        biased;
        closed = ended(&mut end) => Err(closed),
        done = work => Ok(done),
    }
}

/// Both ends of a stream from its socket.
fn halves(socket: UnixStream, end: &watch::Sender<Option<Closed>>) -> io::Result<Stream> {
    let socket = socket.into_std()?;
    let stop = socket.try_clone()?;
    let (read, write) = UnixStream::from_std(socket)?.into_split();
    let send = UnixSend {
        half: Some(write),
        end: end.subscribe(),
    };
    Ok((
        Box::new(send),
        Box::new(UnixRecv {
            half: read,
            stop,
            end: end.subscribe(),
        }),
    ))
}

#[derive(Debug)]
struct UnixSend {
    half: Option<OwnedWriteHalf>,
    end: watch::Receiver<Option<Closed>>,
}

impl SendStream for UnixSend {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), StreamError>> {
        Box::pin(async move {
            let half = self.half.as_mut().ok_or(StreamError::Finished)?;
            let written = unless_ended(&self.end, half.write_all(&data)).await?;
            written.map_err(|_| StreamError::Stopped)
        })
    }

    fn finish(&mut self) -> Result<(), StreamError> {
        // Dropping the half tells the receiver that this is the end.
        self.half.take().map(drop).ok_or(StreamError::Finished)
    }
}

#[derive(Debug)]
struct UnixRecv {
    half: OwnedReadHalf,
    stop: StdStream,
    end: watch::Receiver<Option<Closed>>,
}

impl RecvStream for UnixRecv {
    fn read(&mut self, max: usize) -> BoxFuture<'_, Result<Option<Bytes>, StreamError>> {
        Box::pin(async move {
            let mut buffer = vec![0; max.clamp(1, 64 * 1024)];
            let read = unless_ended(&self.end, self.half.read(&mut buffer)).await?;
            buffer.truncate(read.map_err(|_| Closed::Lost)?);
            Ok((!buffer.is_empty()).then(|| buffer.into()))
        })
    }
}

impl Drop for UnixRecv {
    fn drop(&mut self) {
        // The sender's next write fails; without this it would fill the socket and wait for ever.
        drop(self.stop.shutdown(Shutdown::Read));
    }
}

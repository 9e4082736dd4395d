//! iroh's connections and streams behind our traits.

use std::sync::{Arc, OnceLock};

use ::iroh::endpoint::{self, ConnectingError, ConnectionError, ReadError, VarInt, WriteError};
use bytes::Bytes;
use nocturne_core::AuthorId;

use crate::transport::{
    BoxFuture, CloseReason, Closed, ConnectError, Connection, RecvStream, SendStream, Stream,
    StreamError,
};

/// What both a connection and its streams must know.
#[derive(Debug)]
struct Shared {
    connection: endpoint::Connection,
    /// What this side closed it with.
    closed_with: Arc<OnceLock<CloseReason>>,
}

#[derive(Debug)]
pub(super) struct IrohConnection {
    shared: Shared,
    peer: AuthorId,
}

impl IrohConnection {
    pub(super) fn new(connection: endpoint::Connection) -> Self {
        Self {
            peer: super::author(&connection.remote_id()),
            shared: Shared {
                connection,
                closed_with: Arc::new(OnceLock::new()),
            },
        }
    }

    fn stream(&self, (send, recv): (endpoint::SendStream, endpoint::RecvStream)) -> Stream {
        let closed_with = || self.shared.closed_with.clone();
        (
            Box::new(IrohSend {
                send,
                closed_with: closed_with(),
            }),
            Box::new(IrohRecv {
                recv,
                closed_with: closed_with(),
            }),
        )
    }

    fn ended(&self, error: &ConnectionError) -> Closed {
        closed(error, &self.shared.closed_with)
    }
}

pub(super) fn code(code: VarInt) -> CloseReason {
    CloseReason::from_code(u32::try_from(code.into_inner()).unwrap_or(u32::MAX))
}

fn closed(error: &ConnectionError, closed_with: &OnceLock<CloseReason>) -> Closed {
    match error {
        ConnectionError::ApplicationClosed(close) => Closed::ByPeer(code(close.error_code)),
        ConnectionError::LocallyClosed => {
            Closed::ByUs(closed_with.get().copied().unwrap_or(CloseReason::Shutdown))
        }
        ConnectionError::VersionMismatch
        | ConnectionError::TransportError(_)
        | ConnectionError::ConnectionClosed(_)
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::CidsExhausted => Closed::Lost,
    }
}

/// Why iroh could not connect.
pub(super) fn connect_error(error: &endpoint::ConnectError) -> ConnectError {
    use endpoint::ConnectError as Iroh;
    let connection = match error {
        Iroh::Connect { source, .. } => {
            return match source {
                endpoint::ConnectWithOptsError::EndpointClosed { .. } => {
                    ConnectError::TransportClosed
                }
                endpoint::ConnectWithOptsError::SelfConnect { .. } => ConnectError::BadAddress,
                _ => ConnectError::Unreachable,
            };
        }
        Iroh::Connecting {
            source: ConnectingError::ConnectionError { source, .. },
            ..
        }
        | Iroh::Connection { source, .. } => source,
        _ => return ConnectError::Unreachable,
    };
    match connection {
        ConnectionError::ApplicationClosed(close) => ConnectError::Refused(code(close.error_code)),
        ConnectionError::TimedOut => ConnectError::Timeout,
        ConnectionError::LocallyClosed => ConnectError::TransportClosed,
        _ => ConnectError::Unreachable,
    }
}

impl Connection for IrohConnection {
    fn peer(&self) -> AuthorId {
        self.peer
    }

    fn open_stream(&self) -> BoxFuture<'_, Result<Stream, StreamError>> {
        Box::pin(async move {
            match self.shared.connection.open_bi().await {
                Ok(stream) => Ok(self.stream(stream)),
                Err(error) => Err(self.ended(&error).into()),
            }
        })
    }

    fn accept_stream(&self) -> BoxFuture<'_, Result<Stream, StreamError>> {
        Box::pin(async move {
            match self.shared.connection.accept_bi().await {
                Ok(stream) => Ok(self.stream(stream)),
                Err(error) => Err(self.ended(&error).into()),
            }
        })
    }

    fn close(&self, reason: CloseReason) {
        if self.shared.connection.close_reason().is_none() {
            // The first close wins: so does its reason.
            self.shared.closed_with.get_or_init(|| reason);
        }
        self.shared
            .connection
            .close(reason.code().into(), reason.to_string().as_bytes());
    }

    fn closed(&self) -> BoxFuture<'_, Closed> {
        Box::pin(async move {
            let error = self.shared.connection.closed().await;
            self.ended(&error)
        })
    }
}

#[derive(Debug)]
struct IrohSend {
    send: endpoint::SendStream,
    closed_with: Arc<OnceLock<CloseReason>>,
}

impl SendStream for IrohSend {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), StreamError>> {
        Box::pin(async move {
            self.send
                .write_chunk(data)
                .await
                .map_err(|error| match error {
                    WriteError::Stopped(_) | WriteError::ZeroRttRejected => StreamError::Stopped,
                    WriteError::ConnectionLost(error) => closed(&error, &self.closed_with).into(),
                    WriteError::ClosedStream => StreamError::Finished,
                })
        })
    }

    fn finish(&mut self) -> Result<(), StreamError> {
        self.send.finish().map_err(|_| StreamError::Finished)
    }
}

#[derive(Debug)]
struct IrohRecv {
    recv: endpoint::RecvStream,
    closed_with: Arc<OnceLock<CloseReason>>,
}

impl RecvStream for IrohRecv {
    fn read(&mut self, max: usize) -> BoxFuture<'_, Result<Option<Bytes>, StreamError>> {
        Box::pin(async move {
            match self.recv.read_chunk(max.max(1)).await {
                Ok(chunk) => Ok(chunk),
                // Read to its end before.
                Err(ReadError::ClosedStream) => Ok(None),
                Err(ReadError::Reset(_) | ReadError::ZeroRttRejected) => Err(StreamError::Stopped),
                Err(ReadError::ConnectionLost(error)) => {
                    Err(closed(&error, &self.closed_with).into())
                }
            }
        })
    }
}

//! What every [`Transport`] must do, as functions that anyone's implementation can be run through.
//!
//! The functions need no runtime, start no task and set no timer: run them on the executor that
//! the transport needs, within a timeout, since a transport that loses bytes makes them wait.
//!
//! ```no_run
//! # async fn example(mine: &dyn nocturne_net::transport::Transport,
//! #     other: &dyn nocturne_net::transport::Transport)
//! #     -> Result<(), nocturne_net::conformance::Failure> {
//! nocturne_net::conformance::all(mine, other).await
//! # }
//! ```

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};

use crate::join::try_join;
use crate::transport::{
    BoxFuture, CloseReason, Closed, ConnectError, Connection, RecvStream, SendStream, Stream,
    StreamError, Transport,
};

/// Bytes sent by [`big_data`], enough to exceed any window.
pub const BIG: usize = 8 * 1024 * 1024;
/// Streams open at once in [`concurrent_streams`].
pub const STREAMS: u8 = 16;

/// A rule that the transport broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// No connection.
    #[error("connect failed: {0}")]
    Connect(#[from] ConnectError),
    /// A stream failed that should not have.
    #[error("a stream failed: {0}")]
    Stream(#[from] StreamError),
    /// `accept` gave nothing although the transport is open.
    #[error("accept ended while the transport was open")]
    NothingAccepted,
    /// One end takes the other for somebody else.
    #[error("a connection names the wrong peer")]
    WrongPeer,
    /// Bytes were lost, altered or reordered.
    #[error("{case}: the bytes that arrived are not those that were sent")]
    WrongBytes {
        /// The case that found it.
        case: &'static str,
    },
    /// A read gave more than was asked for, or nothing.
    #[error("a read of at most {max} bytes gave {len}")]
    WrongLength {
        /// Asked for.
        max: usize,
        /// Given.
        len: usize,
    },
    /// The close arrived as something else.
    #[error("a close arrived as: {0}")]
    WrongClose(Closed),
    /// Something succeeded on a closed connection.
    #[error("a closed connection still works")]
    StillOpen,
}

/// All of them, one after another, each with connections of its own, in both directions.
pub async fn all(a: &dyn Transport, b: &dyn Transport) -> Result<(), Failure> {
    for (from, to) in [(a, b), (b, a)] {
        identity(from, to).await?;
        echo(from, to).await?;
        ordering(from, to).await?;
        big_data(from, to).await?;
        concurrent_streams(from, to).await?;
        streams_from_the_acceptor(from, to).await?;
        given_up_stream(from, to).await?;
        close_reasons(from, to).await?;
    }
    Ok(())
}

type Pair = (Arc<dyn Connection>, Arc<dyn Connection>);

async fn connect(from: &dyn Transport, to: &dyn Transport) -> Result<Pair, Failure> {
    let addr = to.local_addr();
    try_join(async { Ok(from.connect(&addr).await?) }, async {
        to.accept().await.ok_or(Failure::NothingAccepted)
    })
    .await
}

async fn read_to_end(mut stream: Box<dyn RecvStream>, max: usize) -> Result<Bytes, Failure> {
    let mut all = BytesMut::new();
    while let Some(data) = stream.read(max).await? {
        if data.is_empty() || data.len() > max {
            return Err(Failure::WrongLength {
                max,
                len: data.len(),
            });
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

async fn send_all(mut stream: Box<dyn SendStream>, data: Bytes) -> Result<(), Failure> {
    stream.write(data).await?;
    Ok(stream.finish()?)
}

/// Sends back what arrives on one stream.
async fn serve_echo((send, recv): Stream) -> Result<(), Failure> {
    let data = read_to_end(recv, 4096).await?;
    send_all(send, data).await
}

async fn ask_echo(
    case: &'static str,
    (send, recv): Stream,
    question: Bytes,
) -> Result<(), Failure> {
    send_all(send, question.clone()).await?;
    if read_to_end(recv, 1000).await? == question {
        Ok(())
    } else {
        Err(Failure::WrongBytes { case })
    }
}

/// Both ends know who the other is.
pub async fn identity(from: &dyn Transport, to: &dyn Transport) -> Result<(), Failure> {
    let (near, far) = connect(from, to).await?;
    let right = near.peer() == to.local_id()
        && far.peer() == from.local_id()
        && to.local_addr().id == to.local_id();
    near.close(CloseReason::Done);
    if right {
        Ok(())
    } else {
        Err(Failure::WrongPeer)
    }
}

/// What is sent and finished arrives whole, and so does the answer.
pub async fn echo(from: &dyn Transport, to: &dyn Transport) -> Result<(), Failure> {
    let (near, far) = connect(from, to).await?;
    try_join(
        async {
            let stream = near.open_stream().await?;
            ask_echo("echo", stream, Bytes::from_static(b"hello")).await
        },
        async { serve_echo(far.accept_stream().await?).await },
    )
    .await?;
    near.close(CloseReason::Done);
    Ok(())
}

/// Many small writes keep their order.
pub async fn ordering(from: &dyn Transport, to: &dyn Transport) -> Result<(), Failure> {
    let (near, far) = connect(from, to).await?;
    let (got, ()) = try_join(
        async { read_to_end(far.accept_stream().await?.1, 7).await },
        async {
            let (mut send, _recv) = near.open_stream().await?;
            for number in 0..2_000u32 {
                send.write(Bytes::copy_from_slice(&number.to_be_bytes()))
                    .await?;
            }
            Ok(send.finish()?)
        },
    )
    .await?;
    near.close(CloseReason::Done);
    let want: Vec<u8> = (0..2_000u32).flat_map(u32::to_be_bytes).collect();
    if got == want {
        Ok(())
    } else {
        Err(Failure::WrongBytes { case: "ordering" })
    }
}

/// More than any window holds passes, both ways at once.
pub async fn big_data(from: &dyn Transport, to: &dyn Transport) -> Result<(), Failure> {
    let (near, far) = connect(from, to).await?;
    let data: Bytes = (0..BIG).map(|i| (i % 251).to_le_bytes()[0]).collect();
    let (near_got, far_got) = try_join(
        async {
            let (send, recv) = near.open_stream().await?;
            let both = try_join(send_all(send, data.clone()), read_to_end(recv, 65_536));
            Ok::<_, Failure>(both.await?.1)
        },
        async {
            let (send, recv) = far.accept_stream().await?;
            let both = try_join(send_all(send, data.clone()), read_to_end(recv, 65_536));
            Ok::<_, Failure>(both.await?.1)
        },
    )
    .await?;
    near.close(CloseReason::Done);
    if near_got == data && far_got == data {
        Ok(())
    } else {
        Err(Failure::WrongBytes { case: "big data" })
    }
}

/// Several streams at once don't mix, and one that waits doesn't hold the others up.
pub async fn concurrent_streams(from: &dyn Transport, to: &dyn Transport) -> Result<(), Failure> {
    let (near, far) = connect(from, to).await?;
    let ask = |number: u8| {
        let near = near.clone();
        Box::pin(async move {
            let stream = near.open_stream().await?;
            let question = Bytes::from(vec![number; 1_000 * usize::from(number) + 1]);
            ask_echo("concurrent streams", stream, question).await
        }) as BoxFuture<'_, Result<(), Failure>>
    };
    let serve = || {
        let far = far.clone();
        Box::pin(async move { serve_echo(far.accept_stream().await?).await })
            as BoxFuture<'_, Result<(), Failure>>
    };
    // The first stream stays open and silent while the others run.
    let (mut idle, _) = near.open_stream().await?;
    idle.write(Bytes::from_static(b"?")).await?;
    let _idle_far = far.accept_stream().await?;
    let tasks: Vec<_> = (0..STREAMS).flat_map(|n| [ask(n), serve()]).collect();
    all_of(tasks).await?;
    drop(idle);
    near.close(CloseReason::Done);
    Ok(())
}

/// The side that accepted the connection may open streams as well.
pub async fn streams_from_the_acceptor(
    from: &dyn Transport,
    to: &dyn Transport,
) -> Result<(), Failure> {
    let (near, far) = connect(from, to).await?;
    try_join(
        async {
            let stream = far.open_stream().await?;
            ask_echo("acceptor's stream", stream, Bytes::from_static(b"back")).await
        },
        async { serve_echo(near.accept_stream().await?).await },
    )
    .await?;
    near.close(CloseReason::Done);
    Ok(())
}

/// A receiver that gives up makes the sender fail; the connection goes on.
pub async fn given_up_stream(from: &dyn Transport, to: &dyn Transport) -> Result<(), Failure> {
    let (near, far) = connect(from, to).await?;
    let chunk = Bytes::from(vec![7; 64 * 1024]);
    let (failed, ()) = try_join(
        async {
            let (mut send, _recv) = near.open_stream().await?;
            for _ in 0..BIG / chunk.len() {
                if let Err(error) = send.write(chunk.clone()).await {
                    return Ok::<_, Failure>(error == StreamError::Stopped);
                }
            }
            Ok(false)
        },
        async {
            let (_send, mut recv) = far.accept_stream().await?;
            recv.read(1).await?;
            Ok(())
        },
    )
    .await?;
    if !failed {
        return Err(Failure::StillOpen);
    }
    try_join(
        async {
            let stream = near.open_stream().await?;
            ask_echo("after a given up stream", stream, Bytes::from_static(b"on")).await
        },
        async { serve_echo(far.accept_stream().await?).await },
    )
    .await?;
    near.close(CloseReason::Done);
    Ok(())
}

/// A close reaches the peer with its code, ends waiting calls, and stays.
pub async fn close_reasons(from: &dyn Transport, to: &dyn Transport) -> Result<(), Failure> {
    for reason in [
        CloseReason::Done,
        CloseReason::Violation,
        CloseReason::Other(4_711),
    ] {
        let (near, far) = connect(from, to).await?;
        let (waiting, ()) = try_join(
            async { Ok::<_, Failure>(far.accept_stream().await.err()) },
            async {
                near.close(reason);
                Ok(())
            },
        )
        .await?;
        if waiting != Some(StreamError::Connection(Closed::ByPeer(reason))) {
            return Err(Failure::StillOpen);
        }
        for (end, want) in [
            (&far, Closed::ByPeer(reason)),
            (&near, Closed::ByUs(reason)),
        ] {
            let closed = end.closed().await;
            if closed != want {
                return Err(Failure::WrongClose(closed));
            }
            if end.open_stream().await.is_ok() {
                return Err(Failure::StillOpen);
            }
        }
    }
    Ok(())
}

/// Runs all until one fails or all are done.
async fn all_of(mut tasks: Vec<BoxFuture<'_, Result<(), Failure>>>) -> Result<(), Failure> {
    poll_fn(move |cx| {
        let mut failed = None;
        tasks.retain_mut(|task| match task.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(error)) => {
                failed = Some(error);
                false
            }
        });
        match failed {
            Some(error) => Poll::Ready(Err(error)),
            None if tasks.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

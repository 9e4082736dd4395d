//! Accepts commands and answers them until told to stop.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::MAX_CONNECTIONS;
use super::lines::{self, LineError};
use crate::api::{Item, Reply, Request};
use crate::report::{ErrorReport, Exit};

/// Answers between a request and its reader: enough to keep both busy, not more.
const REPLY_QUEUE: usize = 64;

/// What executes requests.
pub trait Handler: Send + Sync + 'static {
    /// Executes one request, handing its items to `out`. Dropped when the asker goes away: what was
    /// handed to a store by then is done all the same.
    fn handle(
        &self,
        request: Request,
        out: mpsc::Sender<Item>,
    ) -> impl Future<Output = Result<(), ErrorReport>> + Send;
}

/// Serves until `stop` is set; then takes no more requests, lets running ones finish (streams end),
/// and returns.
pub async fn serve<H: Handler>(
    listener: UnixListener,
    handler: Arc<H>,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            accepted = async {
                let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
                Some((slot, listener.accept().await))
            } => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            None => break,
            Some((slot, Ok((stream, _)))) => {
                let (handler, stop) = (Arc::clone(&handler), stop.clone());
                connections.spawn(async move {
                    connection(stream, &*handler, stop).await;
                    drop(slot);
                });
            }
            Some((_, Err(error))) => {
                // Out of descriptors, most likely: the next accept succeeds when one is freed.
                tracing::warn!(%error, "cannot accept a command");
                tokio::task::yield_now().await;
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn connection<H: Handler>(stream: UnixStream, handler: &H, mut stop: watch::Receiver<bool>) {
    let (read, write) = stream.into_split();
    let (mut read, mut write) = (
        BufReader::new(read),
        BufWriter::with_capacity(64 * 1024, write),
    );
    let mut buffer = Vec::new();
    loop {
        let next = tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            next = lines::read::<Request>(&mut read, &mut buffer) => next,
        };
        let last = match next {
            Ok(None) | Err(LineError::Io(_)) => return,
            Ok(Some(request)) => {
                match answer(request, handler, &mut read, &mut write, &mut stop).await {
                    Some(last) => last,
                    None => return,
                }
            }
            Err(error) => Reply::Error(ErrorReport {
                code: "protocol".to_owned(),
                message: format!("the daemon did not understand the request: {error}"),
                hint: "Restart the daemon if nocturne was updated meanwhile".to_owned(),
                exit: Exit::Unreachable,
            }),
        };
        let broken = matches!(&last, Reply::Error(report) if report.code == "protocol");
        if lines::write(&mut write, &last).await.is_err() || write.flush().await.is_err() || broken
        {
            return;
        }
    }
}

/// Runs a request and writes its items as they come. `None` when the asker went away.
async fn answer<H: Handler>(
    request: Request,
    handler: &H,
    read: &mut BufReader<tokio::net::unix::OwnedReadHalf>,
    write: &mut BufWriter<tokio::net::unix::OwnedWriteHalf>,
    stop: &mut watch::Receiver<bool>,
) -> Option<Reply> {
    let endless = matches!(request, Request::Watch { .. });
    let (sender, mut items) = mpsc::channel(REPLY_QUEUE);
    let running = handler.handle(request, sender);
    tokio::pin!(running);
    let mut result = None;
    // What the asker sends before it has its answer stays in the buffer; then its going away shows
    // only at the next write.
    let mut listening = true;
    loop {
        tokio::select! {
            biased;
            item = items.recv() => match item {
                Some(item) => {
                    let idle = items.is_empty();
                    lines::write(write, &Reply::Item(Box::new(item))).await.ok()?;
                    if idle {
                        write.flush().await.ok()?;
                    }
                }
                None => match result.take() {
                    Some(Ok(())) => return Some(Reply::Done),
                    Some(Err(report)) => return Some(Reply::Error(report)),
                    None => return Some(finished((&mut running).await)),
                },
            },
            done = &mut running, if result.is_none() => result = Some(done),
            more = read.fill_buf(), if listening => match more {
                Ok(bytes) if !bytes.is_empty() => listening = false,
                _ => return None,
            },
            () = stopped(stop), if endless => return Some(Reply::Done),
        }
    }
}

/// Returns when the daemon stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    stop.wait_for(|stop| *stop).await.ok();
}

fn finished(result: Result<(), ErrorReport>) -> Reply {
    match result {
        Ok(()) => Reply::Done,
        Err(report) => Reply::Error(report),
    }
}

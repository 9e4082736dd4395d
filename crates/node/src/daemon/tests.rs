//! The socket carries requests and answers, notices who goes away, and stops when told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};

use super::*;
use crate::api::{Item, Request};
use crate::report::{ErrorReport, Exit};

#[derive(Default)]
struct Echo {
    watching: AtomicUsize,
    left: tokio::sync::Notify,
}

/// Tells that a request is no longer worked on, whether it ended or was dropped.
struct LettingGo<'a>(&'a tokio::sync::Notify);

impl Drop for LettingGo<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Handler for Echo {
    async fn handle(&self, request: Request, out: mpsc::Sender<Item>) -> Result<(), ErrorReport> {
        match request {
            Request::Status => {
                for n in 0..1_000 {
                    let _ = out
                        .send(Item::Node {
                            node: n.to_string(),
                        })
                        .await;
                }
                Ok(())
            }
            Request::Watch { .. } => {
                self.watching.fetch_add(1, Ordering::SeqCst);
                let _ = out
                    .send(Item::Node {
                        node: "first".to_owned(),
                    })
                    .await;
                let _letting_go = LettingGo(&self.left);
                out.closed().await;
                Ok(())
            }
            _ => Err(ErrorReport {
                code: "no".to_owned(),
                message: "not that".to_owned(),
                hint: String::new(),
                exit: Exit::Refused,
            }),
        }
    }
}

struct Running {
    dir: tempfile::TempDir,
    stop: watch::Sender<bool>,
    echo: Arc<Echo>,
    server: tokio::task::JoinHandle<()>,
}

fn start() -> Running {
    let dir = tempfile::tempdir().unwrap();
    let listener = crate::data_dir::bind_socket(&dir.path().join("s")).unwrap();
    listener.set_nonblocking(true).unwrap();
    let (stop, stopped) = watch::channel(false);
    let echo = Arc::new(Echo::default());
    let server = tokio::spawn(serve(
        UnixListener::from_std(listener).unwrap(),
        Arc::clone(&echo),
        stopped,
    ));
    Running {
        dir,
        stop,
        echo,
        server,
    }
}

impl Running {
    async fn client(&self) -> DaemonClient {
        DaemonClient::connect(&self.dir.path().join("s"))
            .await
            .unwrap()
            .unwrap()
    }
}

fn watch_request() -> Request {
    Request::Watch {
        store: String::new(),
        prefix: b""[..].into(),
        from_revision: None,
    }
}

#[tokio::test]
async fn requests_are_answered_one_after_the_other() {
    let running = start();
    let mut client = running.client().await;
    for _ in 0..2 {
        let mut count = 0;
        let done = client.call(&Request::Status, |_| {
            count += 1;
            Ok(())
        });
        done.await.unwrap().unwrap().unwrap();
        assert_eq!(count, 1_000);
        let refused = client.call(&Request::Peers, |_| Ok(())).await.unwrap();
        assert_eq!(refused.unwrap_err().code, "no");
    }
}

#[tokio::test]
async fn a_watcher_that_goes_away_is_let_go() {
    let running = start();
    let mut client = running.client().await;
    let gone = || Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
    let outcome = client.call(&watch_request(), |_| gone()).await.unwrap();
    assert!(outcome.unwrap().is_err());
    drop(client);
    running.echo.left.notified().await;
}

#[tokio::test]
async fn stopping_ends_streams_and_idle_connections() {
    let running = start();
    let idle = running.client().await;
    let mut client = running.client().await;
    let stop = running.stop.clone();
    let request = watch_request();
    let outcome = client.call(&request, |_| {
        stop.send_replace(true);
        Ok(())
    });
    outcome.await.unwrap().unwrap().unwrap();
    running.server.await.unwrap();
    drop(idle);
}

#[tokio::test]
async fn nonsense_is_answered_and_the_connection_closed() {
    let running = start();
    let path = running.dir.path().join("s");
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"{\"jump\":1}\n").await.unwrap();
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text)
        .await
        .unwrap();
    assert!(text.contains("protocol"), "{text}");
}

#[tokio::test]
async fn without_a_daemon_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        DaemonClient::connect(&dir.path().join("s"))
            .await
            .unwrap()
            .is_none()
    );
    drop(crate::data_dir::bind_socket(&dir.path().join("s")).unwrap());
    assert!(
        DaemonClient::connect(&dir.path().join("s"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        DaemonClient::connect(&dir.path().join("no/s"))
            .await
            .unwrap()
            .is_none()
    );
}

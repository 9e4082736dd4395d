//! A command's side of the socket.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncWriteExt, BufReader, BufWriter};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::lines;
use crate::api::{Item, Reply, Request};
use crate::data_dir::SocketPath;
use crate::report::ErrorReport;

/// Why the daemon did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The connection broke.
    #[error("the daemon at {} stopped answering: {source}", path.display())]
    Broken {
        /// Its socket.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It closed before the answer was complete.
    #[error("the daemon at {} stopped before it had answered", path.display())]
    Stopped {
        /// Its socket.
        path: PathBuf,
    },
    /// It speaks another version.
    #[error("the daemon at {} speaks another version", path.display())]
    Version {
        /// Its socket.
        path: PathBuf,
    },
}

/// A connection to the daemon of a data directory.
#[derive(Debug)]
pub struct DaemonClient {
    path: PathBuf,
    read: BufReader<OwnedReadHalf>,
    write: BufWriter<OwnedWriteHalf>,
    buffer: Vec<u8>,
}

impl DaemonClient {
    /// Connects; `None` when no daemon listens there.
    pub async fn connect(path: &Path) -> Result<Option<Self>, DaemonError> {
        let broken = |source| DaemonError::Broken {
            path: path.to_owned(),
            source,
        };
        let usable = match SocketPath::of(path) {
            Ok(usable) => usable,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(broken(error)),
        };
        match UnixStream::connect(usable.as_path()).await {
            Ok(stream) => {
                let (read, write) = stream.into_split();
                Ok(Some(Self {
                    path: path.to_owned(),
                    read: BufReader::with_capacity(64 * 1024, read),
                    write: BufWriter::new(write),
                    buffer: Vec::new(),
                }))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::NotADirectory => Ok(None),
                _ => Err(broken(error)),
            },
        }
    }

    /// Asks, and hands every item to `on_item`; its error ends the call and the connection's use.
    pub async fn call(
        &mut self,
        request: &Request,
        mut on_item: impl FnMut(Item) -> io::Result<()>,
    ) -> Result<Result<io::Result<()>, ErrorReport>, DaemonError> {
        let path = self.path.clone();
        let broken = |source| DaemonError::Broken {
            path: path.clone(),
            source,
        };
        lines::write(&mut self.write, request)
            .await
            .map_err(broken)?;
        self.write.flush().await.map_err(broken)?;
        loop {
            let reply = lines::read::<Reply>(&mut self.read, &mut self.buffer).await;
            match reply {
                Ok(Some(Reply::Item(item))) => {
                    if let Err(error) = on_item(*item) {
                        return Ok(Ok(Err(error)));
                    }
                }
                Ok(Some(Reply::Done)) => return Ok(Ok(Ok(()))),
                Ok(Some(Reply::Error(report))) => return Ok(Err(report)),
                Ok(None) => return Err(DaemonError::Stopped { path }),
                Err(lines::LineError::Io(source)) => return Err(broken(source)),
                Err(lines::LineError::TooLong | lines::LineError::Message(_)) => {
                    return Err(DaemonError::Version { path });
                }
            }
        }
    }
}

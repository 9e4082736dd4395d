//! The data directory: what lies where in it, who may use it now, and what a torn `init` leaves.
//!
//! ```text
//! identity.key      the node's secret key, 0600, never replicated
//! state.json        which mesh this is, known peers and their addresses, 0600, replaced atomically
//! config.toml       the operator's settings; optional
//! lock              held for as long as a process uses the directory
//! daemon.sock       the running daemon's socket, 0600
//! stores/<uuid>/    one directory a store
//! receipts.redb     the node's receipts
//! ```
//!
//! `state.json` is written last: without it nothing was initialised and nothing acknowledged.

mod atomic;
mod identity;
mod socket;
mod state;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nocturne_core::{AuthorId, StoreId};

pub use atomic::write_atomically;
pub use identity::{IdentityError, create_identity, read_identity};
pub use socket::{SocketPath, bind_socket};
pub use state::{KnownPeer, MAX_KNOWN_PEERS, Pending, State, StateError};

/// Paths inside a data directory. Knows nothing of whether they exist.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of the data directory at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The node's secret key.
    pub fn identity(&self) -> PathBuf {
        self.root.join("identity.key")
    }

    /// The local state file.
    pub fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// The operator's settings.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The daemon's socket.
    pub fn socket(&self) -> PathBuf {
        self.root.join("daemon.sock")
    }

    /// The lock file.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Directory of one store.
    pub fn store(&self, id: StoreId) -> PathBuf {
        self.stores().join(id.to_string())
    }

    /// Directory of all stores.
    pub fn stores(&self) -> PathBuf {
        self.root.join("stores")
    }

    /// The receipts ledger.
    pub fn receipts(&self) -> PathBuf {
        self.root.join("receipts.redb")
    }
}

/// Why a data directory can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// There is no initialised data directory here.
    #[error("no data directory at {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// `init` where there is a node already.
    #[error("{} is already initialised as node {node}", path.display())]
    AlreadyInitialised {
        /// The directory.
        path: PathBuf,
        /// The node that lives there.
        node: AuthorId,
    },
    /// `join` where the node has a mesh already.
    #[error("node {node} in {} already belongs to mesh {mesh}", path.display())]
    AlreadyInMesh {
        /// The directory.
        path: PathBuf,
        /// The node that lives there.
        node: AuthorId,
        /// Its mesh.
        mesh: StoreId,
    },
    /// `init` or `join` was interrupted before the node had its stores.
    #[error("{} was only partly initialised", path.display())]
    Unfinished {
        /// The directory.
        path: PathBuf,
        /// Whether it was a `join` (else an `init`).
        joining: bool,
    },
    /// Another process holds the lock.
    #[error("{} is in use by another process{}", path.display(), pid_note(*pid))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process, if it left its id.
        pid: Option<u32>,
    },
    /// Stores without the state file that names them.
    #[error("{} holds stores but its state.json is missing", path.display())]
    StateMissing {
        /// The directory.
        path: PathBuf,
    },
    /// The secret key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// The operating system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// What was being used.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

fn pid_note(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

/// Attaches the path to an I/O error.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> DataDirError + '_ {
    move |source| DataDirError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Exclusive use of a data directory for as long as it lives. The operating system releases it
/// when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Layout {
    /// Makes the directory if there is none (0700), and takes it.
    pub fn create_and_lock(&self) -> Result<Lock, DataDirError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.root)
            .map_err(at(&self.root))?;
        self.take_lock()
    }

    /// Takes an existing data directory.
    pub fn lock_existing(&self) -> Result<Lock, DataDirError> {
        if !self.root.is_dir() || (!self.state().exists() && !self.has_leftovers()?) {
            return Err(DataDirError::Missing {
                path: self.root.clone(),
            });
        }
        self.take_lock()
    }

    fn take_lock(&self) -> Result<Lock, DataDirError> {
        let path = self.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(at(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The id is a courtesy to the reader; without it the message is still right.
                let _ = file.take(16).read_to_string(&mut text);
                return Err(DataDirError::InUse {
                    path: self.root.clone(),
                    pid: text.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(DataDirError::Io { path, source }),
        }
        file.set_len(0).map_err(at(&path))?;
        file.rewind().map_err(at(&path))?;
        writeln!(file, "{}", std::process::id()).map_err(at(&path))?;
        Ok(Lock { _file: file })
    }

    /// Reads the state file. `None` when nothing was initialised yet; an error when stores are
    /// there that only a state file could name.
    pub fn read_state(&self) -> Result<Option<State>, DataDirError> {
        let path = self.state();
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(State::parse(&path, &bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.has_leftovers()? {
                    return Err(DataDirError::StateMissing {
                        path: self.root.clone(),
                    });
                }
                Ok(None)
            }
            Err(source) => Err(DataDirError::Io { path, source }),
        }
    }

    /// Reads the state of a directory that must be ready for use, and checks that the secret key
    /// is the one that it was made with.
    pub fn read_ready(&self) -> Result<(State, nocturne_core::Identity), DataDirError> {
        let state = self.read_state()?.ok_or_else(|| DataDirError::Missing {
            path: self.root.clone(),
        })?;
        if let Some(pending) = &state.pending {
            return Err(DataDirError::Unfinished {
                path: self.root.clone(),
                joining: pending.is_join(),
            });
        }
        if state.mesh.is_none() {
            return Err(DataDirError::Missing {
                path: self.root.clone(),
            });
        }
        let identity = read_identity(&self.identity(), Some(state.node))?;
        Ok((state, identity))
    }

    /// Replaces the state file.
    pub fn write_state(&self, state: &State) -> Result<(), DataDirError> {
        let path = self.state();
        write_atomically(&path, &state.to_json()).map_err(at(&path))
    }

    /// Whether any store lies here.
    fn has_leftovers(&self) -> Result<bool, DataDirError> {
        let stores = self.stores();
        match fs::read_dir(&stores) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(DataDirError::Io {
                path: stores,
                source,
            }),
        }
    }
}

#[cfg(test)]
mod tests;

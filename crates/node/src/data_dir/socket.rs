//! `daemon.sock`: bound so that nobody else can connect at any moment, wherever the directory lies.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// What a socket address holds on the systems we know, with its terminating zero (108 on Linux,
/// 104 on macOS and the BSDs).
const MAX_PATH: usize = 104;

/// A path by which a socket can be bound or connected to. Where the real path is too long for a
/// socket address it goes through a descriptor of the directory, which must stay open meanwhile.
#[derive(Debug)]
pub struct SocketPath {
    path: PathBuf,
    _dir: Option<File>,
}

impl SocketPath {
    /// A usable form of `path`.
    pub fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().as_bytes().len() < MAX_PATH {
            return Ok(Self {
                path: path.to_owned(),
                _dir: None,
            });
        }
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        let dir = File::open(dir)?;
        let path = Path::new("/proc/self/fd")
            .join(dir.as_raw_fd().to_string())
            .join(name);
        Ok(Self {
            path,
            _dir: Some(dir),
        })
    }

    /// The path to give to the operating system.
    pub fn as_path(&self) -> &Path {
        &self.path
    }
}

/// Binds the daemon's socket at `path`, replacing a stale one. The caller holds the directory's lock.
///
/// It is bound inside a private directory, closed to others, and moved into place, so there is no
/// moment at which another user could connect.
pub fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let private = tempfile::Builder::new()
        .prefix(".sock-")
        .tempdir_in(parent)?;
    let inner = private.path().join("s");
    let listener = UnixListener::bind(SocketPath::of(&inner)?.as_path())?;
    fs::set_permissions(&inner, Permissions::from_mode(0o600))?;
    fs::rename(&inner, path)?;
    Ok(listener)
}

//! `identity.key`: the node's secret key as 64 hex digits, readable by its owner only.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use nocturne_core::{AuthorId, Entropy, Identity};
use zeroize::Zeroizing;

use super::atomic::write_atomically;

/// 64 digits and a newline; one more byte is read so that a longer file shows.
const MAX_LEN: u64 = 66;

/// Why the secret key can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file is gone.
    #[error("{} is missing", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file is not 64 hex digits.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// Where it is.
        path: PathBuf,
    },
    /// A valid key, but not the one that this directory was made with.
    #[error("{} belongs to node {found}, this data directory to node {expected}", path.display())]
    Swapped {
        /// Where it is.
        path: PathBuf,
        /// The node that the directory belongs to.
        expected: AuthorId,
        /// The node whose key lies there.
        found: AuthorId,
    },
    /// Others on this machine can read or write it.
    #[error("{} is open to others (mode {mode:03o})", path.display())]
    Exposed {
        /// Where it is.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The operating system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// Where it is.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Makes a key and writes it durably, unless the file is there: then that key is used.
pub fn create_identity(path: &Path, entropy: &mut dyn Entropy) -> Result<Identity, IdentityError> {
    match read_identity(path, None) {
        Err(IdentityError::Missing { .. }) => {}
        found => return found,
    }
    let identity = Identity::generate(entropy);
    let mut text = Zeroizing::new([0_u8; 65]);
    let (digits, newline) = text.split_at_mut(64);
    HEXLOWER.encode_mut(identity.secret_bytes().as_slice(), digits);
    newline.fill(b'\n');
    write_atomically(path, text.as_slice()).map_err(|source| IdentityError::Io {
        path: path.to_owned(),
        source,
    })?;
    Ok(identity)
}

/// Reads the key, and checks that it is `expected`'s where that is known.
pub fn read_identity(path: &Path, expected: Option<AuthorId>) -> Result<Identity, IdentityError> {
    let io = |source| IdentityError::Io {
        path: path.to_owned(),
        source,
    };
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(IdentityError::Missing {
                path: path.to_owned(),
            });
        }
        Err(source) => return Err(io(source)),
    };
    if mode & 0o077 != 0 {
        return Err(IdentityError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(128));
    File::open(path)
        .map_err(io)?
        .take(MAX_LEN)
        .read_to_end(&mut text)
        .map_err(io)?;
    let damaged = || IdentityError::Damaged {
        path: path.to_owned(),
    };
    let digits = text.strip_suffix(b"\n").unwrap_or(&text);
    if digits.len() != 64 {
        return Err(damaged());
    }
    let mut secret = Zeroizing::new([0_u8; 32]);
    HEXLOWER
        .decode_mut(digits, secret.as_mut_slice())
        .map_err(|_| damaged())?;
    let identity = Identity::from_secret_bytes(&secret);
    match expected {
        Some(expected) if expected != identity.author() => Err(IdentityError::Swapped {
            path: path.to_owned(),
            expected,
            found: identity.author(),
        }),
        _ => Ok(identity),
    }
}

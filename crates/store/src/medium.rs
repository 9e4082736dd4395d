//! What a store lies on: a database file and a keyring, on a disk or in memory, passed in so that
//! tests can lose writes, tear them, or fill the disk.

mod checked;
mod files;
mod memory;
mod overlay;

use std::fmt::Debug;
use std::io;
use std::path::Path;

pub(crate) use checked::{CheckedDisk, Noted, RedbDisk};
pub use files::{FileDisk, FileVault};
pub use memory::Memory;
pub(crate) use overlay::{Newest, is_blank, is_intact, is_unfinished};

/// A random-access file of bytes.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether it has no bytes yet.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Fills `out` from `offset`; an error if the file ends before.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Grows (with zeros) or shrinks it.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Writes all of `data` at `offset`.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// Returns when everything written is durable.
    fn sync(&self) -> io::Result<()>;
    /// The note that was left beside the file. While a store is closed it holds the checksum of
    /// every page; a disk that keeps no notes is read through whenever its store is opened.
    fn note(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }
    /// Replaces the note as a whole, or removes it; durable when it returns.
    fn set_note(&self, note: Option<&[u8]>) -> io::Result<()> {
        let _ = note;
        Ok(())
    }
}

/// Keeps one small secret file that is replaced as a whole and whose earlier versions are destroyed.
pub trait Vault: Debug + Send + 'static {
    /// Every version that is still there, any order; more than one only after a crash.
    fn load(&mut self) -> io::Result<Vec<Vec<u8>>>;
    /// Makes `bytes` durable as the version numbered `generation`, then overwrites, syncs and
    /// removes every other version.
    fn replace(&mut self, generation: u64, bytes: &[u8]) -> io::Result<()>;
}

/// Where a store lies.
#[derive(Debug)]
pub struct Medium {
    /// The database file.
    pub disk: Box<dyn Disk>,
    /// The keyring.
    pub vault: Box<dyn Vault>,
}

/// Name of the database file in a store's directory.
pub const DATABASE_FILE: &str = "store.redb";

impl Medium {
    /// Files in a directory, which is made if it is missing.
    pub fn directory(dir: &Path) -> io::Result<Self> {
        files::create_dir(dir)?;
        Ok(Self {
            disk: Box::new(FileDisk::open(&dir.join(DATABASE_FILE))?),
            vault: Box::new(FileVault::new(dir)),
        })
    }

    /// Nothing but memory.
    pub fn memory() -> Self {
        let memory = Memory::default();
        memory.medium()
    }
}

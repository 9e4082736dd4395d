//! A store in memory, for tests and for those who want nothing kept.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::{Disk, Medium, Vault};

/// A disk and a vault in memory that outlive the store on them, so that a test can reopen it.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    disk: MemoryDisk,
    vault: MemoryVault,
}

impl Memory {
    /// A medium over this memory. One store at a time may use it.
    pub fn medium(&self) -> Medium {
        Medium {
            disk: Box::new(self.disk.clone()),
            vault: Box::new(self.vault.clone()),
        }
    }

    /// A copy of everything, as a crash now would leave it.
    #[must_use]
    pub fn image(&self) -> Self {
        Self {
            disk: MemoryDisk {
                bytes: Arc::new(RwLock::new(self.bytes())),
                note: Arc::new(Mutex::new(self.note())),
            },
            vault: MemoryVault(Arc::new(Mutex::new(self.keyring()))),
        }
    }

    /// The database file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.disk
            .bytes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The note beside the database file.
    pub fn note(&self) -> Option<Vec<u8>> {
        let note = self.disk.note.lock();
        note.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Overwrites bytes of the database file, as a failing disk does.
    pub fn damage(&self, offset: usize, with: impl FnOnce(&mut [u8])) {
        let mut bytes = self
            .disk
            .bytes
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = bytes.get_mut(offset..) {
            with(bytes);
        }
    }

    /// Loses the note.
    pub fn lose_note(&self) {
        let note = self.disk.note.lock();
        *note.unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The keyring's versions.
    pub fn keyring(&self) -> Vec<(u64, Vec<u8>)> {
        self.vault
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[derive(Debug, Clone, Default)]
struct MemoryDisk {
    bytes: Arc<RwLock<Vec<u8>>>,
    note: Arc<Mutex<Option<Vec<u8>>>>,
}

fn past_end() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

fn bounds(offset: u64, len: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).map_err(|_| past_end())?;
    Ok(start..start.checked_add(len).ok_or_else(past_end)?)
}

impl Disk for MemoryDisk {
    fn len(&self) -> io::Result<u64> {
        let bytes = self.bytes.read().unwrap_or_else(PoisonError::into_inner);
        Ok(bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes.read().unwrap_or_else(PoisonError::into_inner);
        let range = bounds(offset, out.len())?;
        out.copy_from_slice(bytes.get(range).ok_or_else(past_end)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut bytes = self.bytes.write().unwrap_or_else(PoisonError::into_inner);
        bytes.resize(usize::try_from(len).map_err(|_| past_end())?, 0);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut bytes = self.bytes.write().unwrap_or_else(PoisonError::into_inner);
        let range = bounds(offset, data.len())?;
        if range.end > bytes.len() {
            bytes.resize(range.end, 0);
        }
        bytes
            .get_mut(range)
            .ok_or_else(past_end)?
            .copy_from_slice(data);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn note(&self) -> io::Result<Option<Vec<u8>>> {
        let note = self.note.lock();
        Ok(note.unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn set_note(&self, note: Option<&[u8]>) -> io::Result<()> {
        let kept = self.note.lock();
        *kept.unwrap_or_else(PoisonError::into_inner) = note.map(<[u8]>::to_vec);
        Ok(())
    }
}

#[derive(Debug, Clone, Default)]
struct MemoryVault(Arc<Mutex<Versions>>);

/// By generation.
type Versions = Vec<(u64, Vec<u8>)>;

impl Vault for MemoryVault {
    fn load(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(versions.iter().map(|(_, bytes)| bytes.clone()).collect())
    }

    fn replace(&mut self, generation: u64, bytes: &[u8]) -> io::Result<()> {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *versions = vec![(generation, bytes.to_vec())];
        Ok(())
    }
}

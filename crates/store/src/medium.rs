//! What a store lies on: a database file and a keyring, on a disk or in memory, passed in so that
//! tests can lose writes, tear them, or fill the disk.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

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
const KEYRING_PREFIX: &str = "keyring.";

impl Medium {
    /// Files in a directory, which is made if it is missing.
    pub fn directory(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self {
            disk: Box::new(FileDisk::open(&dir.join(DATABASE_FILE))?),
            vault: Box::new(FileVault {
                dir: dir.to_owned(),
            }),
        })
    }

    /// Nothing but memory.
    pub fn memory() -> Self {
        let memory = Memory::default();
        memory.medium()
    }
}

/// A file, locked for this process.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
}

impl FileDisk {
    /// Opens or makes the file (mode 0600) and locks it; `WouldBlock` if another process has it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(fs::TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Disk for FileDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Files `keyring.N` in a directory; the greatest valid N counts.
#[derive(Debug)]
pub struct FileVault {
    dir: PathBuf,
}

impl FileVault {
    fn versions(&self) -> io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for item in fs::read_dir(&self.dir)? {
            let path = item?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with(KEYRING_PREFIX)) {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }
}

impl Vault for FileVault {
    fn load(&mut self) -> io::Result<Vec<Vec<u8>>> {
        self.versions()?.into_iter().map(fs::read).collect()
    }

    fn replace(&mut self, generation: u64, bytes: &[u8]) -> io::Result<()> {
        let path = self.dir.join(format!("{KEYRING_PREFIX}{generation:020}"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        self.sync_dir()?;
        for old in self.versions()? {
            if old != path {
                // Overwritten in place before it is unlinked: unlinking alone leaves the keys in
                // the file system's free blocks.
                let file = OpenOptions::new().write(true).open(&old)?;
                let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
                file.write_all_at(&vec![0; len], 0)?;
                file.sync_all()?;
                fs::remove_file(&old)?;
            }
        }
        self.sync_dir()
    }
}

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
            disk: MemoryDisk(Arc::new(RwLock::new(self.bytes()))),
            vault: MemoryVault(Arc::new(Mutex::new(self.keyring()))),
        }
    }

    /// The database file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.disk
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
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
struct MemoryDisk(Arc<RwLock<Vec<u8>>>);

fn past_end() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

fn bounds(offset: u64, len: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).map_err(|_| past_end())?;
    Ok(start..start.checked_add(len).ok_or_else(past_end)?)
}

impl Disk for MemoryDisk {
    fn len(&self) -> io::Result<u64> {
        let bytes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let range = bounds(offset, out.len())?;
        out.copy_from_slice(bytes.get(range).ok_or_else(past_end)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut bytes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        bytes.resize(usize::try_from(len).map_err(|_| past_end())?, 0);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut bytes = self.0.write().unwrap_or_else(PoisonError::into_inner);
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

/// Lets redb run on any [`Disk`].
#[derive(Debug)]
pub(crate) struct RedbDisk(pub(crate) Arc<dyn Disk>);

impl redb::StorageBackend for RedbDisk {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

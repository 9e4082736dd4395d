//! A store in a directory: the database file with its note, and the keyring's versions.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Disk, Vault};

const KEYRING_PREFIX: &str = "keyring.";
const NOTE_SUFFIX: &str = ".sums";

/// Makes a directory and those above it, durably.
pub(super) fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    create_dir(parent(dir))?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
        made => made?,
    }
    sync_dir(parent(dir))
}

/// The directory that holds a path.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A file, locked for this process.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    /// Of the note beside it.
    note: PathBuf,
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
        // A new file whose directory was never synced can be gone after a power cut, whatever was
        // synced inside of it.
        if file.metadata()?.len() == 0 {
            sync_dir(parent(path))?;
        }
        let mut note = path.as_os_str().to_owned();
        note.push(NOTE_SUFFIX);
        let note = PathBuf::from(note);
        match file.try_lock() {
            Ok(()) => Ok(Self { file, note }),
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

    fn note(&self) -> io::Result<Option<Vec<u8>>> {
        // Four bytes for every page of the file, and some more.
        let limit = self.len()? / 1_024 + 1_024;
        match File::open(&self.note) {
            Ok(file) if file.metadata()?.len() > limit => Ok(None),
            Ok(file) => {
                let mut note = Vec::new();
                file.take(limit).read_to_end(&mut note)?;
                Ok(Some(note))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn set_note(&self, note: Option<&[u8]>) -> io::Result<()> {
        let dir = parent(&self.note);
        if let Some(note) = note {
            let mut new = self.note.as_os_str().to_owned();
            new.push(".new");
            write_durably(Path::new(&new), note)?;
            fs::rename(&new, &self.note)?;
        } else if let Err(error) = fs::remove_file(&self.note) {
            return match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            };
        }
        sync_dir(dir)
    }
}

/// Files `keyring.N` in a directory; the greatest valid N counts.
#[derive(Debug)]
pub struct FileVault {
    dir: PathBuf,
}

impl FileVault {
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

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
}

impl Vault for FileVault {
    fn load(&mut self) -> io::Result<Vec<Vec<u8>>> {
        self.versions()?.into_iter().map(fs::read).collect()
    }

    fn replace(&mut self, generation: u64, bytes: &[u8]) -> io::Result<()> {
        let path = self.dir.join(format!("{KEYRING_PREFIX}{generation:020}"));
        write_durably(&path, bytes)?;
        sync_dir(&self.dir)?;
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
        sync_dir(&self.dir)
    }
}

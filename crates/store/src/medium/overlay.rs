//! Checking a database file without changing it: redb is opened on a copy that is only as large as
//! what it writes.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{Database, DatabaseError, ReadableDatabase, StorageBackend, StorageError, TableHandle};

use super::Disk;

const PAGE: usize = 4_096;
/// Memory for pages while checking, in bytes.
const CACHE: usize = 4 * 1024 * 1024;

/// A disk seen through writes that never reach it.
#[derive(Debug)]
struct Overlay {
    disk: Arc<dyn Disk>,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    len: u64,
    /// Pages that were written, by number.
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    fn new(disk: &Arc<dyn Disk>) -> io::Result<Self> {
        let changes = Changes {
            len: disk.len()?,
            pages: BTreeMap::new(),
        };
        Ok(Self {
            disk: Arc::clone(disk),
            changes: Mutex::new(changes),
        })
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From the disk, with zeros where it has nothing.
    fn below(&self, len: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        out.fill(0);
        let there = self.disk.len()?.min(len).saturating_sub(offset);
        let there = usize::try_from(there).unwrap_or(usize::MAX).min(out.len());
        match out.get_mut(..there) {
            Some(out) if there > 0 => self.disk.read(offset, out),
            _ => Ok(()),
        }
    }
}

/// Cuts a stretch at the pages' ends: page number, where in the page, where in the stretch.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, Range<usize>, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let start = usize::try_from(at % PAGE as u64).ok()?;
        let more = (PAGE - start).min(len - done);
        let piece = (at / PAGE as u64, start..start + more, done..done + more);
        done += more;
        (more > 0).then_some(piece)
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changes().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.changes();
        self.below(changes.len, offset, out)?;
        for (number, of_page, of_out) in pieces(offset, out.len()) {
            let page = changes
                .pages
                .get(&number)
                .and_then(|page| page.get(of_page));
            if let (Some(page), Some(out)) = (page, out.get_mut(of_out)) {
                out.copy_from_slice(page);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.changes().len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changes = self.changes();
        for (number, of_page, of_data) in pieces(offset, data.len()) {
            if !changes.pages.contains_key(&number) {
                let mut page = vec![0; PAGE];
                self.below(changes.len, number * PAGE as u64, &mut page)?;
                changes.pages.insert(number, page);
            }
            let page = changes.pages.get_mut(&number);
            let page = page.and_then(|page| page.get_mut(of_page));
            if let (Some(page), Some(data)) = (page, data.get(of_data)) {
                page.copy_from_slice(data);
            }
        }
        Ok(())
    }
}

/// What is known of the newest commit in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newest {
    /// It was finished: if it is damaged, the one before it is no substitute.
    Finished,
    /// The file was closed, or a crash cut the commit off, and redb can tell which: it makes the last
    /// commit before it closes a file in two phases, and puts up with no damage to such a one.
    Unknown,
}

/// Whether redb has read and compared all pages when it opened the file.
struct Repaired(bool);

/// Runs `look` on the database as it is in the file, after a repair that stays in memory if the file
/// was not closed. `None` if it is damaged. Nobody may write meanwhile.
fn look<R>(
    disk: &Arc<dyn Disk>,
    newest: Newest,
    look: impl FnOnce(&mut Database, Repaired) -> Result<R, DatabaseError>,
) -> Result<Option<R>, DatabaseError> {
    let overlay = Overlay::new(disk).map_err(StorageError::from)?;
    // A damaged page can make redb panic.
    let seen = catch_unwind(AssertUnwindSafe(|| {
        let repaired = Arc::new(AtomicBool::new(false));
        let noticed = Arc::clone(&repaired);
        let mut database = Database::builder()
            .set_cache_size(CACHE)
            .set_repair_callback(move |session| {
                noticed.store(true, Ordering::SeqCst);
                // The step between a repair's beginning and its middle gives the newest commit up.
                if newest == Newest::Finished && (0.1..0.5).contains(&session.progress()) {
                    session.abort();
                }
            })
            .create_with_backend(overlay)?;
        look(&mut database, Repaired(repaired.load(Ordering::SeqCst)))
    }));
    match seen {
        Ok(Ok(seen)) => Ok(Some(seen)),
        Ok(Err(
            DatabaseError::Storage(StorageError::Corrupted(_)) | DatabaseError::RepairAborted,
        ))
        | Err(_) => Ok(None),
        Ok(Err(error)) => Err(error),
    }
}

/// Whether every page that the newest commit in the file uses is what redb wrote. Reads all of them.
pub(crate) fn is_intact(disk: &Arc<dyn Disk>, newest: Newest) -> Result<bool, DatabaseError> {
    // In a file that was not closed, redb may have to mend what no page depends on; a damaged commit
    // is an error all the same.
    let open = is_open(&**disk).map_err(StorageError::from)?;
    let intact = look(disk, newest, |database, Repaired(checked)| {
        Ok(checked || database.check_integrity()? || open)
    })?;
    Ok(intact == Some(true))
}

/// Whether redb has the file open, or had when it crashed.
pub(super) fn is_open(disk: &dyn Disk) -> io::Result<bool> {
    /// Where redb keeps its flags, after the magic number (its `docs/design.md`).
    const FLAGS_AT: u64 = 9;
    const RECOVERY_REQUIRED: u8 = 2;
    let mut flags = [0];
    if disk.len()? > FLAGS_AT {
        disk.read(FLAGS_AT, &mut flags)?;
    }
    Ok(flags[0] & RECOVERY_REQUIRED != 0)
}

/// Whether the file is no database yet: empty, or its making was interrupted before redb wrote its
/// magic number, which it does last.
pub(crate) fn is_blank(disk: &dyn Disk) -> io::Result<bool> {
    let mut magic = [0; 9];
    let there = usize::try_from(disk.len()?).unwrap_or(usize::MAX);
    if let Some(magic) = magic.get_mut(..there.min(9)) {
        disk.read(0, magic)?;
    }
    Ok(magic == [0; 9])
}

/// Whether the file is a database without this table, or not even a database yet: what is left of
/// one whose making was interrupted.
pub(crate) fn is_unfinished(disk: &Arc<dyn Disk>, table: &str) -> Result<bool, DatabaseError> {
    if is_blank(&**disk).map_err(StorageError::from)? {
        return Ok(true);
    }
    let found = look(disk, Newest::Unknown, |database, _| {
        let transaction = database.begin_read().map_err(|error| match error {
            redb::TransactionError::Storage(error) => DatabaseError::Storage(error),
            _ => DatabaseError::TransactionInProgress,
        })?;
        Ok(transaction
            .list_tables()?
            .any(|found| found.name() == table))
    })?;
    Ok(found == Some(false))
}

//! Page checksums, between the database and the disk.
//!
//! redb keeps checksums of its pages and looks at them only after a crash; what a failing disk
//! returns at any other time it would believe, panic on, or turn into a wrong answer. So the checksum
//! of every page is held in memory, set when the page is written and compared whenever it is read.
//! While the store is closed they lie in the disk's note. After a crash there is no note: then redb
//! checks all it uses, and the first read of a page after that sets its checksum.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use twox_hash::XxHash3_64;

use super::Disk;
use super::overlay::is_open;

/// redb's page size.
const PAGE: usize = 4_096;
const MAGIC: &[u8; 8] = b"NOCTSUMS";
const NOTE_CONTEXT: &str = "nocturne 2026-11-20 v1 page checksums";

/// A disk that notices when a page is not what was written.
#[derive(Debug)]
pub(crate) struct CheckedDisk {
    disk: Arc<dyn Disk>,
    /// By page; 0 where none is known.
    sums: RwLock<Vec<AtomicU32>>,
    /// The disk's note speaks of the file as it is.
    noted: AtomicBool,
    /// A write failed: what is on the disk is not known.
    failed: AtomicBool,
}

/// What the note beside a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    /// The checksum of every page.
    Pages,
    /// Nothing: redb checks the file itself, for it was not closed.
    Crashed,
    /// Nothing, and nobody has checked the file.
    Nothing,
    /// Another file than this one.
    Other,
}

/// XXH3, cut to 32 bits. Not against an adversary (the chains' hashes are), but against a disk.
/// Never 0.
fn sum(page: &[u8]) -> u32 {
    let [a, b, c, d, ..] = XxHash3_64::oneshot(page).to_le_bytes();
    u32::from_le_bytes([a, b, c, d]).max(1)
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

impl CheckedDisk {
    /// Takes the checksums from the disk's note, if there is one and it is of this file.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> io::Result<(Self, Noted)> {
        let len = disk.len()?;
        let mut first = vec![0; PAGE.min(usize::try_from(len).unwrap_or(PAGE))];
        disk.read(0, &mut first)?;
        let open = is_open(&*disk)?;
        let (sums, noted) = match disk.note()?.and_then(|note| decode(&note)) {
            Some((noted_len, sums)) if noted_len == len && sums.first() == Some(&sum(&first)) => {
                (sums, Noted::Pages)
            }
            Some(_) if len > 0 => (Vec::new(), Noted::Other),
            _ if open => (Vec::new(), Noted::Crashed),
            _ => (Vec::new(), Noted::Nothing),
        };
        let checked = Self {
            disk,
            sums: RwLock::new(sums.into_iter().map(AtomicU32::new).collect()),
            noted: AtomicBool::new(noted == Noted::Pages),
            failed: AtomicBool::new(false),
        };
        Ok((checked, noted))
    }

    fn sums(&self) -> RwLockReadGuard<'_, Vec<AtomicU32>> {
        self.sums.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    /// The disk itself.
    pub(crate) fn unchecked(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Calls `f` for every page that lies wholly in `data`, with its number.
    fn pages(offset: u64, data: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let skip = offset.next_multiple_of(PAGE) - offset;
        let whole = data.get(skip..).unwrap_or_default();
        let first = offset.div_ceil(PAGE);
        (first..).zip(whole.chunks_exact(PAGE))
    }

    /// Before the file is changed: the note no longer speaks of it.
    fn change(&self) -> io::Result<()> {
        if self.noted.swap(false, Ordering::SeqCst) {
            self.disk.set_note(None)?;
        }
        Ok(())
    }

    /// Reads every page whose checksum is known; whether all are what was written.
    pub(crate) fn check_all(&self) -> io::Result<bool> {
        let count = self.sums().len();
        let mut page = vec![0; PAGE];
        for number in 0..count {
            let known = self
                .sums()
                .get(number)
                .map(|sum| sum.load(Ordering::Acquire));
            if known.is_some_and(|known| known != 0) {
                self.disk.read((number * PAGE) as u64, &mut page)?;
                if known != Some(sum(&page)) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn compare(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut unknown = Vec::new();
        {
            let sums = self.sums();
            for (number, page) in Self::pages(offset, data) {
                let read = sum(page);
                match sums.get(number) {
                    Some(known) => {
                        let before =
                            known.compare_exchange(0, read, Ordering::AcqRel, Ordering::Acquire);
                        if before.is_err_and(|known| known != read) {
                            return Err(damaged());
                        }
                    }
                    None => unknown.push((number, read)),
                }
            }
        }
        self.set(unknown);
        Ok(())
    }

    fn set(&self, pages: Vec<(usize, u32)>) {
        let Some((last, _)) = pages.last() else {
            return;
        };
        if self.sums().len() <= *last {
            let mut sums = self.sums.write().unwrap_or_else(PoisonError::into_inner);
            sums.resize_with(last + 1, AtomicU32::default);
        }
        let sums = self.sums();
        for (number, sum) in pages {
            if let Some(place) = sums.get(number) {
                place.store(sum, Ordering::Release);
            }
        }
    }

    fn put(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change()?;
        self.disk.write(offset, data)?;
        let mut sums: Vec<(usize, u32)> = Self::pages(offset, data)
            .map(|(number, page)| (number, sum(page)))
            .collect();
        // Pages that were written in part: the header's.
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = offset.saturating_add(data.len());
        for edge in [offset, end] {
            if !edge.is_multiple_of(PAGE) {
                sums.insert(0, (edge / PAGE, 0));
            }
        }
        sums.sort_unstable_by_key(|(number, _)| *number);
        self.set(sums);
        Ok(())
    }

    fn leave_note(&self) -> io::Result<()> {
        if self.failed.load(Ordering::SeqCst) || self.noted.load(Ordering::SeqCst) {
            return Ok(());
        }
        let len = self.disk.len()?;
        if len < PAGE as u64 || is_open(&*self.disk)? {
            return Ok(());
        }
        let mut first = vec![0; PAGE];
        self.disk.read(0, &mut first)?;
        let mut sums: Vec<u32> = self
            .sums()
            .iter()
            .map(|sum| sum.load(Ordering::Acquire))
            .collect();
        if let Some(place) = sums.first_mut() {
            *place = sum(&first);
        }
        self.disk.set_note(Some(&encode(len, &sums)))
    }
}

fn encode(len: u64, sums: &[u32]) -> Vec<u8> {
    let mut note = Vec::with_capacity(8 + 8 + sums.len() * 4 + 32);
    note.extend_from_slice(MAGIC);
    note.extend_from_slice(&len.to_be_bytes());
    for sum in sums {
        note.extend_from_slice(&sum.to_be_bytes());
    }
    let checksum = blake3::derive_key(NOTE_CONTEXT, &note);
    note.extend_from_slice(&checksum);
    note
}

/// The file's length and its pages' checksums; `None` for anything but a whole note.
fn decode(note: &[u8]) -> Option<(u64, Vec<u32>)> {
    let (content, checksum) = note.split_last_chunk::<32>()?;
    if blake3::derive_key(NOTE_CONTEXT, content) != *checksum {
        return None;
    }
    let (len, sums) = content.strip_prefix(MAGIC)?.split_first_chunk::<8>()?;
    let (sums, rest) = sums.as_chunks::<4>();
    let sums = sums.iter().map(|sum| u32::from_be_bytes(*sum)).collect();
    rest.is_empty().then_some((u64::from_be_bytes(*len), sums))
}

/// Lets redb run on a checked disk.
#[derive(Debug)]
pub(crate) struct RedbDisk(pub(crate) Arc<CheckedDisk>);

impl redb::StorageBackend for RedbDisk {
    fn len(&self) -> io::Result<u64> {
        self.0.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.disk.read(offset, out)?;
        self.0.compare(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.change()?;
        let pages = usize::try_from(len / PAGE as u64).unwrap_or(usize::MAX);
        let mut sums = self.0.sums.write().unwrap_or_else(PoisonError::into_inner);
        sums.truncate(pages);
        self.0.disk.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let synced = self.0.disk.sync();
        self.0.failed.fetch_or(synced.is_err(), Ordering::SeqCst);
        synced
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let written = self.0.put(offset, data);
        self.0.failed.fetch_or(written.is_err(), Ordering::SeqCst);
        written
    }

    fn close(&self) -> io::Result<()> {
        self.0.leave_note()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_changes_a_pages_checksum() {
        let mut page: Vec<u8> = (0..PAGE).map(|n| (n * 7 % 251).to_le_bytes()[0]).collect();
        let whole = sum(&page);
        for bit in (0..PAGE * 8).step_by(13) {
            page[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(sum(&page), whole, "{bit}");
            page[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_note_reads_back_and_a_damaged_one_does_not() {
        let note = encode(8_192, &[1, 2]);
        assert_eq!(decode(&note), Some((8_192, vec![1, 2])));
        for at in 0..note.len() {
            let mut bad = note.clone();
            bad[at] ^= 4;
            assert_eq!(decode(&bad), None);
            assert_eq!(decode(&note[..at]), None);
        }
    }

    #[test]
    fn a_part_of_a_page_is_nobodys_page() {
        let data = vec![0; 3 * PAGE];
        let numbers = |offset, len| -> Vec<usize> {
            CheckedDisk::pages(offset, &data[..len])
                .map(|(number, _)| number)
                .collect()
        };
        assert_eq!(numbers(0, 2 * PAGE), [0, 1]);
        assert_eq!(numbers(0, 320), [0; 0]);
        assert_eq!(numbers(1, 2 * PAGE), [1]);
        assert_eq!(numbers(PAGE as u64, PAGE + 1), [1]);
    }
}

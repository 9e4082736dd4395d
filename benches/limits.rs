//! What this machine does at most: its disk, its hashes, its signatures, its bare B-tree.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a machine that cannot be measured has no limit to print"
)]

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use redb::{Database, TableDefinition};

use crate::meter::timed;

/// How long each limit is measured.
const WINDOW: Duration = Duration::from_millis(400);

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

/// How often `work` can be done in a second, one after the other.
pub fn per_second(mut work: impl FnMut()) -> f64 {
    work();
    let mut done = 0_u32;
    let mut elapsed = Duration::ZERO;
    while elapsed < WINDOW {
        let ((), took) = timed(&mut work);
        elapsed += took;
        done += 1;
    }
    f64::from(done) / elapsed.as_secs_f64()
}

/// Appends of 200 bytes with `fdatasync` after each, to a file in `dir`, by one thread. The file
/// grows, so the file system's journal has its part in each.
pub fn appends_per_s(dir: &Path) -> f64 {
    let mut file = File::create(dir.join("appends")).expect("the folder can be written");
    per_second(|| {
        file.write_all(&[7; 200])
            .expect("the file can be appended to");
        file.sync_data().expect("the file can be synced");
    })
}

/// Writes of 4 KiB with `fdatasync` after each, within a file in `dir` that has its size already, as
/// a database's has, by one thread.
pub fn fdatasync_per_s(dir: &Path) -> f64 {
    const PAGES: u64 = 1024;
    let mut file = File::create(dir.join("pages")).expect("the folder can be written");
    file.write_all(&[0; 4096].repeat(1024))
        .expect("the disk has room");
    file.sync_all().expect("the file can be synced");
    let mut page = 0;
    per_second(|| {
        page = (page + 1) % PAGES;
        file.write_all_at(&[7; 4096], page * 4096)
            .expect("the file can be written");
        file.sync_data().expect("the file can be synced");
    })
}

/// BLAKE3 of `len` bytes, in bytes.
pub fn blake3_bytes_per_s(len: usize) -> f64 {
    let input = vec![7; len];
    let rate = per_second(|| {
        for _ in 0..100 {
            std::hint::black_box(blake3::hash(std::hint::black_box(&input)));
        }
    });
    rate * 100.0 * f64::from(u32::try_from(len).unwrap_or(u32::MAX))
}

/// Ed25519 signatures of 32 bytes.
pub fn sign_per_s() -> f64 {
    let key = SigningKey::from_bytes(&[7; 32]);
    per_second(|| {
        std::hint::black_box(key.sign(std::hint::black_box(&[9; 32])));
    })
}

/// Strict checks of Ed25519 signatures of 32 bytes.
pub fn verify_strict_per_s() -> f64 {
    let key = SigningKey::from_bytes(&[7; 32]);
    let signature = key.sign(&[9; 32]);
    let public = key.verifying_key();
    per_second(|| {
        public
            .verify_strict(std::hint::black_box(&[9; 32]), &signature)
            .expect("the signature was just made");
    })
}

/// Durable redb commits of one row (32-byte random key, 100-byte value), by one thread.
pub fn raw_redb_commits_per_s(dir: &Path) -> f64 {
    let database = Database::create(dir.join("commits.redb")).expect("the folder can be written");
    let mut random = StdRng::seed_from_u64(1);
    per_second(|| insert(&database, &mut random, 1))
}

/// Rows a second into one redb table in durable commits of `per_commit` rows, sorted within each
/// commit: 32-byte random keys, 100-byte values, `rows` in all, into an empty file.
pub fn raw_redb_rows_per_s(dir: &Path, rows: u32, per_commit: u32) -> f64 {
    let database = Database::create(dir.join("rows.redb")).expect("the folder can be written");
    let mut random = StdRng::seed_from_u64(2);
    let ((), took) = timed(|| {
        for _ in 0..rows.div_ceil(per_commit) {
            insert(&database, &mut random, per_commit);
        }
    });
    f64::from(rows) / took.as_secs_f64()
}

/// Point reads and scanned rows a second of a redb table of `rows` rows, the reads in random order.
pub fn raw_redb_reads_per_s(dir: &Path, rows: u32) -> (f64, f64) {
    use redb::ReadableDatabase;

    let database = Database::create(dir.join("reads.redb")).expect("the folder can be written");
    insert(&database, &mut StdRng::seed_from_u64(3), rows);
    let read = database.begin_read().expect("a fresh database can be read");
    let table = read.open_table(TABLE).expect("the table was just written");
    // As they were drawn, before they were sorted: neighbours in this order are strangers in the tree.
    let keys = drawn(&mut StdRng::seed_from_u64(3), rows);
    let mut next = keys.iter().cycle();
    let gets = per_second(|| {
        for key in next.by_ref().take(1000) {
            let found = table.get(key.as_slice()).expect("the table can be read");
            std::hint::black_box(found.map(|value| value.value().len()));
        }
    });
    let scans = per_second(|| {
        let all = table.range::<&[u8]>(..).expect("the table can be read");
        for row in all.take(1000) {
            let (key, value) = row.expect("the table can be read");
            std::hint::black_box((key.value().len(), value.value().len()));
        }
    });
    (gets * 1000.0, scans * 1000.0)
}

fn drawn(random: &mut StdRng, count: u32) -> Vec<[u8; 32]> {
    let mut keys = vec![[0; 32]; usize::try_from(count).unwrap_or_default()];
    for key in &mut keys {
        random.fill_bytes(key);
    }
    keys
}

fn insert(database: &Database, random: &mut StdRng, count: u32) {
    let write = database.begin_write().expect("the database is ours alone");
    {
        let mut table = write.open_table(TABLE).expect("the table can be opened");
        let mut keys = drawn(random, count);
        keys.sort_unstable();
        for key in keys {
            let value: &[u8] = &[7; 100];
            table
                .insert(key.as_slice(), value)
                .expect("the disk has room");
        }
    }
    write.commit().expect("the disk has room");
}

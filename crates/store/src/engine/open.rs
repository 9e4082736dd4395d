//! Making a store and opening it again, after a crash too.

mod error;
mod keyring_file;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nocturne_core::limits::DEFAULT_MAX_DRIFT;
use nocturne_core::{
    AuthorId, Entropy, EntryHash, Frontier, Genesis, Hlc, Identity, LogHead, StoreId,
};
use redb::{Database, ReadableDatabase, ReadableTable, TableHandle};

pub use error::OpenError;
use keyring_file::{has_used_keyring, newest_keyring};

use super::quarantine::Quarantined;
use super::waiting::WaitingRoom;
use super::{StandingCut, Store};
use crate::erasure::{Cut, Judge, NoJudge};
use crate::error::{Damage, StorageError};
use crate::keyring::{self, Keyring};
use crate::medium::{
    CheckedDisk, Disk, Medium, Newest, Noted, RedbDisk, Vault, is_blank, is_intact, is_unfinished,
};
use crate::rim::{Clock, EntropyError, SystemClock, SystemEntropy};
use crate::shared::Shared;
use crate::tables::{
    ARRIVALS, Authors, BLOCKS, CUTS, ERASURES, FORGOTTEN, FORKS, FORMAT, HEADS, LOGS, Log, LogRow,
    META, PLAN, QUARANTINE, SPENT, VERSIONS, WANTED, meta, meta_u64,
};

/// What a store is given.
pub struct StoreOptions {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives salts and keys.
    pub entropy: Box<dyn Entropy + Send>,
    /// Reads the predicates of cuts.
    pub judge: Arc<dyn Judge>,
    /// How far ahead of the clock an entry may be before it is quarantined.
    pub max_drift: Duration,
    /// Memory for the database's pages, in bytes.
    pub cache_bytes: usize,
}

impl std::fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions")
            .field("max_drift", &self.max_drift)
            .field("cache_bytes", &self.cache_bytes)
            .finish_non_exhaustive()
    }
}

impl StoreOptions {
    /// The machine's clock and randomness, no cuts, a cache of 64 MiB.
    pub fn system() -> Result<Self, EntropyError> {
        Ok(Self {
            clock: Arc::new(SystemClock),
            entropy: Box::new(SystemEntropy::new()?),
            judge: Arc::new(NoJudge),
            max_drift: DEFAULT_MAX_DRIFT,
            cache_bytes: 64 * 1024 * 1024,
        })
    }

    /// With a judge for cuts.
    #[must_use]
    pub fn with_judge(mut self, judge: Arc<dyn Judge>) -> Self {
        self.judge = judge;
        self
    }
}

/// Opens the database, after checking what nobody has checked.
fn database(disk: Arc<dyn Disk>, cache: usize) -> Result<(Arc<CheckedDisk>, Database), OpenError> {
    let (disk, noted) = CheckedDisk::open(disk)?;
    match noted {
        Noted::Pages | Noted::Crashed => {}
        Noted::Nothing if disk.len()? == 0 => {}
        Noted::Nothing => {
            if !is_intact(disk.unchecked(), Newest::Unknown)? {
                return Err(Damage::Page.into());
            }
        }
        Noted::Other => return Err(OpenError::Replaced),
    }
    let disk = Arc::new(disk);
    let repaired = Arc::new(AtomicBool::new(false));
    let noticed = Arc::clone(&repaired);
    let database = Database::builder()
        .set_cache_size(cache)
        .set_repair_callback(move |_| noticed.store(true, Ordering::SeqCst))
        .create_with_backend(RedbDisk(Arc::clone(&disk)))?;
    // After a crash before the first commit redb takes the file for closed and checks nothing.
    let unchecked = noted == Noted::Crashed && !repaired.load(Ordering::SeqCst);
    if unchecked && !is_intact(disk.unchecked(), Newest::Unknown)? {
        return Err(Damage::Page.into());
    }
    Ok((disk, database))
}

/// Runs `open`; a panic of redb's on what lies on the disk is damage.
fn unless_damaged<T>(open: impl FnOnce() -> Result<T, OpenError>) -> Result<T, OpenError> {
    catch_unwind(AssertUnwindSafe(open))
        .unwrap_or(Err(OpenError::Storage(StorageError::Damaged(Damage::Page))))
}

impl Store {
    /// Makes a new store on an empty medium, or on one where the making of a store was interrupted.
    pub fn create(
        medium: Medium,
        options: StoreOptions,
        genesis: &Genesis,
        identity: Identity,
    ) -> Result<Self, OpenError> {
        unless_damaged(|| Self::make(medium, options, genesis, identity))
    }

    fn make(
        mut medium: Medium,
        mut options: StoreOptions,
        genesis: &Genesis,
        identity: Identity,
    ) -> Result<Self, OpenError> {
        let disk: Arc<dyn Disk> = medium.disk.into();
        if !disk.is_empty()? {
            if !is_unfinished(&disk, META.name())? {
                return Err(OpenError::Exists);
            }
            disk.set_len(0)?;
        }
        if has_used_keyring(&mut *medium.vault)? {
            return Err(OpenError::KeyringOfOther);
        }
        disk.set_note(None)?;
        let mut instance = [0; 16];
        options.entropy.fill(&mut instance);
        let mut keyring = Keyring::new(instance);
        keyring.generation = 1;
        medium.vault.replace(1, &keyring::encode(&keyring))?;
        let (disk, database) = database(disk, options.cache_bytes)?;
        let transaction = database.begin_write()?;
        {
            let mut table = transaction.open_table(META)?;
            table.insert(meta::FORMAT, &FORMAT.to_be_bytes()[..])?;
            table.insert(meta::GENESIS, &genesis.encode()[..])?;
            table.insert(meta::INSTANCE, &instance[..])?;
            table.insert(meta::KEYRING_FLOOR, &1_u64.to_be_bytes()[..])?;
            // Every table exists from the start, so that readers never meet a missing one.
            transaction.open_table(LOGS)?;
            transaction.open_table(BLOCKS)?;
            transaction.open_table(HEADS)?;
            transaction.open_table(VERSIONS)?;
            transaction.open_table(ARRIVALS)?;
            transaction.open_table(WANTED)?;
            transaction.open_table(FORGOTTEN)?;
            transaction.open_table(QUARANTINE)?;
            transaction.open_table(SPENT)?;
            transaction.open_table(CUTS)?;
            transaction.open_table(ERASURES)?;
            transaction.open_table(PLAN)?;
            transaction.open_table(FORKS)?;
        }
        transaction.commit()?;
        Self::start(disk, database, medium.vault, options, identity, None)
    }

    /// Opens a store; finishes a forget that a crash interrupted. `expected` guards against opening
    /// another store's files.
    pub fn open(
        medium: Medium,
        options: StoreOptions,
        identity: Identity,
        expected: Option<StoreId>,
    ) -> Result<Self, OpenError> {
        unless_damaged(|| {
            let disk: Arc<dyn Disk> = medium.disk.into();
            if is_blank(&*disk)? {
                return Err(OpenError::Missing);
            }
            let (disk, database) = database(disk, options.cache_bytes)?;
            Self::start(disk, database, medium.vault, options, identity, expected)
        })
    }

    fn start(
        disk: Arc<CheckedDisk>,
        database: Database,
        mut vault: Box<dyn Vault>,
        options: StoreOptions,
        identity: Identity,
        expected: Option<StoreId>,
    ) -> Result<Self, OpenError> {
        let transaction = database.begin_read()?;
        let table = match transaction.open_table(META) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Err(OpenError::Missing),
            Err(error) => return Err(error.into()),
        };
        let format = meta_u64(&table, meta::FORMAT)?;
        if format != FORMAT {
            return Err(OpenError::Format(format));
        }
        // The row is let go at once: a commit below must not find its page still being read.
        let genesis = {
            let row = table.get(meta::GENESIS)?.ok_or(Damage::Row("meta"))?;
            Genesis::decode(row.value())?
        };
        if let Some(expected) = expected
            && expected != genesis.store_id()
        {
            return Err(OpenError::OtherStore {
                expected,
                found: genesis.store_id(),
            });
        }
        let instance: [u8; 16] = table
            .get(meta::INSTANCE)?
            .and_then(|value| value.value().try_into().ok())
            .ok_or(Damage::Row("meta"))?;
        let floor = meta_u64(&table, meta::KEYRING_FLOOR)?;
        let next_number = meta_u64(&table, meta::NEXT_NUMBER)?;
        let next_revision = meta_u64(&table, meta::NEXT_REVISION)?;
        let next_erasure = meta_u64(&table, meta::NEXT_ERASURE)?;
        let keyring = newest_keyring(&mut *vault, instance, floor, next_number)?;
        let (logs, authors, frontier) = read_logs(&transaction.open_table(LOGS)?)?;
        let mut cuts = Vec::new();
        for row in transaction.open_table(CUTS)?.iter()? {
            let (id, row) = row?;
            let cut = Cut::decode(*id.value(), row.value())?;
            let covers = options.judge.compile(&cut)?;
            cuts.push(StandingCut { cut, covers });
        }
        let quarantined = Quarantined::read(&transaction.open_table(QUARANTINE)?)?;
        let mut frozen = BTreeSet::new();
        for row in transaction.open_table(FORKS)?.iter()? {
            frozen.insert(AuthorId::from_bytes(*row?.0.value()));
        }
        drop(table);
        drop(transaction);
        let shared = Shared::new(
            genesis,
            database,
            keyring,
            authors.clone(),
            frontier.clone(),
            next_revision,
        );
        let mut store = Self {
            shared: Arc::new(shared),
            identity,
            clock: options.clock,
            entropy: options.entropy,
            disk,
            vault,
            judge: options.judge,
            max_drift_ms: u64::try_from(options.max_drift.as_millis()).unwrap_or(u64::MAX),
            logs,
            authors,
            frontier,
            digest: None,
            next_number,
            next_revision,
            next_erasure,
            waiting: WaitingRoom::default(),
            admitted: None,
            admission_changed: false,
            frozen,
            cuts,
            peer_offsets_ms: std::collections::BTreeMap::new(),
            quarantined,
        };
        store.resume_forget()?;
        store.puncture_spent()?;
        Ok(store)
    }
}

pub(super) type LogTable = redb::ReadOnlyTable<u32, LogRow>;
pub(super) type Logs = std::collections::BTreeMap<AuthorId, Log>;

pub(super) fn read_logs(table: &LogTable) -> Result<(Logs, Authors, Frontier), StorageError> {
    let mut logs = Logs::new();
    let mut authors = Authors::default();
    let mut frontier = Frontier::new();
    for row in table.iter()? {
        let (number, row) = row?;
        let (author, seq, hash, hlc, tip) = row.value();
        let author = AuthorId::from_bytes(*author);
        if authors.add(author) != number.value() {
            return Err(Damage::Row("logs").into());
        }
        let log = Log {
            number: number.value(),
            seq,
            hash: EntryHash::from_bytes(*hash),
            hlc: Hlc::from_bits(hlc),
            tip,
        };
        if seq > 0 {
            let head = LogHead {
                seq,
                hash: log.hash,
            };
            frontier.advance(author, head);
        }
        logs.insert(author, log);
    }
    Ok((logs, authors, frontier))
}

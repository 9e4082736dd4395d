//! Making a store and opening it again, after a crash too.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use nocturne_core::limits::DEFAULT_MAX_DRIFT;
use nocturne_core::{
    AuthorId, Entropy, EntryHash, Frontier, Genesis, GenesisError, Hlc, Identity, LogHead, StoreId,
};
use redb::{Database, ReadableDatabase, ReadableTable};

use super::quarantine::Quarantined;
use super::waiting::WaitingRoom;
use super::{StandingCut, Store};
use crate::erasure::{BadPredicate, Cut, Judge, NoJudge};
use crate::error::{Damage, StorageError};
use crate::keyring::{self, Keyring};
use crate::medium::{Disk, Medium, RedbDisk, Vault};
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

/// Why a store was not made or opened. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A store is there already.
    #[error("a store exists here already")]
    Exists,
    /// Nothing is there.
    #[error("there is no store here")]
    Missing,
    /// Another process has it open.
    #[error("the store is in use by another process")]
    InUse,
    /// Another store than the one expected is there.
    #[error("the store here is {found}, not {expected}")]
    OtherStore {
        /// The one that was asked for.
        expected: StoreId,
        /// The one that is there.
        found: StoreId,
    },
    /// A newer program wrote it.
    #[error("the store has format {0}; this program knows {FORMAT}: use a newer nocturne")]
    Format(u64),
    /// The genesis record can't be read.
    #[error("the genesis record is damaged: {0}")]
    Genesis(#[from] GenesisError),
    /// The keyring is gone. Without it nothing can be read.
    #[error("the keyring is missing; put the store's keyring file back")]
    KeyringMissing,
    /// The keyring can't be read.
    #[error("{0}; put an intact copy of the newest keyring file back")]
    Keyring(#[from] keyring::KeyringFileError),
    /// The keyring belongs to another store's database.
    #[error("the keyring belongs to another database")]
    KeyringOfOther,
    /// The keyring is from before the last forget or the last writes: with it, what was forgotten
    /// would be readable again.
    #[error(
        "the keyring is older (version {found}) than the database (version {needed}); put the newest keyring file back"
    )]
    KeyringStale {
        /// Its version.
        found: u64,
        /// The least version that the database allows.
        needed: u64,
    },
    /// The store has cuts and no judge was given that can read them.
    #[error("the store has standing cuts; open it with the judge that reads them")]
    Judge,
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<BadPredicate> for OpenError {
    fn from(_: BadPredicate) -> Self {
        Self::Judge
    }
}

macro_rules! through_storage {
    ($($source:ty),*) => {$(
        impl From<$source> for OpenError {
            fn from(error: $source) -> Self {
                Self::Storage(error.into())
            }
        }
    )*};
}
through_storage!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    std::io::Error,
    Damage
);

impl From<redb::DatabaseError> for OpenError {
    fn from(error: redb::DatabaseError) -> Self {
        match error {
            redb::DatabaseError::DatabaseAlreadyOpen => Self::InUse,
            other => Self::Storage(other.into()),
        }
    }
}

fn database(disk: &Arc<dyn Disk>, cache: usize) -> Result<Database, OpenError> {
    Ok(Database::builder()
        .set_cache_size(cache)
        .create_with_backend(RedbDisk(Arc::clone(disk)))?)
}

impl Store {
    /// Makes a new store on an empty medium.
    pub fn create(
        mut medium: Medium,
        mut options: StoreOptions,
        genesis: &Genesis,
        identity: Identity,
    ) -> Result<Self, OpenError> {
        if !medium.disk.is_empty()? {
            return Err(OpenError::Exists);
        }
        let mut instance = [0; 16];
        options.entropy.fill(&mut instance);
        let mut keyring = Keyring::new(instance);
        keyring.generation = 1;
        medium.vault.replace(1, &keyring::encode(&keyring))?;
        let disk: Arc<dyn Disk> = medium.disk.into();
        let database = database(&disk, options.cache_bytes)?;
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
        if medium.disk.is_empty()? {
            return Err(OpenError::Missing);
        }
        let disk: Arc<dyn Disk> = medium.disk.into();
        let database = database(&disk, options.cache_bytes)?;
        Self::start(disk, database, medium.vault, options, identity, expected)
    }

    fn start(
        disk: Arc<dyn Disk>,
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

type LogTable = redb::ReadOnlyTable<u32, LogRow>;
type Logs = std::collections::BTreeMap<AuthorId, Log>;

fn read_logs(table: &LogTable) -> Result<(Logs, Authors, Frontier), OpenError> {
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

/// The valid version with the greatest generation; the others are destroyed. A crash leaves a torn
/// new version beside the old one, or an old one beside the new.
fn newest_keyring(
    vault: &mut dyn Vault,
    instance: [u8; 16],
    floor: u64,
    next_number: u64,
) -> Result<Keyring, OpenError> {
    let versions = vault.load()?;
    let count = versions.len();
    let mut best: Option<Keyring> = None;
    let mut failure = OpenError::KeyringMissing;
    for bytes in versions {
        let bytes = zeroize::Zeroizing::new(bytes);
        match keyring::decode(&bytes) {
            Ok(keyring) if keyring.instance != instance => failure = OpenError::KeyringOfOther,
            Ok(keyring) => {
                if best
                    .as_ref()
                    .is_none_or(|other| other.generation < keyring.generation)
                {
                    best = Some(keyring);
                }
            }
            Err(error) => failure = error.into(),
        }
    }
    let Some(keyring) = best else {
        return Err(failure);
    };
    if keyring.generation < floor || keyring.allocated < next_number {
        return Err(OpenError::KeyringStale {
            found: keyring.generation,
            needed: floor.max(keyring.generation + u64::from(keyring.generation >= floor)),
        });
    }
    if count > 1 {
        vault.replace(keyring.generation, &keyring::encode(&keyring))?;
    }
    Ok(keyring)
}

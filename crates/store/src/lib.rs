//! A durable, sealed, mergeable key-value store, behind one handle.
//!
//! It keeps signed logs of entries in redb, merges them into heads and values, seals every body
//! under a key of its own, and forgets by losing exactly that key. It works alone, as an embedded
//! store with history, and it is what `nocturne-net` syncs and `nocturne-forget` forgets from.
//!
//! It is not a network and not a policy engine, and it doesn't know who may write unless told
//! ([`StoreHandle::admit`]).
//!
//! ```
//! use nocturne_core::{Genesis, Identity};
//! use nocturne_store::{Batch, Medium, Store, StoreHandle, StoreOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let mut options = StoreOptions::system()?;
//! let me = Identity::generate(&mut *options.entropy);
//! let genesis = Genesis::root(me.author(), options.clock.now_ms(), &mut *options.entropy);
//! let medium = Medium::directory(dir.path())?;
//! let store = StoreHandle::spawn(Store::create(medium, options, &genesis, me)?)?;
//!
//! // Durable when it returns. One batch is one entry: all of it or nothing.
//! let written = store.write_blocking(Batch::new().put("colour", "blue").put("size", "L"))?;
//! assert_eq!(written.seq, 1);
//! assert_eq!(store.get(b"colour")?.unwrap().value, "blue");
//!
//! store.write_blocking(Batch::new().put("colour", "red"))?;
//! let history = store.snapshot()?.history(b"colour")?;
//! assert_eq!(history.len(), 2);
//! store.shutdown_blocking()?;
//! # Ok(())
//! # }
//! ```

mod actor;
mod batch;
mod block;
mod engine;
mod erasure;
mod error;
mod handle;
mod keyring;
mod ledger;
mod medium;
mod read;
mod rim;
mod seal;
mod shared;
mod tables;
mod watch;

pub use actor::Standing;
pub use batch::{Batch, WriteError, Written};
pub use engine::{ApplyOutcome, Depth, Finding, Findings, OpenError, Refusal, Store, StoreOptions};
pub use erasure::{
    Action, BadPredicate, Covers, Cut, Erasure, ForgetError, ForgetRequest, Forgotten, Judge,
    NoJudge, ScrubError,
};
pub use error::{ActorError, Damage, EngineFault, StorageError};
pub use handle::{SpawnError, StoreHandle};
pub use keyring::KeyringFileError;
pub use ledger::{Ledger, LedgerError, MAX_RECORD_BYTES};
pub use medium::{DATABASE_FILE, Disk, FileDisk, FileVault, Medium, Memory, Vault};
pub use read::{
    Change, Content, Event, FullOperation, Operations, Row, RunsPage, RunsQuery, Scan, ScanRange,
    Snapshot, Version,
};
pub use rim::{Clock, EntropyError, SeededEntropy, SystemClock, SystemEntropy};
pub use watch::Watcher;

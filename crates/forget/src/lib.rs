//! Retention policies, forgetting, and receipts that anyone can check.
//!
//! - [`policy`]: what may be forgotten, as values: predicates and policies with one canonical
//!   encoding, a language in TOML and JSON, and words.
//! - [`engine`]: forgetting in one store. Operations are selected, their keys punctured and their
//!   bodies dropped by `nocturne-store`, the file is scrubbed, and receipts are issued, once each
//!   and whatever a crash interrupts.
//! - [`receipt`], [`receipt_log`], [`checkpoint`]: what a node states about each operation that it
//!   forgot, in one append-only Merkle tree (RFC 9162) with signed checkpoints (C2SP).
//! - [`proof`]: files that show that receipts stand in a node's log, checked without a node.
//!
//! It is not a proof that data is gone from the world: a receipt is a signed statement, and every
//! verdict lists what it does not show. It covers one node (level 1), and knows no holds.
//!
//! Formats: `proto/v1/policy.md`, `receipt.md`, `proof.md`; golden vectors from [`mod@vectors`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use nocturne_core::{Genesis, Identity};
//! use nocturne_forget::engine::Forgetter;
//! use nocturne_forget::judge::PolicyJudge;
//! use nocturne_forget::proof::verify_bundle;
//! use nocturne_forget::receipt_log::{ExportOptions, ReceiptLog};
//! use nocturne_forget::target::Target;
//! use nocturne_store::{
//!     Batch, Ledger, Medium, Store, StoreHandle, StoreOptions, SystemClock, SystemEntropy,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut entropy = SystemEntropy::new()?;
//! let me = Identity::generate(&mut entropy);
//! let genesis = Genesis::root(me.author(), 1_764_600_000_000, &mut entropy);
//! // The judge lets the store recognise late operations that a cut covers.
//! let options = StoreOptions::system()?.with_judge(Arc::new(PolicyJudge));
//! let store = Store::create(Medium::memory(), options, &genesis, me.clone())?;
//! let store = StoreHandle::spawn(store)?;
//! store.write_blocking(Batch::new().put("mail/1", "dear diary"))?;
//!
//! let log = ReceiptLog::open(Ledger::on(Medium::memory().disk)?, me)?;
//! let forgetter = Forgetter::new(store.clone(), log, Arc::new(SystemClock));
//! let outcome = forgetter.forget(&Target::Prefix("mail/".into()), None, &mut entropy)?;
//! assert_eq!(outcome.selected, 1);
//! assert!(store.get(b"mail/1")?.is_none());
//!
//! // The evidence is a file; whoever gets it needs nothing else to check it.
//! let receipts: Vec<u64> = outcome.receipts.collect();
//! let proof = forgetter.log().export(&receipts, ExportOptions::default())?.encode()?;
//! assert!(verify_bundle(&proof)?.valid);
//! # Ok(())
//! # }
//! ```

pub mod checkpoint;
pub mod cut;
pub mod engine;
pub mod judge;
pub mod policy;
pub mod proof;
pub mod receipt;
pub mod receipt_log;
pub mod target;
pub mod vectors;

mod layout;

pub use vectors::vectors;

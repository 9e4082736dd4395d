//! Sync, gossip and transports of the Nocturne key-value store.
//!
//! # What it is
//!
//! - [`proto`]: the sync protocol as a value. A [`proto::Session`] brings two replicas of a store
//!   together; it has no socket, no clock and no storage, so that it can be tested in virtual time
//!   and driven by anything.
//! - [`transport`] and [`gossip`]: the few things that a network must do, as object-safe traits
//!   over `std` futures. [`conformance`] checks an implementation; [`memory`] is one.
//! - [`framing`]: frames on a byte stream, with limits that hold before anything is allocated.
//! - [`driver`] (feature `store`, on by default): runs sessions over a [`transport::Connection`]
//!   against a `StoreHandle`, and keeps a store live over gossip.
//! - [`iroh`] (feature `iroh`, on by default): QUIC, hole punching, local discovery and gossip.
//! - `sim` (feature `sim`): a seeded network in virtual time.
//!
//! # What it is not
//!
//! It doesn't decide who is a member (the caller passes that decision in), doesn't dial on its own,
//! and keeps nothing on disk. Without default features it has no runtime, no database and no
//! sockets.
//!
//! # Example
//!
//! Two nodes in one process bring a store together (needs the feature `store`):
//!
//! ```
//! # #[cfg(feature = "store")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use nocturne_core::{Genesis, Identity};
//! use nocturne_net::driver::{SyncOptions, serve_connection, sync_once};
//! use nocturne_net::memory::MemoryNetwork;
//! use nocturne_net::transport::Transport;
//! use nocturne_store::{Medium, Store, StoreHandle, StoreOptions};
//!
//! let mut options = StoreOptions::system()?;
//! let alice = Identity::generate(&mut *options.entropy);
//! let bob = Identity::generate(&mut *options.entropy);
//! let genesis = Genesis::root(alice.author(), options.clock.now_ms(), &mut *options.entropy);
//! let network = MemoryNetwork::new();
//! let (from, to) = (network.endpoint(alice.author()), network.endpoint(bob.author()));
//! let here = StoreHandle::spawn(Store::create(Medium::memory(), options, &genesis, alice)?)?;
//! let options = StoreOptions::system()?;
//! let there = StoreHandle::spawn(Store::create(Medium::memory(), options, &genesis, bob)?)?;
//!
//! tokio::runtime::Runtime::new()?.block_on(async {
//!     here.put("colour", "green").await?;
//!     let (served, addr) = (there.clone(), to.local_addr());
//!     tokio::spawn(async move {
//!         while let Some(connection) = to.accept().await {
//!             let served = served.clone();
//!             let lookup = Arc::new(move |id| (id == served.id()).then(|| served.clone()));
//!             serve_connection(connection, lookup, SyncOptions::default(), Arc::new(drop)).await;
//!         }
//!     });
//!     let connection = from.connect(&addr).await?;
//!     let report = sync_once(&*connection, &here, &SyncOptions::default()).await?;
//!     assert!(report.converged);
//!     assert_eq!(there.get(b"colour")?.map(|row| row.value), Some("green".into()));
//!     Ok(())
//! })
//! # }
//! # #[cfg(not(feature = "store"))]
//! # fn main() {}
//! ```

pub mod conformance;
#[cfg(feature = "store")]
pub mod driver;
pub mod framing;
pub mod gossip;
#[cfg(feature = "iroh")]
pub mod iroh;
pub mod memory;
pub mod proto;
#[cfg(feature = "sim")]
pub mod sim;
pub mod transport;

mod join;
#[cfg(any(feature = "sim", feature = "store"))]
mod rng;

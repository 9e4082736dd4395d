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
//! - [`sim`] (feature `sim`): a seeded network in virtual time.
//!
//! # What it is not
//!
//! It doesn't decide who is a member (the caller passes that decision in), doesn't dial on its own,
//! and keeps nothing on disk. Without default features it has no runtime, no database and no
//! sockets.

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

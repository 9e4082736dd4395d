//! A network of nodes in virtual time: sessions and gossip over links that delay, lose, duplicate,
//! reorder, break and are partitioned. Everything follows from one seed: the same seed gives the
//! same [`World::trace`], on every machine.
//!
//! Below the [`crate::proto::Session`]s stand real replicas in memory ([`SimStore`]); what is left
//! out is disk, sockets and threads.
//!
//! ```
//! use nocturne_net::sim::{LinkConfig, World};
//!
//! let mut world = World::new(7, 3, LinkConfig::default());
//! world.write(0, "colour", "green");
//! world.run_for(60_000);
//! assert!(world.converged());
//! assert_eq!(world.store(2).replica().get(b"colour").as_deref(), Some(&b"green"[..]));
//! ```

mod config;
mod store;
mod trace;
mod world;

pub use self::config::{LinkConfig, Stats};
pub use self::store::SimStore;
pub use self::trace::TraceHash;
pub use self::world::World;

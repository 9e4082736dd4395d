//! Entries, merge, frontiers and Merkle trees of the Nocturne key-value store.
//!
//! This crate decides; it does nothing. It has no clock, no randomness of its own, no threads, no
//! files and no sockets: time comes in as an argument, randomness through [`Entropy`]. What it
//! offers is the data model that every other layer and every other language shares:
//!
//! - [`Identity`] and [`AuthorId`]: one Ed25519 key is node, author and endpoint.
//! - [`Genesis`] and [`StoreId`]: a store is named by the hash of how it began.
//! - [`Operation`], [`OpBody`], [`Header`], [`Entry`]: what is written; the body can be dropped, the
//!   header stays, and the chain still verifies.
//! - [`SignedRun`] and [`VerifiedRun`]: what comes from outside, and what may be applied.
//! - [`Frontier`], [`heads`], [`rules`], [`fork`]: what a node has, what a key's value is, what is
//!   valid, and what proves that an author equivocates.
//! - [`merkle`]: the append-only tree of RFC 9162, for receipts.
//! - [`replica`]: a store in memory, for tests, simulations and as an oracle.
//!
//! It is not a database and not a network: those are `nocturne-store` and `nocturne-net`.
//!
//! ```
//! use nocturne_core::{Genesis, Identity, OpBody, Operation, replica::Replica};
//!
//! # struct Fixed(u8);
//! # impl nocturne_core::Entropy for Fixed {
//! #     fn fill(&mut self, out: &mut [u8]) { self.0 += 1; out.fill(self.0); }
//! # }
//! let mut entropy = Fixed(0); // a real program takes the system's randomness
//! let me = Identity::generate(&mut entropy);
//! let genesis = Genesis::root(me.author(), 1_700_000_000_000, &mut entropy);
//! let mut replica = Replica::new(genesis);
//! replica.write(&me, 1_700_000_000_001, vec![Operation::put("greeting", "hello")], &mut entropy)?;
//! assert_eq!(replica.get(b"greeting").as_deref(), Some(&b"hello"[..]));
//! # Ok::<(), nocturne_core::replica::WriteError>(())
//! ```

pub mod clock;
pub mod entry;
pub mod fork;
pub mod frontier;
pub mod genesis;
pub mod hash;
pub mod heads;
pub mod hlc;
pub mod identity;
pub mod limits;
pub mod merkle;
pub mod operation;
pub mod replica;
pub mod rules;
pub mod run;
pub mod tips;
pub mod vectors;
pub mod wire;

mod layout;

#[cfg(test)]
mod fixtures;

pub use bytes::Bytes;
pub use entry::{Entry, EntryRef, Header, HeaderError, OpHeader, OpRef};
pub use frontier::{Frontier, LogHead};
pub use genesis::{Genesis, GenesisError, StoreId, StoreKind};
pub use hash::{Commitment, EntryHash, FrontierDigest, GenesisHash};
pub use hlc::Hlc;
pub use identity::{AuthorId, BadSignature, Entropy, Identity, Signature};
pub use operation::{InvalidOperation, OpBody, OpKind, Operation, SALT_LEN};
pub use run::{RunError, SignedRun, VerifiedEntry, VerifiedRun};

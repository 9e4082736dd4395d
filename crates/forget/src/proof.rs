//! Proof files: receipts with everything needed to check them, offline and without a node.
//! Layout and verification: `proto/v1/proof.md`.
//!
//! A [`Bundle`] carries receipts, the signed checkpoint of the log that they stand in and the
//! hashes that lead from them to its root; optionally an earlier checkpoint with a consistency
//! proof, and the signed headers of the entries that the receipts speak of. [`verify_bundle`] is
//! all that a checker runs.

mod bundle;
mod chain;
mod claims;
mod scan;
mod verify;

#[expect(unreachable_pub, reason = "generated; documented in proof.proto")]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/nocturne.v1.rs"));
}

pub use self::bundle::{Bundle, BundleError, Earlier, Leaf};
pub use self::chain::{Chain, ChainError};
pub use self::claims::{Claim, NotClaimed, Verdict};
pub use self::verify::{ProofError, verify_bundle};

/// Largest proof file, in bytes.
pub const MAX_BUNDLE: usize = 64 * 1024 * 1024;
/// Most receipts in one proof file.
pub const MAX_LEAVES: usize = 200_000;
/// Most headers in one proof file.
pub const MAX_HEADERS: usize = 400_000;

#[cfg(test)]
mod tests;

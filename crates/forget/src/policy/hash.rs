//! The hash that names a policy or predicate.

use std::fmt;
use std::str::FromStr;

use nocturne_core::hash::{Context, ParseHexError, derive};

/// BLAKE3 of the canonical bytes, in the context "nocturne 2026-11-20 v1 policy". Prints as 64
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyHash([u8; 32]);

impl PolicyHash {
    /// The hash of canonical bytes.
    pub(super) fn of(canonical: &[u8]) -> Self {
        Self(derive(Context::Policy, &[canonical]))
    }

    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PolicyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for PolicyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyHash({self})")
    }
}

impl FromStr for PolicyHash {
    type Err = ParseHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The core's 32-byte types share one strict reader of hexadecimal.
        text.parse::<nocturne_core::Commitment>()
            .map(|hash| Self(*hash.as_bytes()))
    }
}

//! Domain-separated BLAKE3 hashes and the types that carry them.

use std::fmt;
use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

/// What a hash is taken over. Each has its own BLAKE3 key-derivation context, so that bytes of one
/// kind can never be passed off as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Salt and canonical operation.
    Op,
    /// Canonical header.
    Entry,
    /// Canonical genesis record.
    Genesis,
    /// A frontier's canonical listing.
    Frontier,
    /// A policy's or predicate's canonical bytes.
    Policy,
    /// A store's gossip topic, from its genesis secret.
    Topic,
}

struct Keys {
    op: ContextKey,
    entry: ContextKey,
    genesis: ContextKey,
    frontier: ContextKey,
    policy: ContextKey,
    topic: ContextKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    op: hash_derive_key_context(Context::Op.name()),
    entry: hash_derive_key_context(Context::Entry.name()),
    genesis: hash_derive_key_context(Context::Genesis.name()),
    frontier: hash_derive_key_context(Context::Frontier.name()),
    policy: hash_derive_key_context(Context::Policy.name()),
    topic: hash_derive_key_context(Context::Topic.name()),
});

impl Context {
    /// The context string, as `proto/v1` fixes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Op => "nocturne 2026-11-20 v1 op",
            Self::Entry => "nocturne 2026-11-20 v1 entry",
            Self::Genesis => "nocturne 2026-11-20 v1 genesis",
            Self::Frontier => "nocturne 2026-11-20 v1 frontier",
            Self::Policy => "nocturne 2026-11-20 v1 policy",
            Self::Topic => "nocturne 2026-11-20 v1 topic",
        }
    }

    /// A hasher for this context; deriving the context's own key is paid once per process.
    pub fn hasher(self) -> blake3::Hasher {
        let keys = &*KEYS;
        blake3::Hasher::new_from_context_key(match self {
            Self::Op => &keys.op,
            Self::Entry => &keys.entry,
            Self::Genesis => &keys.genesis,
            Self::Frontier => &keys.frontier,
            Self::Policy => &keys.policy,
            Self::Topic => &keys.topic,
        })
    }
}

/// BLAKE3 derive-key of the parts' concatenation, 32 bytes.
pub fn derive(context: Context, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = context.hasher();
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits")]
#[non_exhaustive]
pub struct ParseHexError;

/// Defines a 32-byte value that prints as hexadecimal.
macro_rules! hex32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// All zeros: stands for "none" where the format says so.
            pub const ZERO: Self = Self([0; 32]);

            /// From its bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// From a slice, if it is 32 bytes long.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::hash::write_hex(f, &self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "("))?;
                $crate::hash::write_hex(f, &self.0)?;
                write!(f, ")")
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::hash::ParseHexError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::hash::parse_hex32(text).map(Self)
            }
        }
    };
}
pub(crate) use hex32;

pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str(&data_encoding::HEXLOWER.encode(bytes))
}

pub(crate) fn parse_hex32(text: &str) -> Result<[u8; 32], ParseHexError> {
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(ParseHexError)
}

hex32! {
    /// Hash of an entry's canonical header; the next entry's `prev`.
    EntryHash
}
hex32! {
    /// Salted hash of an operation; says nothing once salt and operation are gone.
    Commitment
}
hex32! {
    /// Hash of a genesis record; `prev` of every author's first entry.
    GenesisHash
}
hex32! {
    /// Hash of a frontier; equal digests mean equal sets of entries.
    FrontierDigest
}

impl From<GenesisHash> for EntryHash {
    fn from(hash: GenesisHash) -> Self {
        Self(hash.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derive_is_blake3_derive_key() {
        for context in [
            Context::Op,
            Context::Entry,
            Context::Genesis,
            Context::Frontier,
            Context::Policy,
            Context::Topic,
        ] {
            assert_eq!(
                derive(context, &[b"a", b"bc"]),
                blake3::derive_key(context.name(), b"abc"),
                "{context:?}"
            );
        }
    }

    #[test]
    fn hex_round_trips_and_bad_hex_is_refused() {
        let hash = EntryHash::from_bytes([0xab; 32]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!("ab".parse::<EntryHash>(), Err(ParseHexError));
        assert_eq!("zz".repeat(32).parse::<EntryHash>(), Err(ParseHexError));
    }
}

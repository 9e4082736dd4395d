//! How a store began, and the id that follows from it. Layout: `proto/v1/genesis.md`.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::hash::{Context, GenesisHash, derive};
use crate::identity::{AuthorId, Entropy};
use crate::layout::{Reader, Short};

const VERSION: u8 = 1;

/// A store's name for machines: 16 bytes of its genesis hash, shown as a UUID (version 8, RFC 9562).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId([u8; 16]);

impl StoreId {
    /// Stands for "no store".
    pub const ZERO: Self = Self([0; 16]);

    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From a slice, if it is 16 bytes long.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = data_encoding::HEXLOWER.encode(&self.0);
        let mut rest = hex.as_str();
        for (index, len) in [8, 4, 4, 4, 12].into_iter().enumerate() {
            let (group, tail) = rest.split_at(len);
            if index > 0 {
                f.write_str("-")?;
            }
            f.write_str(group)?;
            rest = tail;
        }
        Ok(())
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreId({self})")
    }
}

/// A text that is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a UUID such as 01234567-89ab-8cde-8f01-23456789abcd")]
#[non_exhaustive]
pub struct ParseStoreIdError;

impl FromStr for StoreId {
    type Err = ParseStoreIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let groups: Vec<&str> = text.split('-').collect();
        if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
            return Err(ParseStoreIdError);
        }
        data_encoding::HEXLOWER_PERMISSIVE
            .decode(groups.concat().as_bytes())
            .ok()
            .and_then(|bytes| Self::from_slice(&bytes))
            .ok_or(ParseStoreIdError)
    }
}

/// What a store is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// A mesh's control plane.
    Root,
    /// Anything else.
    Application,
}

/// The record that a store begins with. Its secret is known to members only: the gossip topic and
/// whatever else outsiders must not guess is derived from it.
///
/// ```
/// use nocturne_core::{AuthorId, Genesis, StoreId, StoreKind};
///
/// let genesis = Genesis {
///     kind: StoreKind::Root,
///     creator: AuthorId::from_bytes([1; 32]),
///     created_ms: 1_700_000_000_000,
///     mesh: StoreId::ZERO,
///     secret: [2; 32], // `Genesis::root` draws it
/// };
/// // The id follows from the record, so that an id names exactly one beginning.
/// let read = Genesis::decode(&genesis.encode())?;
/// assert_eq!(read.store_id(), genesis.store_id());
/// # Ok::<(), nocturne_core::GenesisError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Genesis {
    /// What the store is for.
    pub kind: StoreKind,
    /// Who made it.
    pub creator: AuthorId,
    /// When, in Unix milliseconds by the creator's clock.
    pub created_ms: u64,
    /// The root store of the mesh it belongs to; zero for a root store itself.
    pub mesh: StoreId,
    /// 32 random bytes.
    pub secret: [u8; 32],
}

impl fmt::Debug for Genesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Genesis")
            .field("id", &self.store_id())
            .field("kind", &self.kind)
            .field("creator", &self.creator)
            .field("created_ms", &self.created_ms)
            .field("mesh", &self.mesh)
            .finish_non_exhaustive()
    }
}

/// Bytes that are no genesis record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// Too short or too long.
    #[error("a genesis record is 90 bytes long")]
    Length,
    /// Made by a newer program.
    #[error("genesis version {0} is not known here; a newer nocturne made it")]
    Version(u8),
    /// A store kind that doesn't exist.
    #[error("store kind {0} does not exist")]
    Kind(u8),
    /// A root store that claims to belong to another mesh.
    #[error("a root store belongs to no other mesh")]
    Mesh,
}

impl From<Short> for GenesisError {
    fn from(Short: Short) -> Self {
        Self::Length
    }
}

impl Genesis {
    /// Begins a mesh's root store.
    pub fn root(creator: AuthorId, created_ms: u64, entropy: &mut dyn Entropy) -> Self {
        Self::new(StoreKind::Root, creator, created_ms, StoreId::ZERO, entropy)
    }

    /// Begins an application store in the mesh of the given root store.
    pub fn application(
        creator: AuthorId,
        created_ms: u64,
        mesh: StoreId,
        entropy: &mut dyn Entropy,
    ) -> Self {
        Self::new(StoreKind::Application, creator, created_ms, mesh, entropy)
    }

    fn new(
        kind: StoreKind,
        creator: AuthorId,
        created_ms: u64,
        mesh: StoreId,
        entropy: &mut dyn Entropy,
    ) -> Self {
        let mut secret = [0; 32];
        entropy.fill(&mut secret);
        Self {
            kind,
            creator,
            created_ms,
            mesh,
            secret,
        }
    }

    /// Canonical bytes: version, kind, creator, created, mesh, secret.
    pub fn encode(&self) -> Vec<u8> {
        let kind = match self.kind {
            StoreKind::Root => 0,
            StoreKind::Application => 1,
        };
        [
            &[VERSION, kind][..],
            self.creator.as_bytes(),
            &self.created_ms.to_be_bytes(),
            self.mesh.as_bytes(),
            &self.secret,
        ]
        .concat()
    }

    /// Reads what [`Genesis::encode`] wrote, and nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, GenesisError> {
        let mut reader = Reader::new(Bytes::copy_from_slice(bytes));
        let version = reader.u8()?;
        if version != VERSION {
            return Err(GenesisError::Version(version));
        }
        let kind = match reader.u8()? {
            0 => StoreKind::Root,
            1 => StoreKind::Application,
            other => return Err(GenesisError::Kind(other)),
        };
        let genesis = Self {
            kind,
            creator: AuthorId::from_bytes(reader.array()?),
            created_ms: reader.u64()?,
            mesh: StoreId(reader.array()?),
            secret: reader.array()?,
        };
        if !reader.is_empty() {
            return Err(GenesisError::Length);
        }
        if kind == StoreKind::Root && genesis.mesh != StoreId::ZERO {
            return Err(GenesisError::Mesh);
        }
        Ok(genesis)
    }

    /// The hash of the canonical bytes: `prev` of every author's first entry.
    pub fn hash(&self) -> GenesisHash {
        GenesisHash::from_bytes(derive(Context::Genesis, &[&self.encode()]))
    }

    /// The first 16 bytes of the hash, with the version and variant bits of a UUID.
    pub fn store_id(&self) -> StoreId {
        let hash = self.hash();
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *hash.as_bytes();
        let version = (g & 0x0f) | 0x80;
        let variant = (i & 0x3f) | 0x80;
        StoreId([a, b, c, d, e, f, version, h, variant, j, k, l, m, n, o, p])
    }

    /// The store's gossip topic: known to members only.
    pub fn topic(&self) -> [u8; 32] {
        derive(Context::Topic, &[self.store_id().as_bytes(), &self.secret])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn genesis() -> Genesis {
        Genesis {
            kind: StoreKind::Application,
            creator: AuthorId::from_bytes([1; 32]),
            created_ms: 2,
            mesh: StoreId::from_bytes([3; 16]),
            secret: [4; 32],
        }
    }

    #[test]
    fn decodes_what_it_encodes_and_nothing_else() {
        let bytes = genesis().encode();
        assert_eq!(Genesis::decode(&bytes), Ok(genesis()));
        for len in 0..bytes.len() {
            assert!(Genesis::decode(&bytes[..len]).is_err());
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Genesis::decode(&longer), Err(GenesisError::Length));
        let mut newer = bytes.clone();
        newer[0] = 9;
        assert_eq!(Genesis::decode(&newer), Err(GenesisError::Version(9)));
        let mut unknown = bytes.clone();
        unknown[1] = 2;
        assert_eq!(Genesis::decode(&unknown), Err(GenesisError::Kind(2)));
        let mut root = bytes.clone();
        root[1] = 0;
        assert_eq!(Genesis::decode(&root), Err(GenesisError::Mesh));
    }

    #[test]
    fn the_id_is_a_uuid_of_version_8_and_round_trips() {
        let id = genesis().store_id();
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.as_bytes()[14], b'8');
        assert!(b"89ab".contains(&text.as_bytes()[19]));
        assert_eq!("0-1-2-3-4".parse::<StoreId>(), Err(ParseStoreIdError));
        let wide = "é".repeat(4) + &text[8..];
        assert_eq!(wide.parse::<StoreId>(), Err(ParseStoreIdError));
    }
}

//! Blinded operands: what a predicate looks for, kept as a salted hash.
//!
//! A cut must recognise late entries for good, but the key or subject that it erased must not
//! survive in it. A blinded operand answers the same question and spells nothing out. Whoever
//! holds the salt can still test a guess; the salt stays with the cut and never enters a receipt.

use std::sync::LazyLock;

/// Length of the salt in bytes.
pub const BLIND_SALT_LEN: usize = 16;

static HASHER: LazyLock<blake3::Hasher> =
    LazyLock::new(|| blake3::Hasher::new_derive_key("nocturne 2026-11-20 v1 blind"));

/// A salted hash that stands for a key, prefix, tag or subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blinded {
    salt: [u8; BLIND_SALT_LEN],
    hash: [u8; 32],
}

/// What kind of operand is blinded: part of the hash, so that a key cannot pass for a subject.
/// The number is that of the condition in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    Prefix = 0x20,
    Key = 0x21,
    Tag = 0x22,
    Subject = 0x23,
}

impl Blinded {
    pub(super) fn new(kind: Operand, salt: [u8; BLIND_SALT_LEN], operand: &[u8]) -> Self {
        Self {
            salt,
            hash: digest(kind, &salt, operand),
        }
    }

    pub(super) const fn from_parts(salt: [u8; BLIND_SALT_LEN], hash: [u8; 32]) -> Self {
        Self { salt, hash }
    }

    pub(super) const fn salt(&self) -> &[u8; BLIND_SALT_LEN] {
        &self.salt
    }

    pub(super) const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    pub(super) fn is(&self, kind: Operand, operand: &[u8]) -> bool {
        digest(kind, &self.salt, operand) == self.hash
    }
}

fn digest(kind: Operand, salt: &[u8; BLIND_SALT_LEN], operand: &[u8]) -> [u8; 32] {
    let mut hasher = HASHER.clone();
    hasher.update(&[kind as u8]);
    hasher.update(salt);
    hasher.update(operand);
    *hasher.finalize().as_bytes()
}

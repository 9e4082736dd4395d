//! Sealing of bodies at rest: ChaCha20 (RFC 8439) under a key that is used for one body only.
//!
//! There is no authentication tag: the header's commitment is a hash over salt and plaintext, and
//! every body that is unsealed is checked against it. The nonce is random for every block, so that a
//! number that a crash gave back is not used twice with the same keystream.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use nocturne_core::{Bytes, Commitment, OpBody};

/// A block's nonce.
pub(crate) type Nonce = [u8; 12];

/// Seals in place.
pub(crate) fn seal(key: &[u8; 32], nonce: &Nonce, bytes: &mut [u8]) {
    ChaCha20::new(&(*key).into(), &(*nonce).into()).apply_keystream(bytes);
}

/// Unseals and checks; `None` if the bytes are not what the header commits to.
pub(crate) fn unseal(
    key: &[u8; 32],
    nonce: &Nonce,
    sealed: &[u8],
    commitment: Commitment,
) -> Option<OpBody> {
    let mut bytes = sealed.to_vec();
    seal(key, nonce, &mut bytes);
    OpBody::from_joined(Bytes::from(bytes)).filter(|body| body.commitment() == commitment)
}

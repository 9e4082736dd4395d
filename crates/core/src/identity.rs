//! One Ed25519 key is node, author and network endpoint.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::hash::hex32;

/// A source of randomness, passed in so that tests can repeat what happened.
pub trait Entropy {
    /// Fills `out` with random bytes. Keys are drawn from it: outside tests it must be
    /// cryptographically secure.
    fn fill(&mut self, out: &mut [u8]);
}

impl<E: Entropy + ?Sized> Entropy for &mut E {
    fn fill(&mut self, out: &mut [u8]) {
        (**self).fill(out);
    }
}

impl<E: Entropy + ?Sized> Entropy for Box<E> {
    fn fill(&mut self, out: &mut [u8]) {
        (**self).fill(out);
    }
}

hex32! {
    /// An author's Ed25519 public key: also its node id and endpoint id. Not every 32 bytes are a
    /// valid key; those that aren't verify nothing.
    AuthorId
}

/// A signature that does not verify, or a public key that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
#[non_exhaustive]
pub struct BadSignature;

impl AuthorId {
    /// Checks a signature made by [`Identity::sign`], strictly (RFC 8032 with canonical encodings
    /// and no small-order keys), so that every node accepts the same ones.
    pub fn verify(
        &self,
        domain: &'static str,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), BadSignature> {
        self.verify_raw(&with_domain(domain, message), signature)
    }

    /// Checks a signature over a signed note's text (C2SP), made by [`Identity::sign_note`].
    pub fn verify_note(&self, text: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.verify_raw(text, signature)
    }

    fn verify_raw(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        let key = VerifyingKey::from_bytes(self.as_bytes()).map_err(|_| BadSignature)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(message, &signature)
            .map_err(|_| BadSignature)
    }
}

fn with_domain(domain: &str, message: &[u8]) -> Vec<u8> {
    [domain.as_bytes(), &[0], message].concat()
}

/// An Ed25519 signature, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// From a slice, if it is 64 bytes long.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(")?;
        crate::hash::write_hex(f, &self.0)?;
        f.write_str(")")
    }
}

/// A secret key and the author it makes. Wiped from memory when dropped; never printed.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
    author: AuthorId,
}

impl Identity {
    /// A new key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        entropy.fill(&mut *secret);
        Self::from_secret_bytes(&secret)
    }

    /// From the 32 bytes of the secret key (the RFC 8032 seed).
    pub fn from_secret_bytes(secret: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(secret);
        let author = AuthorId::from_bytes(key.verifying_key().to_bytes());
        Self { key, author }
    }

    /// The secret key's 32 bytes, wiped when dropped.
    pub fn secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }

    /// The public side.
    pub fn author(&self) -> AuthorId {
        self.author
    }

    /// Signs `domain ‖ 0x00 ‖ message`. The domain keeps a signature made for one purpose from
    /// being used for another.
    pub fn sign(&self, domain: &'static str, message: &[u8]) -> Signature {
        Signature(self.key.sign(&with_domain(domain, message)).to_bytes())
    }

    /// Signs a C2SP signed note's text as it stands: that format allows no prefix. The text must
    /// begin with its origin line, which no other signed message of ours does.
    pub fn sign_note(&self, text: &[u8]) -> Signature {
        Signature(self.key.sign(text).to_bytes())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.author)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_domain_message_and_key_only() {
        let one = Identity::from_secret_bytes(&[1; 32]);
        let two = Identity::from_secret_bytes(&[2; 32]);
        let signature = one.sign("a", b"message");
        assert_eq!(one.author().verify("a", b"message", &signature), Ok(()));
        for (who, domain, message) in [
            (&one, "b", &b"message"[..]),
            (&one, "a", b"massage"),
            (&two, "a", b"message"),
        ] {
            assert_eq!(
                who.author().verify(domain, message, &signature),
                Err(BadSignature)
            );
        }
        assert_eq!(
            AuthorId::from_bytes([0xff; 32]).verify("a", b"message", &signature),
            Err(BadSignature)
        );
    }

    #[test]
    fn the_small_order_key_verifies_nothing() {
        // The identity point: with cofactored verification it would accept a signature by nobody.
        let mut zero = [0; 32];
        zero[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert_eq!(
            AuthorId::from_bytes(zero).verify("a", b"x", &Signature::from_bytes(signature)),
            Err(BadSignature)
        );
    }
}

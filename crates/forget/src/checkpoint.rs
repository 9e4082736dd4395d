//! Checkpoints: a node's signed statement of its receipt log's size and root.
//!
//! The format is C2SP's `tlog-checkpoint` in a `signed-note` (<https://c2sp.org/tlog-checkpoint>),
//! so that tools for transparency logs can read it. The origin is `nocturne/receipts/` followed by
//! the node's public key in hexadecimal, and is also the signing key's name; there is exactly one
//! signature and no extension line.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use nocturne_core::merkle::TreeHash;
use nocturne_core::{AuthorId, Identity, Signature};
use sha2::{Digest, Sha256};

/// What an origin line begins with.
pub const ORIGIN_PREFIX: &str = "nocturne/receipts/";
/// Longest checkpoint text that is read, in bytes; ours have at most some 360.
pub const MAX_CHECKPOINT: usize = 1_024;

/// Signed-note's number for plain Ed25519.
const ED25519: u8 = 1;

/// A receipt log at some size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log.
    pub node: AuthorId,
    /// How many receipts it holds.
    pub size: u64,
    /// Root of the tree over them.
    pub root: TreeHash,
}

/// A checkpoint whose signature has been made or verified here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    signature: Signature,
}

/// A text that is no signed checkpoint of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Longer than [`MAX_CHECKPOINT`], not UTF-8, or not the note's lines.
    #[error("this is not a signed checkpoint note")]
    Note,
    /// The origin is not a node's receipt log.
    #[error("the checkpoint's origin is not a node's receipt log")]
    Origin,
    /// The size is not a decimal number without leading zeros.
    #[error("the checkpoint's size is not a number")]
    Size,
    /// The root is not 32 bytes of base64.
    #[error("the checkpoint's root is not a hash")]
    Root,
    /// The signature line names another key, or is not base64 of an Ed25519 signature.
    #[error("the checkpoint's signature line is not the node's")]
    SignatureLine,
    /// The node did not sign this.
    #[error("the checkpoint's signature does not verify")]
    Signature,
}

impl Checkpoint {
    /// The note's text, which is what gets signed: origin, size, root, a line each.
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            origin(&self.node),
            self.size,
            BASE64.encode(self.root.as_bytes())
        )
    }
}

impl SignedCheckpoint {
    /// Signs a statement about one's own log.
    pub fn sign(identity: &Identity, size: u64, root: TreeHash) -> Self {
        let checkpoint = Checkpoint {
            node: identity.author(),
            size,
            root,
        };
        Self {
            checkpoint,
            signature: identity.sign_note(checkpoint.text().as_bytes()),
        }
    }

    /// Reads a signed note and verifies its signature. There is one text for each checkpoint and
    /// signature.
    pub fn parse(note: &[u8]) -> Result<Self, CheckpointError> {
        if note.len() > MAX_CHECKPOINT {
            return Err(CheckpointError::Note);
        }
        let note = std::str::from_utf8(note).map_err(|_| CheckpointError::Note)?;
        let body = note.strip_suffix('\n').ok_or(CheckpointError::Note)?;
        let lines: Vec<_> = body.split('\n').collect();
        let [origin, size, root, "", signature] = lines.as_slice() else {
            return Err(CheckpointError::Note);
        };
        let checkpoint = Checkpoint {
            node: node_of(origin).ok_or(CheckpointError::Origin)?,
            size: decimal(size).ok_or(CheckpointError::Size)?,
            root: BASE64
                .decode(root.as_bytes())
                .ok()
                .and_then(|root| TreeHash::from_slice(&root))
                .ok_or(CheckpointError::Root)?,
        };
        let signature = signature_of(&checkpoint.node, signature)?;
        let text = checkpoint.text();
        checkpoint
            .node
            .verify_note(text.as_bytes(), &signature)
            .map_err(|_| CheckpointError::Signature)?;
        let signed = Self {
            checkpoint,
            signature,
        };
        // Belt and braces: whatever a decoder above might let through has a second spelling.
        if signed.to_string() != note {
            return Err(CheckpointError::Note);
        }
        Ok(signed)
    }

    /// What is signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

/// The signed note: text, empty line, signature line.
impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = &self.checkpoint.node;
        let signature = [&key_hash(node)[..], self.signature.as_bytes()].concat();
        writeln!(
            f,
            "{}\n\u{2014} {} {}",
            self.checkpoint.text(),
            origin(node),
            BASE64.encode(&signature)
        )
    }
}

/// A node's key as C2SP tools take it (a `vkey`): name, key hash, key.
pub fn verifier_key(node: &AuthorId) -> String {
    let key = [&[ED25519], &node.as_bytes()[..]].concat();
    format!(
        "{}+{}+{}",
        origin(node),
        HEXLOWER.encode(&key_hash(node)),
        BASE64.encode(&key)
    )
}

fn origin(node: &AuthorId) -> String {
    format!("{ORIGIN_PREFIX}{node}")
}

fn node_of(origin: &str) -> Option<AuthorId> {
    let digits = origin.strip_prefix(ORIGIN_PREFIX)?;
    let bytes = HEXLOWER.decode(digits.as_bytes()).ok()?;
    AuthorId::from_slice(&bytes)
}

/// First four bytes of SHA-256 over name, newline, algorithm and key.
fn key_hash(node: &AuthorId) -> [u8; 4] {
    let digest = Sha256::new()
        .chain_update(origin(node))
        .chain_update([b'\n', ED25519])
        .chain_update(node.as_bytes())
        .finalize();
    let [a, b, c, d, ..]: [u8; 32] = digest.into();
    [a, b, c, d]
}

fn decimal(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    // The parser also takes "+1" and "01".
    (number.to_string() == text).then_some(number)
}

fn signature_of(node: &AuthorId, line: &str) -> Result<Signature, CheckpointError> {
    let encoded = line
        .strip_prefix("\u{2014} ")
        .and_then(|line| line.strip_prefix(&origin(node)))
        .and_then(|line| line.strip_prefix(' '))
        .ok_or(CheckpointError::SignatureLine)?;
    let bytes = BASE64
        .decode(encoded.as_bytes())
        .map_err(|_| CheckpointError::SignatureLine)?;
    bytes
        .strip_prefix(&key_hash(node))
        .and_then(Signature::from_slice)
        .ok_or(CheckpointError::SignatureLine)
}

#[cfg(test)]
mod tests;

//! The keyring's file: magic, version, instance, generation, segments, checksum. Big-endian.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::segment::Segment;
use super::{Keyring, LEAVES};

const MAGIC: &[u8; 8] = b"NOCTKEYS";
const VERSION: u8 = 1;
const CHECKSUM_CONTEXT: &str = "nocturne 2026-11-20 v1 keyring checksum";

/// Bytes that are no keyring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringFileError {
    /// Torn, truncated or damaged: the checksum does not fit.
    #[error("the keyring is damaged (its checksum does not fit)")]
    Checksum,
    /// Made by a newer program.
    #[error("keyring version {0} is not known here; a newer nocturne wrote it")]
    Version(u8),
    /// The checksum fits and the content doesn't.
    #[error("the keyring's content is inconsistent")]
    Content,
}

fn checksum(bytes: &[u8]) -> [u8; 32] {
    blake3::derive_key(CHECKSUM_CONTEXT, bytes)
}

pub(crate) fn encode(keyring: &Keyring) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(64 + keyring.segments.len() * 48));
    out.extend_from_slice(MAGIC);
    out.push(VERSION);
    out.extend_from_slice(&keyring.instance);
    out.extend_from_slice(&keyring.generation.to_be_bytes());
    out.extend_from_slice(&keyring.allocated.to_be_bytes());
    out.extend_from_slice(&(keyring.segments.len() as u64).to_be_bytes());
    for (index, segment) in &keyring.segments {
        out.extend_from_slice(&index.to_be_bytes());
        let nodes = segment.nodes();
        out.extend_from_slice(&u16::try_from(nodes.len()).unwrap_or(u16::MAX).to_be_bytes());
        for (first, depth, key) in nodes {
            out.extend_from_slice(&u16::try_from(first).unwrap_or(u16::MAX).to_be_bytes());
            out.push(u8::try_from(depth).unwrap_or(u8::MAX));
            out.extend_from_slice(key);
        }
    }
    let sum = checksum(&out);
    out.extend_from_slice(&sum);
    out
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], KeyringFileError> {
        let (head, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(KeyringFileError::Content)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u64(&mut self) -> Result<u64, KeyringFileError> {
        Ok(u64::from_be_bytes(self.take()?))
    }

    fn u16(&mut self) -> Result<u16, KeyringFileError> {
        Ok(u16::from_be_bytes(self.take()?))
    }
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Keyring, KeyringFileError> {
    let (content, sum) = bytes
        .split_last_chunk::<32>()
        .ok_or(KeyringFileError::Checksum)?;
    if checksum(content) != *sum {
        return Err(KeyringFileError::Checksum);
    }
    let mut input = Input(content);
    if input.take::<8>()? != *MAGIC {
        return Err(KeyringFileError::Content);
    }
    let [version] = input.take()?;
    if version != VERSION {
        return Err(KeyringFileError::Version(version));
    }
    let instance = input.take()?;
    let generation = input.u64()?;
    let allocated = input.u64()?;
    let count = input.u64()?;
    let mut segments = BTreeMap::new();
    for _ in 0..count {
        let index = input.u64()?;
        let nodes = input.u16()?;
        let mut triples = Vec::with_capacity(usize::from(nodes));
        for _ in 0..nodes {
            let first = u64::from(input.u16()?);
            let [depth] = input.take()?;
            triples.push((first, u32::from(depth), input.take()?));
        }
        let segment = Segment::from_nodes(triples).ok_or(KeyringFileError::Content)?;
        if index >= allocated / LEAVES || segments.insert(index, segment).is_some() {
            return Err(KeyringFileError::Content);
        }
    }
    if !input.0.is_empty() {
        return Err(KeyringFileError::Content);
    }
    Ok(Keyring {
        instance,
        generation,
        allocated,
        segments,
    })
}

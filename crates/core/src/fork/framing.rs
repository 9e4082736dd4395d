//! Fork evidence as Protobuf bytes: bounded, and checked for form only.

use bytes::Bytes;
use prost::Message;

use super::{ForkEvidence, SignedChain};
use crate::entry::{Header, HeaderError};
use crate::identity::Signature;
use crate::layout::Reader;
use crate::limits::{MAX_ENTRY_BYTES, MAX_RUN_ENTRIES};
use crate::wire::messages;

/// Longest evidence in bytes: two chains of the largest single header, signatures, and framing.
pub const MAX_EVIDENCE_BYTES: usize = 2 * MAX_ENTRY_BYTES + 256;

/// Bytes that are no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForkDecodeError {
    /// Over the limit.
    #[error("the evidence has {0} bytes; at most {MAX_EVIDENCE_BYTES} are allowed")]
    TooLarge(usize),
    /// Not the message.
    #[error("the bytes are not a ForkEvidence message")]
    Message,
    /// One of the two chains is missing.
    #[error("evidence has two chains")]
    MissingChain,
    /// A signature that is not 64 bytes.
    #[error("a signature is not 64 bytes long")]
    SignatureLength,
    /// More headers than a chain may have.
    #[error("a chain has more than {MAX_RUN_ENTRIES} headers")]
    TooManyHeaders,
    /// A header that doesn't decode. An unknown version is not the sender's fault.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

impl ForkEvidence {
    /// As a `ForkEvidence` message.
    pub fn encode(&self) -> Vec<u8> {
        let chain = |chain: &SignedChain| {
            let headers: Vec<u8> = chain.headers.iter().flat_map(Header::encode).collect();
            messages::SignedChain {
                headers: Bytes::from(headers),
                signature: Bytes::copy_from_slice(chain.signature.as_bytes()),
            }
        };
        messages::ForkEvidence {
            one: Some(chain(&self.one)),
            other: Some(chain(&self.other)),
        }
        .encode_to_vec()
    }

    /// Reads a `ForkEvidence` message. What it proves is for [`ForkEvidence::verify`] to say.
    pub fn decode(bytes: &[u8]) -> Result<Self, ForkDecodeError> {
        if bytes.len() > MAX_EVIDENCE_BYTES {
            return Err(ForkDecodeError::TooLarge(bytes.len()));
        }
        let message =
            messages::ForkEvidence::decode(bytes).map_err(|_| ForkDecodeError::Message)?;
        let (Some(one), Some(other)) = (message.one, message.other) else {
            return Err(ForkDecodeError::MissingChain);
        };
        Ok(Self {
            one: chain(one)?,
            other: chain(other)?,
        })
    }
}

fn chain(message: messages::SignedChain) -> Result<SignedChain, ForkDecodeError> {
    let signature =
        Signature::from_slice(&message.signature).ok_or(ForkDecodeError::SignatureLength)?;
    let mut reader = Reader::new(message.headers);
    let mut headers = Vec::new();
    while !reader.is_empty() {
        if headers.len() == MAX_RUN_ENTRIES {
            return Err(ForkDecodeError::TooManyHeaders);
        }
        headers.push(Header::read(&mut reader)?);
    }
    Ok(SignedChain { headers, signature })
}

//! Counting before decoding: a few bytes of protobuf can ask for many objects in memory.

use prost::encoding::{WireType, decode_key, decode_varint};

use super::{BundleError, MAX_HEADERS, MAX_LEAVES};

const CHAINS: u32 = 2;
const LEAVES: u32 = 4;
const HEADERS: u32 = 1;

/// Checks that the bundle's lists are within their limits, without allocating.
pub(super) fn check_counts(bytes: &[u8]) -> Result<(), BundleError> {
    let (mut leaves, mut headers) = (0_usize, 0_usize);
    each_field(bytes, |tag, inner| {
        match tag {
            LEAVES => leaves += 1,
            CHAINS => {
                // A chain costs memory even when it has no header.
                headers += 1;
                each_field(inner, |tag, _| {
                    headers += usize::from(tag == HEADERS);
                    Ok(())
                })?;
            }
            _ => {}
        }
        if leaves > MAX_LEAVES {
            return Err(BundleError::TooManyLeaves);
        }
        if headers > MAX_HEADERS {
            return Err(BundleError::TooManyHeaders);
        }
        Ok(())
    })
}

fn each_field(
    mut bytes: &[u8],
    mut visit: impl FnMut(u32, &[u8]) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    while !bytes.is_empty() {
        let (tag, wire_type) = decode_key(&mut bytes).map_err(|_| BundleError::Framing)?;
        let number = decode_varint(&mut bytes).map_err(|_| BundleError::Framing)?;
        match wire_type {
            WireType::Varint => {}
            WireType::LengthDelimited => {
                let len = usize::try_from(number).map_err(|_| BundleError::Framing)?;
                let (inner, rest) = bytes.split_at_checked(len).ok_or(BundleError::Framing)?;
                visit(tag, inner)?;
                bytes = rest;
            }
            // No field of ours has any other type.
            _ => return Err(BundleError::Framing),
        }
    }
    Ok(())
}

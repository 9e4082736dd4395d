//! Reading and writing of fixed layouts: big-endian integers and length-prefixed bytes.

use bytes::{Buf, Bytes};

/// Input ended before the layout did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short;

/// A cursor over canonical bytes that never panics.
pub(crate) struct Reader {
    rest: Bytes,
}

impl Reader {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Short> {
        self.rest.try_get_u8().map_err(|_| Short)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Short> {
        self.rest.try_get_u16().map_err(|_| Short)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Short> {
        self.rest.try_get_u32().map_err(|_| Short)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Short> {
        self.rest.try_get_u64().map_err(|_| Short)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let mut out = [0; N];
        self.rest.try_copy_to_slice(&mut out).map_err(|_| Short)?;
        Ok(out)
    }

    /// The next `len` bytes, sharing the input's memory.
    pub(crate) fn bytes(&mut self, len: usize) -> Result<Bytes, Short> {
        if len > self.rest.len() {
            return Err(Short);
        }
        Ok(self.rest.split_to(len))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

/// `len` as the layout's 16 bits. Callers have checked the limit; a longer one saturates and then
/// fails to decode rather than wrapping around.
pub(crate) fn len_u16(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

/// `len` as the layout's 32 bits; see [`len_u16`].
pub(crate) fn len_u32(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

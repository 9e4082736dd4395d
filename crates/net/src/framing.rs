//! Frames on a byte stream: u32 big-endian length, then that many bytes.
//!
//! A length is checked against the limit before anything is allocated for it. The limit is the
//! caller's and may change between frames: a stranger's first frame is allowed little.

use bytes::{Buf, Bytes, BytesMut};
use prost::Message;

/// Bytes of the length before each frame.
pub const PREFIX_LEN: usize = 4;

/// Least room kept for a read, so that many small frames arrive in few reads.
const READ_HINT: usize = 64 * 1024;

/// A stream that is no sequence of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The announced length exceeds what is allowed now.
    #[error("a frame of {len} bytes exceeds the limit of {max}")]
    TooLarge {
        /// Announced length in bytes.
        len: usize,
        /// Limit in bytes.
        max: usize,
    },
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated,
}

/// Cuts a byte stream into frames.
///
/// Holds at most one incomplete frame and what one read brought after it.
///
/// ```
/// use nocturne_net::framing::{FrameDecoder, frame};
/// let mut decoder = FrameDecoder::new(16);
/// decoder.push(frame(b"hello"));
/// assert_eq!(decoder.next_frame()?.as_deref(), Some(&b"hello"[..]));
/// assert_eq!(decoder.next_frame()?, None);
/// # Ok::<(), nocturne_net::framing::FrameError>(())
/// ```
#[derive(Debug)]
pub struct FrameDecoder {
    buffer: BytesMut,
    max: usize,
}

impl FrameDecoder {
    /// A decoder for frames of at most `max` bytes.
    pub fn new(max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            max,
        }
    }

    /// Changes the limit for frames whose length has not been read yet.
    pub fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// Takes what was read. Call [`Self::next_frame`] until it gives `None` before reading more,
    /// else the buffer grows.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what was read is used up; a decoder that keeps the chunk would need it whole"
    )]
    pub fn push(&mut self, data: Bytes) {
        self.buffer.extend_from_slice(&data);
    }

    /// How many bytes to read next, at most.
    pub fn read_hint(&self) -> usize {
        match self.announced() {
            Some(len) if len <= self.max => (PREFIX_LEN + len)
                .saturating_sub(self.buffer.len())
                .max(READ_HINT),
            Some(_) | None => READ_HINT,
        }
    }

    /// The next complete frame, without its length.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(len) = self.announced() else {
            return Ok(None);
        };
        if len > self.max {
            return Err(FrameError::TooLarge { len, max: self.max });
        }
        if self.buffer.len() < PREFIX_LEN + len {
            self.buffer
                .reserve((PREFIX_LEN + len).saturating_sub(self.buffer.len()));
            return Ok(None);
        }
        self.buffer.advance(PREFIX_LEN);
        Ok(Some(self.buffer.split_to(len).freeze()))
    }

    /// To be asked at the end of the stream: fails if a frame is incomplete.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.buffer.is_empty() {
            Ok(())
        } else {
            Err(FrameError::Truncated)
        }
    }

    fn announced(&self) -> Option<usize> {
        let prefix = self.buffer.first_chunk::<PREFIX_LEN>()?;
        Some(usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX))
    }
}

/// A frame of `payload`. Payloads are far below 4 GiB; a longer one is cut off by every decoder.
pub fn frame(payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(PREFIX_LEN + payload.len());
    out.extend_from_slice(&prefix(payload.len()));
    out.extend_from_slice(payload);
    Bytes::from(out)
}

/// A frame of a Protobuf message, encoded once, in place.
pub fn frame_message(message: &impl Message) -> Bytes {
    let len = message.encoded_len();
    let mut out = Vec::with_capacity(PREFIX_LEN + len);
    out.extend_from_slice(&prefix(len));
    // A Vec grows as needed: encoding into it can't fail.
    message.encode(&mut out).ok();
    Bytes::from(out)
}

fn prefix(len: usize) -> [u8; PREFIX_LEN] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_oversized_length_fails_before_its_bytes_arrive() {
        let mut decoder = FrameDecoder::new(8);
        decoder.push(Bytes::from_static(&[0xff, 0xff, 0xff]));
        assert_eq!(decoder.next_frame(), Ok(None));
        decoder.push(Bytes::from_static(&[0xff]));
        assert!(matches!(
            decoder.next_frame(),
            Err(FrameError::TooLarge { max: 8, .. })
        ));
        assert!(decoder.buffer.capacity() < 1024);
    }

    #[test]
    fn the_limit_applies_from_the_next_frame_on() {
        let mut decoder = FrameDecoder::new(2);
        decoder.push([frame(b"ab"), frame(b"abc")].concat().into());
        assert_eq!(decoder.next_frame().unwrap().unwrap(), "ab");
        decoder.set_max(3);
        assert_eq!(decoder.next_frame().unwrap().unwrap(), "abc");
        assert_eq!(decoder.finish(), Ok(()));
    }

    #[test]
    fn an_end_inside_a_frame_is_told() {
        let mut decoder = FrameDecoder::new(9);
        decoder.push(frame(b"abcd").slice(..6));
        assert_eq!(decoder.next_frame(), Ok(None));
        assert_eq!(decoder.finish(), Err(FrameError::Truncated));
    }

    proptest! {
        #[test]
        fn frames_survive_any_cutting(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
            cuts in prop::collection::vec(1usize..200, 1..40),
        ) {
            let stream: Vec<u8> = payloads.iter().flat_map(|p| frame(p).to_vec()).collect();
            let mut decoder = FrameDecoder::new(300);
            let mut got = Vec::new();
            let mut rest = &stream[..];
            let mut cut = cuts.iter().cycle();
            while !rest.is_empty() {
                let (now, later) = rest.split_at((*cut.next().unwrap()).min(rest.len()));
                rest = later;
                decoder.push(Bytes::copy_from_slice(now));
                while let Some(frame) = decoder.next_frame().unwrap() {
                    got.push(frame.to_vec());
                }
            }
            prop_assert_eq!(got, payloads);
            prop_assert_eq!(decoder.finish(), Ok(()));
        }

        #[test]
        fn random_bytes_never_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..20)) {
            let mut decoder = FrameDecoder::new(100);
            'chunks: for chunk in chunks {
                decoder.push(chunk.into());
                loop {
                    match decoder.next_frame() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => break 'chunks,
                    }
                }
            }
        }
    }
}

//! JSON lines over a byte stream, with a bound on each.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

use super::MAX_LINE;

/// Why a line could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// The stream broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The line is over the limit.
    #[error("a line is longer than {MAX_LINE} bytes")]
    TooLong,
    /// It is not what this program speaks.
    #[error("a line is not a message of this version: {0}")]
    Message(#[from] serde_json::Error),
}

/// The next message; `None` at the end of the stream. `buffer` keeps a line that was begun, so a
/// cancelled call loses nothing.
pub(super) async fn read<T: DeserializeOwned>(
    input: &mut (impl AsyncBufRead + Unpin),
    buffer: &mut Vec<u8>,
) -> Result<Option<T>, LineError> {
    loop {
        let available = input.fill_buf().await?;
        if available.is_empty() {
            return if buffer.is_empty() {
                Ok(None)
            } else {
                Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
            };
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let take = end.map_or(available.len(), |at| at + 1);
        if buffer.len() + take > MAX_LINE {
            return Err(LineError::TooLong);
        }
        buffer.extend(available.iter().take(take));
        input.consume(take);
        if end.is_some() {
            let message = serde_json::from_slice(buffer);
            buffer.clear();
            // One large line must not hold its memory for the rest of the connection.
            buffer.shrink_to(64 * 1024);
            return Ok(Some(message?));
        }
    }
}

/// Writes one message; it may stay in the writer's buffer.
pub(super) async fn write(
    output: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    output.write_all(&line).await
}

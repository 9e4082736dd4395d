//! Cuts a stream of JSON into its rows, one at a time, without understanding them: the bytes of a
//! row come out compact (no space outside strings), numbers and the order of fields as they were.

use std::io::{self, BufRead};

use super::{MAX_ROW_BYTES, RowFault};

/// What lies between rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    /// A line end.
    Lines,
    /// A comma, all inside one pair of brackets.
    Commas,
}

/// A row's bytes and the line on which it begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) line: u64,
    pub(super) json: Vec<u8>,
}

/// Why the next row can't be cut out.
#[derive(Debug)]
pub(super) enum SplitError {
    Io(io::Error),
    Row { line: u64, fault: RowFault },
}

pub(super) struct Splitter<R> {
    input: R,
    between: Between,
    line: u64,
    consumed: u64,
    opened: bool,
    closed: bool,
    after_row: bool,
}

impl<R: BufRead> Splitter<R> {
    pub(super) fn new(input: R, between: Between) -> Self {
        Self {
            input,
            between,
            line: 1,
            consumed: 0,
            opened: false,
            closed: false,
            after_row: false,
        }
    }

    /// Bytes read so far.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed
    }

    fn peek(&mut self) -> Result<Option<u8>, SplitError> {
        Ok(self
            .input
            .fill_buf()
            .map_err(SplitError::Io)?
            .first()
            .copied())
    }

    fn bump(&mut self, byte: u8) {
        self.input.consume(1);
        self.consumed += 1;
        self.line += u64::from(byte == b'\n');
    }

    fn err<T>(&self, fault: RowFault) -> Result<T, SplitError> {
        Err(SplitError::Row {
            line: self.line,
            fault,
        })
    }

    /// The next row; `None` at the end.
    pub(super) fn next_piece(&mut self) -> Result<Option<Piece>, SplitError> {
        match self.between {
            Between::Lines => self.next_line(),
            Between::Commas => self.next_element(),
        }
    }

    fn next_line(&mut self) -> Result<Option<Piece>, SplitError> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return self
                    .cut(|depth, byte| depth == 0 && byte == b'\n')
                    .map(Some);
            }
            self.bump(byte);
        }
        Ok(None)
    }

    fn next_element(&mut self) -> Result<Option<Piece>, SplitError> {
        loop {
            let Some(byte) = self.peek()? else {
                return if self.closed {
                    Ok(None)
                } else {
                    self.err(RowFault::NotAnArray)
                };
            };
            match byte {
                b if b.is_ascii_whitespace() => {}
                _ if self.closed => return self.err(RowFault::NotAnArray),
                b'[' if !self.opened => self.opened = true,
                _ if !self.opened => return self.err(RowFault::NotAnArray),
                b']' => self.closed = true,
                b',' if self.after_row => self.after_row = false,
                _ if self.after_row => return self.err(RowFault::NotAnArray),
                _ => {
                    let piece =
                        self.cut(|depth, byte| depth == 0 && matches!(byte, b',' | b']'))?;
                    self.after_row = true;
                    return Ok(Some(piece));
                }
            }
            self.bump(byte);
        }
    }

    /// Copies until `ends` says so (that byte stays), compacting.
    fn cut(&mut self, ends: impl Fn(u32, u8) -> bool) -> Result<Piece, SplitError> {
        let line = self.line;
        let mut json = Vec::new();
        let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
        let mut length = 0_u64;
        while let Some(byte) = self.peek()? {
            if in_string {
                in_string = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
            } else {
                if ends(depth, byte) {
                    break;
                }
                match byte {
                    b'"' => in_string = true,
                    b'{' | b'[' => depth = depth.saturating_add(1),
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            length += 1;
            if length > MAX_ROW_BYTES {
                return Err(SplitError::Row {
                    line,
                    fault: RowFault::TooLong { max: MAX_ROW_BYTES },
                });
            }
            if in_string || !byte.is_ascii_whitespace() {
                json.push(byte);
            } else if matches!(json.last(), Some(last) if last.is_ascii_alphanumeric()) {
                // A space between two literals is what makes them two: keep it for the parser to refuse.
                json.push(b' ');
            }
            self.bump(byte);
        }
        if json.last() == Some(&b' ') {
            json.pop();
        }
        Ok(Piece { line, json })
    }
}

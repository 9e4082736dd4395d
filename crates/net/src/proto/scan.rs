//! Looks at Protobuf bytes before they are decoded, so that a small frame can't unfold into a
//! large structure: an empty message takes two bytes on the wire and a hundred in memory.

use nocturne_core::limits::{MAX_OPS, MAX_RUN_ENTRIES};

use super::error::Violation;
use super::{MIN_ENTRY_COST, WINDOW};

/// What is left of a message.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

/// A field: its number and, if it is length-delimited, its content.
struct Field<'a> {
    number: u64,
    content: &'a [u8],
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Result<u64, Violation> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(Violation::Malformed)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Violation::Malformed)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], Violation> {
        let len = usize::try_from(len).map_err(|_| Violation::Malformed)?;
        let (content, rest) = self.0.split_at_checked(len).ok_or(Violation::Malformed)?;
        self.0 = rest;
        Ok(content)
    }

    fn next(&mut self) -> Result<Option<Field<'a>>, Violation> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let content = match key & 7 {
            0 => {
                self.varint()?;
                &[]
            }
            1 => self.take(8)?,
            2 => {
                let len = self.varint()?;
                self.take(len)?
            }
            5 => self.take(4)?,
            _ => return Err(Violation::Malformed),
        };
        Ok(Some(Field {
            number: key >> 3,
            content,
        }))
    }
}

/// The number and the place of the only field of a message: `(number, offset of its content)`.
pub(super) fn only_field(message: &[u8]) -> Result<(u64, usize), Violation> {
    let mut fields = Fields(message);
    let field = fields.next()?.ok_or(Violation::Malformed)?;
    let offset = message.len() - field.content.len();
    // The key's wire type must be "length-delimited": its low bits stand in the first byte.
    let delimited = message.first().is_some_and(|key| key & 7 == 2);
    if !delimited || !fields.0.is_empty() {
        return Err(Violation::Malformed);
    }
    Ok((field.number, offset))
}

/// Fails if a message has the field more than `max` times.
pub(super) fn at_most(
    message: &[u8],
    number: u64,
    max: usize,
    name: &'static str,
) -> Result<(), Violation> {
    let mut fields = Fields(message);
    let mut count = 0;
    while let Some(field) = fields.next()? {
        if field.number == number {
            count += 1;
        }
        if count > max {
            return Err(Violation::TooMany { message: name });
        }
    }
    Ok(())
}

/// Smallest run: author, seq, prev, hlc and signature take this much whatever it carries.
const MIN_RUN: usize = 100;
/// Smallest operation: a body has 16 bytes of salt.
const MIN_OPERATION: usize = 16;

/// Checks the counts inside a `Runs` message: authors by their length, runs and operations by what
/// the smallest valid ones take, entries by what the window allows. Returns the number of entries.
pub(super) fn runs(message: &[u8]) -> Result<u64, Violation> {
    const NAME: &str = "Runs";
    let too_many = Err(Violation::TooMany { message: NAME });
    let mut fields = Fields(message);
    let mut total = 0;
    while let Some(field) = fields.next()? {
        match field.number {
            1 if field.content.len() != 32 => return Err(Violation::Malformed),
            2 if field.content.len() < MIN_RUN => return Err(Violation::Malformed),
            2 => {
                let mut entries = 0;
                let mut run = Fields(field.content);
                while let Some(field) = run.next()? {
                    if field.number == 5 {
                        entries += 1;
                        self::entry(field.content)?;
                    }
                    if entries > MAX_RUN_ENTRIES {
                        return too_many;
                    }
                }
                total += entries as u64;
                if total.saturating_mul(MIN_ENTRY_COST) > WINDOW {
                    return too_many;
                }
            }
            _ => {}
        }
    }
    Ok(total)
}

/// What a frame of runs costs of the window.
pub(super) fn runs_cost(bytes: u64, entries: u64) -> u64 {
    bytes.max(entries.saturating_mul(MIN_ENTRY_COST))
}

fn entry(message: &[u8]) -> Result<(), Violation> {
    let mut operations = 0;
    let mut entry = Fields(message);
    while let Some(field) = entry.next()? {
        if field.number == 3 {
            operations += 1;
            if field.content.len() < MIN_OPERATION {
                return Err(Violation::Malformed);
            }
        }
        if operations > MAX_OPS {
            return Err(Violation::TooMany { message: "Runs" });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_are_seen_without_decoding() {
        let three = [0x0a, 0, 0x0a, 0, 0x0a, 0];
        assert_eq!(at_most(&three, 1, 3, "X"), Ok(()));
        assert_eq!(at_most(&three, 2, 0, "X"), Ok(()));
        assert_eq!(
            at_most(&three, 1, 2, "X"),
            Err(Violation::TooMany { message: "X" })
        );
    }

    #[test]
    fn a_second_field_or_another_type_is_malformed() {
        assert_eq!(only_field(&[0x0a, 1, 7]), Ok((1, 2)));
        for bad in [
            &[][..],
            &[0x08, 1],
            &[0x0a, 2, 7],
            &[0x0a, 0, 0x0a, 0],
            &[0x0a, 0, 0],
            &[0x0b],
        ] {
            assert_eq!(only_field(bad), Err(Violation::Malformed), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = only_field(&bytes);
            let _ = at_most(&bytes, 1, 3, "X");
            let _ = runs(&bytes);
        }
    }
}

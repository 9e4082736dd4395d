//! TIME as people write it on the command line: RFC 3339, Unix milliseconds, or an hlc as printed.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use nocturne_core::Hlc;

/// Milliseconds take 48 bits of an hlc, so a number from here on can only be an hlc.
const FIRST_HLC: u64 = 1 << 48;

/// An instant on the hybrid clock that includes everything written at it.
///
/// ```
/// use nocturne_node::time::At;
/// let ms: At = "1792000000000".parse()?;
/// let text: At = "2026-10-14T17:46:40Z".parse()?;
/// assert_eq!(ms, text);
/// # Ok::<(), nocturne_node::time::TimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub Hlc);

/// Why a TIME could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeError {
    /// It is none of the three forms.
    #[error(
        "not a time (expected RFC 3339 such as 2026-11-20T18:00:00Z, Unix milliseconds, or an hlc as printed)"
    )]
    Unreadable,
    /// It lies before 1970, where no entry can be.
    #[error("the time lies before 1970")]
    BeforeEpoch,
}

impl FromStr for At {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let number: u64 = text.parse().map_err(|_| TimeError::Unreadable)?;
            return Ok(At(if number < FIRST_HLC {
                Hlc::end_of_millis(number)
            } else {
                Hlc::from_bits(number)
            }));
        }
        let instant: Timestamp = text.parse().map_err(|_| TimeError::Unreadable)?;
        let ms = u64::try_from(instant.as_millisecond()).map_err(|_| TimeError::BeforeEpoch)?;
        if ms >= FIRST_HLC {
            return Err(TimeError::Unreadable);
        }
        Ok(At(Hlc::end_of_millis(ms)))
    }
}

/// Unix milliseconds, printed as RFC 3339 with milliseconds in UTC.
#[derive(Debug, Clone, Copy)]
pub struct Rfc3339(pub u64);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        {
            Some(instant) => write!(f, "{instant:.3}"),
            None => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_name_the_same_instant() {
        let ms = 1_795_200_000_123_u64;
        let hlc = (ms << 16) | 0xffff;
        let expected = At(Hlc::from_bits(hlc));
        assert_eq!(ms.to_string().parse(), Ok(expected));
        assert_eq!(hlc.to_string().parse(), Ok(expected));
        assert_eq!(Rfc3339(ms).to_string().parse(), Ok(expected));
    }

    #[test]
    fn an_offset_is_honoured() {
        assert_eq!(
            "2026-11-20T19:00:00+01:00".parse::<At>(),
            "2026-11-20T18:00:00Z".parse::<At>()
        );
    }

    #[test]
    fn an_hlc_is_exact() {
        let hlc = (1_795_200_000_000_u64 << 16) | 7;
        assert_eq!(hlc.to_string().parse(), Ok(At(Hlc::from_bits(hlc))));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "-5",
            "2026-13-01T00:00:00Z",
            "99999999999999999999999",
            "2026-11-20",
        ] {
            assert!(text.parse::<At>().is_err(), "{text} was taken");
        }
        assert_eq!(
            "1969-12-31T23:59:59Z".parse::<At>(),
            Err(TimeError::BeforeEpoch)
        );
    }
}

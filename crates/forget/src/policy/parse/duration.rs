//! Durations as people write them: `30d`, `1h 30m`.

use crate::policy::MAX_AGE_MS;

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationProblem {
    /// A minus sign.
    #[error("a duration cannot be negative")]
    Negative,
    /// A number without a unit.
    #[error("a duration needs a unit")]
    NoUnit,
    /// Not a number and a unit, or an unknown unit.
    #[error("it is not a number followed by a unit")]
    Malformed,
    /// Finer than a millisecond.
    #[error("a duration cannot be finer than a millisecond")]
    TooFine,
    /// Longer than any clock value.
    #[error("the duration is too long")]
    TooLong,
}

/// Reads a duration in milliseconds.
pub(super) fn millis(text: &str) -> Result<u64, DurationProblem> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err(DurationProblem::Negative);
    }
    if !text.is_empty() && text != "0" && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DurationProblem::NoUnit);
    }
    let duration = humantime::parse_duration(text).map_err(|error| match error {
        humantime::DurationError::NumberOverflow => DurationProblem::TooLong,
        _ => DurationProblem::Malformed,
    })?;
    if duration.subsec_nanos() % 1_000_000 != 0 {
        return Err(DurationProblem::TooFine);
    }
    u64::try_from(duration.as_millis())
        .ok()
        .filter(|ms| *ms <= MAX_AGE_MS)
        .ok_or(DurationProblem::TooLong)
}

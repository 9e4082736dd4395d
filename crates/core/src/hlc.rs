//! Hybrid logical clock values: 48 bits of Unix milliseconds, 16 bits of counter.
//!
//! Source: Kulkarni et al., *Logical Physical Clocks*, 2014.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// A point in hybrid logical time. Ordered as a number; an entry's is greater than that of
/// everything it builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hlc(u64);

impl Hlc {
    /// Before everything.
    pub const ZERO: Self = Self(0);
    /// After everything.
    pub const MAX: Self = Self(u64::MAX);
    const COUNTER_BITS: u32 = 16;
    const MAX_MILLIS: u64 = (1 << 48) - 1;

    /// From its 64 bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its 64 bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The first value of a Unix millisecond; later than 48 bits saturate.
    pub const fn from_millis(millis: u64) -> Self {
        let millis = if millis > Self::MAX_MILLIS {
            Self::MAX_MILLIS
        } else {
            millis
        };
        Self(millis << Self::COUNTER_BITS)
    }

    /// The last value of a Unix millisecond: what "at that instant" includes.
    pub const fn end_of_millis(millis: u64) -> Self {
        Self(Self::from_millis(millis).0 | 0xffff)
    }

    /// Unix milliseconds.
    pub const fn millis(self) -> u64 {
        self.0 >> Self::COUNTER_BITS
    }

    /// The value for a new entry: the later of the clock and one tick after `after`. `None` when
    /// time itself is used up, which only a forged `after` can cause.
    pub const fn next(clock_ms: u64, after: Self) -> Option<Self> {
        let clock = Self::from_millis(clock_ms);
        if clock.0 > after.0 {
            return Some(clock);
        }
        match after.0.checked_add(1) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }
}

impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Hlc {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_is_later_than_both_unless_the_clock_leads() {
        let after = Hlc::from_millis(10);
        assert_eq!(Hlc::next(11, after), Some(Hlc::from_millis(11)));
        assert_eq!(Hlc::next(10, after), Some(Hlc::from_bits(after.bits() + 1)));
        assert_eq!(Hlc::next(3, after), Some(Hlc::from_bits(after.bits() + 1)));
        assert_eq!(Hlc::next(3, Hlc::MAX), None);
        assert_eq!(Hlc::from_millis(u64::MAX).millis(), (1 << 48) - 1);
        assert!(Hlc::end_of_millis(10) < Hlc::from_millis(11));
    }
}

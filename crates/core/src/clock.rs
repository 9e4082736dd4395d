//! Which time an author signs with: its own clock, or its peers' when its own runs ahead.

/// The clock that an author writes by, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteTime {
    /// The time to sign with.
    pub millis: u64,
    /// How far the own clock ran ahead of the peers' median, when it was set aside for that.
    pub ahead_by_ms: Option<u64>,
}

/// Chooses the time to sign with.
///
/// `peer_offsets_ms` are the differences peer − own that peers showed in this uptime. If the own
/// clock runs ahead of their median by more than `max_drift_ms`, the median is used in its place:
/// an entry from the future would be quarantined by everyone. Of an even number of peers the upper
/// median counts, so that only a majority can set the own clock aside.
pub fn write_time(own_ms: u64, peer_offsets_ms: &[i64], max_drift_ms: u64) -> WriteTime {
    let mut offsets = peer_offsets_ms.to_vec();
    offsets.sort_unstable();
    let median = offsets.get(offsets.len() / 2).copied().unwrap_or(0);
    let ahead_by_ms = median.min(0).unsigned_abs();
    if ahead_by_ms > max_drift_ms {
        WriteTime {
            millis: own_ms.saturating_sub(ahead_by_ms),
            ahead_by_ms: Some(ahead_by_ms),
        }
    } else {
        WriteTime {
            millis: own_ms,
            ahead_by_ms: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_within_the_drift_is_kept() {
        for offsets in [&[][..], &[5], &[-100], &[-1_000_000, 3, 4]] {
            assert_eq!(write_time(1_000_000, offsets, 100).millis, 1_000_000);
        }
    }

    #[test]
    fn a_clock_ahead_of_the_median_gives_way_to_it() {
        let chosen = write_time(1_000_000, &[-7_000, -5_000, 0], 100);
        assert_eq!(chosen.millis, 995_000);
        assert_eq!(chosen.ahead_by_ms, Some(5_000));
    }

    #[test]
    fn only_a_majority_sets_the_clock_aside() {
        let kept = |offsets: &[i64]| write_time(1_000_000, offsets, 100).ahead_by_ms.is_none();
        assert!(kept(&[-9_000, 0]));
        assert!(kept(&[i64::MIN, -9_000, 0, 5]));
        assert!(!kept(&[-9_000, -9_000, 0]));
    }

    #[test]
    fn absurd_offsets_do_no_harm() {
        assert_eq!(write_time(5, &[i64::MIN], 0).millis, 0);
        assert_eq!(write_time(u64::MAX, &[i64::MAX], 0).millis, u64::MAX);
        // Exactly the drift is still allowed.
        assert_eq!(write_time(500, &[-100], 100).millis, 500);
        assert_eq!(write_time(500, &[-101], 100).millis, 399);
    }
}

//! Counts work and time across a bench's iterations and prints the rate beside the machine's limit.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The result of `work` and how long it took.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where benches read a clock"
)]
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// Units of work done and the time they took.
#[derive(Debug, Default)]
pub struct Meter {
    units: Cell<u64>,
    elapsed: Cell<Duration>,
}

impl Meter {
    /// With nothing counted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Does `work`, which is `units` of it, and counts both.
    pub fn time<T>(&self, units: u64, work: impl FnOnce() -> T) -> (T, Duration) {
        let (result, took) = timed(work);
        self.count(units, took);
        (result, took)
    }

    /// Counts work that was timed elsewhere.
    pub fn count(&self, units: u64, took: Duration) {
        self.units.set(self.units.get() + units);
        self.elapsed.set(self.elapsed.get() + took);
    }

    /// Units a second so far; zero when nothing was counted.
    #[expect(clippy::cast_precision_loss, reason = "a rate is read to three digits")]
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.get().as_secs_f64();
        if seconds > 0.0 {
            self.units.get() as f64 / seconds
        } else {
            0.0
        }
    }

    /// Prints the rate and `limits` (name and rate each), with the share of each that was reached.
    /// Prints nothing when a filter on the command line left the bench out.
    pub fn beside(&self, what: &str, unit: &str, limits: &[(&str, f64)]) {
        if self.units.get() == 0 {
            return;
        }
        let rate = self.rate();
        println!("{what}: {} {unit}/s", grouped(rate));
        for (name, limit) in limits {
            let share = 100.0 * rate / limit;
            println!("    limit: {} {name}/s ({share:.1} %)", grouped(*limit));
        }
    }
}

/// A rate as people read it: `1,234,567`.
pub fn grouped(rate: f64) -> String {
    let digits = format!("{rate:.0}");
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_grouped_by_thousands() {
        for (rate, shown) in [
            (0.0, "0"),
            (999.4, "999"),
            (1_000.0, "1,000"),
            (12_345_678.0, "12,345,678"),
        ] {
            assert_eq!(grouped(rate), shown);
        }
    }

    #[test]
    fn a_meter_divides_all_work_by_all_time() {
        let meter = Meter::new();
        assert!(meter.rate().abs() < f64::EPSILON);
        meter.count(10, Duration::from_millis(500));
        meter.count(20, Duration::from_secs(1));
        assert!((meter.rate() - 20.0).abs() < 1e-9);
    }
}

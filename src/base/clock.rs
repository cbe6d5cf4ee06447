//! Wall-clock time as a value, and the one place that reads it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A moment: microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Timestamp(i64);

impl Timestamp {
    /// A moment from microseconds since the Unix epoch.
    pub(crate) const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch: the form kept in every store column named `*_at`.
    pub(crate) const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the Unix epoch, as a ULID carries them; 0 before 1970.
    pub(crate) fn as_millis(self) -> u64 {
        u64::try_from(self.0.div_euclid(1000)).unwrap_or(0)
    }

    /// Reads RFC 3339 text with an offset (`Z` or `+00:00`); `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>()
            .ok()
            .map(|t| Self(t.as_microsecond()))
    }

    /// This moment `by` later, saturating.
    pub(crate) fn after(self, by: Duration) -> Self {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// This moment `by` earlier, saturating.
    pub(crate) fn before(self, by: Duration) -> Self {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros))
    }

    /// Time from `earlier` to this moment; zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with six fractional digits and `+00:00`, the envelope's form
    /// (`2026-02-12T10:00:00.000000+00:00`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(t) => {
                let text = format!("{t:.6}");
                write!(f, "{}+00:00", text.strip_suffix('Z').unwrap_or(&text))
            }
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// Where the time comes from; injected once by the command line.
pub(crate) trait Clock: Send + Sync + fmt::Debug {
    /// The current wall-clock time.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock. A clock that was reset to a time before 1970 counts as its first
/// microsecond: due times of the store are positive, and rows written now must stay visible to
/// later runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one owner of the wall clock")]
    fn now(&self) -> Timestamp {
        of_system(jiff::Timestamp::now())
    }
}

/// The moment to use for the system clock's time; see [`SystemClock`].
fn of_system(now: jiff::Timestamp) -> Timestamp {
    Timestamp(now.as_microsecond().max(1))
}

/// True if the clock of this machine shows a time before 1970.
#[expect(clippy::disallowed_methods, reason = "the one owner of the wall clock")]
pub(crate) fn is_lost() -> bool {
    jiff::Timestamp::now() < jiff::Timestamp::UNIX_EPOCH
}

/// A bound on how long something may take, independent of the wall clock. Copies share it.
#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    start: Instant,
    allowed: Duration,
    /// Milliseconds after the start.
    until: Arc<AtomicU64>,
}

impl Deadline {
    /// A bound that is reached after this time.
    pub(crate) fn after(allowed: Duration) -> Self {
        let deadline = Self {
            start: Instant::now(),
            allowed,
            until: Arc::default(),
        };
        deadline.restart();
        deadline
    }

    /// Counts from now on.
    pub(crate) fn restart(&self) {
        let until = self
            .start
            .elapsed()
            .saturating_add(self.allowed)
            .as_millis();
        self.until
            .store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// True once the time is over.
    pub(crate) fn is_over(&self) -> bool {
        self.start.elapsed().as_millis() >= u128::from(self.until.load(Ordering::Relaxed))
    }
}

/// A clock that stands still, for tests.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct FixedClock(pub(crate) Timestamp);

#[cfg(test)]
impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_six_digits_and_a_numeric_offset() {
        assert_eq!(
            Timestamp::from_micros(0).to_string(),
            "1970-01-01T00:00:00.000000+00:00"
        );
        assert_eq!(
            Timestamp::from_micros(1_770_890_400_000_001).to_string(),
            "2026-02-12T10:00:00.000001+00:00"
        );
    }

    #[test]
    fn a_clock_before_1970_counts_as_its_first_microsecond() {
        for (text, micros) in [
            ("1965-03-01T10:00:00Z", 1),
            ("1970-01-01T00:00:00Z", 1),
            ("1970-01-01T00:00:00.000007Z", 7),
            ("2026-02-12T10:00:00Z", 1_770_890_400_000_000),
        ] {
            assert_eq!(
                of_system(text.parse().unwrap()),
                Timestamp(micros),
                "{text}"
            );
        }
    }

    #[test]
    fn text_survives_a_round_trip() {
        let t = Timestamp::from_micros(1_770_890_400_123_456);
        assert_eq!(Timestamp::parse(&t.to_string()), Some(t));
        assert_eq!(
            Timestamp::parse("2026-02-12T10:00:00Z"),
            Some(Timestamp::from_micros(1_770_890_400_000_000))
        );
        assert_eq!(Timestamp::parse("2026-02-12 10:00"), None);
    }

    #[test]
    fn a_clock_that_went_back_gives_no_negative_time() {
        let (a, b) = (Timestamp::from_micros(5), Timestamp::from_micros(9));
        assert_eq!(a.since(b), Duration::ZERO);
        assert_eq!(b.since(a), Duration::from_micros(4));
    }
}

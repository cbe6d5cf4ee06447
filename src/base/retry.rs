//! Wait before the next try: `d = min(2^failures, 300)` s, drawn between d/2 and d.

use std::time::Duration;

use crate::base::Timestamp;

/// The longest wait a server may ask for, and the furthest due time that is accepted.
pub(crate) const LONGEST: Duration = Duration::from_hours(1);

/// The wait after a failure that had `failures` failures before it. `server` is the server's own
/// `Retry-After`, a minimum. `random` is in 0..1.
pub(crate) fn backoff(failures: u32, server: Option<Duration>, random: f64) -> Duration {
    let full = Duration::from_secs(2u64.checked_pow(failures).unwrap_or(u64::MAX).min(300));
    let drawn = full.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
    drawn.max(server.map_or(Duration::ZERO, |server| asked(server, random)))
}

/// The wait for a server's request: at least what it asked for, plus up to a quarter so that its
/// clients do not return all at once; at most [`LONGEST`]. `random` is in 0..1.
pub(crate) fn asked(server: Duration, random: f64) -> Duration {
    let server = server.min(LONGEST);
    (server + server.mul_f64(random.clamp(0.0, 1.0) / 4.0)).min(LONGEST)
}

/// True when something due at `due` may be tried at `now`. A due time further ahead than
/// [`LONGEST`] means that the clock moved backwards; it counts as due.
pub(crate) fn is_due(due: Timestamp, now: Timestamp) -> bool {
    due <= now || due > now.after(LONGEST)
}

/// Reads a `Retry-After` value: seconds, whole or not, or an HTTP date compared with `now`. `None`
/// when it is neither.
pub(crate) fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if text.starts_with(|c: char| c.is_ascii_digit())
        && let Ok(seconds) = text.parse::<f64>()
    {
        // Larger than any `Duration`: use the longest wait.
        let seconds = if seconds > LONGEST.as_secs_f64() {
            LONGEST.as_secs_f64()
        } else {
            seconds
        };
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text)
        .ok()?
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    let at = Timestamp::from_micros(i64::try_from(date.as_micros()).ok()?);
    Some(at.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        for (failures, seconds) in [
            (0, 1),
            (1, 2),
            (2, 4),
            (8, 256),
            (9, 300),
            (10, 300),
            (200, 300),
        ] {
            assert_eq!(
                backoff(failures, None, 1.0),
                Duration::from_secs(seconds),
                "{failures}"
            );
            assert_eq!(
                backoff(failures, None, 0.0),
                Duration::from_secs(seconds) / 2,
                "{failures}"
            );
        }
    }

    #[test]
    fn the_server_sets_a_minimum_of_at_most_an_hour() {
        assert_eq!(
            backoff(0, Some(Duration::from_secs(80)), 0.0),
            Duration::from_secs(80)
        );
        assert_eq!(
            backoff(0, Some(Duration::from_secs(80)), 1.0),
            Duration::from_secs(100),
            "not all at once"
        );
        assert_eq!(
            backoff(9, Some(Duration::from_secs(9)), 1.0),
            Duration::from_mins(5)
        );
        assert_eq!(backoff(0, Some(Duration::from_secs(999_999)), 0.5), LONGEST);
    }

    #[test]
    fn a_due_time_too_far_ahead_counts_as_due() {
        let now = Timestamp::from_micros(10_000_000_000_000);
        assert!(is_due(now, now));
        assert!(!is_due(now.after(Duration::from_secs(1)), now));
        assert!(is_due(now.after(LONGEST + Duration::from_secs(1)), now));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::parse("1994-11-06T08:49:30Z").unwrap();
        assert_eq!(
            parse_retry_after(" 120 ", now),
            Some(Duration::from_mins(2))
        );
        assert_eq!(
            parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now),
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            parse_retry_after("Sun, 06 Nov 1994 08:49:07 GMT", now),
            Some(Duration::ZERO)
        );
        assert_eq!(
            parse_retry_after("1.5", now),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(
            parse_retry_after("99999999999999999999999", now),
            Some(LONGEST)
        );
        for odd in ["soon", "", "-5", "NaN", "5 s"] {
            assert_eq!(parse_retry_after(odd, now), None, "{odd}");
        }
    }
}

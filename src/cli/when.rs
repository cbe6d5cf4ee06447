//! Times as people give them: `2d`, `90m`, `2026-11-29`, `2026-11-29T10:00:00Z`.

use std::time::Duration;

use crate::base::Timestamp;

/// A moment on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// This long ago.
    Ago(Duration),
    /// Then.
    At(Timestamp),
}

impl When {
    /// The moment, seen from `now`.
    pub(crate) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(duration) => now.before(duration),
            Self::At(at) => at,
        }
    }
}

/// Reads a moment; without an offset a date or time is in UTC.
pub(crate) fn when(text: &str) -> Result<When, String> {
    let text = text.trim();
    let at = Timestamp::parse(text)
        .or_else(|| Timestamp::parse(&format!("{text}Z")))
        .or_else(|| Timestamp::parse(&format!("{text}:00Z")))
        .or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")));
    at.map(When::At)
        .or_else(|| ago(text).map(When::Ago))
        .ok_or_else(|| "not a time like 2d, 90m, 2026-11-29 or 2026-11-29T10:00:00Z".to_owned())
}

fn ago(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_people() {
        let now = Timestamp::parse("2026-11-29T12:00:00Z").unwrap();
        for (text, at) in [
            ("2d", "2026-11-27T12:00:00Z"),
            ("90m", "2026-11-29T10:30:00Z"),
            ("1w", "2026-11-22T12:00:00Z"),
            ("0s", "2026-11-29T12:00:00Z"),
            ("2026-11-28", "2026-11-28T00:00:00Z"),
            ("2026-11-28T07:30", "2026-11-28T07:30:00Z"),
            ("2026-11-28T07:30:05", "2026-11-28T07:30:05Z"),
            (" 2026-11-28T07:30:05+02:00 ", "2026-11-28T05:30:05Z"),
        ] {
            assert_eq!(when(text).map(|when| when.resolve(now)), Ok(Timestamp::parse(at).unwrap()), "{text}");
        }
        for text in ["", "d", "2", "2y", "-2d", "2026-13-01", "yesterday", "99999999999999999999d", "é"] {
            assert!(when(text).is_err(), "{text}");
        }
    }
}

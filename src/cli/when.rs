//! Times as users type them: `2d`, `90m`, `2026-11-29`, `2026-11-29T10:00:00Z`.

use std::time::Duration;

use crate::base::Timestamp;

/// A time on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// A time before now.
    Ago(Duration),
    /// An absolute time.
    At(Timestamp),
}

impl When {
    /// The time, relative to `now`.
    pub(crate) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(duration) => now.before(duration),
            Self::At(at) => at,
        }
    }
}

/// Parses a time; without an offset it is in UTC.
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

/// An age in seconds for a person, in one unit: `just now`, `40 s ago`, `2 min ago`.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0 => "just now".to_owned(),
        seconds @ 1..60 => format!("{seconds} s ago"),
        seconds @ 60..3600 => format!("{} min ago", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

/// How long before `now` a moment of the JSON form is, as [`age`] has it; the text itself if it is
/// not a time. A moment after `now` is `just now`.
pub(crate) fn relative(now: Timestamp, at: &str) -> String {
    Timestamp::parse(at).map_or_else(|| at.to_owned(), |at| age(now.since(at).as_secs()))
}

/// A moment of the JSON form in the local time zone: `15:15`, or `11-29 15:15` if it is not of the
/// same day as `now`. The text itself if it is not a time.
pub(crate) fn local(at: &str, now: Timestamp) -> String {
    let zoned = |at: Timestamp| {
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        Some(at.to_zoned(jiff::tz::TimeZone::system()))
    };
    match (Timestamp::parse(at).and_then(zoned), zoned(now)) {
        (Some(at), Some(now)) if at.date() == now.date() => at.strftime("%H:%M").to_string(),
        (Some(at), _) => at.strftime("%m-%d %H:%M").to_string(),
        (None, _) => at.to_owned(),
    }
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
    number
        .parse::<u64>()
        .ok()?
        .checked_mul(seconds)
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_come_in_one_unit() {
        let now = Timestamp::parse("2026-11-29T12:00:00Z").unwrap();
        for (at, words) in [
            ("2026-11-29T12:00:00Z", "just now"),
            ("2026-11-29T12:01:00Z", "just now"),
            ("2026-11-29T11:59:01Z", "59 s ago"),
            ("2026-11-29T11:58:01Z", "1 min ago"),
            ("2026-11-29T09:58:00Z", "2 h ago"),
            ("2026-11-28T10:00:00Z", "26 h ago"),
            ("2026-11-26T12:00:00Z", "3 days ago"),
            ("then", "then"),
        ] {
            assert_eq!(relative(now, at), words, "{at}");
        }
    }

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
            assert_eq!(
                when(text).map(|when| when.resolve(now)),
                Ok(Timestamp::parse(at).unwrap()),
                "{text}"
            );
        }
        for text in [
            "",
            "d",
            "2",
            "2y",
            "-2d",
            "2026-13-01",
            "yesterday",
            "99999999999999999999d",
            "é",
        ] {
            assert!(when(text).is_err(), "{text}");
        }
    }
}

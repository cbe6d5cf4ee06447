//! The forms of option values: presets, times, ages.

use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::config::milliseconds;

/// The presets, each with what it does.
pub(crate) fn presets() -> PossibleValuesParser {
    PossibleValuesParser::new([
        PossibleValue::new("teamspace").help("keep everything, send to a Teamspace"),
        PossibleValue::new("external-receiver")
            .alias("external_receiver")
            .help("keep everything, send to your own endpoint"),
        PossibleValue::new("local-retention")
            .alias("local_retention")
            .help("keep everything, send nothing (what an unconfigured project does)"),
        PossibleValue::new("opt-out")
            .aliases(["opt_out", "trash"])
            .help("keep only what is bound for a Teamspace, send nothing"),
        PossibleValue::new("stub")
            .help("keep everything, send to a receiver inside sk-sync, for a first look"),
    ])
}

/// Parses a time like the configuration: `500ms`, `30s`, `2m`, `1h`, or a number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    milliseconds(text).map(Duration::from_millis)
}

/// Parses an age: a time, or a number of days (`30d`) or weeks (`8w`).
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    const DAY: u64 = 86_400;
    let text = text.trim();
    let seconds = [("d", DAY), ("w", 7 * DAY)]
        .into_iter()
        .find_map(|(unit, factor)| {
            let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
            number.checked_mul(factor)
        });
    match seconds {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => {
            duration(text).map_err(|_| "must be an age like \"12h\", \"30d\" or \"8w\"".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        for (text, hours) in [("12h", 12), ("30d", 720), (" 2 w ", 336)] {
            assert_eq!(age(text), Ok(Duration::from_hours(hours)), "{text}");
        }
        for text in [
            "",
            "d",
            "-1d",
            "1.5d",
            "99999999999999999999w",
            "18446744073709551615d",
        ] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}

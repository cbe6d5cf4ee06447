//! The forms of option values: presets, times, ages.

use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::config::{PRESETS, Preset, milliseconds};

/// The presets, each with what it does.
pub(crate) fn presets() -> PossibleValuesParser {
    let value = |preset: &Preset| {
        PossibleValue::new(preset.name)
            .aliases(preset.aliases.iter().copied())
            .help(preset.help)
    };
    PossibleValuesParser::new(PRESETS.iter().map(value))
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

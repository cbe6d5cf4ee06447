//! Presets: named points on the two axes retention and delivery.

use super::receiver::PRESETS;
use super::words::words;

words! {
    /// Whether payloads stay after delivery.
    Retention {
        /// Payloads stay.
        On = "on",
        /// Payloads are deleted once acknowledged; the queue is bounded.
        Off = "off",
    }
}

/// The preset's canonical name: trimmed, any case, `_` for `-`, `trash` for `opt-out`. Unknown
/// names are an error.
pub(super) fn canonical(name: &str) -> Result<&'static str, String> {
    let word = folded(name);
    let preset = PRESETS
        .iter()
        .find(|preset| preset.name == word || preset.aliases.contains(&word.as_str()));
    preset.map(|preset| preset.name).ok_or_else(|| {
        let known: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
        format!(
            "unknown preset; expected one of {} (`trash` means `opt-out`)",
            known.join(", ")
        )
    })
}

/// The words for retention and delivery of a preset's canonical name.
pub(super) fn axes(name: &str) -> Option<(&'static str, &'static str)> {
    let preset = PRESETS.iter().find(|preset| preset.name == name)?;
    Some((preset.retention, preset.delivery))
}

/// The form in which words are compared: trimmed, lower-case, `-` for `_`.
pub(super) fn folded(word: &str) -> String {
    word.trim().to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Delivery, ReceiverKind};

    #[test]
    fn names_are_read_like_the_reference_reads_them() {
        for (written, name) in [
            ("teamspace", "teamspace"),
            (" EXTERNAL_RECEIVER ", "external-receiver"),
            ("Local-Retention", "local-retention"),
            ("opt_out", "opt-out"),
            ("TRASH", "opt-out"),
            ("stub", "stub"),
        ] {
            assert_eq!(canonical(written), Ok(name));
        }
        let refused = canonical("cloud").unwrap_err();
        for preset in PRESETS {
            assert!(refused.contains(preset.name), "{refused}");
        }
    }

    #[test]
    fn every_preset_is_made_of_words_of_the_axes() {
        for preset in PRESETS {
            assert!(
                Retention::WORDS.contains(&preset.retention)
                    && Delivery::WORDS.contains(&preset.delivery),
                "{preset:?}"
            );
        }
        for kind in ReceiverKind::ALL {
            assert_eq!(axes(kind.word()), Some(("on", kind.word())));
        }
        for word in Delivery::WORDS {
            let delivery: Delivery = serde_json::from_value((*word).into()).unwrap();
            assert_eq!(serde_json::to_value(delivery).unwrap(), *word);
        }
    }
}

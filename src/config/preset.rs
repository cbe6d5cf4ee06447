//! Presets: named points on the two axes retention and delivery.

use serde::{Deserialize, Serialize};

/// The words of [`Retention`].
pub(super) const RETENTIONS: &[&str] = &["on", "off"];
/// The words of [`Delivery`].
pub(super) const DELIVERIES: &[&str] = &["none", "teamspace", "external-receiver", "stub"];
/// Every preset's name with its retention and delivery, in display order.
pub(super) const PRESETS: &[(&str, &str, &str)] = &[
    ("teamspace", "on", "teamspace"),
    ("external-receiver", "on", "external-receiver"),
    ("local-retention", "on", "none"),
    ("opt-out", "off", "none"),
    ("stub", "on", "stub"),
];

/// A preset's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Preset {
    /// Keep, and send to a Teamspace.
    Teamspace,
    /// Keep, and send to the operator's own receiver.
    ExternalReceiver,
    /// Keep, send nothing.
    LocalRetention,
    /// Keep only events that must not be dropped, send nothing.
    OptOut,
    /// Keep, and send to the embedded receiver.
    Stub,
}

/// Whether payloads stay after delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Retention {
    /// Payloads stay.
    On,
    /// Payloads are deleted once acknowledged; the queue is bounded.
    Off,
}

/// Where events and documents are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Delivery {
    /// Nowhere.
    None,
    /// To a Teamspace.
    Teamspace,
    /// To the operator's own receiver.
    ExternalReceiver,
    /// To the embedded receiver.
    Stub,
}

/// The preset's canonical name: trimmed, any case, `_` for `-`, `trash` for `opt-out`. Unknown
/// names are an error.
pub(super) fn canonical(name: &str) -> Result<&'static str, String> {
    let word = folded(name);
    let word = if word == "trash" { "opt-out" } else { &word };
    PRESETS
        .iter()
        .map(|p| p.0)
        .find(|p| *p == word)
        .ok_or_else(|| {
            let known: Vec<_> = PRESETS.iter().map(|p| p.0).collect();
            format!(
                "unknown preset; expected one of {} (`trash` means `opt-out`)",
                known.join(", ")
            )
        })
}

/// The words for retention and delivery of a preset's canonical name.
pub(super) fn axes(name: &str) -> Option<(&'static str, &'static str)> {
    PRESETS.iter().find(|p| p.0 == name).map(|p| (p.1, p.2))
}

/// The form in which words are compared: trimmed, lower-case, `-` for `_`.
pub(super) fn folded(word: &str) -> String {
    word.trim().to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for (name, ..) in PRESETS {
            assert!(refused.contains(name), "{refused}");
        }
    }

    #[test]
    fn every_word_of_the_tables_is_a_value_of_its_type() {
        fn read<T: serde::de::DeserializeOwned + Serialize>(word: &str) {
            let value: T = serde_json::from_value(word.into()).unwrap();
            assert_eq!(serde_json::to_value(value).unwrap(), word);
        }
        for (preset, retention, delivery) in PRESETS {
            read::<Preset>(preset);
            assert!(
                RETENTIONS.contains(retention) && DELIVERIES.contains(delivery),
                "{preset}"
            );
        }
        for retention in RETENTIONS {
            read::<Retention>(retention);
        }
        for delivery in DELIVERIES {
            read::<Delivery>(delivery);
        }
    }
}

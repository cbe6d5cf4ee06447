//! Captured bytes as part of a line of JSON.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::base::digest::hex;

/// An envelope as `--jsonl` and `--json` print it: byte for byte, except that terminal control
/// characters are escaped.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Envelope {
    /// The bytes, if they are one strict JSON text on one line; else null.
    pub(crate) envelope: Option<Box<RawValue>>,
    /// The bytes in hexadecimal, if they are stored and cannot be part of a line of JSON; else
    /// null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) envelope_hex: Option<String>,
}

impl Envelope {
    /// From the captured bytes; `None` if they were deleted.
    pub(super) fn of(bytes: Option<Vec<u8>>) -> Self {
        let Some(bytes) = bytes else {
            return Self::default();
        };
        match spliceable(&bytes) {
            Some(raw) => Self {
                envelope: Some(raw),
                envelope_hex: None,
            },
            None => Self {
                envelope: None,
                envelope_hex: Some(hex(&bytes)),
            },
        }
    }
}

/// The bytes as part of a JSON text; `None` if they are not strict JSON, or if blanks would be lost
/// or a line end would break the line.
fn spliceable(bytes: &[u8]) -> Option<Box<RawValue>> {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains(['\n', '\r']))?;
    RawValue::from_string(text.to_owned())
        .ok()
        .filter(|raw| raw.get().len() == text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_json_is_spliced_and_nothing_else_is() {
        for (bytes, shown) in [
            (
                &br#"{"b": 1.50, "a":"\u00e9"}"#[..],
                r#"{"envelope":{"b": 1.50, "a":"\u00e9"}}"#,
            ),
            (
                br#"{"n":NaN}"#,
                r#"{"envelope":null,"envelope_hex":"7b226e223a4e614e7d"}"#,
            ),
            (b"\xff", r#"{"envelope":null,"envelope_hex":"ff"}"#),
            (b"{\n}", r#"{"envelope":null,"envelope_hex":"7b0a7d"}"#),
            (b"{} ", r#"{"envelope":null,"envelope_hex":"7b7d20"}"#),
        ] {
            let envelope = Envelope::of(Some(bytes.to_vec()));
            assert_eq!(serde_json::to_string(&envelope).unwrap(), shown);
        }
        assert_eq!(
            serde_json::to_string(&Envelope::of(None)).unwrap(),
            r#"{"envelope":null}"#
        );
    }
}

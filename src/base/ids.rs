//! Identifiers: monotonic ULIDs for events, and the id forms that the wire accepts.

use std::fmt;
use std::sync::Mutex;

use crate::base::Timestamp;
use crate::base::mutex::held;

/// Where new ids come from; injected once by the command line.
pub(crate) trait Ids: Send + Sync + fmt::Debug {
    /// A new ULID (26 upper-case Crockford characters) that sorts after every earlier one of this
    /// source.
    fn ulid(&self, at: Timestamp) -> String;
    /// A new random UUID (version 4), lower-case and hyphenated.
    fn uuid(&self) -> String;
}

/// Ids from the operating system's randomness.
#[derive(Default)]
pub(crate) struct SystemIds(Mutex<Option<ulid::Ulid>>);

impl fmt::Debug for SystemIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemIds")
    }
}

impl Ids for SystemIds {
    fn ulid(&self, at: Timestamp) -> String {
        let mut last = held(&self.0);
        let next = match *last {
            // Same millisecond, or the clock moved backwards: count up from the last id instead.
            Some(previous) if previous.timestamp_ms() >= at.as_millis() => previous
                .increment()
                .unwrap_or_else(|_| ulid::Ulid::from_parts(previous.timestamp_ms() + 1, 0)),
            _ => ulid::Ulid::from_parts(at.as_millis(), uuid::Uuid::new_v4().as_u128()),
        };
        *last = Some(next);
        next.to_string()
    }

    fn uuid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}

/// The form in which ids are compared: 26 ULID characters upper-cased, a UUID hyphenated and
/// lower-cased. `None` if the text is neither.
pub(crate) fn normalize(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    match bytes.len() {
        26 if bytes.iter().all(|b| is_crockford(b.to_ascii_uppercase())) => {
            Some(text.to_ascii_uppercase())
        }
        32 if bytes.iter().all(u8::is_ascii_hexdigit) => {
            uuid::Uuid::parse_str(text).ok().map(|u| u.to_string())
        }
        36 => uuid::Uuid::parse_str(text).ok().map(|u| u.to_string()),
        _ => None,
    }
}

/// The ULID text of 128 bits: 26 Crockford digits, most significant first.
pub(crate) fn ulid_of(bits: u128) -> String {
    ulid::Ulid::from(bits).to_string()
}

fn is_crockford(byte: u8) -> bool {
    byte.is_ascii_digit()
        || (byte.is_ascii_uppercase() && !matches!(byte, b'I' | b'L' | b'O' | b'U'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulids_of_one_millisecond_increase() {
        let ids = SystemIds::default();
        let at = Timestamp::from_micros(1_770_890_400_000_000);
        let made: Vec<_> = (0..2000).map(|_| ids.ulid(at)).collect();
        assert!(made.is_sorted_by(|a, b| a < b));
        assert!(
            ids.ulid(Timestamp::from_micros(0)) > made[1999],
            "a clock that goes back must not break the order"
        );
    }

    #[test]
    fn ids_are_normalised_as_the_wire_does() {
        let event = "01JMBY7K8N3QRVX2DPFG5HWT4E";
        assert_eq!(normalize(&event.to_lowercase()).as_deref(), Some(event));
        let uuid = "8a4a7da6-a97c-4bb4-893a-b31664abfee4";
        assert_eq!(normalize(&uuid.to_uppercase()).as_deref(), Some(uuid));
        assert_eq!(normalize(&uuid.replace('-', "")).as_deref(), Some(uuid));
        for wrong in [
            "",
            "01JMBY7K8N3QRVX2DPFG5HWT4I",
            "8a4a7da6a97c4bb4893ab31664abfee",
            "é",
        ] {
            assert_eq!(normalize(wrong), None, "{wrong:?}");
        }
    }
}

//! Problems of rows of older stores: the rows are still imported, and the user is informed. Pure.

use rusqlite::types::Value;

use crate::event::{Inspection, NotAnEvent};

/// Latest plausible time in a queue, in seconds since the epoch: the year 2200.
const LATEST: i64 = 7_258_118_400;

/// The problem of a row, for people; `None` without one.
pub(super) fn of(
    event_id: &str,
    queued_at: &Value,
    seen: Result<&Inspection, &NotAnEvent>,
) -> Option<String> {
    let time = match queued_at {
        Value::Integer(seconds) => odd_time(*seconds),
        _ => None,
    };
    let envelope = match seen {
        Err(NotAnEvent::NotJson) => {
            Some("the envelope is not JSON; it is kept, and cannot be sent".to_owned())
        }
        Err(NotAnEvent::NotAnObject) => {
            Some("the envelope is not a JSON object; it is kept but cannot be sent".to_owned())
        }
        Err(NotAnEvent::NoEventId) => {
            Some("the envelope names no event_id; it is kept, and cannot be sent".to_owned())
        }
        Err(NotAnEvent::IdTooLong) => Some(
            "the event_id has more than 255 characters; it is kept, and cannot be sent".to_owned(),
        ),
        Ok(seen) if seen.event_id != event_id => Some(
            "the envelope names another event_id; it is kept under this one, and cannot be sent"
                .to_owned(),
        ),
        Ok(seen) if !seen.is_strict => Some(
            "a strict JSON reader refuses the envelope; it is kept, and cannot be sent".to_owned(),
        ),
        Ok(_) => None,
    };
    match (envelope, time) {
        (Some(envelope), Some(time)) => Some(format!("{envelope}; {time}")),
        (one, other) => one.or(other),
    }
}

fn odd_time(seconds: i64) -> Option<String> {
    let words = match seconds {
        ..0 => "lies before 1970",
        0..LATEST => return None,
        _ if (LATEST / 8..LATEST).contains(&(seconds / 1000)) => "is in milliseconds, not seconds",
        _ => "lies beyond the year 2200",
    };
    Some(format!(
        "its time in the queue, {seconds}, {words}; it is kept as it stands"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::inspect;

    #[test]
    fn each_oddity_is_explained() {
        for (data, seconds, words) in [
            (r#"{"event_id":"a"}"#, 1_767_000_000, None),
            (r#"{"event_id":"a"}"#, -5, Some("lies before 1970")),
            (
                r#"{"event_id":"a"}"#,
                1_767_000_000_000,
                Some("milliseconds"),
            ),
            (
                r#"{"event_id":"a"}"#,
                9_000_000_000_000_000_000,
                Some("beyond the year 2200"),
            ),
            (r#"{"event_id":"b"}"#, 0, Some("another event_id")),
            ("{}", 0, Some("names no event_id")),
            ("[]", 0, Some("not a JSON object")),
            (
                "not",
                -1,
                Some("not JSON; it is kept, and cannot be sent; its time in the queue, -1,"),
            ),
            (r#"{"event_id":"a","n":NaN}"#, 0, Some("strict")),
        ] {
            let seen = inspect(data.as_bytes());
            match (of("a", &Value::Integer(seconds), seen.as_ref()), words) {
                (None, None) => {}
                (Some(told), Some(words)) => assert!(told.contains(words), "{told}"),
                other => panic!("{data} {seconds}: {other:?}"),
            }
        }
    }
}

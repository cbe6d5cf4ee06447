//! The time of a line, which is also its clock: id and time are the only members that no rewrite of
//! a log changed.

use super::{Object, Skip};
use crate::base::Timestamp;

/// The time of a line.
pub(super) struct Time {
    /// As written.
    pub(super) text: String,
    /// Microseconds since 1970; further digits are truncated.
    pub(super) micros: i64,
}

/// The time in `member` of a line; null counts as missing.
pub(super) fn time_of(row: &Object, member: &str) -> Result<Time, Skip> {
    let value = row
        .get(member)
        .filter(|value| !value.is_null())
        .ok_or_else(|| Skip::about("missing_field", member))?;
    let text = value.as_str().ok_or(Skip::bare("invalid_timestamp"))?;
    let micros = micros(text).ok_or(Skip::bare("invalid_timestamp"))?;
    Ok(Time {
        text: text.to_owned(),
        micros,
    })
}

/// Microseconds of a time written `YYYY-MM-DDThh:mm:ss[.1–9 digits](Z|±hh:mm)`; `None` for another
/// form, for a date that does not exist, and before 1970.
pub(super) fn micros(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let pattern = b"dddd-dd-ddTdd:dd:dd";
    let (head, rest) = bytes.split_at_checked(pattern.len())?;
    let count = |digits: &[u8]| {
        digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let fraction = rest.strip_prefix(b".").map(count);
    let zone = rest.get(fraction.map_or(0, |count| count + 1)..)?;
    let is_form = matches(head, pattern)
        && fraction.is_none_or(|count| (1..=9).contains(&count))
        && (zone == b"Z" || matches(zone, b"+dd:dd") || matches(zone, b"-dd:dd"));
    let is_clock = two(head, 11)? < 24 && two(head, 14)? < 60 && two(head, 17)? < 60;
    let is_offset = zone == b"Z" || two(zone, 1)? < 24 && two(zone, 4)? < 60;
    let micros = Timestamp::parse(text)
        .filter(|_| is_form && is_clock && is_offset)?
        .as_micros();
    (micros >= 0).then_some(micros)
}

/// True if the text has this form: `d` stands for a digit, everything else for itself.
fn matches(text: &[u8], form: &[u8]) -> bool {
    let fits = |(byte, form): (&u8, &u8)| {
        if *form == b'd' {
            byte.is_ascii_digit()
        } else {
            byte == form
        }
    };
    text.len() == form.len() && text.iter().zip(form).all(fits)
}

/// The number with two digits at this position.
fn two(text: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| {
        text.get(at)
            .filter(|byte| byte.is_ascii_digit())
            .map(|byte| byte - b'0')
    };
    Some(digit(at)? * 10 + digit(at + 1)?)
}

//! Properties of responses.

use super::answer_head::passed_on;
use super::{Answer, Meaning, Reading};
use crate::base::text::printable;
use crate::base::{Timestamp, retry};

/// The time of every exchange: 1994-11-06T08:49:30Z.
const NOW: Timestamp = Timestamp::from_micros(784_111_770_000_000);

/// A response as text: `STATUS [RETRY-AFTER]` in the first line, the body after it. With `!` before
/// the status the body was cut; without a status it is 200.
pub(crate) fn answer_of(bytes: &[u8]) -> Answer {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(bytes.len());
    let (head, body) = bytes.split_at(end);
    let head = String::from_utf8_lossy(head);
    let is_cut = head.starts_with('!');
    let (status, header) = head
        .trim_start_matches('!')
        .split_once(' ')
        .unwrap_or((head.trim_start_matches('!'), ""));
    Answer {
        status: status
            .trim()
            .parse()
            .ok()
            .filter(|status| (100..1000).contains(status))
            .unwrap_or(200),
        retry_after: Some(header.to_owned()).filter(|header| !header.is_empty()),
        request_id: Some(header.to_owned()),
        content_type: Some(header.to_owned()),
        body: body.strip_prefix(b"\n").unwrap_or_default().to_vec(),
        is_cut,
    }
}

/// The reading of [`answer_of`].
pub(crate) fn reading_of(bytes: &[u8]) -> Reading {
    Reading::of(&Ok(answer_of(bytes)), NOW)
}

/// The status alone decides what a response means, except that a web page acknowledges nothing.
/// Texts for people are bounded lines without control characters, waits are bounded.
pub(crate) fn answer(bytes: &[u8]) {
    let (answer, reading) = (answer_of(bytes), reading_of(bytes));
    for (text, most) in [(&reading.said, 500), (&reading.words, 201)] {
        assert_eq!(&printable(text), text);
        assert!(text.chars().count() <= most, "{text}");
    }
    assert!(reading.wait.is_none_or(|wait| wait <= retry::LONGEST));
    assert!(
        reading.json.is_none() || !answer.is_cut,
        "the rest of the body is unknown"
    );
    let bare = Reading::of(
        &Ok(Answer {
            status: answer.status,
            ..Answer::default()
        }),
        NOW,
    );
    let is_page = reading.meaning == Meaning::Unknown && reading.json.is_none();
    assert!(
        reading.meaning == bare.meaning || bare.meaning == Meaning::Accepted && is_page,
        "{reading:?}"
    );
    assert_eq!(
        bare.meaning == Meaning::Accepted,
        (200..300).contains(&answer.status)
    );
}

/// Response heads are shortened in the same way however the bytes arrive, and a short head is
/// unchanged.
pub(crate) fn answer_heads(bytes: &[u8]) {
    let whole = passed_on([bytes]);
    assert_eq!(passed_on(bytes.chunks(1)), whole, "byte by byte");
    let size = bytes.first().map_or(1, |byte| usize::from(*byte) + 2);
    assert_eq!(passed_on(bytes.chunks(size)), whole, "in pieces of {size}");
    assert!(whole.len() <= bytes.len());
    if bytes.split(|byte| *byte == b'\n').count() <= 101 {
        assert_eq!(whole, bytes, "a head of few lines");
    }
}

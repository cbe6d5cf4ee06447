//! Properties of the answers to uploads.

use serde_json::Value;

use super::many;
use super::outcome::{Outcome, Sent, read};
use crate::base::{Sha256, text};
use crate::config::Ack;
use crate::http::Reading;
use crate::http::properties::{answer_of, reading_of};

/// Only 200 or 201 that echoes path and digest acknowledges a document; only 400, 413, 422 and
/// `namespace_not_found` give one up. Of many documents in a request, each has one answer.
pub(crate) fn documents_answer(bytes: &[u8]) {
    judged(&reading_of(bytes));
    for count in [0, 1, 3] {
        let Some(told) = many::read(&Ok(answer_of(bytes)), count) else {
            continue;
        };
        assert_eq!(told.len(), count);
        for exchange in told.iter().map(|told| &told.exchange) {
            judged(&Reading::of(
                exchange,
                crate::base::Timestamp::from_micros(0),
            ));
        }
    }
}

fn judged(reading: &Reading) {
    let sent = Sent {
        path: "spec.md",
        sha256: Sha256::of(b"# Tides\n"),
    };
    let said = |member: &str| {
        reading
            .json
            .as_ref()
            .and_then(|body| body.get(member))
            .and_then(Value::as_str)
    };
    match read(reading, sent, Ack::Results) {
        Outcome::Uploaded | Outcome::AlreadyExists => {
            assert!(matches!(reading.status, Some(200 | 201)), "{reading:?}");
            assert_eq!(said("artifact_path"), Some(sent.path));
            assert_eq!(
                said("content_hash").and_then(Sha256::from_hex),
                Some(sent.sha256)
            );
        }
        Outcome::Failed { reason } => {
            let is_unknown_mission =
                reading.status == Some(404) && said("error") == Some("namespace_not_found");
            assert!(
                matches!(reading.status, Some(400 | 413 | 422)) || is_unknown_mission,
                "{reading:?}"
            );
            is_line(&reason);
        }
        Outcome::Retry { reason, .. }
        | Outcome::Halt { reason, .. }
        | Outcome::Unreachable { reason } => {
            is_line(&reason);
        }
    }
}

fn is_line(reason: &str) {
    assert!(
        text::printable(reason) == reason && reason.chars().count() <= 640,
        "{reason}"
    );
}

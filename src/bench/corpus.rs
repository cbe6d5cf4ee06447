//! Events for measurements: the n-th event is a function of n, so every run and both sides use the
//! same bytes.

use std::io::{BufRead, Read};

use serde_json::json;

use crate::base::{Sha256, Timestamp};

/// Project of the events.
pub(super) const PROJECT: &str = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";
/// Approximate size of an event, in bytes.
const EVENT_BYTES: usize = 700;
/// The time of event 0: 2026-02-12T10:00:00Z, in milliseconds.
const BEGIN_MS: u64 = 1_770_890_400_000;
/// Events generated at a time.
const CHUNK: u64 = 256;

/// Kind of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Changes of status, which never coalesce.
    Plain,
    /// Facts about this many artifacts: each states something new about one, and supersedes an
    /// unsent one.
    Keyed(u64),
}

/// `count` events from number `from`, one per line.
pub(super) fn lines(kind: Kind, from: u64, count: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(usize::try_from(count).unwrap_or(0) * (EVENT_BYTES + 1));
    for n in from..from + count {
        out.extend_from_slice(&event(kind, n));
        out.push(b'\n');
    }
    out
}

/// The `n`-th event: an envelope of about 700 bytes, of about 950 when it is keyed. Ids are ULIDs
/// like those of a busy producer: a millisecond apart, otherwise random.
pub(super) fn event(kind: Kind, n: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(n);
    let id = ulid::Ulid::from_parts(BEGIN_MS + n, random.u128(..)).to_string();
    let micros = i64::try_from((BEGIN_MS + n) * 1000).unwrap_or(i64::MAX);
    let at = Timestamp::from_micros(micros).to_string();
    let (event_type, aggregate, payload) = match kind {
        Kind::Plain => (
            "WPStatusChanged",
            format!("WP{:02}", n % 40),
            status(&mut random, n),
        ),
        Kind::Keyed(artifacts) => (
            "MissionDossierArtifactIndexed",
            "042-harbour".to_owned(),
            seen(n, artifacts, &at),
        ),
    };
    let envelope = json!({
        "event_id": id, "event_type": event_type, "aggregate_id": aggregate,
        "aggregate_type": if kind == Kind::Plain { "WorkPackage" } else { "MissionDossier" },
        "schema_version": "3.0.0", "build_id": "b805cd5c-ee74-4d1e-8f1b-0c8e2f5b7a11", "node_id": "b805cd5cee74",
        "lamport_clock": n, "causation_id": null, "correlation_id": id, "timestamp": at, "team_slug": "harbour",
        "project_uuid": PROJECT,
        "payload": payload,
    });
    envelope.to_string().into_bytes()
}

/// Words for a note: compressible like text, unlike one repeated letter.
const WORDS: [&str; 16] = [
    "anchor", "buoy", "crane", "dock", "ebb", "ferry", "gangway", "hull", "inlet", "jetty", "keel",
    "ladder", "mooring", "north", "oar", "pier",
];

fn status(random: &mut fastrand::Rng, n: u64) -> serde_json::Value {
    let mut note = String::new();
    while note.len() < 220 {
        note.push_str(WORDS[random.usize(..WORDS.len())]);
        note.push(' ');
    }
    json!({"wp_id": format!("WP{:02}", n % 40), "note": note.trim_end()})
}

fn seen(n: u64, artifacts: u64, at: &str) -> serde_json::Value {
    json!({
        "namespace": {"project_uuid": PROJECT, "mission_slug": "042-harbour", "target_branch": "main",
            "mission_type": "software-dev", "manifest_version": "1"},
        "artifact_id": {"mission_type": "software-dev", "path": format!("tasks/WP{:07}.md", n % artifacts.max(1)),
            "artifact_class": "workflow", "wp_id": null},
        "content_ref": {"algorithm": "sha256", "hash": Sha256::of(&n.to_le_bytes()).to_string(), "size_bytes": n,
            "encoding": null},
        "indexed_at": at, "step_id": null,
    })
}

/// A stream that generates events while it is read: memory holds a few.
#[derive(Debug)]
pub(super) struct Stream {
    kind: Kind,
    next: u64,
    end: u64,
    made: Vec<u8>,
    read: usize,
}

impl Stream {
    /// `count` events from number `from`.
    pub(super) fn new(kind: Kind, from: u64, count: u64) -> Self {
        Self {
            kind,
            next: from,
            end: from + count,
            made: Vec::new(),
            read: 0,
        }
    }
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.read >= self.made.len() && self.next < self.end {
            let count = CHUNK.min(self.end - self.next);
            self.made = lines(self.kind, self.next, count);
            (self.read, self.next) = (0, self.next + count);
        }
        Ok(self.made.get(self.read..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.read += amount;
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let from = self.fill_buf()?;
        let length = from.len().min(into.len());
        let (Some(into), Some(from)) = (into.get_mut(..length), from.get(..length)) else {
            return Ok(0);
        };
        into.copy_from_slice(from);
        self.consume(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{inspect, violations};

    #[test]
    fn events_keep_the_contract_and_have_the_size_that_is_promised() {
        for kind in [Kind::Plain, Kind::Keyed(10)] {
            let event = event(kind, 7);
            let value = serde_json::from_slice(&event).unwrap();
            let broken: Vec<_> = violations(&value).iter().map(ToString::to_string).collect();
            assert_eq!(broken, [""; 0], "{kind:?}");
            assert!(
                (600..1000).contains(&event.len()),
                "{kind:?}: {}",
                event.len()
            );
        }
    }

    #[test]
    fn ids_are_distinct_and_follow_the_time() {
        let ids: Vec<_> = (0..500)
            .map(|n| inspect(&event(Kind::Plain, n)).unwrap().event_id)
            .collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|id| id.len() == 26));
    }

    #[test]
    fn keyed_events_say_something_new_about_the_same() {
        let of = |n| {
            inspect(&event(Kind::Keyed(10), n))
                .unwrap()
                .coalesce
                .unwrap()
        };
        assert_eq!(of(3).key, of(13).key);
        assert_ne!(of(3).facts, of(13).facts);
        assert_ne!(of(3).key, of(4).key);
    }

    #[test]
    fn a_stream_gives_the_same_bytes() {
        let mut bytes = Vec::new();
        Stream::new(Kind::Plain, 5, 600)
            .read_to_end(&mut bytes)
            .unwrap();
        assert_eq!(bytes, lines(Kind::Plain, 5, 600));
    }
}

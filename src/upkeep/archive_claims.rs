//! What the lines and the last line of an archive claim, held against the envelopes themselves: an
//! archive may come from anywhere, and its digests only say that it is whole. Pure.

use serde::Deserialize;

use crate::books::Restorable;
use crate::event::inspect;
use crate::journal::{Document, HIGHEST_CLOCK};

/// How far the clock of an archive may be above the highest of its envelopes: events that it does
/// not hold ticked too.
const CLOCK_LEEWAY: i64 = 1_000_000;

/// A clock of an envelope closer than this to the highest one was forged: nothing could tick after
/// it.
const CLOCK_ROOM: i64 = 1 << 40;

/// What was seen of an archive's events.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The highest Lamport clock that an envelope states.
    clock: i64,
    /// Projects that envelopes name, each with the first line that does; two at most, since one is
    /// too many already.
    projects: Vec<(u64, String)>,
}

impl Claims {
    /// Looks at the event of a line; what is wrong with it. An older store may have kept an event
    /// under another id, and such an event is never sent.
    pub(super) fn look(&mut self, line: u64, event: &Restorable) -> Option<&'static str> {
        #[derive(Deserialize)]
        struct Clock {
            lamport_clock: Option<i64>,
        }
        let clock = serde_json::from_slice::<Clock>(&event.envelope)
            .ok()
            .and_then(|read| read.lamport_clock);
        self.clock = clock
            .filter(|clock| *clock <= HIGHEST_CLOCK - CLOCK_ROOM)
            .map_or(self.clock, |clock| clock.max(self.clock));
        let Ok(seen) = inspect(&event.envelope) else {
            return None;
        };
        self.name(line, seen.project_uuid.as_deref().unwrap_or_default());
        let is_imported = event.origin.starts_with("import:");
        (!is_imported && !seen.event_id.eq_ignore_ascii_case(&event.event_id))
            .then_some("its envelope has another id than the line")
    }

    /// Looks at the document of a line.
    pub(super) fn look_at_document(&mut self, line: u64, document: &Document) {
        self.name(line, &document.namespace.project_uuid);
    }

    /// Notes the project that a line names.
    fn name(&mut self, line: u64, project: &str) {
        let project = uuid::Uuid::parse_str(project.trim())
            .ok()
            .filter(|uuid| !uuid.is_nil());
        if let Some(project) = project.map(|uuid| uuid.to_string())
            && self.projects.len() < 2
            && self.projects.iter().all(|(_, known)| *known != project)
        {
            self.projects.push((line, project));
        }
    }

    /// The line of an event of another project than the archive says it is of.
    pub(super) fn stranger(&self, project_uuid: Option<&str>) -> Option<u64> {
        let own = project_uuid
            .and_then(|text| uuid::Uuid::parse_str(text.trim()).ok())?
            .to_string();
        self.projects
            .iter()
            .find(|(_, project)| *project != own)
            .map(|(line, _)| *line)
    }

    /// The clock that a journal goes on from, of what the last line says.
    pub(super) fn clock(&self, said: i64) -> i64 {
        said.clamp(0, (self.clock + CLOCK_LEEWAY).min(HIGHEST_CLOCK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;

    fn event(id: &str, origin: &str, envelope: &str) -> Restorable {
        Restorable {
            event_id: id.to_owned(),
            event_type: "T".to_owned(),
            occurred_at: None,
            captured_at: Timestamp::from_micros(0),
            origin: origin.to_owned(),
            held: None,
            envelope: envelope.as_bytes().to_vec(),
        }
    }

    #[test]
    fn ids_are_those_of_the_envelopes() {
        for (id, origin, envelope, is_right) in [
            ("a", "capture", r#"{"event_id":"a"}"#, true),
            ("A", "capture", r#"{"event_id":"a"}"#, true),
            ("b", "capture", r#"{"event_id":"a"}"#, false),
            ("b", "import:queue", r#"{"event_id":"a"}"#, true),
            ("b", "capture", "not an event", true),
        ] {
            let flaw = Claims::default().look(1, &event(id, origin, envelope));
            assert_eq!(flaw.is_none(), is_right, "{id} {origin} {envelope}");
        }
    }

    #[test]
    fn projects_and_clocks_are_compared() {
        let (own, other) = (
            "8a4a7da6-a97c-4bb4-893a-b31664abfee4",
            "11111111-2222-4333-8444-555555555555",
        );
        let mut claims = Claims::default();
        for (line, project, clock) in [
            (1, own.to_uppercase(), 7),
            (2, "x".to_owned(), HIGHEST_CLOCK),
            (3, other.to_owned(), 9),
        ] {
            let envelope =
                format!(r#"{{"event_id":"a","project_uuid":"{project}","lamport_clock":{clock}}}"#);
            assert_eq!(claims.look(line, &event("a", "capture", &envelope)), None);
        }
        assert_eq!(
            (
                claims.stranger(Some(own)),
                claims.stranger(Some(other)),
                claims.stranger(None)
            ),
            (Some(3), Some(1), None)
        );
        assert_eq!(
            [5, -1, i64::MAX].map(|said| claims.clock(said)),
            [5, 0, 9 + CLOCK_LEEWAY]
        );
    }
}

//! From the text of a batch to its events. Pure.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::Answer;
use super::storage::{Artifact, Event, Subject};
use crate::base::{Sha256, ids, text};
use crate::event::{self, BatchForm, NamespaceRef, WireContext, WireForm, for_wire, violations};

/// The most characters of a reason that a client gets back.
const REASON_CHARS: usize = 500;

/// One entry of a batch, in the order sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The `event_id` exactly as sent, because clients match results by it; null when there is
    /// none.
    pub(super) sent_id: Value,
    /// The event, or why it is refused.
    pub(super) event: Result<Event, String>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// Why no entry of a batch can be looked at.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Unreadable {
    /// Not JSON, not an object with a list `events`, or an empty list.
    Malformed(Answer),
    /// More events than the limit.
    TooMany,
}

/// Reads the text of a batch: `{"events": [{…}, …]}`, other members ignored, or a list of
/// CloudEvents. Each entry stands for itself: one that breaks the contract spoils no other.
pub(super) fn read(
    bytes: &[u8],
    form: BatchForm,
    max_events: usize,
) -> Result<Vec<Entry>, Unreadable> {
    let malformed = |message: String| Unreadable::Malformed(Answer::bad_request(&message));
    let text = std::str::from_utf8(bytes)
        .map_err(|e| malformed(format!("the batch is not UTF-8: {e}")))?;
    let events = match form {
        BatchForm::Plain => serde_json::from_str::<Wire<'_>>(text).map(|wire| wire.events),
        BatchForm::CloudEvents => serde_json::from_str::<Vec<&RawValue>>(text),
    };
    let events = events.map_err(|e| malformed(explain(text, form, &e)))?;
    if events.is_empty() {
        // The words by which older clients recognise a living endpoint.
        return Err(malformed("No events provided".to_owned()));
    }
    if events.len() > max_events {
        return Err(Unreadable::TooMany);
    }
    let entry_of = match form {
        BatchForm::Plain => entry,
        BatchForm::CloudEvents => cloud_entry,
    };
    Ok(events.iter().map(|raw| entry_of(raw.get())).collect())
}

/// Distinguishes text that is not JSON from JSON of another shape.
fn explain(text: &str, form: BatchForm, error: &serde_json::Error) -> String {
    if error.is_data() && serde_json::from_str::<&RawValue>(text).is_ok() {
        let shape = match form {
            BatchForm::Plain => "an object with a list \"events\"",
            BatchForm::CloudEvents => "a list of CloudEvents",
        };
        format!("the batch is not {shape}")
    } else {
        format!("the batch is not JSON: {error}")
    }
}

/// One entry of a list of CloudEvents 1.0: its data is the envelope, whose id it must have.
fn cloud_entry(raw: &str) -> Entry {
    #[derive(Deserialize)]
    struct CloudEvent<'a> {
        specversion: String,
        id: String,
        source: String,
        r#type: String,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let refused = |sent_id, why: String| Entry {
        sent_id,
        event: Err(text::shorten(&text::printable(&why), REASON_CHARS)),
    };
    let event: CloudEvent<'_> = match serde_json::from_str(raw) {
        Ok(event) => event,
        Err(e) => {
            return refused(
                Value::Null,
                format!("this is not a CloudEvent with a JSON object as its data: {e}"),
            );
        }
    };
    if event.specversion != "1.0" || event.source.is_empty() || event.r#type.is_empty() {
        return refused(
            event.id.into(),
            "this is not a CloudEvent 1.0 with a source and a type".to_owned(),
        );
    }
    let entry = entry(event.data.get());
    if entry.sent_id != event.id {
        return refused(
            event.id.into(),
            "the CloudEvent has another id than the event in it".to_owned(),
        );
    }
    entry
}

fn entry(raw: &str) -> Entry {
    let envelope: Value =
        match serde_json::from_str(raw).and_then(|envelope| names_once(raw).map(|()| envelope)) {
            Ok(envelope) => envelope,
            Err(e) => {
                return Entry {
                    sent_id: id_alone(raw),
                    event: Err(format!("the event cannot be read: {e}")),
                };
            }
        };
    let found = violations(&envelope);
    let event = if found.is_empty() {
        read_event(&envelope, raw)
    } else if let Some((envelope, text)) = present_form(raw) {
        read_event(&envelope, &text)
    } else {
        let reasons: Vec<_> = found.iter().map(ToString::to_string).collect();
        Err(text::shorten(
            &text::printable(&reasons.join("; ")),
            REASON_CHARS,
        ))
    };
    Entry {
        sent_id: envelope.get("event_id").cloned().unwrap_or(Value::Null),
        event,
    }
}

fn read_event(envelope: &Value, raw: &str) -> Result<Event, String> {
    let event = event(envelope, raw)
        .ok_or_else(|| "the event has no usable event_id or project_uuid".to_owned())?;
    if has_nul(&event) {
        Err(NUL.to_owned())
    } else {
        Ok(event)
    }
}

/// An event of an older client in the form of today, which is kept in its place: with the same id,
/// it is the same event that a newer client sends for it. `None` if it is not such an event.
fn present_form(raw: &str) -> Option<(Value, String)> {
    let text = String::from_utf8(
        for_wire(raw.as_bytes(), WireForm::Rewrite, WireContext::default()).ok()??,
    )
    .ok()?;
    let envelope: Value = serde_json::from_str(&text).ok()?;
    violations(&envelope).is_empty().then_some((envelope, text))
}

/// Refuses an object that has a name twice: parsers differ in which value counts, and one of them
/// says whose event it is.
fn names_once(raw: &str) -> serde_json::Result<()> {
    struct Once;
    impl<'de> Deserialize<'de> for Once {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Names)
        }
    }
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = Once;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
            let mut seen: Vec<Cow<'de, str>> = Vec::with_capacity(24);
            while let Some(Name(name)) = map.next_key()? {
                let _value: IgnoredAny = map.next_value()?;
                if seen.contains(&name) {
                    return Err(A::Error::custom(format_args!(
                        "the member {name:?} comes twice"
                    )));
                }
                seen.push(name);
            }
            Ok(Once)
        }
    }
    /// Borrowed where it has no escapes.
    #[derive(Deserialize)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
    // Anything else than an object is refused in other words.
    if raw.trim_start().starts_with('{') {
        serde_json::from_str(raw).map(|Once| ())
    } else {
        Ok(())
    }
}

/// Why a NUL is refused: some engines cannot have it in what they find things by.
const NUL: &str = "event_type, or a text that names the artifact, has a NUL character";

fn has_nul(event: &Event) -> bool {
    let path = event.announces.as_ref().map(|artifact| &artifact.path);
    let namespace = event.announces.as_ref().map(|artifact| &artifact.namespace);
    let namespace = namespace.or_else(|| event.about.as_ref().map(|about| &about.namespace));
    let names = namespace.map(|n| {
        [
            &n.mission_slug,
            &n.target_branch,
            &n.mission_type,
            &n.manifest_version,
        ]
    });
    names
        .into_iter()
        .flatten()
        .chain(path)
        .chain([&event.kind])
        .any(|text| text.contains('\0'))
}

/// The `event_id` of an event of which another part cannot be read (a lone surrogate, a number out
/// of range).
fn id_alone(raw: &str) -> Value {
    #[derive(Deserialize)]
    struct Id {
        event_id: Option<String>,
    }
    serde_json::from_str::<Id>(raw)
        .ok()
        .and_then(|id| id.event_id)
        .map_or(Value::Null, Value::String)
}

/// The event of an envelope without violations.
fn event(envelope: &Value, raw: &str) -> Option<Event> {
    let member = |name: &str| envelope.get(name).and_then(Value::as_str);
    let project_uuid = uuid::Uuid::parse_str(member("project_uuid")?)
        .ok()?
        .to_string();
    let kind = member("event_type")?;
    // A project speaks for itself alone.
    let namespace = envelope
        .get("payload")
        .and_then(|payload| NamespaceRef::deserialize(payload.get("namespace")?).ok());
    let namespace = namespace
        .map(normalized)
        .filter(|namespace| namespace.project_uuid == project_uuid);
    let payload = envelope.get("payload");
    let (mut announces, mut content, mut about) = (None, None, None);
    if let (Some(namespace), Some(payload)) = (namespace, payload) {
        if kind == INDEXED {
            let path = payload
                .get("artifact_id")
                .and_then(|id| id.get("path")?.as_str());
            announces = path.map(|path| Artifact {
                namespace,
                path: path.to_owned(),
            });
            content = payload
                .get("content_ref")
                .and_then(|content| Sha256::from_hex(content.get("hash")?.as_str()?));
        } else {
            about = event::coalescing_key(kind, payload).map(|key| Subject { key, namespace });
        }
    }
    Some(Event {
        id: ids::normalize(member("event_id")?)?,
        kind: kind.to_owned(),
        envelope: raw.as_bytes().to_vec(),
        project_uuid,
        announces,
        content,
        about,
    })
}

/// The type of the events that announce an artifact, whose bodies may follow.
const INDEXED: &str = "MissionDossierArtifactIndexed";

/// The namespace with its project in the form projects are compared in.
pub(super) fn normalized(namespace: NamespaceRef) -> NamespaceRef {
    match uuid::Uuid::parse_str(&namespace.project_uuid) {
        Ok(uuid) => NamespaceRef {
            project_uuid: uuid.to_string(),
            ..namespace
        },
        Err(_) => namespace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::sample;

    fn reasons(text: &str) -> Vec<(Value, Result<(), String>)> {
        read(text.as_bytes(), BatchForm::Plain, 10)
            .unwrap()
            .into_iter()
            .map(|e| (e.sent_id, e.event.map(|_| ())))
            .collect()
    }

    #[test]
    fn entries_stand_for_themselves() {
        let good = sample::status_changed("01JMBY7K8N3QRVX2DPFG5HWT4E").to_string();
        let text = format!(
            r#"{{"more":1,"events":[{good}, 7, {{"event_id":"x"}}, {{"event_id":"y","n":1e999}}, {{"event_id":5}}]}}"#
        );
        let found = reasons(&text);
        assert_eq!(
            found[0],
            (Value::from("01JMBY7K8N3QRVX2DPFG5HWT4E"), Ok(()))
        );
        assert_eq!(
            found[1],
            (Value::Null, Err("event is not an object".to_owned()))
        );
        assert_eq!(found[2].0, "x");
        assert!(
            found[2]
                .1
                .as_ref()
                .unwrap_err()
                .contains("event_id is neither a ULID"),
            "{found:?}"
        );
        assert_eq!(found[3].0, "y");
        assert!(
            found[3]
                .1
                .as_ref()
                .unwrap_err()
                .starts_with("the event cannot be read: number out of range")
        );
        assert_eq!(found[4].0, 5);
    }

    #[test]
    fn a_member_that_comes_twice_is_refused() {
        let id = "01JMBY7K8N3QRVX2DPFG5HWT4E";
        let good = sample::status_changed(id).to_string();
        let other = "262bb566-443d-51a9-8b0c-f82f7d341017";
        for (name, value) in [
            ("project_uuid", other),
            ("project_uuid", sample::PROJECT),
            ("project\\u005fuuid", other),
        ] {
            for twice in [
                good.replacen('{', &format!(r#"{{"{name}":"{value}","#), 1),
                format!(r#"{},"{name}":"{value}"}}"#, &good[..good.len() - 1]),
            ] {
                let found = reasons(&format!(r#"{{"events":[{twice},{good}]}}"#));
                let reason = found[0].1.as_ref().unwrap_err();
                assert!(
                    reason.contains("the member \"project_uuid\" comes twice"),
                    "{reason}"
                );
                assert_eq!((&found[0].0, &found[1].1), (&Value::from(id), &Ok(())));
            }
        }
    }

    #[test]
    fn batches_of_another_shape_are_told_apart() {
        for (text, error) in [
            ("", "the batch is not JSON: "),
            ("{\"events\":[", "the batch is not JSON: "),
            ("{\"events\":[NaN]}", "the batch is not JSON: "),
            ("[]", "the batch is not an object with a list \"events\""),
            ("{}", "the batch is not an object with a list \"events\""),
            (
                "{\"events\":{}}",
                "the batch is not an object with a list \"events\"",
            ),
            ("{\"events\":[]}", "No events provided"),
        ] {
            let Err(Unreadable::Malformed(answer)) = read(text.as_bytes(), BatchForm::Plain, 10)
            else {
                panic!("{text}")
            };
            assert!(
                answer.body["error"].as_str().unwrap().starts_with(error),
                "{text}: {}",
                answer.body
            );
        }
        assert!(matches!(
            read(b"{\"events\":[\"\xff\"]}", BatchForm::Plain, 10),
            Err(Unreadable::Malformed(_))
        ));
        assert_eq!(
            read(b"{\"events\":[1,2]}", BatchForm::Plain, 1),
            Err(Unreadable::TooMany)
        );
    }

    #[test]
    fn an_index_event_announces_its_artifact() {
        let mut indexed = sample::indexed("01JMBY7K8N3QRVX2DPFG5HWT4E", "spec.md", "text");
        indexed["payload"]["namespace"]["project_uuid"] = sample::PROJECT.to_uppercase().into();
        let crate::serve::storage::ArtifactVersion {
            namespace, path, ..
        } = sample::version("spec.md", "text");
        let read = event(&indexed, "").unwrap();
        assert_eq!(read.announces, Some(Artifact { namespace, path }));
        assert_eq!(read.content, Some(Sha256::of(b"text")));
        let other = event(&sample::status_changed("01JMBY7K8N3QRVX2DPFG5HWT4E"), "").unwrap();
        assert_eq!((other.announces, other.about), (None, None));
    }
}

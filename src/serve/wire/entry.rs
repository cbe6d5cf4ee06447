//! One entry of a batch: from its text to the event that is kept, or the reason why it is refused.
//! Pure.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::map::Entry as Member;
use serde_json::{Map, Value};

use crate::base::{Object, Sha256, ids, text};
use crate::event::{self, NamespaceRef, WireContext, WireForm, for_wire, violations};
use crate::serve::engine::content::{Artifact, Entry, Event, Subject, normalized};

/// The most characters of a reason that a client gets back.
pub(super) const REASON_CHARS: usize = 500;

/// Reads one entry.
pub(super) fn entry(raw: &str) -> Entry {
    let envelope = match envelope(raw) {
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

/// Reads any JSON, and refuses an object that has a name twice: parsers differ in which value counts,
/// and one of them says whose event it is.
fn envelope(raw: &str) -> serde_json::Result<Value> {
    struct Once;
    impl<'de> Visitor<'de> for Once {
        type Value = Map<String, Value>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut map = Map::new();
            while let Some(name) = members.next_key()? {
                match map.entry::<String>(name) {
                    Member::Vacant(member) => drop(member.insert(members.next_value()?)),
                    Member::Occupied(member) => {
                        let name = member.key();
                        return Err(A::Error::custom(format_args!(
                            "the member {name:?} comes twice"
                        )));
                    }
                }
            }
            Ok(map)
        }
    }
    if !raw.trim_start().starts_with('{') {
        return serde_json::from_str(raw);
    }
    let mut reader = serde_json::Deserializer::from_str(raw);
    let map = reader.deserialize_map(Once)?;
    reader.end()?;
    Ok(Value::Object(map))
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
    serde_json::from_str::<Object<Id>>(raw)
        .ok()
        .and_then(|Object(id)| id.event_id)
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
        .and_then(|payload| Object::deserialize(payload.get("namespace")?).ok())
        .map(|Object(namespace): Object<NamespaceRef>| namespace);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::engine::content::ArtifactVersion;
    use crate::serve::tests::sample;

    #[test]
    fn an_index_event_announces_its_artifact() {
        let mut indexed = sample::indexed("01JMBY7K8N3QRVX2DPFG5HWT4E", "spec.md", "text");
        indexed["payload"]["namespace"]["project_uuid"] = sample::PROJECT.to_uppercase().into();
        let ArtifactVersion {
            namespace, path, ..
        } = sample::version("spec.md", "text");
        let read = event(&indexed, "").unwrap();
        assert_eq!(read.announces, Some(Artifact { namespace, path }));
        assert_eq!(read.content, Some(Sha256::of(b"text")));
        let other = event(&sample::status_changed("01JMBY7K8N3QRVX2DPFG5HWT4E"), "").unwrap();
        assert_eq!((other.announces, other.about), (None, None));
    }
}

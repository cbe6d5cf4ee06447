//! Events as CloudEvents 1.0: the JSON batch format, in which each event carries its envelope as
//! `data`.
//!
//! The envelope's bytes are unchanged; the attributes before them are built here from its members,
//! in their original spelling.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::BatchForm;
use super::wire::{NotSendable, WireContext};
use crate::base::Timestamp;

impl BatchForm {
    /// The text before an event, whose envelope is in its wire form.
    pub(crate) fn head(
        self,
        envelope: &[u8],
        context: WireContext<'_>,
    ) -> Result<String, NotSendable> {
        match self {
            Self::Plain => Ok(String::new()),
            Self::CloudEvents => attributes(envelope, context),
        }
    }
}

/// The members that attributes are built from; members that are not text are ignored.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    event_id: Option<&'a RawValue>,
    #[serde(borrow)]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    aggregate_id: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    project_uuid: Option<&'a RawValue>,
}

/// Everything up to the data. `id` is the event's id and `source` its project, so both together are
/// unique, as the specification requires; `type` is the event's type, `time` its time, `subject`
/// its aggregate.
fn attributes(envelope: &[u8], context: WireContext<'_>) -> Result<String, NotSendable> {
    let members: Members<'_> = serde_json::from_slice(envelope)
        .map_err(|e| NotSendable(format!("the envelope is not a strict JSON object ({e})")))?;
    let id = spelled(members.event_id);
    let id = id.ok_or_else(|| {
        NotSendable("a CloudEvent needs an id, and the envelope has no event_id".to_owned())
    })?;
    let mut head = format!(
        r#"{{"specversion":"1.0","id":{id},"source":"{}","type":{}"#,
        source(members.project_uuid, context.project_uuid),
        spelled(members.event_type).unwrap_or("\"unknown\""),
    );
    let is_time = |raw: &&str| text(raw).is_some_and(|time| Timestamp::parse(&time).is_some());
    for (name, value) in [
        ("subject", spelled(members.aggregate_id)),
        ("time", spelled(members.timestamp).filter(is_time)),
    ] {
        if let Some(value) = value {
            head.extend([",\"", name, "\":", value]);
        }
    }
    head.push_str(r#","datacontenttype":"application/json","data":"#);
    Ok(head)
}

/// The project as a URI, in the URN form of UUIDs.
fn source(own: Option<&RawValue>, known: Option<&str>) -> String {
    let own = own.and_then(|raw| text(raw.get()));
    let project = own
        .as_deref()
        .into_iter()
        .chain(known)
        .find_map(|text| uuid::Uuid::parse_str(text).ok());
    project.map_or_else(
        || "urn:sk-sync:no-project".to_owned(),
        |uuid| format!("urn:uuid:{uuid}"),
    )
}

/// A JSON text in its original spelling; `None` if it is empty.
fn spelled(raw: Option<&RawValue>) -> Option<&str> {
    raw.map(RawValue::get)
        .filter(|raw| raw.starts_with('"') && *raw != "\"\"")
}

fn text(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const PROJECT: &str = "8a4a7da6-a97c-4bb4-893a-b31664abfee4";

    fn head(envelope: &str) -> Result<String, NotSendable> {
        let context = WireContext {
            project_uuid: Some(PROJECT),
            ..WireContext::default()
        };
        BatchForm::CloudEvents.head(envelope.as_bytes(), context)
    }

    fn event(envelope: &str) -> Value {
        serde_json::from_str(&format!("{}{envelope}}}", head(envelope).unwrap())).unwrap()
    }

    #[test]
    fn an_envelope_is_described_by_its_own_words() {
        let envelope = r#"{ "event_id":"01JMBY7K8N3QRVX2DPFG5HWT4E", "event_type":"WPStatusChanged","n":1e5,
            "aggregate_id":"WP\u00e901", "timestamp":"2026-02-12T10:00:00.000000+00:00",
            "project_uuid":"262BB566443D51A98B0CF82F7D341017" }"#;
        let described = head(envelope).unwrap();
        assert!(
            described.contains(r#""subject":"WP\u00e901""#),
            "spelled as it was: {described}"
        );
        let expected = json!({
            "specversion": "1.0",
            "id": "01JMBY7K8N3QRVX2DPFG5HWT4E",
            "source": "urn:uuid:262bb566-443d-51a9-8b0c-f82f7d341017",
            "type": "WPStatusChanged",
            "subject": "WPé01",
            "time": "2026-02-12T10:00:00.000000+00:00",
            "datacontenttype": "application/json",
            "data": serde_json::from_str::<Value>(envelope).unwrap(),
        });
        assert_eq!(event(envelope), expected);
    }

    #[test]
    fn what_is_missing_or_odd_is_left_out() {
        for envelope in [
            r#"{"event_id":"a"}"#,
            r#"{"event_id":"a","event_type":"","aggregate_id":"","timestamp":"","project_uuid":""}"#,
            r#"{"event_id":"a","event_type":null,"aggregate_id":7,"timestamp":"yesterday","project_uuid":"mine"}"#,
            r#"{"event_id":"a","event_type":{"a":1},"aggregate_id":[],"timestamp":1,"project_uuid":1e9}"#,
        ] {
            let event = event(envelope);
            assert_eq!(event["type"], "unknown", "{envelope}");
            assert_eq!(
                event["source"],
                format!("urn:uuid:{PROJECT}"),
                "the project of the store"
            );
            assert!(
                event.get("subject").is_none() && event.get("time").is_none(),
                "{event}"
            );
        }
        let nowhere = BatchForm::CloudEvents
            .head(br#"{"event_id":"a"}"#, WireContext::default())
            .unwrap();
        assert!(nowhere.contains("urn:sk-sync:no-project"), "{nowhere}");
    }

    #[test]
    fn no_event_goes_without_an_id() {
        for envelope in [r"{}", r#"{"event_id":""}"#, r#"{"event_id":7}"#, "[1]"] {
            assert!(
                head(envelope)
                    .unwrap_err()
                    .to_string()
                    .starts_with("not_sendable: "),
                "{envelope}"
            );
        }
        assert_eq!(
            BatchForm::Plain
                .head(b"{}", WireContext::default())
                .unwrap(),
            ""
        );
    }
}

//! From the text of a batch to its entries. Pure.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::Answer;
use super::entry::{REASON_CHARS, entry};
use crate::base::{Object, text};
use crate::event::BatchForm;
use crate::serve::engine::content::Entry;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// Why no entry of a batch can be looked at.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::serve) enum Unreadable {
    /// Not JSON, not an object with a list `events`, or an empty list.
    Malformed(Answer),
    /// More events than the limit.
    TooMany,
}

/// Reads the text of a batch: `{"events": [{…}, …]}`, other members ignored, or a list of
/// CloudEvents. Each entry stands for itself: one that breaks the contract spoils no other.
pub(in crate::serve) fn read(
    bytes: &[u8],
    form: BatchForm,
    max_events: usize,
) -> Result<Vec<Entry>, Unreadable> {
    let malformed = |message: String| Unreadable::Malformed(Answer::bad_request(&message));
    let text = std::str::from_utf8(bytes)
        .map_err(|e| malformed(format!("the batch is not UTF-8: {e}")))?;
    let events = match form {
        BatchForm::Plain => {
            serde_json::from_str::<Object<Wire<'_>>>(text).map(|Object(wire)| wire.events)
        }
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
        Ok(Object(event)) => event,
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
            (
                "[[{}]]",
                "the batch is not an object with a list \"events\"",
            ),
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
}

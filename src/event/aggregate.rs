//! The aggregate of an event: the object that it happened to. Events of one aggregate keep their
//! order.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Type of aggregates whose ids are unique only within a mission.
const WORK_PACKAGE: &str = "WorkPackage";

/// Type and id of an envelope's aggregate; `None` if it has no id, or if the envelope is not a
/// strict JSON object.
pub(crate) fn aggregate(envelope: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject<'a> {
        #[serde(borrow)]
        aggregate_type: Option<Cow<'a, str>>,
        #[serde(borrow)]
        aggregate_id: Option<Cow<'a, str>>,
        #[serde(borrow)]
        payload: Option<&'a RawValue>,
    }
    let subject: Subject<'_> = serde_json::from_slice(envelope).ok()?;
    let (kind, id) = (
        subject.aggregate_type.unwrap_or_default(),
        subject.aggregate_id?,
    );
    // Every mission has a WP01: only the mission's name distinguishes them.
    let mission = if kind == WORK_PACKAGE {
        subject.payload.and_then(mission_of)
    } else {
        None
    };
    let mission = mission.unwrap_or_default();
    // The lengths prevent that different parts give the same joined text.
    Some(format!(
        "{}:{kind}:{}:{mission}:{id}",
        kind.len(),
        mission.len()
    ))
}

/// The mission in a payload; `None` without one.
fn mission_of(payload: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        mission_slug: Cow<'a, str>,
    }
    serde_json::from_str::<Named<'_>>(payload.get())
        .ok()
        .map(|named| named.mission_slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aggregate_is_a_kind_and_an_id() {
        let of = |text: &str| aggregate(text.as_bytes());
        let same =
            of(r#"{"aggregate_type":"WorkPackage","aggregate_id":"WP01","payload":{"a":[1]}}"#);
        assert!(same.is_some());
        assert_eq!(
            of(r#"{"aggregate_id":"WP\u0030\u0031","aggregate_type":"WorkPackage"}"#),
            same
        );
        let of_mission = |slug: &str| {
            of(&format!(
                r#"{{"payload":{{"x":{{}},"mission_slug":{slug}}},"aggregate_type":"WorkPackage","aggregate_id":"WP01"}}"#
            ))
        };
        assert_eq!(of_mission(r#""a""#), of_mission(r#""\u0061""#));
        assert_ne!(of_mission(r#""a""#), of_mission(r#""b""#));
        assert_eq!(of_mission("7"), same, "a mission that is not named is none");
        for other in [
            r#"{"aggregate_type":"WorkPackage","aggregate_id":"WP01","payload":{"mission_slug":"a"}}"#,
            r#"{"aggregate_type":"WorkPackage","aggregate_id":"WP02"}"#,
            r#"{"aggregate_type":"Mission","aggregate_id":"WP01"}"#,
            r#"{"aggregate_id":"WorkPackage:WP01"}"#,
            r#"{"aggregate_id":null}"#,
            r#"{"aggregate_id":7}"#,
            "{}",
            "NaN",
        ] {
            assert_ne!(of(other), same, "{other}");
        }
    }
}

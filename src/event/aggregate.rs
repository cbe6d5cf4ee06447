//! What an event happened to: events of one aggregate keep their order where it matters.

use std::borrow::Cow;

use serde::Deserialize;

/// What an envelope says it happened to, kind and id; `None` where it names no id, or is no strict JSON object.
pub(crate) fn aggregate(envelope: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject<'a> {
        #[serde(borrow)]
        aggregate_type: Option<Cow<'a, str>>,
        #[serde(borrow)]
        aggregate_id: Option<Cow<'a, str>>,
    }
    let subject: Subject<'_> = serde_json::from_slice(envelope).ok()?;
    let kind = subject.aggregate_type.unwrap_or_default();
    // The length keeps two pairs apart that read the same when joined.
    Some(format!("{}:{kind}:{}", kind.len(), subject.aggregate_id?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aggregate_is_a_kind_and_an_id() {
        let of = |text: &str| aggregate(text.as_bytes());
        let same = of(r#"{"aggregate_type":"WorkPackage","aggregate_id":"WP01","payload":{"a":[1]}}"#);
        assert!(same.is_some());
        assert_eq!(of(r#"{"aggregate_id":"WP\u0030\u0031","aggregate_type":"WorkPackage"}"#), same);
        for other in [
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

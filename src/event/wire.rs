//! The copy of a captured envelope that is sent.
//!
//! Most envelopes are sent as captured. The others are rewritten for sending, never in the journal:
//! `drain_blocked_reason` is removed, a null `project_uuid` or `team_slug` is filled in if known,
//! and a flat dossier payload is converted to the present form.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::{BatchForm, older, older_envelope};

/// The members of an envelope, each with its captured bytes.
type Members = BTreeMap<String, Box<RawValue>>;

/// How an envelope must be changed for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireForm {
    /// Must be rewritten, or cannot be sent.
    Rewrite = 0,
    /// Sent as captured.
    AsIs = 1,
    /// Sent as captured, unless the target has a team to fill in.
    AsIsWithoutTeam = 2,
    /// Cannot be sent: an older queue stored it under an id that its envelope does not contain, so
    /// a result could not be matched to it.
    Never = 3,
    /// Must be rewritten; it was imported and names a person or a machine.
    Personal = 4,
}

impl WireForm {
    /// The form with this `code` in a store; unknown codes are rewritten, which is always correct.
    pub(crate) fn from_code(code: i64) -> Self {
        match code {
            1 => Self::AsIs,
            2 => Self::AsIsWithoutTeam,
            3 => Self::Never,
            4 => Self::Personal,
            _ => Self::Rewrite,
        }
    }

    /// The code in a store.
    pub(crate) const fn code(self) -> i64 {
        self as i64
    }
}

/// Values to fill in when sending, and the form of the request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WireContext<'a> {
    /// The project of the store.
    pub(crate) project_uuid: Option<&'a str>,
    /// The target's team; empty if it has none.
    pub(crate) team_slug: &'a str,
    /// Members of imported events that name a person or a machine are sent too.
    pub(crate) sends_personal_data: bool,
    /// The form of the request.
    pub(crate) form: BatchForm,
}

/// An envelope that no request can carry, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not_sendable: {0}")]
pub(crate) struct NotSendable(pub(crate) String);

/// The bytes to send for `captured`; `None` if those are the captured bytes.
pub(crate) fn for_wire(
    captured: &[u8],
    form: WireForm,
    context: WireContext<'_>,
) -> Result<Option<Vec<u8>>, NotSendable> {
    match form {
        WireForm::AsIs => return Ok(None),
        WireForm::AsIsWithoutTeam if context.team_slug.is_empty() => return Ok(None),
        WireForm::Never => {
            let why = "the envelope does not name the event_id that it was queued under, or that is too long";
            return Err(NotSendable(why.to_owned()));
        }
        WireForm::AsIsWithoutTeam | WireForm::Rewrite | WireForm::Personal => {}
    }
    let refuse = |e: serde_json::Error| {
        NotSendable(format!("the envelope is not a strict JSON object ({e})"))
    };
    // Parsing the whole envelope rejects JSON that is not strict; the members then keep their
    // captured bytes.
    let whole: Value = serde_json::from_slice(captured).map_err(refuse)?;
    let mut members: Members = serde_json::from_slice(captured).map_err(refuse)?;
    members.remove("drain_blocked_reason");
    if let Some(envelope) = whole.as_object() {
        upgrade(envelope, &mut members).map_err(refuse)?;
    }
    if form == WireForm::Personal && !context.sends_personal_data {
        strip(&mut members).map_err(refuse)?;
    }
    fill(
        &mut members,
        "team_slug",
        Some(context.team_slug).filter(|t| !t.is_empty()),
    )
    .map_err(refuse)?;
    fill(&mut members, "project_uuid", context.project_uuid).map_err(refuse)?;
    serde_json::to_vec(&members).map(Some).map_err(refuse)
}

/// Converts an envelope of an older producer to the present form.
fn upgrade(envelope: &Map<String, Value>, members: &mut Members) -> serde_json::Result<()> {
    for copy in older_envelope::root_copies(envelope) {
        members.remove(copy);
    }
    if let Some(correlation) = older_envelope::correlation(envelope) {
        members.insert("correlation_id".to_owned(), to_raw_value(correlation)?);
    }
    if let Some(payload) = older::upgraded(envelope) {
        members.insert("payload".to_owned(), to_raw_value(&payload)?);
    }
    Ok(())
}

/// Removes members that name a person or a machine; members without such content keep their
/// captured bytes.
fn strip(members: &mut Members) -> serde_json::Result<()> {
    members.retain(|name, _| !older_envelope::is_personal(name));
    for value in members
        .values_mut()
        .filter(|value| older_envelope::names_person(value.get().as_bytes()))
    {
        let mut stripped: Value = serde_json::from_str(value.get())?;
        older_envelope::strip_personal(&mut stripped);
        *value = to_raw_value(&stripped)?;
    }
    Ok(())
}

fn fill(members: &mut Members, field: &str, value: Option<&str>) -> serde_json::Result<()> {
    let is_blank = members.get(field).is_none_or(|v| v.get() == "null");
    if let Some(value) = value.filter(|_| is_blank) {
        members.insert(field.to_owned(), to_raw_value(value)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(captured: &str, form: WireForm, team: &str) -> String {
        let context = WireContext {
            project_uuid: Some("p"),
            team_slug: team,
            ..WireContext::default()
        };
        let bytes = for_wire(captured.as_bytes(), form, context).unwrap();
        bytes.map_or("as is".to_owned(), |b| String::from_utf8(b).unwrap())
    }

    #[test]
    fn ready_envelopes_are_sent_as_captured() {
        assert_eq!(sent(r#"{ "a":1}"#, WireForm::AsIs, "t"), "as is");
        assert_eq!(
            sent(r#"{ "team_slug":null}"#, WireForm::AsIsWithoutTeam, ""),
            "as is"
        );
    }

    #[test]
    fn blanks_are_filled_and_local_fields_left_out() {
        let captured = r#"{"drain_blocked_reason":"no_auth","project_uuid":null,"team_slug":null}"#;
        assert_eq!(
            sent(captured, WireForm::Rewrite, "t"),
            r#"{"project_uuid":"p","team_slug":"t"}"#
        );
        let long = r#"{"drain_blocked_reason":null,"payload":{"n": 10000000000000000000000000, "f": 1e5},"project_uuid":"q"}"#;
        let kept = r#"{"payload":{"n": 10000000000000000000000000, "f": 1e5},"project_uuid":"q"}"#;
        assert_eq!(sent(long, WireForm::Rewrite, ""), kept);
        assert_eq!(
            sent(r#"{"team_slug":"mine"}"#, WireForm::AsIsWithoutTeam, "t"),
            r#"{"project_uuid":"p","team_slug":"mine"}"#
        );
    }

    #[test]
    fn a_flat_dossier_payload_goes_out_in_its_present_form() {
        let captured = r#"{"project_uuid":"q", "event_type":"MissionDossierSnapshotComputed", "team_slug":"t",
            "payload":{"namespace":{"mission_slug":"m"}, "parity_hash_sha256":"cd", "computed_at":"T"}}"#;
        let payload = concat!(
            r#"{"algorithm":"sha256","computed_at":"T","namespace":{"mission_slug":"m"},"#,
            r#""snapshot_hash":"cd"}"#
        );
        let expected = format!(
            r#"{{"event_type":"MissionDossierSnapshotComputed","payload":{payload},"project_uuid":"q","team_slug":"t"}}"#
        );
        assert_eq!(sent(captured, WireForm::Rewrite, ""), expected);
    }

    #[test]
    fn an_envelope_of_an_older_producer_is_put_right() {
        let captured = concat!(
            r#"{"event_id":"e","schema_version":"3.0.0","project_uuid":"q","team_slug":"t","causation_id":null,"#,
            r#""payload":{"developer_name": "D", "actor": "a", "n": 1}, "actor": "a"}"#
        );
        let upgraded = |payload: &str| {
            format!(
                r#"{{"causation_id":null,"correlation_id":"e","event_id":"e","payload":{payload},"project_uuid":"q","schema_version":"3.0.0","team_slug":"t"}}"#
            )
        };
        let whole = r#"{"developer_name": "D", "actor": "a", "n": 1}"#;
        assert_eq!(
            sent(captured, WireForm::Rewrite, ""),
            upgraded(whole),
            "captured here: sent as it is"
        );
        assert_eq!(
            sent(captured, WireForm::Personal, ""),
            upgraded(r#"{"actor":"a","n":1}"#)
        );
        let context = WireContext {
            sends_personal_data: true,
            ..WireContext::default()
        };
        let sent = for_wire(captured.as_bytes(), WireForm::Personal, context)
            .unwrap()
            .unwrap();
        assert_eq!(String::from_utf8(sent).unwrap(), upgraded(whole));
    }

    #[test]
    fn what_strict_json_cannot_say_is_not_sendable() {
        for captured in [
            &b"[1]"[..],
            b"{\"a\":NaN}",
            b"{\"a\":\"\\ud800\"}",
            b"{\"a\":\"\xff\"}",
        ] {
            let error = for_wire(captured, WireForm::Rewrite, WireContext::default()).unwrap_err();
            assert!(error.to_string().starts_with("not_sendable: "), "{error}");
        }
    }

    #[test]
    fn codes_survive_a_round_trip() {
        for form in [
            WireForm::Rewrite,
            WireForm::AsIs,
            WireForm::AsIsWithoutTeam,
            WireForm::Never,
            WireForm::Personal,
        ] {
            assert_eq!(WireForm::from_code(form.code()), form);
        }
        assert_eq!(WireForm::from_code(9), WireForm::Rewrite);
    }
}

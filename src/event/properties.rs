//! Properties of envelopes and mission logs.

use serde_json::Value;

use super::older_envelope::is_personal;
use super::wire::NotSendable;
use super::{
    BatchForm, LogMission, LogProject, WireContext, WireForm, copied_line, for_wire, inspect,
    read_log,
};
use crate::base::json::{canonical, same_meaning};

/// A project that a store has.
const PROJECT: &str = "8a4a7da6-a97c-4bb4-893a-b31664abfee4";
/// Most lines of a log that are read alone: reading each of many would take quadratic time.
const LINES: usize = 16;

/// An envelope has one canonical form, keeps its id, and is sent with its meaning: as captured
/// where that is allowed, else rewritten; rewriting twice changes nothing, and a rewritten event
/// names no person.
pub(crate) fn envelope(bytes: &[u8]) {
    let strict: Option<Value> = serde_json::from_slice(bytes).ok();
    canonical_form(bytes, strict.as_ref());
    let named = strict
        .as_ref()
        .and_then(|value| value.get("event_id")?.as_str());
    let Ok(seen) = inspect(bytes) else {
        assert!(
            named.is_none_or(|id| id.trim().is_empty() || id.chars().count() > 255),
            "an object with an id is kept"
        );
        return;
    };
    assert_eq!(seen.is_strict, strict.is_some());
    assert!(
        strict.is_none() || named == Some(&*seen.event_id),
        "the id is verbatim"
    );
    for (team_slug, sends_personal_data) in [("", false), ("harbour", false), ("", true)] {
        let context = WireContext {
            project_uuid: Some(PROJECT),
            team_slug,
            sends_personal_data,
            form: BatchForm::Plain,
        };
        for form in [seen.wire, WireForm::Rewrite, WireForm::Personal] {
            match for_wire(bytes, form, context) {
                Ok(rewritten) => sent(bytes, rewritten.as_deref(), &seen.event_id, form, context),
                Err(NotSendable(why)) => {
                    assert!(!seen.is_strict, "a strict envelope can be sent: {why}");
                }
            }
        }
    }
}

/// The canonical form is plain ASCII and its own canonical form, and a strict parser reads the same
/// value from it.
fn canonical_form(bytes: &[u8], strict: Option<&Value>) {
    let Some(form) = canonical(bytes) else {
        assert!(strict.is_none(), "strict JSON has a canonical form");
        return;
    };
    assert!(
        form.iter().all(|byte| matches!(byte, b' '..=b'~')),
        "a byte outside printable ASCII"
    );
    assert_eq!(canonical(&form).as_ref(), Some(&form));
    if let Some(value) = strict.filter(|value| is_exact(value)) {
        assert_eq!(serde_json::from_slice(&form).ok().as_ref(), Some(value));
    }
}

/// True if all numbers are integers that every parser reads alike.
pub(crate) fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// What is sent for `captured` (`None`: these bytes) in this form.
fn sent(
    captured: &[u8],
    rewritten: Option<&[u8]>,
    event_id: &str,
    form: WireForm,
    context: WireContext<'_>,
) {
    let wire = rewritten.unwrap_or(captured);
    let value: Value = serde_json::from_slice(wire).unwrap_or_default();
    assert_eq!(
        value.get("event_id").and_then(Value::as_str),
        Some(event_id),
        "strict JSON with the same id"
    );
    assert!(
        value.get("drain_blocked_reason").is_none(),
        "a diagnostic of this machine"
    );
    assert!(
        form != WireForm::Personal || context.sends_personal_data || !names_person(&value),
        "a person is named"
    );
    let form = if form == WireForm::Personal {
        form
    } else {
        WireForm::Rewrite
    };
    let again = for_wire(wire, form, context)
        .ok()
        .flatten()
        .unwrap_or_default();
    if rewritten.is_some() {
        assert_eq!(
            String::from_utf8_lossy(&again),
            String::from_utf8_lossy(wire),
            "rewriting twice"
        );
    } else {
        assert!(
            same_meaning(&again, wire),
            "a splice differs from a rewrite"
        );
    }
    cloud_event(wire, &value, rewritten.is_some(), context);
}

fn names_person(value: &Value) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| is_personal(name) || names_person(value)),
        Value::Array(items) => items.iter().any(names_person),
        _ => false,
    }
}

/// In the form of CloudEvents, the envelope is unchanged and its id is the event's. Only an
/// envelope that repeats a member may be refused.
fn cloud_event(wire: &[u8], envelope: &Value, is_rewritten: bool, context: WireContext<'_>) {
    let Ok(head) = BatchForm::CloudEvents.head(wire, context) else {
        assert!(!is_rewritten, "a rewritten envelope repeats no member");
        return;
    };
    let text = [
        head.as_bytes(),
        wire,
        BatchForm::CloudEvents.tail().as_bytes(),
    ]
    .concat();
    let event: Value = serde_json::from_slice(&text).unwrap_or_default();
    assert_eq!(
        (&event["data"], &event["id"]),
        (envelope, &envelope["event_id"]),
        "{head}"
    );
    assert!(
        event["type"].as_str().is_some_and(|kind| !kind.is_empty())
            && event["specversion"] == "1.0",
        "{head}"
    );
}

/// The envelopes of a log obey the contract and are sent as captured. Each line stands alone, line
/// ends do not matter, and a longer log begins like a shorter one.
pub(crate) fn log(bytes: &[u8]) {
    let project = LogProject {
        project_uuid: PROJECT,
        project_slug: Some("harbour"),
        repo_slug: None,
    };
    let mission = LogMission {
        directory: "004-tide-tables",
        mission_id: Some("01KN2371WVTZTM5FD5NT2YSGJ0"),
    };
    let rows = |bytes: &[u8]| read_log(bytes, project, mission).collect::<Vec<_>>();
    let all = rows(bytes);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for row in all.iter().take(LINES) {
        let at = usize::try_from(row.line).unwrap_or_default();
        let line = lines[at - 1];
        if let Ok(event) = &row.becomes {
            let seen = inspect(&event.envelope);
            assert_eq!(
                seen.as_ref().map(|seen| &seen.event_id),
                Ok(&event.event_id)
            );
            let seen = seen.map(|seen| (seen.event_type, seen.violations, seen.wire));
            assert_eq!(
                seen,
                Ok((
                    event.event_type.clone(),
                    Vec::new(),
                    WireForm::AsIsWithoutTeam
                ))
            );
        }
        // A blank line before it: a byte-order mark counts at the start of a file only.
        let alone = rows(&[if at == 1 { &b""[..] } else { b"\n" }, line].concat());
        let is_repeated = matches!(&row.becomes, Err(skip) if ["duplicate_line", "conflicting_line"].contains(&skip.code));
        assert!(
            is_repeated || alone.first().map(|alone| &alone.becomes) == Some(&row.becomes),
            "line {at} alone"
        );
        let before = rows(&lines[..at].concat());
        assert_eq!(before, all[..before.len()], "the first {at} lines");
    }
    let ends = lines.iter().map(|line| match line.strip_suffix(b"\n") {
        Some(line) => [line, b"\r\n"].concat(),
        None => line.to_vec(),
    });
    assert_eq!(rows(&ends.collect::<Vec<_>>().concat()), all, "line ends");
    let _any = copied_line(bytes);
}

//! Properties of the two requests that a receiver accepts.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::engine::content::Entry;
use super::wire::{batch, upload};
use crate::base::Sha256;
use crate::base::json::canonical;
use crate::event::properties::is_exact;
use crate::event::{BatchForm, WireContext, WireForm, for_wire, inspect};

pub(crate) use super::pages::properties::page;

/// More than any of these batches has.
const MANY: usize = 100_000;

/// Each event of a batch stands for itself and is kept byte for byte; and what this program sends
/// of a captured envelope is what its receiver keeps.
pub(crate) fn events_request(bytes: &[u8]) {
    #[derive(Deserialize)]
    struct Plain<'a> {
        #[serde(borrow)]
        events: Vec<&'a RawValue>,
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let plain = serde_json::from_str::<Plain<'_>>(text).map(|read| read.events);
    stand_alone(bytes, BatchForm::Plain, plain.unwrap_or_default());
    stand_alone(
        bytes,
        BatchForm::CloudEvents,
        serde_json::from_str(text).unwrap_or_default(),
    );
    let Ok(seen) = inspect(bytes) else { return };
    let context = WireContext {
        project_uuid: Some("8a4a7da6-a97c-4bb4-893a-b31664abfee4"),
        ..WireContext::default()
    };
    let Ok(wire) = for_wire(bytes, WireForm::Rewrite, context) else {
        return;
    };
    for wire in wire
        .as_deref()
        .into_iter()
        .chain((seen.wire == WireForm::AsIs).then_some(bytes))
    {
        for form in [BatchForm::Plain, BatchForm::CloudEvents] {
            let Ok(head) = form.head(wire, context) else {
                continue;
            };
            let entries = read(&wrapped(form, &head, wire), form);
            assert_eq!(
                entries
                    .iter()
                    .map(|entry| &entry.sent_id)
                    .collect::<Vec<_>>(),
                [&seen.event_id]
            );
            let kept = entries[0]
                .event
                .as_ref()
                .map(|event| String::from_utf8_lossy(&event.envelope));
            assert!(
                kept.is_err() || kept == Ok(String::from_utf8_lossy(wire.trim_ascii())),
                "{kept:?}"
            );
        }
    }
}

fn wrapped(form: BatchForm, head: &str, event: &[u8]) -> Vec<u8> {
    let (open, close) = form.brackets();
    [
        open.as_bytes(),
        head.as_bytes(),
        event,
        form.tail().as_bytes(),
        close.as_bytes(),
    ]
    .concat()
}

/// The entries of a batch; none if it cannot be read.
fn read(body: &[u8], form: BatchForm) -> Vec<Entry> {
    batch::read(body, form, MANY).unwrap_or_default()
}

/// Each entry is read as if it were alone, and its envelope is a part of the request.
fn stand_alone(bytes: &[u8], form: BatchForm, events: Vec<&RawValue>) {
    let entries = read(bytes, form);
    assert_eq!(entries.len(), events.len());
    for (entry, raw) in entries.iter().zip(events).take(16) {
        let (open, close) = form.brackets();
        let alone = [open, raw.get(), close].concat();
        assert_eq!(read(alone.as_bytes(), form).first(), Some(entry), "alone");
        if let Ok(event) = &entry.event {
            let kept = String::from_utf8_lossy(&event.envelope);
            assert!(
                raw.get().contains(&*kept) && entry.sent_id.is_string(),
                "{kept}"
            );
        }
    }
}

/// A document is accepted if the digest is that of its text, whatever the spelling of the JSON; one
/// of many may leave the text out, and is otherwise read the same.
pub(crate) fn document_request(bytes: &[u8]) {
    let alone = upload::read(bytes);
    let of_many = upload::read_one_of_many(bytes);
    match (&alone, &of_many) {
        (Ok(upload), of_many) => {
            assert_eq!(of_many.as_ref().ok(), Some(upload));
            let sha256 = upload
                .content
                .as_ref()
                .map(|text| Sha256::of(text.as_bytes()));
            assert_eq!(
                sha256,
                Some(upload.version.sha256),
                "the digest of the text"
            );
            let names = &upload.version.namespace;
            for name in [
                &names.mission_slug,
                &names.target_branch,
                &names.mission_type,
                &upload.version.path,
            ] {
                assert!(!name.trim().is_empty() && !name.contains('\0'), "{name:?}");
            }
        }
        (Err(answer), Ok(upload)) => assert!(
            upload.content.is_none() && answer.status == 400,
            "{answer:?}"
        ),
        (Err(answer), Err(_)) => assert!(matches!(answer.status.as_u16(), 400 | 413), "{answer:?}"),
    }
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    if let Some(form) = value.filter(is_exact).and_then(|_| canonical(bytes)) {
        assert_eq!(upload::read(&form).ok(), alone.ok(), "another spelling");
    }
}

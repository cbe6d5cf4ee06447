//! Properties of the two requests that a receiver accepts, of what it deletes, and of what it sends to
//! webhooks.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::engine::content::Entry;
use super::engine::removal::{Part, Refused};
use super::engine::webhook::pause;
use super::webhook_send::{self, retry_after};
use super::wire::{batch, upload};
use crate::base::json::canonical;
use crate::base::{Object, Sha256};
use crate::endpoint::Address;
use crate::event::properties::is_exact;
use crate::event::{BatchForm, WireContext, WireForm, for_wire, inspect};
use crate::http::SigningKeys;
use crate::http::properties::answer_of;

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
    let plain = serde_json::from_str::<Object<Plain<'_>>>(text).map(|Object(read)| read.events);
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

/// A deletion covers every event that announces the deleted document, its mission or its project,
/// however the event spells them, and none of another mission; and the same parts are refused from
/// then on.
pub(crate) fn removal(bytes: &[u8]) {
    for entry in read(bytes, BatchForm::Plain).into_iter().take(16) {
        let Ok(event) = entry.event else { continue };
        let part = |mission: Option<&str>, path: Option<&str>| Part {
            project_uuid: event.project_uuid.clone(),
            mission: mission.map(str::to_owned),
            path: path.map(str::to_owned),
        };
        let mut refused = Refused::default();
        refused.add(part(Some("another mission"), None), false);
        assert_eq!(
            refused.has_event(&event.envelope),
            part(Some("another mission"), None).has_event(&event.envelope)
        );
        refused.add(part(None, None), false);
        assert!(refused.has_event(&event.envelope), "the whole project");
        let about = event
            .announces
            .as_ref()
            .map(|of| (&of.namespace, Some(&*of.path)));
        let about = about.or(event.about.as_ref().map(|about| (&about.namespace, None)));
        let Some((namespace, path)) = about else {
            continue;
        };
        let mission = Some(namespace.mission_slug.as_str());
        let (whole, document) = (part(mission, None), part(mission, path));
        assert!(
            whole.has_event(&event.envelope),
            "an event of the mission stays"
        );
        assert!(
            document.has_event(&event.envelope),
            "an event of the document stays"
        );
        let other = part(mission, Some("another path"));
        assert!(
            path.is_none() || path == other.path.as_deref() || !other.has_event(&event.envelope)
        );
        let mut refused = Refused::default();
        refused.add(document, false);
        refused.add(whole.clone(), false);
        assert!(refused.has_event(&event.envelope));
        assert!(path.is_none_or(|path| refused.has_document(&namespace.mission_slug, path)));
        refused.add(whole, true);
        assert!(!refused.has_event(&event.envelope), "accepted again");
    }
}

/// Lines: an answer, an address, a secret, then envelopes. A pause is bounded whatever the answer
/// says; what a webhook is sent is read as the same events, byte for byte; an address is read again
/// as itself, and its origin is one; a secret is never shown.
pub(crate) fn webhook(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let asked = retry_after(&answer_of(lines.next().unwrap_or_default()));
    for failures in [0, 1, 9, i32::MAX] {
        let long = pause(failures, 1.0, asked);
        let short = pause(failures, 0.0, asked);
        assert!(
            short <= long && long <= pause(i32::MAX, 1.0, None),
            "{long:?}"
        );
    }
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (address, secret) = (text(), text());
    if let Ok(address) = Address::read(&address) {
        assert_eq!(Address::read(address.verbatim()).as_ref(), Ok(&address));
        let origin = Address::read(&address.origin()).map(|read| read.origin());
        assert_eq!(origin, Ok(address.origin()));
        assert!(address.verbatim().starts_with("https://") || address.is_loopback());
    }
    let keys = SigningKeys::read(&secret);
    assert!(keys.is_err() || !format!("{keys:?}").contains(secret.trim()));
    let envelopes: Vec<Vec<u8>> = lines
        .filter(|line| {
            let event = read(&wrapped(BatchForm::Plain, "", line), BatchForm::Plain);
            matches!(&*event, [Entry { event: Ok(event), .. }] if event.envelope == *line)
        })
        .map(<[u8]>::to_vec)
        .collect();
    let body = webhook_send::body("8a4a7da6-a97c-4bb4-893a-b31664abfee4", &envelopes);
    let sent = batch::read(&body, BatchForm::CloudEvents, MANY).unwrap_or_default();
    let sent: Vec<_> = sent
        .into_iter()
        .map(|entry| entry.event.map(|event| event.envelope))
        .collect();
    assert_eq!(sent, envelopes.into_iter().map(Ok).collect::<Vec<_>>());
}

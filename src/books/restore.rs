//! Marks payloads that a verified archive contains, and restores events from one.

use super::Error;
use super::append::append;
use crate::base::Timestamp;
use crate::delivery::{self, Class};
use crate::event::{Inspection, NotAnEvent, WireForm, inspect};
use crate::journal::{self, Appended, Document, Entry, Kind, Return};
use crate::store::WriteTx;

/// An event of a verified archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restorable {
    /// The id, verbatim.
    pub(crate) event_id: String,
    /// The type.
    pub(crate) event_type: String,
    /// The envelope's time, verbatim.
    pub(crate) occurred_at: Option<String>,
    /// Capture time.
    pub(crate) captured_at: Timestamp,
    /// Producer.
    pub(crate) origin: String,
    /// Why it was on hold; `None` if it was not.
    pub(crate) held: Option<String>,
    /// The bytes.
    pub(crate) envelope: Vec<u8>,
}

/// A version of a document of a verified archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RestorableDocument {
    /// The row's id.
    pub(crate) id: String,
    /// Document and digest of its text.
    pub(crate) document: Document,
    /// Capture time.
    pub(crate) captured_at: Timestamp,
    /// Producer.
    pub(crate) origin: String,
    /// Why it was on hold; `None` if it was not.
    pub(crate) held: Option<String>,
    /// Id of the event that announces it.
    pub(crate) announced_by: Option<String>,
    /// The text, checked against its digest; `None` if the text was only in the work tree.
    pub(crate) text: Option<Vec<u8>>,
}

/// Result of restoring events of an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Restored {
    /// Events that are new here.
    pub(crate) added: u64,
    /// Known events whose deleted payload is restored.
    pub(crate) returned: u64,
    /// Events that are already here.
    pub(crate) unchanged: u64,
    /// Events known here with other content; kept apart as conflicts.
    pub(crate) conflicts: u64,
    /// Events removed here with their project; they stay removed.
    pub(crate) purged: u64,
    /// Versions of documents that are new here, or restored.
    pub(crate) documents: u64,
}

/// Marks rows whose payload is in a verified archive.
pub(crate) fn mark_archived(tx: &WriteTx<'_>, now: Timestamp, seqs: &[i64]) -> Result<i64, Error> {
    Ok(journal::mark_archived(tx, now, seqs)?)
}

/// Restores events of an archive: each is stored afterwards and left to send to every live target
/// that lacks it, unless it is on hold or was purged. None supersedes another.
pub(crate) fn restore(
    tx: &WriteTx<'_>,
    now: Timestamp,
    events: &[Restorable],
    lamport: i64,
) -> Result<Restored, Error> {
    journal::raise_lamport(tx, lamport)?;
    let (restored, _) = append(tx, now, |appending| {
        appending.verbatim();
        let mut restored = Restored::default();
        for event in events {
            appending.captured_at(event.captured_at);
            match journal::bring_back(tx, now, &event.event_id, &event.envelope)? {
                Return::Here => restored.unchanged += 1,
                Return::Purged => restored.purged += 1,
                Return::Back {
                    seq,
                    was_discarded,
                    is_held,
                } => {
                    let from = if was_discarded {
                        Class::Discarded
                    } else {
                        Class::Purged
                    };
                    delivery::post_returned(tx, (seq, Kind::Event), from, is_held)?;
                    restored.returned += 1;
                }
                Return::Unknown | Return::Differs => {
                    match appending.append(&entry(event, inspect(&event.envelope).as_ref()))? {
                        Appended::Captured { .. } => restored.added += 1,
                        Appended::Conflict { .. } => restored.conflicts += 1,
                        Appended::Purged { .. } => restored.purged += 1,
                        Appended::Unchanged { .. } | Appended::Full { .. } => {
                            restored.unchanged += 1;
                        }
                    }
                }
            }
        }
        Ok::<_, Error>(restored)
    })?;
    Ok(restored)
}

/// Restores documents of an archive, each after its event, left to send to every live target that
/// lacks it. A version is skipped if a newer one is here, which it must not follow, or if its event
/// is not here. Returns how many are new or restored.
pub(crate) fn restore_documents(
    tx: &WriteTx<'_>,
    now: Timestamp,
    documents: &[RestorableDocument],
) -> Result<u64, Error> {
    let mut restored = 0;
    for RestorableDocument {
        id,
        document,
        captured_at,
        origin,
        held,
        announced_by,
        text,
    } in documents
    {
        let announcer = announced_by
            .as_deref()
            .map_or(Ok(None), |id| journal::live_event(tx, id))?;
        let (Some(event), true) = (announcer, is_newest(tx, id, document, *captured_at)?) else {
            continue;
        };
        let is_taken = match journal::bring_back(tx, now, id, &document.to_bytes())? {
            Return::Here | Return::Purged | Return::Differs => false,
            Return::Back {
                seq,
                was_discarded,
                is_held,
            } => {
                let from = if was_discarded {
                    Class::Discarded
                } else {
                    Class::Purged
                };
                delivery::post_returned(tx, (seq, Kind::Document), from, is_held)?;
                true
            }
            Return::Unknown => {
                let (appended, _) = append(tx, now, |appending| {
                    appending.captured_at(*captured_at);
                    appending.append_document(id, document, Some(event), held.as_deref(), origin)
                })?;
                matches!(appended, Appended::Captured { .. })
            }
        };
        restored += u64::from(is_taken);
        if let Some(text) = text
            && delivery::is_text_needed(tx, document.sha256)?
        {
            journal::keep_text(tx, document.sha256, text)?;
        }
    }
    Ok(restored)
}

/// True if no newer version of the document is stored.
fn is_newest(
    tx: &WriteTx<'_>,
    id: &str,
    document: &Document,
    captured_at: Timestamp,
) -> Result<bool, Error> {
    let Some((newest_id, newest_at)) = journal::last_version(tx, document.key())? else {
        return Ok(true);
    };
    Ok(newest_id.eq_ignore_ascii_case(id) || newest_at < captured_at)
}

fn entry<'a>(event: &'a Restorable, seen: Result<&Inspection, &NotAnEvent>) -> Entry<'a> {
    Entry {
        event_id: &event.event_id,
        event_type: &event.event_type,
        occurred_at: event.occurred_at.as_deref(),
        envelope: &event.envelope,
        wire: match seen {
            Ok(seen) if seen.event_id.eq_ignore_ascii_case(&event.event_id) => seen.wire,
            // Its answer could not be matched to it.
            Ok(_) | Err(NotAnEvent::NoEventId | NotAnEvent::IdTooLong) => WireForm::Never,
            // An envelope that cannot be parsed cannot be sent unchanged either.
            Err(_) => WireForm::Rewrite,
        },
        coalesce: seen.ok().and_then(|seen| seen.coalesce),
        held: event.held.as_deref(),
        origin: &event.origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::fixture::{Queue, Said, keyed, plain};
    use crate::books::{GcRule, acknowledge, collect, plan_collection, removal};

    fn event(id: &str, said: &str) -> Restorable {
        Restorable {
            event_id: id.to_owned(),
            event_type: "T".to_owned(),
            occurred_at: None,
            captured_at: Timestamp::from_micros(5),
            origin: "test".to_owned(),
            held: None,
            envelope: format!(r#"{{"event_id":"{id}","said":"{said}"}}"#).into_bytes(),
        }
    }

    fn restore_into(queue: &mut Queue, events: &[Restorable]) -> Restored {
        queue.write(|tx, now| restore(tx, now, events, 9))
    }

    #[test]
    fn what_left_comes_back_and_is_owed_to_whoever_lacks_it() {
        let mut queue = Queue::with_events(5);
        queue.drain(
            "a",
            &[
                Said::Success,
                Said::Success,
                Said::Rejected,
                Said::Rejected,
                Said::Rejected,
            ],
        );
        let plan = queue.write(|tx, _| plan_collection(tx, GcRule::default()));
        queue.write(|tx, now| collect(tx, now, &plan, 0));
        queue.write(|tx, now| removal::drain_to_file(tx, now, &[3]));
        queue.write(|tx, now| removal::clear(tx, now, 3));
        let all: Vec<_> = (0..5).map(|n| event(&format!("e{n}"), "")).collect();
        queue.drain("b", &[Said::Success]);
        assert_eq!(
            (queue.size(), queue.posts("b")),
            (0, 0),
            "nothing is left to send"
        );
        assert_eq!(
            restore_into(&mut queue, &all),
            Restored {
                returned: 5,
                ..Restored::default()
            }
        );
        assert_eq!(
            (queue.size(), queue.payloads(), queue.audits("restored")),
            (5, 5, 5)
        );
        assert_eq!(
            queue.classes("a"),
            [(Class::Delivered, 2), (Class::Untried, 3)]
        );
        queue.drain("b", &[Said::Success]);
        queue.drain("a", &[Said::Duplicate]);
        assert_eq!(
            (queue.classes("a"), queue.classes("b")),
            (vec![(Class::Delivered, 5)], vec![(Class::Delivered, 5)])
        );
        assert_eq!(
            restore_into(&mut queue, &all),
            Restored {
                unchanged: 5,
                ..Restored::default()
            }
        );
        assert_eq!(queue.size(), 5);
    }

    #[test]
    fn purged_events_stay_away_and_another_content_is_kept_apart() {
        let mut queue = Queue::with_events(2);
        queue.drain("a", &[Said::Success]);
        let id = queue.target("a");
        queue.write(|tx, now| acknowledge(tx, now, id, 0));
        queue.write(|tx, now| removal::remove_project(tx, now, 0));
        queue.capture(&[plain("here")]);
        let events = [
            event("e0", ""),
            event("e1", ""),
            event("here", "else"),
            event("new", ""),
        ];
        let restored = restore_into(&mut queue, &events);
        assert_eq!(
            restored,
            Restored {
                purged: 2,
                conflicts: 1,
                added: 1,
                ..Restored::default()
            }
        );
        assert_eq!((queue.size(), queue.payloads()), (2, 2));
    }

    #[test]
    fn events_that_stood_beside_each_other_do_so_again() {
        let mut queue = Queue::new();
        queue.capture(&[keyed("newer", 1, "y")]);
        let held = Restorable {
            held: Some("opted_out".to_owned()),
            ..event("held", "")
        };
        let restored = restore_into(
            &mut queue,
            &[event("older", "x"), event("newest", "y"), held],
        );
        assert_eq!((restored.added, queue.size()), (3, 4));
        queue.drain("a", &[Said::Success]);
        assert_eq!(
            queue.classes("a"),
            [(Class::Delivered, 3), (Class::Blocked, 1)]
        );
    }
}

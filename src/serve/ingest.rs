//! What becomes of each event and body, decided over the records of one step.

use serde_json::{Value, json};

use super::Error;
use super::batch::{Entry, is_same_event};
use super::storage::{Count, Records, Upload};
use crate::base::Timestamp;

/// What a request asks to keep.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) content: Content,
    /// The request's `Idempotency-Key`: counted, never trusted.
    pub(super) key: Option<String>,
}

/// The readable content of a request.
#[derive(Debug)]
pub(super) enum Content {
    /// A batch of events.
    Events(Vec<Entry>),
    /// One body.
    Body(Upload),
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// One result for each entry, in order, in the words of the wire.
    Events(Vec<Value>),
    /// The body is new.
    Stored,
    /// The same body was there.
    AlreadyExists,
    /// No event has announced the body.
    NotAnnounced,
}

/// Decides one request and keeps what is acceptable of it.
pub(super) fn ingest(request: &Request, records: &mut dyn Records, at: Timestamp) -> Result<Outcome, Error> {
    if let Some(key) = &request.key
        && records.keep_request_key(key, at)?
    {
        records.add(Count::RepeatedRequests, 1)?;
    }
    match &request.content {
        Content::Events(entries) => events(entries, records, at),
        Content::Body(upload) => body(upload, records, at),
    }
}

fn events(entries: &[Entry], records: &mut dyn Records, at: Timestamp) -> Result<Outcome, Error> {
    let mut tally = [(Count::Events, 0), (Count::Duplicates, 0), (Count::Conflicts, 0), (Count::Rejected, 0)];
    let mut results = Vec::with_capacity(entries.len());
    for entry in entries {
        let (count, status, error) = event(entry, records, at)?;
        if let Some((_, number)) = tally.iter_mut().find(|(counted, _)| *counted == count) {
            *number += 1;
        }
        results.push(json!({"event_id": entry.sent_id, "status": status, "error": error}));
    }
    for (count, number) in tally {
        records.add(count, number)?;
    }
    Ok(Outcome::Events(results))
}

/// What becomes of one entry: what it counts as, the wire's status, the reason of a refusal.
fn event<'a>(
    entry: &'a Entry,
    records: &mut dyn Records,
    at: Timestamp,
) -> Result<(Count, &'static str, Option<&'a str>), Error> {
    let event = match &entry.event {
        Ok(event) => event,
        Err(reason) => return Ok((Count::Rejected, "rejected", Some(reason))),
    };
    match records.keep_event(event, at)? {
        None => {
            if let Some(artifact) = &event.announces {
                records.keep_announcement(artifact)?;
            }
            Ok((Count::Events, "success", None))
        }
        Some(there) if is_same_event(&there, &event.envelope) => Ok((Count::Duplicates, "duplicate", None)),
        Some(_) => {
            Ok((Count::Conflicts, "rejected", Some("conflict: an event with this id and other content is stored")))
        }
    }
}

fn body(upload: &Upload, records: &mut dyn Records, at: Timestamp) -> Result<Outcome, Error> {
    let (count, outcome) = if !records.is_announced(&upload.version.namespace, &upload.version.path)? {
        (Count::BodiesNotIndexed, Outcome::NotAnnounced)
    } else if records.keep_body(upload, at)? {
        (Count::Bodies, Outcome::Stored)
    } else {
        (Count::BodiesAlreadyExist, Outcome::AlreadyExists)
    };
    records.add(count, 1)?;
    Ok(outcome)
}

//! The decision on each event and body, made over the records of one step.

use super::sqlite::records::{Announced, Kept, Tables};
use crate::base::Timestamp;
use crate::event::is_same_event;
use crate::serve::Error;
use crate::serve::engine::content::{Entry, Event, Upload};
use crate::serve::engine::count::Count;
use crate::serve::engine::{Content, Outcome, Request, Results, Verdict};

/// Decides one request and keeps what is acceptable of it.
pub(in crate::serve) fn ingest(
    request: &Request,
    records: &mut Tables<'_>,
    at: Timestamp,
) -> Result<Outcome, Error> {
    records.enter(request.team);
    if let Some(key) = &request.key
        && records.keep_request_key(key, at)?
    {
        records.add(Count::RepeatedRequests, 1)?;
    }
    match &request.content {
        Content::Events(entries) => events(entries, records, at),
        Content::Body(upload) => body(upload, records, at),
        Content::Bodies(uploads) => {
            let outcomes = uploads.iter().map(|upload| body(upload, records, at));
            Ok(Outcome::Bodies(outcomes.collect::<Result<_, _>>()?))
        }
    }
}

fn events(entries: &[Entry], records: &mut Tables<'_>, at: Timestamp) -> Result<Outcome, Error> {
    let mut verdicts = Vec::with_capacity(entries.len());
    for entry in entries {
        verdicts.push(
            entry
                .event
                .as_ref()
                .ok()
                .map(|event| verdict(event, records, at))
                .transpose()?,
        );
    }
    let results = Results::of(entries.iter().zip(verdicts));
    results
        .tally
        .iter()
        .try_for_each(|(count, number)| records.add(*count, *number))?;
    Ok(Outcome::Events(results))
}

fn verdict(event: &Event, records: &mut Tables<'_>, at: Timestamp) -> Result<Verdict, Error> {
    if records
        .refused(&event.project_uuid)?
        .has_event(&event.envelope)
    {
        return Ok(Verdict::Forgotten);
    }
    match records.keep_event(event, at)? {
        None => Ok(Verdict::New),
        Some(there) if is_same_event(&there, &event.envelope) => Ok(Verdict::Duplicate),
        Some(_) => Ok(Verdict::Conflict),
    }
}

fn body(upload: &Upload, records: &mut Tables<'_>, at: Timestamp) -> Result<Outcome, Error> {
    let namespace = &upload.version.namespace;
    if records
        .refused(&namespace.project_uuid)?
        .has_document(&namespace.mission_slug, &upload.version.path)
    {
        return Ok(Outcome::Forgotten);
    }
    let (count, outcome) = match records.announced(&upload.version)? {
        Announced::Never => (Count::BodiesNotIndexed, Outcome::NotAnnounced),
        // A text may come late, when a newer version was announced; a digest alone has to be what
        // was announced.
        Announced::Otherwise if upload.content.is_none() => return Ok(Outcome::TextNeeded),
        Announced::Otherwise | Announced::This => match records.keep_body(upload, at)? {
            Kept::New => (Count::Bodies, Outcome::Stored),
            Kept::There => (Count::BodiesAlreadyExist, Outcome::AlreadyExists),
            Kept::NoText => return Ok(Outcome::TextNeeded),
        },
    };
    records.add(count, 1)?;
    Ok(outcome)
}

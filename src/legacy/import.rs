//! Imports the share of one source for one store: one transaction, including the mark that it is
//! done.

use super::examine::{Row, examine};
use super::marks::{self, Descent, Provenance};
use super::share::Share;
use super::source::Source;
use super::source_rows::{BodyRest, BodyRow, BodyTable, Stop};
use super::{Destination, Error, Found, Policy, odd};
use crate::base::{Sha256, Timestamp, text};
use crate::bodies::{self, Body};
use crate::books::{self, Appending, Inherited};
use crate::event::{Inspection, NamespaceRef, NotAnEvent, WireForm};
use crate::journal::{self, Appended, Document, Entry};
use crate::store::{ForeignError, Store, WriteTx};

/// Maximum number of notes stored per source.
const NOTES: usize = 50;

/// Result of importing a source, in one store or in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) imported: u64,
    pub(super) deduplicated: u64,
    pub(super) conflicts: u64,
    /// Conflicts of rows that name no project.
    pub(super) foreign_conflicts: u64,
    pub(super) held: u64,
    pub(super) purged: u64,
    pub(super) bodies: u64,
    pub(super) failures: u64,
    /// Number of rows that could not be imported.
    pub(super) refused: u64,
    pub(super) notes: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.imported += other.imported;
        self.deduplicated += other.deduplicated;
        self.conflicts += other.conflicts;
        self.foreign_conflicts += other.foreign_conflicts;
        self.held += other.held;
        self.purged += other.purged;
        self.bodies += other.bodies;
        self.failures += other.failures;
        self.refused += other.refused;
        other.notes.into_iter().for_each(|note| self.note(note));
    }

    /// The same numbers; at [`Destination::Unassigned`] every conflict counts as foreign.
    pub(super) fn of(mut self, destination: &Destination) -> Self {
        if *destination == Destination::Unassigned {
            self.foreign_conflicts = self.conflicts;
        }
        self
    }

    pub(super) fn note(&mut self, note: String) {
        match self.notes.len() {
            0..NOTES => self.notes.push(note),
            NOTES => self.notes.push("and more rows of this kind".to_owned()),
            _ => {}
        }
    }

    pub(super) fn refuse(&mut self, why: &str) {
        self.refuse_all(1, why);
    }

    /// Counts this many rows as refused, for one reason.
    pub(super) fn refuse_all(&mut self, rows: usize, why: &str) {
        self.refused += rows as u64;
        self.note(format!("not imported: {why}"));
    }
}

/// A source and the store that imports from it.
pub(super) struct Job<'a> {
    pub(super) found: &'a Found,
    pub(super) source: &'a Source,
    pub(super) share: &'a Share,
    pub(super) provenance: &'a Provenance,
    /// The mark that the import is done; `None` if the file changed so recently that it must be
    /// read again.
    pub(super) stamp: Option<&'a str>,
    pub(super) policy: &'a Policy,
    pub(super) now: Timestamp,
}

/// Why nothing was imported.
pub(super) enum Trouble {
    /// The source cannot be read.
    Source(ForeignError),
    /// The store cannot be written.
    Store(Error),
}

impl<E: Into<Error>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl From<Stop<Self>> for Trouble {
    fn from(stop: Stop<Self>) -> Self {
        match stop {
            Stop::Source(error) => Self::Source(error),
            Stop::Callback(trouble) => trouble,
        }
    }
}

/// Imports the share, unless a mark shows that it is imported.
pub(super) fn import(store: &mut Store, job: &Job<'_>) -> Result<Option<Tally>, Trouble> {
    store.write(|tx| {
        if let Some(stamp) = job.stamp
            && marks::done(tx, &job.found.path)?.as_deref() == Some(stamp)
        {
            return Ok(None);
        }
        let source = marks::begin(tx, job.found, job.provenance, job.now)?;
        let mut tally = Tally::default();
        let before = journal::totals(tx)?.conflicts;
        let origin = format!("import:{}", job.found.label);
        books::append(tx, job.now, |appending| {
            examine(
                job.source,
                &job.share.events,
                &mut |examined| match examined {
                    Ok(row) => event(tx, appending, job, row, source, &origin, &mut tally),
                    Err(why) => {
                        tally.refuse(&why);
                        Ok(())
                    }
                },
            )
            .map_err(Trouble::from)
        })?;
        // Contents that were set aside before are already stored.
        let opened = u64::try_from(journal::totals(tx)?.conflicts - before).unwrap_or(0);
        tally.deduplicated += tally.conflicts - opened;
        tally.conflicts = opened;
        // A queued document cannot be put on hold: if events are, documents stay in the older
        // store.
        let bodies = if job.policy.is_held {
            &[][..]
        } else {
            job.share.bodies.as_slice()
        };
        for (table, keys) in [
            (BodyTable::Queue, bodies),
            (BodyTable::Failures, job.share.failures.as_slice()),
        ] {
            for key in keys {
                match job.source.body(table, *key).map_err(Trouble::Source)? {
                    Ok(row) => body(tx, job.now, (source, &origin), row, &mut tally)?,
                    Err(why) => tally.refuse(&format!("a document: {why}")),
                }
            }
        }
        if let Some(stamp) = job.stamp {
            marks::finish(tx, source, stamp)?;
        }
        Ok(Some(tally))
    })
}

fn event(
    tx: &WriteTx<'_>,
    appending: &mut Appending<'_>,
    job: &Job<'_>,
    row: Row,
    source: i64,
    origin: &str,
    tally: &mut Tally,
) -> Result<(), Trouble> {
    let Row {
        event_id,
        data,
        seen,
        queued_at,
        retry_count,
        ..
    } = row;
    if let Some(oddity) = odd::of(&event_id, &queued_at, seen.as_ref()) {
        tally.note(format!("{}: {oddity}", text::printable(&event_id)));
    }
    let wire = wire_form(&event_id, &seen);
    let (seen, event_type) = match &seen {
        Ok(seen) if seen.event_type.is_empty() => (Some(seen), row.event_type.as_str()),
        Ok(seen) => (Some(seen), seen.event_type.as_str()),
        Err(_) => (None, row.event_type.as_str()),
    };
    let held = job.policy.hold(event_type);
    let entry = Entry {
        event_id: &event_id,
        event_type,
        occurred_at: seen.and_then(|seen| seen.occurred_at.as_deref()),
        envelope: &data,
        wire,
        // Each was captured as a separate event, and may have been sent: none supersedes another.
        coalesce: None,
        held,
        origin,
    };
    let appended = appending.append(&entry)?;
    let (seq, differs) = match appended {
        Appended::Captured { seq, .. } => {
            tally.imported += 1;
            tally.held += u64::from(held.is_some());
            (seq, false)
        }
        Appended::Unchanged { seq } => {
            tally.deduplicated += 1;
            (seq, false)
        }
        Appended::Conflict { seq } => {
            tally.conflicts += 1;
            (seq, true)
        }
        Appended::Purged { seq } => {
            tally.purged += 1;
            (seq, false)
        }
        // An import has no limit of events.
        Appended::Full { .. } => {
            tally.refuse(&format!("{}: no room", text::printable(&event_id)));
            return Ok(());
        }
    };
    let is_new = matches!(appended, Appended::Captured { .. });
    let sha256 = (!is_new).then(|| Sha256::of(&data));
    Ok(marks::descend(
        tx,
        &Descent {
            seq,
            source,
            sha256,
            differs,
            queued_at,
            retry_count,
        },
    )?)
}

/// How an envelope that an older store has under this id must be changed for sending.
pub(super) fn wire_form(event_id: &str, seen: &Result<Inspection, NotAnEvent>) -> WireForm {
    match seen {
        Ok(seen) if seen.event_id == event_id => seen.wire,
        Ok(_) | Err(NotAnEvent::NoEventId | NotAnEvent::IdTooLong) => WireForm::Never,
        Err(_) => WireForm::Rewrite,
    }
}

fn body(
    tx: &WriteTx<'_>,
    now: Timestamp,
    (source, origin): (i64, &str),
    row: BodyRow,
    tally: &mut Tally,
) -> Result<(), Trouble> {
    let key = key_of(&row);
    let BodyRow {
        names:
            [
                project_uuid,
                mission_slug,
                target_branch,
                mission_type,
                manifest_version,
                path,
            ],
        ..
    } = row;
    let namespace = NamespaceRef {
        project_uuid,
        mission_slug,
        target_branch,
        mission_type,
        manifest_version,
    };
    let place = text::printable(&format!("{}/{path}", namespace.mission_slug));
    if let Some(field) = namespace.blank_field() {
        tally.refuse(&format!("the document {place}: its {field} is blank"));
        return Ok(());
    }
    let Some(sha256) = Sha256::from_hex(&row.content_hash) else {
        tally.refuse(&format!(
            "the document {place}: its content_hash is not a SHA-256 digest"
        ));
        return Ok(());
    };
    match row.rest {
        BodyRest::Queued {
            content,
            created_at,
            ..
        } => {
            let body = match Body::kept(content, sha256) {
                Ok(body) => body,
                Err(decision) => {
                    tally.refuse(&format!("the document {place}: {}", decision.reason));
                    return Ok(());
                }
            };
            let size = body.text().len() as u64;
            let document = Document {
                namespace,
                path,
                sha256,
                size,
                place: None,
            };
            let inherited = Inherited {
                document: &document,
                text: body.text(),
                queued_at: Timestamp::from_micros(created_at),
                origin,
            };
            if marks::take_body(tx, &key, source)? && books::inherit_document(tx, now, &inherited)?
            {
                tally.bodies += 1;
            }
        }
        BodyRest::Failed {
            size_bytes,
            reason,
            count,
            first_at,
            last_at,
        } => {
            let failure = bodies::Failure {
                namespace,
                path,
                sha256,
                size_bytes,
                reason,
                count,
                first_failed_at: Timestamp::from_micros(first_at),
                last_failed_at: Timestamp::from_micros(last_at),
                closed_at: None,
            };
            if marks::take_body(tx, &key, source)? && bodies::inherit_failure(tx, &failure)? {
                tally.failures += 1;
            }
        }
    }
    Ok(())
}

/// The identity of a document row: its seven names, its table, and in the failure log the reason.
fn key_of(row: &BodyRow) -> Sha256 {
    let reason = match &row.rest {
        BodyRest::Queued { .. } => None,
        BodyRest::Failed { reason, .. } => Some(reason),
    };
    let mut joined = Vec::with_capacity(256);
    for part in row.names.iter().chain([&row.content_hash]).chain(reason) {
        joined.extend_from_slice(&(part.len() as u64).to_le_bytes());
        joined.extend_from_slice(part.as_bytes());
    }
    Sha256::of(&joined)
}

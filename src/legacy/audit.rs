//! `migration_audit.db` of 3.2.x: the sources of events in an earlier migration, and the contents
//! that it set aside.

use rusqlite::types::Value;

use super::import::{Tally, Trouble};
use super::marks::{self, Descent, Provenance};
use super::route::{Destination, route};
use super::{Found, Kind, tables};
use crate::base::{Interrupt, Sha256, Timestamp, text};
use crate::books;
use crate::event::{WireForm, inspect};
use crate::journal::{self, Aside, Entry};
use crate::store::{Foreign, ForeignError, LONGEST_CELL, Stamp, Store, WriteTx};

/// Reason of the hold on an event that an older migration set aside and whose other content was not
/// found.
const QUARANTINED: &str = "quarantined";

/// The audit of an older migration, opened.
pub(super) struct Audit {
    foreign: Foreign,
    has_provenance: bool,
    has_quarantine: bool,
}

impl Audit {
    pub(super) fn open(
        found: &Found,
        scratch: &std::path::Path,
        interrupt: &Interrupt,
    ) -> Result<Self, ForeignError> {
        let foreign = Foreign::open(&found.path, scratch, interrupt)?;
        let has = |table: &str, needed: &[&str]| {
            let columns = tables::columns(&foreign, table)?.unwrap_or_default();
            Ok::<_, ForeignError>(
                needed
                    .iter()
                    .all(|name| columns.iter().any(|column| column == name)),
            )
        };
        let has_provenance = has(
            "migration_provenance",
            &["event_id", "source_digest", "target_id", "recorded_at"],
        )?;
        let has_quarantine = has(
            "quarantined_conflicts",
            &["event_id", "source_digest", "payload"],
        )?;
        Ok(Self {
            foreign,
            has_provenance,
            has_quarantine,
        })
    }

    pub(super) const fn stamp(&self) -> &Stamp {
        self.foreign.stamp()
    }

    /// The stores whose contents were set aside.
    pub(super) fn destinations(&self) -> Result<Vec<Destination>, ForeignError> {
        let mut all = Vec::new();
        self.quarantine(|_, _, payload| {
            all.push(route(payload));
            Ok::<_, ForeignError>(())
        })?;
        all.sort();
        all.dedup();
        Ok(all)
    }

    fn quarantine<E: From<ForeignError>>(
        &self,
        mut visit: impl FnMut(&str, &str, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.has_quarantine {
            return Ok(());
        }
        self.foreign.begin();
        let sorted = |error| E::from(self.foreign.sorted(error));
        let sql = format!(
            "SELECT event_id, source_digest, payload FROM quarantined_conflicts NOT INDEXED
             WHERE octet_length(payload) <= {LONGEST_CELL} ORDER BY rowid"
        );
        let mut statement = self.foreign.conn().prepare(&sql).map_err(sorted)?;
        let mut rows = statement.query([]).map_err(sorted)?;
        while let Some(row) = rows.next().map_err(sorted)? {
            let cell = |index| row.get_ref(index).map_err(sorted);
            let (Ok(event_id), Ok(source), Ok(payload)) = (
                tables::event_id(cell(0)?),
                tables::text(cell(1)?),
                tables::bytes(cell(2)?),
            ) else {
                continue;
            };
            visit(event_id, source, payload)?;
        }
        Ok(())
    }
}

/// Imports the audit's data about the events of one store.
pub(super) fn adopt(
    store: &mut Store,
    audit: &Audit,
    found: &Found,
    destination: &Destination,
    stamp: Option<&str>,
    now: Timestamp,
) -> Result<Option<Tally>, Trouble> {
    store.write(|tx| {
        if stamp.is_some() && marks::done(tx, &found.path)?.as_deref() == stamp {
            return Ok(None);
        }
        let provenance = Provenance {
            word: format!("unknown:{}", found.label),
            scope: None,
        };
        let own = marks::begin(tx, found, &provenance, now)?;
        let mut tally = Tally::default();
        audit.quarantine(|event_id, source, payload| {
            if route(payload) == *destination {
                set_aside(tx, (event_id, source, payload), own, &mut tally, now)?;
            }
            Ok::<_, Trouble>(())
        })?;
        descents(tx, audit, found, now)?;
        if let Some(stamp) = stamp {
            marks::finish(tx, own, stamp)?;
        }
        Ok(Some(tally))
    })
}

/// Stores a content that was set aside: as a conflict with the event that has its id, or, without
/// such an event, as an event on hold.
fn set_aside(
    tx: &WriteTx<'_>,
    (event_id, source, payload): (&str, &str, &[u8]),
    own: i64,
    tally: &mut Tally,
    now: Timestamp,
) -> Result<(), Trouble> {
    let origin = format!("import:{}", text::printable(source));
    if let Some(holder) = journal::holder(tx, event_id)? {
        if holder.is_purged || holder.payload_sha256 == Sha256::of(payload) {
            return Ok(());
        }
        let resolution = "journal: an older migration had decided so";
        journal::set_aside(
            tx,
            &Aside {
                event_id,
                existing_sha256: holder.payload_sha256,
                envelope: payload,
                origin: &origin,
                resolution,
            },
            now,
        )?;
        tally.note(format!(
            "{}: content kept that an older migration had set aside",
            text::printable(event_id)
        ));
        return Ok(());
    }
    let seen = inspect(payload).ok();
    let entry = Entry {
        event_id,
        event_type: seen.as_ref().map_or("", |seen| &seen.event_type),
        occurred_at: seen.as_ref().and_then(|seen| seen.occurred_at.as_deref()),
        envelope: payload,
        wire: seen
            .as_ref()
            .filter(|seen| seen.event_id == event_id)
            .map_or(WireForm::Never, |seen| seen.wire),
        coalesce: None,
        held: Some(QUARANTINED),
        origin: &origin,
    };
    let (appended, receipt) = books::append(tx, now, |appending| appending.append(&entry))?;
    if let journal::Appended::Captured { seq, .. } = appended {
        let none = || Value::Null;
        marks::descend(
            tx,
            &Descent {
                seq,
                source: own,
                sha256: None,
                differs: false,
                queued_at: none(),
                retry_count: none(),
            },
        )?;
    }
    tally.imported += u64::try_from(receipt.captured).unwrap_or(0);
    tally.held += u64::try_from(receipt.held).unwrap_or(0);
    Ok(())
}

/// Records the sources that the older migration names for events that are here.
fn descents(tx: &WriteTx<'_>, audit: &Audit, found: &Found, now: Timestamp) -> Result<(), Trouble> {
    if !audit.has_provenance {
        return Ok(());
    }
    audit.foreign.begin();
    let sorted = |error| Trouble::Source(audit.foreign.sorted(error));
    let sql = "SELECT event_id, source_digest, target_id, recorded_at FROM migration_provenance NOT INDEXED
               ORDER BY source_digest";
    let mut statement = audit.foreign.conn().prepare(sql).map_err(sorted)?;
    let mut rows = statement.query([]).map_err(sorted)?;
    let mut last: Option<(String, i64)> = None;
    while let Some(row) = rows.next().map_err(sorted)? {
        let cell = |index| row.get_ref(index).map_err(sorted);
        let (Ok(event_id), Ok(digest), Ok(target)) = (
            tables::event_id(cell(0)?),
            tables::text(cell(1)?),
            tables::text(cell(2)?),
        ) else {
            continue;
        };
        let Some(holder) = journal::holder(tx, event_id)? else {
            continue;
        };
        let source = match &last {
            Some((known, source)) if known == digest => *source,
            _ => {
                // A separate source named after the audit: the original file may no longer exist.
                let mut path = found.path.clone().into_os_string();
                path.push(format!("#{digest}"));
                let source = Found {
                    path: path.into(),
                    kind: Kind::Audit,
                    label: digest.to_owned(),
                };
                let provenance = Provenance {
                    word: target.to_owned(),
                    scope: None,
                };
                let source = marks::begin(tx, &source, &provenance, now)?;
                last = Some((digest.to_owned(), source));
                source
            }
        };
        let queued_at = tables::text(cell(3)?).map_or(Value::Null, |at| Value::Text(at.to_owned()));
        let descent = Descent {
            seq: holder.seq,
            source,
            sha256: None,
            differs: false,
            queued_at,
            retry_count: Value::Null,
        };
        marks::descend(tx, &descent)?;
    }
    Ok(())
}

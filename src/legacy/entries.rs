//! The per-project store of Spec Kitty 3.2.7: journal entries, each a JSON record with the
//! envelope's bytes in base64.
//!
//! The form in which that version records deliveries is unknown, so no event counts as delivered;
//! the target reports which events it has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::Deserialize;

use super::source_rows::{EventRow, Looked, Stop};
use super::{Found, tables};
use crate::base::{Interrupt, Object, text};
use crate::store::{Foreign, ForeignError, LONGEST_CELL, Stamp};

const TABLE: &str = "journal_entries";
/// Columns that a reader needs.
const NEEDED: [&str; 3] = ["entry_id", "capture_sequence", "payload_json"];

/// A project's store of 3.2.7, opened.
pub(super) struct Entries {
    foreign: Foreign,
    list: String,
}

/// The fields of a record that are read.
#[derive(Deserialize)]
struct Record {
    event_id: Option<String>,
    event_type: Option<String>,
    payload: Option<String>,
    payload_encoding: Option<String>,
}

/// An entry as an event.
pub(super) struct Entry {
    pub(super) event_id: String,
    event_type: String,
    pub(super) envelope: Vec<u8>,
}

impl Entries {
    pub(super) fn open(
        found: &Found,
        scratch: &std::path::Path,
        interrupt: &Interrupt,
    ) -> Result<Self, ForeignError> {
        let foreign = Foreign::open(&found.path, scratch, interrupt)?;
        let Some(columns) = tables::columns(&foreign, TABLE)? else {
            return Err(ForeignError::Sqlite(format!(
                "it has no table {TABLE}: an unknown version"
            )));
        };
        if let Some(name) = NEEDED
            .iter()
            .find(|name| !columns.iter().any(|column| column == *name))
        {
            return Err(ForeignError::Sqlite(format!(
                "its table {TABLE} has no column {name}: an unknown version"
            )));
        }
        let created = tables::expression(&columns, "created_at");
        let list = format!(
            "rowid, capture_sequence, entry_id, {created}, octet_length(payload_json),
             CASE WHEN octet_length(payload_json) <= {LONGEST_CELL} THEN payload_json END"
        );
        Ok(Self { foreign, list })
    }

    pub(super) const fn stamp(&self) -> &Stamp {
        self.foreign.stamp()
    }

    /// See [`super::source::Source::survey`].
    pub(super) fn survey<E>(
        &self,
        visit: &mut dyn FnMut(i64, i64, Looked<'_>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        self.foreign.begin();
        let sorted = |e| Stop::Source(self.foreign.sorted(e));
        let sql = format!("SELECT {} FROM {TABLE} NOT INDEXED", self.list);
        let mut statement = self.foreign.conn().prepare(&sql).map_err(sorted)?;
        let mut rows = statement.query([]).map_err(sorted)?;
        while let Some(row) = rows.next().map_err(sorted)? {
            let key = row.get(0).map_err(sorted)?;
            let order = row.get_ref(1).map_err(sorted)?.as_i64().unwrap_or(i64::MAX);
            show(row, &mut |looked| visit(key, order, looked))
                .map_err(sorted)?
                .map_err(Stop::Callback)?;
        }
        Ok(())
    }

    /// See [`super::source::Source::events`].
    pub(super) fn events<E>(
        &self,
        keys: &[i64],
        visit: &mut dyn FnMut(Looked<'_>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        self.foreign.begin();
        let sorted = |e| Stop::Source(self.foreign.sorted(e));
        let sql = format!("SELECT {} FROM {TABLE} WHERE rowid = ?1", self.list);
        let mut statement = self.foreign.conn().prepare(&sql).map_err(sorted)?;
        for key in keys {
            let mut rows = statement.query([key]).map_err(sorted)?;
            match rows.next().map_err(sorted)? {
                Some(row) => show(row, visit).map_err(sorted)?,
                None => visit(Err("it is gone".to_owned())),
            }
            .map_err(Stop::Callback)?;
        }
        Ok(())
    }
}

type Shown<E> = rusqlite::Result<Result<(), E>>;

fn show<E>(row: &Row<'_>, visit: &mut dyn FnMut(Looked<'_>) -> Result<(), E>) -> Shown<E> {
    let (id, created_at) = (row.get_ref(2)?, row.get_ref(3)?);
    let looked = match (row.get_ref(5)?, row.get_ref(4)?) {
        (ValueRef::Null, ValueRef::Integer(length)) => {
            Err(format!("its record has {length} bytes"))
        }
        (cell, _) => tables::bytes(cell)
            .map_err(|flaw| format!("its record {flaw}"))
            .and_then(|json| entry(id, json)),
    };
    Ok(match looked {
        Ok(Entry {
            event_id,
            event_type,
            envelope,
        }) => visit(Ok(EventRow {
            event_id: &event_id,
            event_type: &event_type,
            data: &envelope,
            queued_at: created_at,
            retry_count: ValueRef::Null,
        })),
        Err(why) => match tables::event_id(id) {
            Ok(id) => visit(Err(format!("{}: {why}", text::printable(id)))),
            Err(_) => visit(Err(why)),
        },
    })
}

/// The event of a record: under the id in the record, else under the id of its entry.
pub(super) fn entry(id: ValueRef<'_>, json: &[u8]) -> Result<Entry, String> {
    let Object(record): Object<Record> = serde_json::from_slice(json)
        .map_err(|_| "its record is not what 3.2.7 writes".to_owned())?;
    let event_id = match &record.event_id {
        Some(named) => tables::event_id(ValueRef::Text(named.as_bytes()))?.to_owned(),
        None => tables::event_id(id)?.to_owned(),
    };
    let encoding = record.payload_encoding.as_deref().unwrap_or_default();
    if encoding != "base64" {
        return Err(format!(
            "its payload_encoding is \"{}\", which is unknown here",
            text::printable(encoding)
        ));
    }
    let envelope = record
        .payload
        .as_deref()
        .and_then(|payload| STANDARD.decode(payload).ok());
    let envelope = envelope.ok_or("its payload is not base64")?;
    Ok(Entry {
        event_id,
        event_type: record.event_type.unwrap_or_default(),
        envelope,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_an_event_or_says_why_not() {
        let of = |json: &str| match entry(ValueRef::Text(b"E1"), json.as_bytes()) {
            Ok(Entry {
                event_id,
                event_type,
                envelope,
            }) => Ok((event_id, event_type, envelope)),
            Err(why) => Err(why),
        };
        let event = |id: &str, kind: &str| Ok((id.to_owned(), kind.to_owned(), b"{}".to_vec()));
        assert_eq!(
            of(r#"{"event_id":"a","event_type":"T","payload":"e30=","payload_encoding":"base64"}"#),
            event("a", "T")
        );
        assert_eq!(
            of(r#"{"payload":"e30=","payload_encoding":"base64","more":1}"#),
            event("E1", "")
        );
        for (json, why) in [
            ("[]", "not what 3.2.7 writes"),
            (r#"["a","T","e30=","base64"]"#, "not what 3.2.7 writes"),
            (r#"{"payload":"e30="}"#, "payload_encoding is \"\""),
            (
                r#"{"payload":"{}","payload_encoding":"base64"}"#,
                "not base64",
            ),
            (r#"{"payload_encoding":"base64"}"#, "not base64"),
            (
                r#"{"event_id":" ","payload":"e30=","payload_encoding":"base64"}"#,
                "blank",
            ),
        ] {
            assert!(of(json).unwrap_err().contains(why), "{json}");
        }
    }
}

//! The per-project store of Spec Kitty 3.2.7: journal entries, each a JSON record with the
//! envelope's bytes in base64.
//!
//! The form in which that version records deliveries is unknown, so no event counts as delivered;
//! the target reports which events it has.

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::Deserialize;

use super::source_rows::{EventRow, Looked, Stop};
use super::{Found, tables};
use crate::base::{Interrupt, text};
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
    let record: Record = serde_json::from_slice(json)
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
        .and_then(|payload| decode(payload.as_bytes()));
    let envelope = envelope.ok_or("its payload is not base64")?;
    Ok(Entry {
        event_id,
        event_type: record.event_type.unwrap_or_default(),
        envelope,
    })
}

/// Strict base64 (RFC 4648 section 4) with its padding: exactly one spelling for any bytes.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let last = (text.len() / 4).saturating_sub(1);
    for (at, group) in text.chunks_exact(4).enumerate() {
        let padding = if at == last {
            group.iter().rev().take_while(|byte| **byte == b'=').count()
        } else {
            0
        };
        let mut bits = 0_u32;
        for byte in group.iter().take(4 - padding.min(3)) {
            bits = bits << 6 | sextet(*byte)?;
        }
        bits = match padding {
            0 => bits,
            1 => bits << 6,
            2 => bits << 12,
            _ => return None,
        };
        let [_, whole @ ..] = bits.to_be_bytes();
        let (kept, unused) = whole.split_at(3 - padding);
        if unused.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
    }
    Some(bytes)
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_strictly() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("Zg==", Some(b"f")),
            ("Zm8=", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("Zm9vYmFy", Some(b"foobar")),
            ("/+8A", Some(b"\xff\xef\x00")),
            ("Zh==", None),
            ("Zm9=", None),
            ("Zg=", None),
            ("Zg", None),
            ("Z===", None),
            ("====", None),
            ("Zg==Zg==", None),
            ("Zm 9v", None),
            ("Zm9_", None),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), bytes, "{text}");
        }
    }

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

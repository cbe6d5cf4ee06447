//! Properties of rows in older stores.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::value::RawValue;

use super::entries::entry;
use super::queue;
use super::source_rows::{BodyRest, BodyTable, kept};
use crate::base::text::printable;

/// A record is an object and gives the bytes that its payload encodes, under its own id or that of
/// its row; a reason is one printable line.
pub(crate) fn older_record(bytes: &[u8]) {
    // A member that is not read may be a number or a text that other readers refuse.
    let text = String::from_utf8_lossy(bytes);
    let members: HashMap<String, &RawValue> = serde_json::from_str(&text).unwrap_or_default();
    let member = |name: &str| -> Option<String> {
        let raw = members.get(name)?;
        serde_json::from_str(raw.get()).ok()
    };
    match entry(ValueRef::Text(b"row-1"), bytes) {
        Ok(entry) => {
            let named = member("event_id");
            assert_eq!(entry.event_id, named.as_deref().unwrap_or("row-1"));
            assert_eq!(Some(STANDARD.encode(&entry.envelope)), member("payload"));
        }
        Err(why) => assert_eq!(printable(&why), why),
    }
}

/// The cells of a row: one per line, whose first byte is its type.
fn cells(bytes: &[u8]) -> Vec<Cell> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let cells = std::iter::from_fn(|| {
        let (kind, rest) = lines
            .next()
            .unwrap_or_default()
            .split_first()
            .unwrap_or((&b'n', &[]));
        let text = String::from_utf8_lossy(rest);
        Some(match kind {
            b'i' => Cell::Integer(text.parse().unwrap_or(i64::MIN)),
            b'r' => Cell::Real(text.parse().unwrap_or(f64::INFINITY)),
            b't' => Cell::Text(text.into_owned()),
            b'b' => Cell::Blob(rest.to_vec()),
            _ => Cell::Null,
        })
    });
    cells.take(13).collect()
}

/// A row of an older store, whatever the types of its cells: an event or a document as its cells say
/// it, byte for byte, or a printable reason.
pub(crate) fn older_row(bytes: &[u8]) {
    let cells = cells(bytes);
    let Ok(conn) = Connection::open_in_memory() else {
        return;
    };
    let places = (1..=cells.len())
        .map(|n| format!("?{n}"))
        .collect::<Vec<_>>();
    let sql = format!("SELECT 0, {}", places.join(", "));
    let looked = conn.query_row(&sql, rusqlite::params_from_iter(&cells), |row| {
        match queue::event(row)? {
            Ok(event) => {
                assert_eq!(cells[0], Cell::Text(event.event_id.to_owned()));
                assert!(!event.event_id.trim().is_empty());
                let (text, blob) = (
                    Cell::Text(String::from_utf8_lossy(event.data).into_owned()),
                    Cell::Blob(event.data.to_vec()),
                );
                assert!(cells[2] == text || cells[2] == blob, "other bytes");
                for cell in [event.queued_at, event.retry_count] {
                    let kept = kept(cell);
                    assert!(
                        kept == Cell::Null || Cell::try_from(cell).is_ok_and(|cell| kept == cell)
                    );
                }
            }
            Err(why) => assert_eq!(printable(&why), why),
        }
        for table in [BodyTable::Queue, BodyTable::Failures] {
            match queue::body(row, table)? {
                Ok(body) => {
                    let names = body.names.iter().chain([&body.content_hash]);
                    assert!(
                        names
                            .zip(&cells)
                            .all(|(name, cell)| *cell == Cell::Text(name.clone()))
                    );
                    if let BodyRest::Failed { count, .. } = body.rest {
                        assert!(count > 0);
                    }
                }
                Err(why) => assert_eq!(printable(&why), why),
            }
        }
        Ok(())
    });
    assert!(looked.is_ok(), "{looked:?}");
}

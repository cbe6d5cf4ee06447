//! Properties of rows in older stores.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::Value;

use super::entries::{decode, entry};
use super::queue;
use super::source_rows::{BodyRest, BodyTable, kept};
use crate::base::text::printable;

/// Base64 is read like another implementation reads it; a record gives the bytes that it encodes,
/// under its own id or that of its row; a reason is one printable line.
pub(crate) fn older_record(bytes: &[u8]) {
    assert_eq!(decode(bytes), STANDARD.decode(bytes).ok(), "base64");
    assert_eq!(
        decode(STANDARD.encode(bytes).as_bytes()).as_deref(),
        Some(bytes)
    );
    let record: Option<Value> = serde_json::from_slice(bytes).ok();
    let member = |name: &str| {
        record
            .as_ref()
            .and_then(|record| record.get(name)?.as_str())
    };
    match entry(ValueRef::Text(b"row-1"), bytes) {
        Ok(entry) => {
            assert_eq!(entry.event_id, member("event_id").unwrap_or("row-1"));
            assert_eq!(Some(&*STANDARD.encode(&entry.envelope)), member("payload"));
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

//! Properties of rows in older stores.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::ValueRef;
use serde_json::Value;

use super::entries::{decode, entry};
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

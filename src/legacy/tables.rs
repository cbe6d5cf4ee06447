//! Tables and cells of databases written by other programs: checked before use.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::store::{Foreign, ForeignError};

/// The longest accepted event id, in bytes.
const LONGEST_ID: usize = 1024;

/// The columns of an ordinary table; `None` if there is none with this name. Computed columns,
/// views and virtual tables do not count.
pub(super) fn columns(foreign: &Foreign, table: &str) -> Result<Option<Vec<String>>, ForeignError> {
    let sorted = |e| foreign.sorted(e);
    let conn = foreign.conn();
    let is_there = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1 AND sql LIKE 'CREATE TABLE%'";
    if !conn
        .prepare(is_there)
        .and_then(|mut found| found.exists([table]))
        .map_err(sorted)?
    {
        return Ok(None);
    }
    let sql = "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid";
    let mut statement = conn.prepare(sql).map_err(sorted)?;
    let names = statement.query_map([table], |r| r.get(0)).map_err(sorted)?;
    names
        .collect::<rusqlite::Result<_>>()
        .map(Some)
        .map_err(sorted)
}

/// Tables and columns that are unknown, for people; `None` if there are none.
pub(super) fn unknown_parts(
    foreign: &Foreign,
    known: &[(&str, &[&str])],
    found: &[(&str, &[String])],
) -> Result<Option<String>, ForeignError> {
    let mut parts = Vec::new();
    for (table, columns) in found {
        let expected = known
            .iter()
            .find(|(name, _)| name == table)
            .map_or(&[][..], |(_, columns)| columns);
        let more = columns
            .iter()
            .filter(|column| !expected.contains(&column.as_str()));
        parts.extend(more.map(|column| format!("column {table}.{column}")));
    }
    let version: i64 =
        pragma(foreign.conn(), "PRAGMA user_version").map_err(|e| foreign.sorted(e))?;
    let sql = "SELECT type || ' ' || name FROM sqlite_schema
               WHERE type <> 'index' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1 LIMIT 50";
    let mut statement = foreign.conn().prepare(sql).map_err(|e| foreign.sorted(e))?;
    let names = statement
        .query_map([], |r| r.get::<_, String>(0))
        .map_err(|e| foreign.sorted(e))?;
    for name in names {
        let name = name.map_err(|e| foreign.sorted(e))?;
        if !known
            .iter()
            .any(|(table, _)| name.strip_prefix("table ") == Some(table))
        {
            parts.push(name);
        }
    }
    if version != 0 {
        parts.push(format!("schema version {version}"));
    }
    Ok((!parts.is_empty()).then(|| {
        format!(
            "it has data this version cannot import, which stays there: {}",
            parts.join(", ")
        )
    }))
}

fn pragma(conn: &Connection, sql: &str) -> rusqlite::Result<i64> {
    conn.query_row(sql, [], |r| r.get(0))
}

/// An expression that reads a column, or NULL if the table lacks it.
pub(super) fn expression(columns: &[String], name: &str) -> String {
    if columns.iter().any(|column| column == name) {
        format!("\"{name}\"")
    } else {
        "NULL".to_owned()
    }
}

/// An event id, or the error of the cell.
pub(super) fn event_id(cell: ValueRef<'_>) -> Result<&str, String> {
    let text = text(cell).map_err(|flaw| format!("its event_id {flaw}"))?;
    if text.trim().is_empty() {
        return Err("its event_id is blank".to_owned());
    }
    if text.len() > LONGEST_ID {
        return Err(format!("its event_id has {} bytes", text.len()));
    }
    Ok(text)
}

/// The text of a cell, or a message about its type.
pub(super) fn text(cell: ValueRef<'_>) -> Result<&str, String> {
    match cell {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned()),
        other => Err(format!("is {}", type_words(other))),
    }
}

/// The bytes of a text or blob, or a message about its type.
pub(super) fn bytes(cell: ValueRef<'_>) -> Result<&[u8], String> {
    match cell {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(format!("is {}", type_words(other))),
    }
}

/// A count, if a number can be read from the cell; else 0.
pub(super) fn count(cell: ValueRef<'_>) -> u32 {
    match cell {
        ValueRef::Integer(number) => u32::try_from(number.max(0)).unwrap_or(u32::MAX),
        _ => 0,
    }
}

/// Seconds since the epoch as microseconds; 0 if it is not a time.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float beyond the range saturates"
)]
pub(super) fn micros(cell: ValueRef<'_>) -> i64 {
    match cell {
        ValueRef::Integer(seconds) => seconds.saturating_mul(1_000_000),
        ValueRef::Real(seconds) => (seconds * 1e6) as i64,
        _ => 0,
    }
}

const fn type_words(cell: ValueRef<'_>) -> &'static str {
    match cell {
        ValueRef::Null => "NULL",
        ValueRef::Integer(_) => "an integer",
        ValueRef::Real(_) => "a float",
        ValueRef::Text(_) => "a text",
        ValueRef::Blob(_) => "a blob",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_what_they_are() {
        assert_eq!(event_id(ValueRef::Text(b"01J")), Ok("01J"));
        for (cell, flaw) in [
            (ValueRef::Null, "its event_id is NULL"),
            (ValueRef::Integer(7), "its event_id is an integer"),
            (ValueRef::Blob(b"a"), "its event_id is a blob"),
            (ValueRef::Text(b" "), "its event_id is blank"),
            (ValueRef::Text(b"\xff"), "its event_id is not UTF-8"),
        ] {
            assert_eq!(event_id(cell), Err(flaw.to_owned()));
        }
        assert_eq!(bytes(ValueRef::Blob(b"\xff")), Ok(&b"\xff"[..]));
        assert_eq!(bytes(ValueRef::Real(1.0)), Err("is a float".to_owned()));
        assert_eq!(
            (
                count(ValueRef::Integer(-1)),
                count(ValueRef::Integer(1 << 40)),
                count(ValueRef::Null)
            ),
            (0, u32::MAX, 0)
        );
        let times = [
            ValueRef::Real(1.5),
            ValueRef::Integer(i64::MAX),
            ValueRef::Real(f64::NAN),
            ValueRef::Text(b"1"),
        ];
        assert_eq!(times.map(micros), [1_500_000, i64::MAX, 0, 0]);
    }
}

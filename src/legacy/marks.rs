//! A store's record of the older stores it imported from.

use std::path::Path;

use rusqlite::types::Value;

use super::{Error, Found};
use crate::base::{Sha256, Timestamp};
use crate::store::{ReadTx, WriteTx};

/// Server, user and team of a file's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Provenance {
    /// `known:<digest>` or `unknown:<label>`.
    pub(super) word: String,
    /// `server|user|team`, if known.
    pub(super) scope: Option<String>,
}

/// The stamp of the file when its share was completely imported; `None` if it never was.
pub(super) fn done(tx: &ReadTx<'_>, path: &Path) -> Result<Option<String>, Error> {
    let found = tx.first(
        "SELECT done FROM legacy_sources WHERE path = ?1",
        [name(path)],
        |r| r.get::<_, Option<String>>(0),
    )?;
    Ok(found.flatten())
}

/// Inserts or updates the row of a source; it is not marked as done.
pub(super) fn begin(
    tx: &WriteTx<'_>,
    found: &Found,
    provenance: &Provenance,
    now: Timestamp,
) -> Result<i64, Error> {
    Ok(tx.one(
        "INSERT INTO legacy_sources (path, kind, label, provenance, scope, imported_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (path) DO UPDATE SET kind = excluded.kind, label = excluded.label,
               provenance = excluded.provenance, scope = excluded.scope, imported_at = excluded.imported_at
             RETURNING id",
        rusqlite::params![
                name(&found.path),
                found.kind.word(),
                found.label,
                provenance.word,
                provenance.scope,
                now.as_micros()
            ],
        |r| r.get(0),
    )?)
}

/// Marks a source's share as completely imported.
pub(super) fn finish(tx: &WriteTx<'_>, source: i64, stamp: &str) -> Result<(), Error> {
    tx.prepare("UPDATE legacy_sources SET done = ?2 WHERE id = ?1")?
        .execute((source, stamp))?;
    Ok(())
}

/// The origin of a journal row in an older store.
#[derive(Debug)]
pub(super) struct Descent {
    /// The journal row.
    pub(super) seq: i64,
    /// The older store.
    pub(super) source: i64,
    /// The digest of its bytes there, if they differ from the journal's.
    pub(super) sha256: Option<Sha256>,
    /// True if they have another meaning, and are set aside.
    pub(super) differs: bool,
    /// When it was queued there, as stored.
    pub(super) queued_at: Value,
    /// How often it failed there, as stored.
    pub(super) retry_count: Value,
}

/// Records the origin of a row.
pub(super) fn descend(tx: &WriteTx<'_>, from: &Descent) -> Result<(), Error> {
    tx.prepare(
        "INSERT OR REPLACE INTO legacy_provenance (seq, source, sha256, differs, queued_at, retry_count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(rusqlite::params![
        from.seq,
        from.source,
        from.sha256.as_ref().map(|digest| &digest.as_bytes()[..]),
        from.differs,
        from.queued_at,
        from.retry_count
    ])?;
    Ok(())
}

/// The origin of a row, read from one store to be recorded in another.
#[derive(Debug, Clone)]
pub(super) struct Noted {
    path: Vec<u8>,
    words: [String; 3],
    scope: Option<String>,
    sha256: Option<Vec<u8>>,
    differs: bool,
    cells: [Value; 2],
}

/// Every origin of a row.
pub(super) fn noted(tx: &ReadTx<'_>, seq: i64) -> Result<Vec<Noted>, Error> {
    let mut statement = tx.prepare(
        "SELECT s.path, s.kind, s.label, s.provenance, s.scope, p.sha256, p.differs, p.queued_at, p.retry_count
         FROM legacy_provenance AS p JOIN legacy_sources AS s ON s.id = p.source WHERE p.seq = ?1 ORDER BY s.id",
    )?;
    let rows = statement.query_map([seq], |r| {
        Ok(Noted {
            path: r.get(0)?,
            words: [r.get(1)?, r.get(2)?, r.get(3)?],
            scope: r.get(4)?,
            sha256: r.get(5)?,
            differs: r.get(6)?,
            cells: [r.get(7)?, r.get(8)?],
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Records the origin of a row of this store. A source that this store imports directly keeps its
/// mark.
pub(super) fn note_again(
    tx: &WriteTx<'_>,
    now: Timestamp,
    seq: i64,
    noted: &Noted,
) -> Result<(), Error> {
    let [kind, label, provenance] = &noted.words;
    let source: i64 = tx.one(
        "INSERT INTO legacy_sources (path, kind, label, provenance, scope, imported_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (path) DO UPDATE SET path = excluded.path RETURNING id",
        rusqlite::params![noted.path, kind, label, provenance, noted.scope, now.as_micros()],
        |r| {
            r.get(0)
        },
    )?;
    let [queued_at, retry_count] = &noted.cells;
    tx.prepare(
        "INSERT OR REPLACE INTO legacy_provenance (seq, source, sha256, differs, queued_at, retry_count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(rusqlite::params![seq, source, noted.sha256, noted.differs, queued_at, retry_count])?;
    Ok(())
}

/// Removes the origins of a row: another store records them now, or a user removed the event.
pub(super) fn forget(tx: &WriteTx<'_>, seq: i64) -> Result<(), Error> {
    tx.prepare("DELETE FROM legacy_provenance WHERE seq = ?1")?
        .execute([seq])?;
    Ok(())
}

/// Removes the origins of all rows.
pub(crate) fn forget_all(tx: &WriteTx<'_>) -> Result<(), crate::books::Error> {
    tx.prepare("DELETE FROM legacy_provenance")?.execute([])?;
    Ok(())
}

/// The sources with recorded rows.
pub(super) fn givers_of_rows(tx: &ReadTx<'_>) -> Result<Vec<Giver>, Error> {
    let mut statement = tx.prepare(
        "SELECT s.label, s.path FROM legacy_sources AS s
         WHERE EXISTS (SELECT 1 FROM legacy_provenance AS p WHERE p.source = s.id) ORDER BY s.id",
    )?;
    Ok(statement
        .query_map([], Giver::of)?
        .collect::<rusqlite::Result<_>>()?)
}

/// Records for the row `to` the sources that had this content under the id of row `from`.
pub(super) fn inherit(tx: &WriteTx<'_>, from: i64, to: i64, content: &Sha256) -> Result<(), Error> {
    tx.prepare(
        "INSERT OR REPLACE INTO legacy_provenance (seq, source, sha256, differs, queued_at, retry_count)
         SELECT ?2, source, NULL, 0, queued_at, retry_count FROM legacy_provenance
         WHERE seq = ?1 AND sha256 = ?3 AND differs",
    )?
    .execute(rusqlite::params![from, to, &content.as_bytes()[..]])?;
    Ok(())
}

/// Records that a document was imported from a source; true if it was not imported before.
pub(super) fn take_body(tx: &WriteTx<'_>, body: &Sha256, source: i64) -> Result<bool, Error> {
    let is_known = tx
        .prepare("SELECT 1 FROM legacy_bodies WHERE body = ?1 LIMIT 1")?
        .exists([&body.as_bytes()[..]])?;
    tx.prepare("INSERT OR IGNORE INTO legacy_bodies (body, source) VALUES (?1, ?2)")?
        .execute(rusqlite::params![&body.as_bytes()[..], source])?;
    Ok(!is_known)
}

/// An older store that this one imported from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Giver {
    /// Its short name.
    pub(crate) label: String,
    /// Its file.
    pub(crate) path: String,
}

impl Giver {
    /// True if a user may refer to it by this name: its label, the name of its file, or its path.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let file = self.path.rsplit(['/', '\\']).next().unwrap_or_default();
        name == self.label || name == file || name == self.path
    }

    fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let path: Vec<u8> = row.get(1)?;
        Ok(Self {
            label: row.get(0)?,
            path: String::from_utf8_lossy(&path).into_owned(),
        })
    }
}

/// Every older store that this one imported from.
pub(crate) fn givers(tx: &ReadTx<'_>) -> Result<Vec<Giver>, Error> {
    let mut statement = tx.prepare("SELECT label, path FROM legacy_sources ORDER BY id")?;
    Ok(statement
        .query_map([], Giver::of)?
        .collect::<rusqlite::Result<_>>()?)
}

/// The older stores that a row came from.
pub(super) fn sources_of(tx: &ReadTx<'_>, seq: i64) -> Result<Vec<Giver>, Error> {
    let mut statement = tx.prepare(
        "SELECT s.label, s.path FROM legacy_provenance AS p JOIN legacy_sources AS s ON s.id = p.source
         WHERE p.seq = ?1 ORDER BY s.id",
    )?;
    Ok(statement
        .query_map([seq], Giver::of)?
        .collect::<rusqlite::Result<_>>()?)
}

/// A path in stored form.
pub(super) fn name(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

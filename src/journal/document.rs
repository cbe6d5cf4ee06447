//! A version of a document: which file of which mission it is, and the digest of its text.
//!
//! It is a row of the journal like an event; the text is stored separately, once for all versions
//! that have it, and only for as long as some target may need it.

use serde::{Deserialize, Serialize};

use super::Error;
use crate::base::{Sha256, Timestamp};
use crate::event::{self, NamespaceRef};
use crate::store::{ReadTx, WriteTx};

/// Event type of document rows.
pub(crate) const DOCUMENT_TYPE: &str = "document";

/// One version of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    /// Mission and project of the document.
    pub(crate) namespace: NamespaceRef,
    /// The path below the feature directory.
    pub(crate) path: String,
    /// The digest of the text.
    pub(crate) sha256: Sha256,
    /// Bytes of the text.
    pub(crate) size: u64,
    /// The directory that `path` is relative to, from the top of the work tree; `None` if unknown.
    pub(crate) place: Option<String>,
}

/// The stored payload: members sorted, compact.
#[derive(Serialize, Deserialize)]
struct Kept {
    artifact_path: String,
    content_hash: String,
    namespace: NamespaceRef,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    size_bytes: u64,
}

impl Document {
    /// The bytes of the row's payload.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let kept = Kept {
            artifact_path: self.path.clone(),
            content_hash: self.sha256.to_string(),
            namespace: self.namespace.clone(),
            place: self.place.clone(),
            size_bytes: self.size,
        };
        // Names, a digest and a number: serialisation cannot fail.
        serde_json::to_vec(&kept).unwrap_or_default()
    }

    /// The document of a payload; `None` if the payload is not one.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(bytes).ok()?;
        let sha256 = Sha256::from_hex(&kept.content_hash)?;
        let Kept {
            artifact_path: path,
            namespace,
            place,
            size_bytes: size,
            ..
        } = kept;
        Some(Self {
            namespace,
            path,
            sha256,
            size,
            place,
        })
    }

    /// Key that all versions of one document share.
    pub(crate) fn key(&self) -> [u8; 16] {
        event::document_key(&self.namespace, &self.path)
    }
}

/// Stores a text under its digest. An intact text replaces a damaged one.
pub(crate) fn keep_text(tx: &WriteTx<'_>, sha256: Sha256, text: &[u8]) -> Result<(), Error> {
    tx.prepare(
        "INSERT INTO journal_texts (sha256, text) VALUES (?1, ?2)
         ON CONFLICT (sha256) DO UPDATE SET text = excluded.text WHERE text <> excluded.text",
    )?
    .execute((sha256.as_bytes(), text))?;
    Ok(())
}

/// The text with this digest; `None` if it is not stored. The digest is not checked.
pub(crate) fn text(tx: &ReadTx<'_>, sha256: Sha256) -> Result<Option<Vec<u8>>, Error> {
    let sql = "SELECT text FROM journal_texts WHERE sha256 = ?1";
    Ok(tx.first(sql, [sha256.as_bytes()], |r| r.get(0))?)
}

/// True if a text with this digest is stored.
pub(crate) fn has_text(tx: &ReadTx<'_>, sha256: Sha256) -> Result<bool, Error> {
    Ok(tx
        .prepare("SELECT 1 FROM journal_texts WHERE sha256 = ?1")?
        .exists([sha256.as_bytes()])?)
}

/// Deletes a text.
pub(crate) fn drop_text(tx: &WriteTx<'_>, sha256: Sha256) -> Result<(), Error> {
    tx.prepare("DELETE FROM journal_texts WHERE sha256 = ?1")?
        .execute([sha256.as_bytes()])?;
    Ok(())
}

/// The digests of the stored texts.
pub(crate) fn kept_digests(tx: &ReadTx<'_>) -> Result<Vec<Sha256>, Error> {
    let mut statement = tx.prepare("SELECT sha256 FROM journal_texts")?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.extend(row.get_ref(0)?.as_blob().ok().and_then(Sha256::from_slice));
    }
    Ok(all)
}

/// Number of stored texts, and their bytes. O(texts).
pub(crate) fn kept_texts(tx: &ReadTx<'_>) -> Result<(u64, u64), Error> {
    let sql = "SELECT COUNT(*), COALESCE(SUM(LENGTH(text)), 0) FROM journal_texts";
    let (count, bytes): (i64, i64) = tx.one(sql, [], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok((
        u64::try_from(count).unwrap_or(0),
        u64::try_from(bytes).unwrap_or(0),
    ))
}

/// Findings about stored texts that differ from their digest; hashes every text.
pub(crate) fn damaged_texts(tx: &ReadTx<'_>) -> Result<Vec<String>, Error> {
    let mut statement = tx.prepare("SELECT sha256, text FROM journal_texts")?;
    let mut rows = statement.query([])?;
    let mut damaged = Vec::new();
    while let Some(row) = rows.next()? {
        let digest = row.get_ref(0)?.as_blob().ok().and_then(Sha256::from_slice);
        let text = row.get_ref(1)?.as_blob().ok().map(Sha256::of);
        if digest.is_none() || digest != text {
            let name = digest.map_or_else(
                || "without a digest".to_owned(),
                |digest| digest.to_string(),
            );
            damaged.push(format!("the kept text {name} does not match its digest"));
        }
    }
    Ok(damaged)
}

/// The live documents that an event announces.
pub(crate) fn announced(tx: &ReadTx<'_>, event: i64) -> Result<Vec<i64>, Error> {
    let mut statement = tx.prepare(
        "SELECT seq FROM journal_events WHERE announced_by = ?1
         AND superseded_by IS NULL AND discarded IS NULL AND gone IS NULL ORDER BY seq",
    )?;
    Ok(statement
        .query_map([event], |r| r.get(0))?
        .collect::<rusqlite::Result<_>>()?)
}

/// The newest version of a key: its row and the digest of its text; `None` if there is none, or it
/// was given up.
pub(crate) fn newest_version(
    tx: &ReadTx<'_>,
    key: [u8; 16],
) -> Result<Option<(i64, Sha256)>, Error> {
    let Some(newest) = super::newest::newest(tx, key)? else {
        return Ok(None);
    };
    Ok((!super::newest::is_discarded(tx, newest.seq)?).then_some((newest.seq, newest.facts)))
}

/// The id of the newest version of a key, live or not, and its capture time.
pub(crate) fn last_version(
    tx: &ReadTx<'_>,
    key: [u8; 16],
) -> Result<Option<(String, Timestamp)>, Error> {
    let Some(newest) = super::newest::newest(tx, key)? else {
        return Ok(None);
    };
    let sql = "SELECT event_id, captured_at FROM journal_events WHERE seq = ?1";
    let row = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, Timestamp::from_micros(r.get(1)?)));
    Ok(tx.first(sql, [newest.seq], row)?)
}

/// The version of the same document before this one; `None` for the first.
pub(crate) fn version_before(tx: &ReadTx<'_>, seq: i64) -> Result<Option<i64>, Error> {
    let sql = "SELECT follows FROM journal_events WHERE seq = ?1";
    Ok(tx.first(sql, [seq], |r| r.get(0))?.flatten())
}

/// The newest event of a key that was not given up.
pub(crate) fn newest_event(tx: &ReadTx<'_>, key: [u8; 16]) -> Result<Option<i64>, Error> {
    Ok(newest_version(tx, key)?.map(|(seq, _)| seq))
}

/// Marks a live version as superseded by `by`, because its text is lost; false if it was not live.
/// The caller must also post it to the targets.
pub(crate) fn supersede_document(tx: &WriteTx<'_>, seq: i64, by: i64) -> Result<bool, Error> {
    use super::state::{counter_of, name};
    let row = tx.first(
        "UPDATE journal_events SET superseded_by = ?2
             WHERE seq = ?1 AND kind = 1 AND superseded_by IS NULL AND discarded IS NULL AND gone IS NULL
               AND held IS NULL
             RETURNING size",
        [seq, by],
        |r| r.get::<_,
        i64>(0),
    )?;
    let Some(size) = row else { return Ok(false) };
    for (name, by) in [
        (name::LIVE, -1),
        (name::SUPERSEDED, 1),
        (name::LIVE_BYTES, -size),
    ] {
        crate::store::add_to_counter(tx, counter_of(super::Kind::Document, name), by)?;
    }
    Ok(true)
}

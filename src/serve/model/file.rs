//! Documents and their versions.

use rusqlite::Row;

use crate::base::Sha256;
use crate::serve::Error;
use crate::store::ReadTx;

/// The most versions of a document that are listed.
const MOST_VERSIONS: i64 = 100;

/// A document of a mission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Document {
    pub(in crate::serve) id: i64,
    pub(in crate::serve) path: String,
    pub(in crate::serve) class: String,
    pub(in crate::serve) is_required: bool,
    /// The current version; `None` for a document that was only told missing.
    pub(in crate::serve) sha256: Option<Sha256>,
    /// Bytes.
    pub(in crate::serve) size: i64,
    /// When the current version came, in microseconds since the epoch.
    pub(in crate::serve) at: i64,
    pub(in crate::serve) is_gone: bool,
    /// Task boxes, and how many are ticked.
    pub(in crate::serve) boxes: (i64, i64),
    /// True if the text of the current version is kept.
    pub(in crate::serve) has_text: bool,
    /// How many versions were told.
    pub(in crate::serve) versions: i64,
}

/// One version of a document, and where it was delivered from last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Held {
    pub(in crate::serve) sha256: Sha256,
    pub(in crate::serve) size: i64,
    pub(in crate::serve) at: i64,
    pub(in crate::serve) told: String,
    pub(in crate::serve) branch: String,
    pub(in crate::serve) commit: String,
    pub(in crate::serve) node: String,
    pub(in crate::serve) has_text: bool,
}

const DOCUMENT: &str =
    "SELECT d.document_id, d.path, d.class, d.is_required, d.sha256, d.size, d.at, d.is_gone, d.boxes,
    d.boxes_done, EXISTS (SELECT 1 FROM serve_model_texts t WHERE t.project_id = m.project_id AND t.sha256 = d.sha256),
    (SELECT count(*) FROM serve_model_versions v WHERE v.document_id = d.document_id)
    FROM serve_model_documents d JOIN serve_model_missions m USING (mission_id)";

fn digest(bytes: Option<[u8; 32]>) -> Option<Sha256> {
    bytes.and_then(|bytes| Sha256::from_slice(&bytes))
}

fn document_of(r: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        id: r.get(0)?,
        path: r.get(1)?,
        class: r.get(2)?,
        is_required: r.get(3)?,
        sha256: digest(r.get(4)?),
        size: r.get(5)?,
        at: r.get(6)?,
        is_gone: r.get(7)?,
        boxes: (r.get(8)?, r.get(9)?),
        has_text: r.get(10)?,
        versions: r.get(11)?,
    })
}

/// The documents of a mission after this path, by path.
pub(in crate::serve) fn documents(
    tx: &ReadTx<'_>,
    mission: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<Document>, Error> {
    let mut statement = tx.prepare(&format!(
        "{DOCUMENT} WHERE d.mission_id = ?1 AND d.path > ?2 ORDER BY d.path LIMIT ?3"
    ))?;
    let rows = statement.query_map((mission, after, limit), document_of)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The document of a mission at this path.
pub(in crate::serve) fn document(
    tx: &ReadTx<'_>,
    mission: i64,
    path: &str,
) -> Result<Option<Document>, Error> {
    Ok(tx.first(
        &format!("{DOCUMENT} WHERE d.mission_id = ?1 AND d.path = ?2"),
        (mission, path),
        document_of,
    )?)
}

/// The versions of a document, the newest first.
pub(in crate::serve) fn versions(tx: &ReadTx<'_>, document: i64) -> Result<Vec<Held>, Error> {
    let mut statement = tx.prepare(
        "SELECT v.sha256, v.size, v.at, v.told, v.branch, v.commit_sha, v.node,
         EXISTS (SELECT 1 FROM serve_model_texts t WHERE t.project_id = m.project_id AND t.sha256 = v.sha256)
         FROM serve_model_versions v JOIN serve_model_documents d USING (document_id)
         JOIN serve_model_missions m USING (mission_id)
         WHERE document_id = ?1 ORDER BY v.at DESC, v.told DESC LIMIT ?2",
    )?;
    let rows = statement.query_map((document, MOST_VERSIONS), |r| {
        Ok(Held {
            sha256: digest(r.get(0)?).unwrap_or_else(|| Sha256::of(b"")),
            size: r.get(1)?,
            at: r.get(2)?,
            told: r.get(3)?,
            branch: r.get(4)?,
            commit: r.get(5)?,
            node: r.get(6)?,
            has_text: r.get(7)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

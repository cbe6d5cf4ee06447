//! Which documents are due, in order, and their texts.

use super::{Body, Error};
use crate::base::{Sha256, Timestamp};
use crate::delivery::{self, Class, Owed};
use crate::event::{NamespaceRef, document_key};
use crate::journal::{self, Kind};
use crate::store::ReadTx;

/// One version of a document that is left to send, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its journal row.
    pub(crate) id: i64,
    /// Whose artifact it is.
    pub(crate) namespace: NamespaceRef,
    /// The path below the feature directory.
    pub(crate) path: String,
    /// The directory that `path` is relative to, from the top of the work tree; `None` if unknown.
    pub(crate) place: Option<String>,
    /// The digest of the text.
    pub(crate) sha256: Sha256,
    /// The length of the text.
    pub(crate) size_bytes: u64,
    /// How often an upload failed.
    pub(crate) retry_count: u32,
    /// When it may be tried.
    pub(crate) due_at: Timestamp,
    /// When it was captured.
    pub(crate) created_at: Timestamp,
    /// Why the last upload failed.
    pub(crate) last_error: Option<String>,
}

impl Row {
    /// Key that all versions of a document share.
    pub(super) fn key(&self) -> [u8; 16] {
        document_key(&self.namespace, &self.path)
    }
}

impl From<Owed> for Row {
    fn from(owed: Owed) -> Self {
        let Owed {
            seq,
            document,
            failures,
            due_at,
            captured_at,
            last_error,
        } = owed;
        Self {
            id: seq,
            namespace: document.namespace,
            path: document.path,
            place: document.place,
            sha256: document.sha256,
            size_bytes: document.size,
            retry_count: failures,
            due_at,
            created_at: captured_at,
            last_error,
        }
    }
}

/// At most `limit` rows above `after` that may be sent at `now`.
pub(super) fn due(
    tx: &ReadTx<'_>,
    target: i64,
    now: Timestamp,
    after: i64,
    limit: i64,
) -> Result<Vec<Row>, Error> {
    Ok(delivery::due(tx, target, now, after, limit)?
        .into_iter()
        .map(Row::from)
        .collect())
}

/// At most `limit` rows that a target lacks, in journal order, due or not; of the given missions,
/// or of every one for `None`.
pub(crate) fn list(
    tx: &ReadTx<'_>,
    target: Option<i64>,
    missions: Option<&[String]>,
    limit: usize,
) -> Result<Vec<Row>, Error> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = delivery::waiting(tx, target, after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(all);
        };
        after = last.seq;
        let is_meant = |owed: &Owed| {
            missions.is_none_or(|slugs| slugs.contains(&owed.document.namespace.mission_slug))
        };
        all.extend(
            page.into_iter()
                .filter(is_meant)
                .map(Row::from)
                .take(limit - all.len()),
        );
        if all.len() >= limit {
            return Ok(all);
        }
    }
}

/// Rows read at once.
const PAGE: i64 = 1000;

/// The stored text of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// The text, with the digest that the row names.
    Intact(Body),
    /// Bytes with another digest: the store is damaged here.
    Damaged,
    /// None is kept.
    Nothing,
}

/// Reads a row's text and hashes it again, so that only captured text is ever sent.
pub(super) fn content(tx: &ReadTx<'_>, row: &Row) -> Result<Stored, Error> {
    Ok(match journal::text(tx, row.sha256)? {
        Some(text) => Body::kept(text, row.sha256).map_or(Stored::Damaged, Stored::Intact),
        None => Stored::Nothing,
    })
}

/// Number of documents that the target lacks and that a later drain sends.
pub(super) fn remaining(tx: &ReadTx<'_>, target: i64) -> Result<u64, Error> {
    let target = delivery::targets(tx)?
        .into_iter()
        .find(|known| known.id == target);
    let balance = delivery::balance_of(tx, target.as_ref(), Kind::Document)?;
    Ok(u64::try_from(balance.of(Class::Untried) + balance.of(Class::Retryable)).unwrap_or(0))
}

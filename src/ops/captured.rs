//! Documents of the journal that a target does not have: consent releases them in addition to those
//! that an index finds.

use std::path::Path;

use serde::Serialize;

use super::Error;
use crate::books;
use crate::delivery;

/// Rows examined in one transaction, and in total.
const CHUNK: i64 = 1000;
const MOST: usize = 10_000;

/// A captured document that is left to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CapturedDocument {
    /// The mission's slug.
    pub(crate) mission_slug: String,
    /// Its path within the mission.
    pub(crate) path: String,
    /// In bytes.
    pub(crate) size: u64,
}

/// The documents in the store that `target_id` does not have and that are not on hold, at most
/// 10,000; all of them if there is no such target yet. Creates nothing and changes nothing.
pub(crate) fn captured_documents(
    store: &Path,
    target_id: Option<&str>,
) -> Result<Vec<CapturedDocument>, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(Vec::new());
    };
    let (mut found, mut after) = (Vec::new(), 0);
    while found.len() < MOST {
        let page = store.read(|tx| {
            let target = target_id.map_or(Ok(None), |id| delivery::current(tx, id))?;
            Ok::<_, Error>(delivery::waiting(
                tx,
                target.map(|target| target.id),
                after,
                CHUNK,
            )?)
        })?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        found.extend(page.into_iter().map(|owed| CapturedDocument {
            mission_slug: owed.document.namespace.mission_slug,
            path: owed.document.path,
            size: owed.document.size,
        }));
    }
    found.sort_by(|a, b| (&a.mission_slug, &a.path).cmp(&(&b.mission_slug, &b.path)));
    found.dedup_by(|a, b| (&a.mission_slug, &a.path) == (&b.mission_slug, &b.path));
    Ok(found)
}

//! Texts of documents: kept when they are not sent at once, offered again on request, given up when
//! they are nowhere any more.

use std::collections::HashSet;

use super::plan::Plan;
use crate::bodies::Row;
use crate::books;
use crate::delivery::{self, Owed};
use crate::journal;
use crate::ops::Error;
use crate::ops::balances::documents_lacking;
use crate::ops::bodies::Disk;
use crate::store::Store;

/// Documents looked at in one transaction.
const CHUNK: i64 = 256;

/// Keeps the texts of documents that the target still lacks, as they are on disk: what was captured
/// is what is sent. Returns a warning, if they did not all fit.
pub(super) fn keep(
    plan: &Plan<'_>,
    store: &mut Store,
    disk: Option<&Disk<'_>>,
) -> Result<Option<String>, Error> {
    let (Some(disk), Some(identity)) = (disk, &plan.resolved.identity) else {
        return Ok(None);
    };
    if plan.no_upload().is_some() {
        return Ok(None);
    }
    let limit = plan.workspace.loaded.config.bodies.max_queue_bytes;
    let (target, mut kept) = store.read(|tx| {
        let target = delivery::current(tx, &identity.target_id)?;
        let is_any = documents_lacking(tx, target.as_ref())? > 0;
        let kept = if is_any {
            Some(journal::kept_texts(tx)?.1)
        } else {
            None
        };
        Ok::<_, Error>((target.map(|target| target.id), kept))
    })?;
    let (Some(kept), mut after, mut left_out) = (&mut kept, 0, 0_u64) else {
        return Ok(None);
    };
    loop {
        let page = store.read(|tx| {
            let mut without = Vec::new();
            let waiting = delivery::waiting(tx, target, after, CHUNK)?;
            let last = waiting.last().map(|owed| owed.seq);
            for owed in waiting {
                if !journal::has_text(tx, owed.document.sha256)? {
                    without.push(Row::from(owed));
                }
            }
            Ok::<_, Error>(last.map(|last| (last, without)))
        })?;
        let Some((last, without)) = page else { break };
        after = last;
        let mut texts = Vec::new();
        let mut looked_at = HashSet::new();
        let without = without.iter().filter(|row| looked_at.insert(row.sha256));
        for text in without.filter_map(|row| disk.text(row)) {
            let size = text.text().len() as u64;
            if kept.saturating_add(size) > limit {
                left_out += 1;
            } else {
                *kept += size;
                texts.push(text);
            }
        }
        if !texts.is_empty() {
            store.write(|tx| {
                texts.iter().try_for_each(|text| {
                    journal::keep_text(tx, text.sha256(), text.text().as_bytes())
                })
            })?;
        }
    }
    Ok((left_out > 0).then(|| {
        format!(
            "queue_full: {left_out} texts did not fit into the limit of {limit} bytes for waiting texts \
             (bodies.max_queue_bytes); they are sent from the files, as long as these do not change"
        )
    }))
}

/// Requeues every document on disk, if that is requested.
pub(super) fn resubmit(
    plan: &Plan<'_>,
    store: &mut Store,
    disk: Option<&Disk<'_>>,
) -> Result<(), Error> {
    let (Some(disk), true, Some(id)) = (disk, plan.resubmits(), plan.target_id()) else {
        return Ok(());
    };
    store.write(|tx| {
        let Some(target) = delivery::current(tx, id)? else {
            return Ok(());
        };
        for key in disk.keys() {
            if let Some((seq, _)) = journal::newest_version(tx, *key)? {
                delivery::offer_again(tx, target.id, seq)?;
            }
        }
        Ok(())
    })
}

/// Versions that were due and have no text anywhere: a newer one takes their place. Only a run that
/// has seen all of the checkout can say so; any other leaves them, and returns a warning.
pub(super) fn give_up(
    plan: &Plan<'_>,
    store: &mut Store,
    textless: &[Row],
) -> Result<Option<String>, Error> {
    if textless.is_empty() {
        return Ok(None);
    }
    let request = plan.request;
    let has_seen_all = request.scope.indexes && request.missions.is_none() && !request.only_changed;
    if !has_seen_all {
        return Ok(Some(format!(
            "text_missing: {} documents have no text here any more; a run in the checkout reads it from the files",
            textless.len()
        )));
    }
    let now = plan.world.clock.now();
    store.write(|tx| {
        for row in textless {
            let (namespace, path) = (row.namespace.clone(), row.path.clone());
            let (sha256, size, place) = (row.sha256, row.size_bytes, row.place.clone());
            let document = journal::Document {
                namespace,
                path,
                sha256,
                size,
                place,
            };
            let owed = Owed {
                seq: row.id,
                document,
                failures: row.retry_count,
                due_at: row.due_at,
                captured_at: row.created_at,
                last_error: None,
            };
            books::without_text(tx, now, &owed)?;
        }
        Ok::<_, Error>(None)
    })
}

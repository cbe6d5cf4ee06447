//! Documents on the way of a run: texts that stay when nothing is sent, texts that are nowhere, and
//! how each stands.

use std::collections::HashSet;

use super::Error;
use super::bodies::{self, Disk, Filters};
use super::dossier::Indexed;
use super::report::{Balance, Documents};
use super::run::Journey;
use super::tally::Standing;
use crate::bodies::{Decision, Row, Status};
use crate::books;
use crate::config::Resubmit;
use crate::delivery::{self, Class, Owed, Target};
use crate::event;
use crate::journal::{self, Kind};
use crate::store::{ReadTx, Store};

/// Documents looked at in one transaction.
const CHUNK: i64 = 256;

/// How many rows of a kind a target lacks and will be sent.
pub(super) fn books_of(tx: &ReadTx<'_>, target: Option<&Target>, kind: Kind) -> Result<u64, Error> {
    let balance = delivery::balance_of(tx, target, kind)?;
    Ok(u64::try_from(balance.of(Class::Untried) + balance.of(Class::Retryable)).unwrap_or(0))
}

impl Journey<'_> {
    /// Keeps the texts of documents that the target still lacks, as they are on disk: what was
    /// captured is what is sent.
    pub(super) fn keep_texts(
        &mut self,
        store: &mut Store,
        disk: Option<&Disk<'_>>,
    ) -> Result<(), Error> {
        let (Some(disk), Some(identity)) = (disk, &self.resolved.identity) else {
            return Ok(());
        };
        if self.no_upload().is_some() {
            return Ok(());
        }
        let limit = self.workspace.loaded.config.bodies.max_queue_bytes;
        let (target, mut kept) = store.read(|tx| {
            let target = delivery::current(tx, &identity.target_id)?;
            let is_any = books_of(tx, target.as_ref(), Kind::Document)? > 0;
            let kept = if is_any {
                Some(journal::kept_texts(tx)?.1)
            } else {
                None
            };
            Ok::<_, Error>((target.map(|target| target.id), kept))
        })?;
        let (Some(kept), mut after, mut left_out) = (&mut kept, 0, 0_u64) else {
            return Ok(());
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
        if left_out > 0 {
            self.report.warnings.push(format!(
                "queue_full: {left_out} texts did not fit into the limit of {limit} bytes for waiting texts \
                 (bodies.max_queue_bytes); they are sent from the files, as long as these do not change"
            ));
        }
        Ok(())
    }

    /// Requeues every document on disk, if that is requested.
    pub(super) fn resubmit(&self, store: &mut Store, disk: Option<&Disk<'_>>) -> Result<(), Error> {
        let (Some(disk), true, Some(id)) = (disk, self.resubmits(), self.target_id()) else {
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

    /// True when what the target acknowledged is sent again.
    pub(super) fn resubmits(&self) -> bool {
        let is_always = self.workspace.loaded.config.bodies.resubmit == Resubmit::Always;
        self.request.scope.offers_bodies && (self.request.resubmits || is_always)
    }

    /// Versions that were due and have no text anywhere: a newer one takes their place. Only a run
    /// that has seen all of the checkout can say so; any other leaves them.
    pub(super) fn without_text(
        &mut self,
        store: &mut Store,
        textless: &[Row],
    ) -> Result<(), Error> {
        if textless.is_empty() {
            return Ok(());
        }
        let has_seen_all = self.request.scope.indexes
            && self.request.missions.is_none()
            && !self.request.only_changed;
        if !has_seen_all {
            self.report.warnings.push(format!(
                "text_missing: {} documents have no text here any more; a run in the checkout reads it from the files",
                textless.len()
            ));
            return Ok(());
        }
        let now = self.world.clock.now();
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
            Ok::<_, Error>(())
        })
    }

    /// Says how each artifact stands, and how all documents do.
    pub(super) fn tell_documents(
        &mut self,
        store: &ReadIt<'_>,
        indexed: Option<&Indexed>,
    ) -> Result<(), Error> {
        let mut tally = std::mem::take(&mut self.tally);
        let target = store.read(|tx| {
            self.target_id()
                .map_or(Ok(None), |id| delivery::current(tx, id))
        })?;
        let balance = store.read(|tx| delivery::balance_of(tx, target.as_ref(), Kind::Document))?;
        if let (Some(indexed), Some(uuid)) = (indexed, &self.workspace.identity.project_uuid) {
            let filter = Filters::of(self.workspace)?;
            let open = [
                Class::Untried,
                Class::Retryable,
                Class::Undeliverable,
                Class::InFlight,
                Class::Blocked,
            ];
            let is_all_there = target.is_some() && open.iter().all(|class| balance.of(*class) == 0);
            for mission in &indexed.index.missions {
                let namespace = mission.namespace(uuid);
                for artifact in &mission.artifacts {
                    let (decision, which) = (
                        filter.decide(mission, artifact),
                        bodies::which(mission, artifact),
                    );
                    let skipped = match (decision.status, self.no_upload()) {
                        (Status::Queued, Some(why)) => Some(Decision::skipped(why.reason())),
                        (Status::Queued, None) => None,
                        _ => Some(decision),
                    };
                    if let Some(decision) = skipped {
                        tally.decided(which, decision);
                        continue;
                    }
                    // Nothing captured and nothing left to send: the key of each document need not
                    // be known.
                    if is_all_there && self.is_settled && self.captured_documents.is_empty() {
                        tally.stands(which, false, Standing::Acknowledged);
                        continue;
                    }
                    let key = event::document_key(&namespace, &artifact.path);
                    let is_new = self.captured_documents.contains(&key);
                    let standing = if is_all_there && !is_new && self.is_settled {
                        Standing::Acknowledged
                    } else {
                        store.read(|tx| standing(tx, target.as_ref(), key, artifact.sha256))?
                    };
                    tally.stands(which, is_new, standing);
                }
            }
        }
        let is_shut = self.report.gates.iter().any(|gate| !gate.open);
        let drains = self.request.scope.drains
            && self.resolved.receiver.is_some()
            && self.no_upload().is_none();
        let sendable = |tx: &ReadTx<'_>| {
            target
                .as_ref()
                .map_or(Ok(0), |target| delivery::sendable(tx, target.id))
        };
        let lacking = balance.of(Class::Untried) + balance.of(Class::Retryable);
        let waiting = if drains {
            u64::try_from(lacking).unwrap_or(0)
        } else {
            0
        };
        self.report.standing.owed_documents = if drains { store.read(sendable)? } else { 0 };
        let requests = tally.requests;
        let counts = tally.finish(waiting);
        self.report.documents = Some(Documents {
            balance: Balance::of(&balance, is_shut),
            selected: requests,
            not_sent: counts.skipped.clone(),
        });
        self.report.bodies = Some(counts);
        Ok(())
    }
}

fn standing(
    tx: &ReadTx<'_>,
    target: Option<&Target>,
    key: [u8; 16],
    sha256: Option<crate::base::Sha256>,
) -> Result<Standing, Error> {
    let Some((seq, newest)) = journal::newest_version(tx, key)? else {
        return Ok(Standing::Changed);
    };
    if Some(newest) != sha256 {
        return Ok(Standing::NoNews);
    }
    let row = target.map_or(Ok(None), |target| delivery::row_of(tx, target.id, seq))?;
    Ok(match row.map(|row| row.status.class()) {
        Some(Class::Delivered) => Standing::Acknowledged,
        Some(Class::Undeliverable) => Standing::Refused,
        _ => Standing::Owed,
    })
}

/// The keys of documents that a run captured.
pub(super) type Captured = HashSet<[u8; 16]>;

/// A store to read from.
pub(super) enum ReadIt<'a> {
    /// Open to write as well.
    Write(&'a Store),
    /// Open to read.
    Read(&'a crate::store::ReadStore),
}

impl ReadIt<'_> {
    fn read<T, E: From<crate::store::Error>>(
        &self,
        work: impl Fn(&ReadTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Write(store) => store.read(work),
            Self::Read(store) => store.read(work),
        }
    }
}

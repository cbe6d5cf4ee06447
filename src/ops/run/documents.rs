//! How each document of the index stands at the target, and how all documents do.

use super::capture::Captured;
use super::index::Indexed;
use super::plan::Plan;
use crate::bodies::{Decision, Status};
use crate::delivery::{self, Class, Target};
use crate::event;
use crate::journal::{self, Kind};
use crate::ops::Error;
use crate::ops::bodies::{self, Filters};
use crate::ops::report::{Balance, Bodies, Documents};
use crate::ops::tally::{Standing, Tally};
use crate::store::{ReadTx, Store};

/// Classes of documents that are not done.
const OPEN: [Class; 5] = [
    Class::Untried,
    Class::Retryable,
    Class::Undeliverable,
    Class::InFlight,
    Class::Blocked,
];

/// The documents, as a run leaves them.
#[derive(Debug)]
pub(super) struct DocumentsNow {
    /// Results, one by one.
    pub(super) bodies: Bodies,
    /// Their balance.
    pub(super) documents: Documents,
    /// Number that a later drain would send; 0 if the command was not asked to drain.
    pub(super) left_to_send: u64,
}

/// What is told of documents: the index, where there is one, and what this run did.
#[derive(Debug, Default)]
pub(super) struct Deeds<'a> {
    /// The index, if each of its documents is reported.
    pub(super) indexed: Option<&'a Indexed>,
    /// What was captured; `None` if nothing was.
    pub(super) captured: Option<&'a Captured>,
    /// What was uploaded.
    pub(super) tally: Tally,
    /// A check fails, so that nothing was sent.
    pub(super) is_shut: bool,
}

impl Deeds<'_> {
    /// The index and the journal agree: no other checkout has stated anything newer.
    fn is_settled(&self) -> bool {
        self.captured.is_none_or(|captured| captured.skipped == 0)
    }

    fn is_new(&self, key: [u8; 16]) -> bool {
        self.captured
            .is_some_and(|captured| captured.documents.contains(&key))
    }

    fn has_captured(&self) -> bool {
        self.captured
            .is_some_and(|captured| !captured.documents.is_empty())
    }
}

/// Reads how the documents stand after these deeds.
pub(super) fn look(
    plan: &Plan<'_>,
    store: &ReadIt<'_>,
    mut deeds: Deeds<'_>,
) -> Result<DocumentsNow, Error> {
    let target = store.read(|tx| {
        plan.target_id()
            .map_or(Ok(None), |id| delivery::current(tx, id))
    })?;
    let balance = store.read(|tx| delivery::balance_of(tx, target.as_ref(), Kind::Document))?;
    let mut tally = std::mem::take(&mut deeds.tally);
    if let (Some(indexed), Some(uuid)) = (deeds.indexed, &plan.workspace.identity.project_uuid) {
        let is_all_there = target.is_some() && OPEN.iter().all(|class| balance.of(*class) == 0);
        let target = target.as_ref();
        each(
            plan,
            store,
            (indexed, uuid),
            &deeds,
            (target, is_all_there),
            &mut tally,
        )?;
    }
    let drains = plan.delivers() && plan.no_upload().is_none();
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
    let requests = tally.requests;
    let bodies = tally.finish(waiting);
    Ok(DocumentsNow {
        documents: Documents {
            balance: Balance::of(&balance, deeds.is_shut),
            selected: requests,
            not_sent: bodies.skipped.clone(),
        },
        bodies,
        left_to_send: if drains { store.read(sendable)? } else { 0 },
    })
}

/// Counts each document of the index. `is_all_there`: the target has every document.
fn each(
    plan: &Plan<'_>,
    store: &ReadIt<'_>,
    (indexed, project_uuid): (&Indexed, &str),
    deeds: &Deeds<'_>,
    (target, is_all_there): (Option<&Target>, bool),
    tally: &mut Tally,
) -> Result<(), Error> {
    let filter = Filters::of(plan.workspace)?;
    let is_all_there = is_all_there && deeds.is_settled();
    for mission in &indexed.index.missions {
        let namespace = mission.namespace(project_uuid);
        for artifact in &mission.artifacts {
            let (decision, which) = (
                filter.decide(mission, artifact),
                bodies::which(mission, artifact),
            );
            let skipped = match (decision.status, plan.no_upload()) {
                (Status::Queued, Some(why)) => Some(Decision::skipped(why.reason())),
                (Status::Queued, None) => None,
                _ => Some(decision),
            };
            if let Some(decision) = skipped {
                tally.decided(which, decision);
                continue;
            }
            // Nothing captured and nothing left to send: the key of each document need not be
            // known.
            if is_all_there && !deeds.has_captured() {
                tally.stands(which, false, Standing::Acknowledged);
                continue;
            }
            let key = event::document_key(&namespace, &artifact.path);
            let is_new = deeds.is_new(key);
            let standing = if is_all_there && !is_new {
                Standing::Acknowledged
            } else {
                store.read(|tx| standing(tx, target, key, artifact.sha256))?
            };
            tally.stands(which, is_new, standing);
        }
    }
    Ok(())
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

//! The second step: what is new in the index enters the journal, all of it in one transaction.

use std::collections::HashSet;

use super::capture_mission::Capturing;
use super::index::Indexed;
use crate::base::text::path;
use crate::books;
use crate::dossier::{self, Mission};
use crate::journal::{self, Receipt};
use crate::ops::bodies::Filters;
use crate::ops::memory::{Fresh, Memory};
use crate::ops::mission_log::{self, LogTally, Logs, unchanged_lines};
use crate::ops::origin::origin;
use crate::ops::rule::{self, Rule};
use crate::ops::served::{Found, Served};
use crate::ops::stated::StatedFacts;
use crate::ops::{Error, Workspace, World};
use crate::store::{Store, WriteTx};

/// Result of a capture.
#[derive(Debug)]
pub(in crate::ops) struct Captured {
    /// Receipt of the journal.
    pub(in crate::ops) receipt: Receipt,
    /// Totals of the mission logs; `None` if they are not captured.
    pub(in crate::ops) logs: Option<LogTally>,
    /// Number of older events that were evicted to make room.
    pub(in crate::ops) evicted: i64,
    /// Number of facts that the configured preset drops, each with an audit row if it requires one.
    pub(in crate::ops) dropped: u64,
    /// Number of facts of this checkout that another checkout has replaced by newer ones.
    pub(in crate::ops) skipped: i64,
    /// Keys of the documents that are new in the journal.
    pub(in crate::ops) documents: HashSet<[u8; 16]>,
}

/// How to capture.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::ops) struct CaptureOptions<'a> {
    /// Texts are kept with what is captured: nothing is delivered at once.
    pub(in crate::ops) keeps_texts: bool,
    /// List each line of the missions' logs.
    pub(in crate::ops) lists_lines: bool,
    /// What the target has, where it was asked.
    pub(in crate::ops) served: Option<&'a Served>,
}

/// Captures what is new in the index, all missions in one transaction. A mission that the cache has
/// as unchanged is not looked up, if the journal still states the same.
pub(in crate::ops) fn capture(
    world: &World<'_>,
    workspace: &Workspace,
    store: &mut Store,
    memory: &mut Memory,
    indexed: &Indexed,
    CaptureOptions {
        keeps_texts,
        lists_lines,
        served,
    }: CaptureOptions<'_>,
) -> Result<Captured, Error> {
    let project_uuid = workspace.project_uuid()?;
    let now = world.clock.now();
    let mut capturing = Capturing {
        world,
        origin: origin(world, workspace, project_uuid, &indexed.git),
        rule: Rule::of(workspace),
        filter: Filters::of(workspace)?,
        keeps_texts,
        now,
        dropped: 0,
        skipped: 0,
        documents: HashSet::new(),
        served,
        found: Found::default(),
    };
    let mut told = Told {
        workspace,
        facts: None,
    };
    let rule = rule::fingerprint(workspace);
    let missions = &indexed.index.missions;
    let digests = indexed.digests(project_uuid, &rule);
    let (captured, fresh, point) = store.write(|tx| {
        let is_same = memory
            .point()
            .map_or(Ok(false), |then| journal::states_the_same(tx, then))?;
        let mut logs = Logs::of(workspace, project_uuid, missions, lists_lines, served);
        let (mut known, mut fresh) = (0, Vec::new());
        capturing.rule.note_retention(tx)?;
        let before = journal::last_seq(tx)?;
        let ((), mut receipt) = books::append(tx, now, |appending| {
            let mut changed = Vec::new();
            for (mission, digest) in missions.iter().zip(&digests) {
                if is_same && memory.has(&mission.slug, digest) {
                    known += dossier::count_facts(mission);
                    if let Some(logs) = &mut logs {
                        logs.pass_over(mission, memory);
                    }
                } else {
                    changed.push((mission, digest));
                }
            }
            let known = (&*memory, is_same);
            fresh = append_changed(
                tx,
                appending,
                &mut capturing,
                &mut logs,
                &mut told,
                changed,
                known,
            )?;
            Ok::<_, Error>(())
        })?;
        if let Some(served) = served {
            let found = &mut capturing.found;
            found
                .events
                .extend(logs.iter().flat_map(|logs| &logs.at_target));
            served.settle(tx, found, now)?;
        }
        let logs = logs.map(|logs| logs.tally);
        receipt.unchanged += i64::try_from(known).unwrap_or(i64::MAX) + capturing.skipped;
        receipt.unchanged += unchanged_lines(logs.as_ref());
        let dropped = capturing.dropped + logs.as_ref().map_or(0, |logs| logs.dropped);
        let evicted = capturing.rule.evict(tx, now, before)?.count();
        let documents = std::mem::take(&mut capturing.documents);
        let captured = Captured {
            receipt,
            logs,
            evicted,
            dropped,
            skipped: capturing.skipped,
            documents,
        };
        Ok::<_, Error>((captured, (is_same, fresh), journal::point(tx)?))
    })?;
    let (is_same, fresh) = fresh;
    // An evicted event may be any of the cached ones.
    if !is_same || captured.evicted > 0 {
        memory.distrust_captures();
    }
    if let Some(facts) = told.facts {
        facts.save(&point);
    }
    memory.note_captured(
        if captured.evicted > 0 {
            Vec::new()
        } else {
            fresh
        },
        point,
    );
    Ok(captured)
}

/// What the checkout has stated, read for the first mission that needs it.
struct Told<'a> {
    workspace: &'a Workspace,
    facts: Option<StatedFacts>,
}

impl Told<'_> {
    fn facts(&mut self, tx: &WriteTx<'_>) -> Result<&mut StatedFacts, Error> {
        if let Some(ref mut facts) = self.facts {
            return Ok(facts);
        }
        let root = &self.workspace.root;
        let place = self.workspace.place.checkout(root);
        let is_linked = *root != self.workspace.main_root;
        let facts = StatedFacts::of(tx, &place, &path(root), is_linked)?;
        Ok(self.facts.insert(facts))
    }
}

/// Appends what is new of the missions that changed, each given with its digest; returns what was
/// captured of each. `memory` is believed about logs only if the journal still states the same.
fn append_changed<'a>(
    tx: &WriteTx<'_>,
    appending: &mut books::Appending<'_>,
    capturing: &mut Capturing<'_>,
    logs: &mut Option<Logs<'a>>,
    told: &mut Told<'_>,
    changed: Vec<(&'a Mission, &String)>,
    (memory, is_same): (&Memory, bool),
) -> Result<Vec<Fresh>, Error> {
    let project_uuid = told.workspace.project_uuid()?;
    let mut fresh = Vec::new();
    for piece in mission_log::pieces(changed) {
        let read = logs
            .as_ref()
            .map(|logs| logs.read(&piece, is_same.then_some(memory)));
        let mut read = read.into_iter().flatten();
        for (mission, digest) in piece {
            let log = match (&mut *logs, read.next()) {
                (Some(logs), Some(log)) => {
                    logs.take(tx, appending, capturing.now, mission, log, memory)?
                }
                _ => None,
            };
            let dropped = capturing.dropped;
            let namespace = mission.namespace(project_uuid);
            capturing.mission(tx, appending, mission, &namespace, told.facts(tx)?)?;
            let is_whole = capturing.dropped == dropped
                && (log.is_some() || logs.is_none() || mission.log_sha256().is_none());
            fresh.push(Fresh {
                slug: mission.slug.clone(),
                digest: is_whole.then(|| digest.clone()),
                log,
            });
        }
    }
    Ok(fresh)
}

//! Index and capture: one walk, one transaction.

use std::collections::HashSet;

use rayon::prelude::*;

use super::bodies::Filters;
use super::capturing::Capturing;
use super::found::found;
use super::memory::{self, Fresh, Memory};
use super::mission_log::{self, LogTally, Logs, unchanged_lines};
use super::origin::origin;
use super::report;
use super::rule::{self, Rule};
use super::served::{Found, Served};
use super::stated::StatedFacts;
use super::{Error, Step, Workspace, World};
use crate::base::text::{path, printable};
use crate::books;
use crate::config::{Parity, WireNames};
use crate::dossier::{self, Edition, Index, Mission, Owner, ParityForm, Sources};
use crate::git::{self, Facts, GitIgnored};
use crate::journal::{self, Receipt};
use crate::store::Store;

/// Selection of missions, and the manifest step.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Selection<'a> {
    /// Only these missions; all for `None`.
    pub(super) missions: Option<&'a [String]>,
    /// Only missions that changed since they were captured under this rule.
    pub(super) not_yet: Option<&'a str>,
    /// The step whose missing artifacts are reported.
    pub(super) step: Option<&'a str>,
    /// Edition of the manifests.
    pub(super) edition: Edition,
}

/// Content of the disk, and git's facts about the checkout.
#[derive(Debug)]
pub(super) struct Indexed {
    /// The selected missions.
    pub(super) index: Index,
    /// The sources that were searched.
    pub(super) sources: Sources,
    /// Slug of every mission, selected or not.
    pub(super) present: Vec<String>,
    pub(super) git: Facts,
    pub(super) report: report::Index,
    pub(super) warnings: Vec<String>,
    /// True if the result depends on git's index: git ignores a file only if it is not tracked.
    pub(super) hangs_on_index: bool,
    /// No unit and no document was found.
    pub(super) is_empty: bool,
    /// Number of artifacts and directories that could not be read.
    pub(super) unreadable: u64,
}

impl Indexed {
    /// The layout of a mission, or the name of its source.
    pub(super) fn layout_of(&self, mission: &Mission) -> &str {
        self.sources
            .all()
            .get(mission.source)
            .map_or("", |source| source.layout.as_str())
    }
}

/// Indexes the selected missions of the checkout.
pub(super) fn index(
    world: &World<'_>,
    workspace: &Workspace,
    memory: &Memory,
    selection: Selection<'_>,
    progress: &(dyn Fn(Step) + Sync),
) -> Result<Indexed, Error> {
    let begun = world.clock.now();
    let (checkout, config) = (&workspace.checkout, &workspace.loaded.config);
    let git = Workspace::git(world);
    let sources = workspace.sources()?;
    let ignored = workspace.git_ignored();
    let identity = &workspace.identity;
    let owner = identity
        .project_uuid
        .as_deref()
        .zip(identity.node_id.as_deref());
    let owner = owner.map(|(project_uuid, node_id)| Owner {
        project_uuid,
        node_id,
    });
    let request = dossier::Request {
        root: &workspace.root,
        meta_root: &workspace.main_root,
        is_repository: checkout.is_repository(),
        sources: &sources,
        git_ignored: ignored.as_ref(),
        missions: selection.missions,
        edition: selection.edition,
        step: selection.step,
        parity: match config.dossier.parity {
            Parity::Path => ParityForm::Path,
            Parity::Content => ParityForm::Content,
        },
        baseline_owner: owner,
        begun,
        known: &memory.files,
        default_branch: &|| git::default_branch(&git, checkout),
        progress: &|p| {
            progress(Step::Indexing {
                done: p.files as u64,
                total: p.total as u64,
            });
        },
        interrupt: world.interrupt,
    };
    // Git runs while the files are examined.
    let (facts, index) = std::thread::scope(|scope| {
        let facts = scope.spawn(|| git::facts(&git, checkout));
        let index = dossier::index(&request);
        (facts.join().unwrap_or_default(), index)
    });
    let mut index = index?;
    let is_empty = index.missions.is_empty();
    let present = index
        .missions
        .iter()
        .map(|mission| mission.slug.clone())
        .collect();
    if let (Some(rule), Some(uuid)) = (selection.not_yet, &workspace.identity.project_uuid) {
        index
            .missions
            .retain(|m| !memory.has(&m.slug, &memory::digest(m, uuid, rule)));
    }
    let absent: Vec<_> = index
        .missions
        .iter()
        .flat_map(|m| &m.artifacts)
        .filter(|a| !a.is_present)
        .collect();
    let report = report::Index {
        missions: index.missions.len() as u64,
        artifacts: index
            .missions
            .iter()
            .map(|m| m.artifacts.len() as u64)
            .sum(),
        bytes: index.bytes,
        hashed: (index.files - index.cached) as u64,
        cached: index.cached as u64,
        not_present: absent.len() as u64,
        layouts: layouts(&sources, &index),
        found: found(workspace, world.interrupt),
        loose: index.loose.iter().map(|(_, path)| path.clone()).collect(),
        seconds: report::seconds(world.clock.now().since(begun)),
    };
    let unreadable = absent
        .iter()
        .filter(|a| a.error_reason != Some("not_found"))
        .count()
        + index.skipped.len();
    let mut warnings = facts.warnings.clone();
    warnings.extend(ignored.iter().flat_map(GitIgnored::flaws));
    warnings.extend(oddities(&index));
    if is_empty && index.skipped.is_empty() {
        warnings.push(nothing_found(&sources));
    }
    if config.bodies.wire_names == WireNames::March2026 {
        warnings.extend(older_names(&index, &sources));
    }
    let hangs_on_index = ignored.as_ref().is_some_and(GitIgnored::has_read_index);
    let unreadable = unreadable as u64;
    Ok(Indexed {
        index,
        sources,
        present,
        git: facts,
        report,
        warnings,
        hangs_on_index,
        is_empty,
        unreadable,
    })
}

/// Counts of each layout.
fn layouts(sources: &Sources, index: &Index) -> Vec<report::LayoutCount> {
    let names = sources.layouts();
    let is_of = |source: usize, name: &str| {
        sources
            .all()
            .get(source)
            .is_some_and(|source| source.layout == name)
    };
    let count = |name: &&str| {
        let missions = || {
            index
                .missions
                .iter()
                .filter(|mission| is_of(mission.source, name))
        };
        report::LayoutCount {
            name: (*name).to_owned(),
            units: missions().count() as u64,
            artifacts: missions()
                .map(|mission| mission.artifacts.len() as u64)
                .sum(),
            no_unit: index
                .loose
                .iter()
                .filter(|(source, _)| is_of(*source, name))
                .count() as u64,
        }
    };
    names.iter().map(count).collect()
}

/// Warning that the older upload form cannot carry the names of some units of other layouts; `None`
/// if it can carry all.
fn older_names(index: &Index, sources: &Sources) -> Option<String> {
    let fits = |slug: &str| {
        let rest = slug
            .split_at_checked(3)
            .filter(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()));
        let rest = rest
            .and_then(|(_, rest)| rest.strip_prefix('-'))
            .unwrap_or_default();
        !rest.is_empty()
            && rest
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let root = sources.root().map(|(source, _)| source);
    let mut others = index
        .missions
        .iter()
        .filter(|m| Some(m.source) != root && !fits(&m.slug));
    let first = others.next()?;
    let more = others.count();
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    Some(format!(
        "bodies.wire_names = \"2026-03\" has names such as 001-login only; a server of that form may refuse {}{more}",
        printable(&first.slug)
    ))
}

/// Message that no source has a unit or document.
fn nothing_found(sources: &Sources) -> String {
    match sources.root() {
        Some((_, root)) if sources.layouts().len() == 1 => {
            format!("no feature directories in {}/", printable(root))
        }
        _ => format!("no units or documents of {}", sources.layouts().join(", ")),
    }
}

/// Warnings about skipped entries and default values, each as one line.
fn oddities(index: &Index) -> Vec<String> {
    let mut lines = Vec::new();
    for skipped in &index.skipped {
        let place = match &skipped.mission_slug {
            Some(slug) if !skipped.path.is_empty() => {
                format!("{}/{}", printable(slug), printable(&skipped.path))
            }
            Some(slug) => printable(slug),
            None => printable(&skipped.path),
        };
        lines.push(format!(
            "{place} left out: {} ({})",
            skipped.reason.explanation(),
            skipped.reason.code()
        ));
    }
    // One line per mission: a tree that was copied as hard links has the same reason everywhere.
    for of_mission in index
        .odd
        .chunk_by(|a, b| (&a.mission_slug, a.reason) == (&b.mission_slug, b.reason))
    {
        let [first, more @ ..] = of_mission else {
            continue;
        };
        let slug = first.mission_slug.as_deref().unwrap_or_default();
        let others = if more.is_empty() {
            String::new()
        } else {
            format!(" (and {} others)", more.len())
        };
        let (path, reason) = (printable(&first.path), first.reason);
        lines.push(format!(
            "{}/{path}{others}: {} ({})",
            printable(slug),
            reason.explanation(),
            reason.code()
        ));
    }
    for mission in &index.missions {
        if let Some(oddity) = mission.oddity {
            lines.push(format!(
                "{}: {} ({})",
                mission.slug,
                oddity.explanation(),
                oddity.code()
            ));
        }
    }
    lines
}

/// Result of a capture.
#[derive(Debug)]
pub(super) struct Captured {
    /// Receipt of the journal.
    pub(super) receipt: Receipt,
    /// Totals of the mission logs; `None` if they are not captured.
    pub(super) logs: Option<LogTally>,
    /// Number of older events that were evicted to make room.
    pub(super) evicted: i64,
    /// Number of facts that the configured preset drops, each with an audit row if it requires one.
    pub(super) dropped: u64,
    /// Number of facts of this checkout that another checkout has replaced by newer ones.
    pub(super) skipped: i64,
    /// Keys of the documents that are new in the journal.
    pub(super) documents: HashSet<[u8; 16]>,
}

/// How to capture.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CaptureOptions<'a> {
    /// Texts are kept with what is captured: nothing is delivered at once.
    pub(super) keeps_texts: bool,
    /// List each line of the missions' logs.
    pub(super) lists_lines: bool,
    /// What the target has, where it was asked.
    pub(super) served: Option<&'a Served>,
}

/// Captures what is new in the index, all missions in one transaction. A mission that the cache has
/// as unchanged is not looked up, if the journal still states the same.
pub(super) fn capture(
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
    let is_linked = workspace.root != workspace.main_root;
    let place = workspace.place.checkout(&workspace.root);
    let mut told = None;
    let rule = rule::fingerprint(workspace);
    let missions = &indexed.index.missions;
    let digests = digests(indexed, project_uuid, &rule);
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
            for piece in mission_log::pieces(changed) {
                let read = logs
                    .as_ref()
                    .map(|logs| logs.read(&piece, is_same.then_some(&*memory)));
                let mut read = read.into_iter().flatten();
                for (mission, digest) in piece {
                    let log = match (&mut logs, read.next()) {
                        (Some(logs), Some(log)) => {
                            logs.take(tx, appending, now, mission, log, memory)?
                        }
                        _ => None,
                    };
                    if told.is_none() {
                        told = Some(StatedFacts::of(
                            tx,
                            &place,
                            &path(&workspace.root),
                            is_linked,
                        )?);
                    }
                    let (dropped, Some(told)) = (capturing.dropped, &mut told) else {
                        continue;
                    };
                    capturing.mission(
                        tx,
                        appending,
                        mission,
                        &mission.namespace(project_uuid),
                        told,
                    )?;
                    let is_whole = capturing.dropped == dropped
                        && (log.is_some() || logs.is_none() || mission.log_sha256().is_none());
                    fresh.push(Fresh {
                        slug: mission.slug.clone(),
                        digest: is_whole.then(|| digest.clone()),
                        log,
                    });
                }
            }
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
    if let Some(told) = told {
        told.save(&point);
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

pub(super) fn digests(indexed: &Indexed, project_uuid: &str, rule: &str) -> Vec<String> {
    indexed
        .index
        .missions
        .par_iter()
        .map(|mission| memory::digest(mission, project_uuid, rule))
        .collect()
}

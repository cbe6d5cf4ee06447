//! The first step: what is on disk, and what git says of the checkout.

use rayon::prelude::*;

use super::index_warnings;
use crate::config::Parity;
use crate::dossier::{self, Edition, Index, Mission, Owner, ParityForm, Sources};
use crate::git::{self, Facts, GitIgnored};
use crate::ops::found::found;
use crate::ops::memory::{self, Memory};
use crate::ops::{Error, Step, Workspace, World, report};

/// Selection of missions, and the manifest step.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::ops) struct Selection<'a> {
    /// Only these missions; all for `None`.
    pub(in crate::ops) missions: Option<&'a [String]>,
    /// Only missions that changed since they were captured under this rule.
    pub(in crate::ops) not_yet: Option<&'a str>,
    /// The step whose missing artifacts are reported.
    pub(in crate::ops) step: Option<&'a str>,
    /// Edition of the manifests.
    pub(in crate::ops) edition: Edition,
}

/// Content of the disk, and git's facts about the checkout.
#[derive(Debug)]
pub(in crate::ops) struct Indexed {
    /// The selected missions.
    pub(in crate::ops) index: Index,
    /// The sources that were searched.
    pub(in crate::ops) sources: Sources,
    /// Slug of every mission, selected or not.
    pub(in crate::ops) present: Vec<String>,
    pub(in crate::ops) git: Facts,
    pub(in crate::ops) report: report::Index,
    pub(in crate::ops) warnings: Vec<String>,
    /// True if the result depends on git's index: git ignores a file only if it is not tracked.
    pub(in crate::ops) hangs_on_index: bool,
    /// No unit and no document was found.
    pub(in crate::ops) is_empty: bool,
    /// Number of artifacts and directories that could not be read.
    pub(in crate::ops) unreadable: u64,
}

impl Indexed {
    /// The layout of a mission, or the name of its source.
    pub(in crate::ops) fn layout_of(&self, mission: &Mission) -> &str {
        self.sources
            .all()
            .get(mission.source)
            .map_or("", |source| source.layout.as_str())
    }

    /// The digest of each selected mission under a rule, in their order.
    pub(in crate::ops) fn digests(&self, project_uuid: &str, rule: &str) -> Vec<String> {
        self.index
            .missions
            .par_iter()
            .map(|mission| memory::digest(mission, project_uuid, rule))
            .collect()
    }
}

/// Indexes the selected missions of the checkout.
pub(in crate::ops) fn index(
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
        project: dossier::Project {
            root: &workspace.root,
            is_repository: checkout.is_repository(),
            sources: &sources,
            git_ignored: ignored.as_ref(),
            interrupt: world.interrupt,
        },
        meta_root: &workspace.main_root,
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
        not_present: absent.len() as u64,
        found: found(workspace, world.interrupt),
        seconds: report::seconds(world.clock.now().since(begun)),
        ..totals(&index, &sources)
    };
    let unreadable = absent
        .iter()
        .filter(|a| a.error_reason != Some("not_found"))
        .count()
        + index.skipped.len();
    let mut warnings = facts.warnings.clone();
    warnings.extend(ignored.iter().flat_map(GitIgnored::flaws));
    warnings.extend(index_warnings::of(
        &index,
        &sources,
        config.bodies.wire_names,
    ));
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

/// What was read, counted.
fn totals(index: &Index, sources: &Sources) -> report::Index {
    report::Index {
        missions: index.missions.len() as u64,
        artifacts: index
            .missions
            .iter()
            .map(|m| m.artifacts.len() as u64)
            .sum(),
        bytes: index.bytes,
        hashed: (index.files - index.cached) as u64,
        cached: index.cached as u64,
        layouts: layouts(sources, index),
        loose: index.loose.iter().map(|(_, path)| path.clone()).collect(),
        ..report::Index::default()
    }
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

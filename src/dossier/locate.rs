//! Locates the units of every source, with their names and the trees in which they are opened.

use std::collections::BTreeSet;
use std::path::Path;

use super::beneath::Beneath;
use super::places::{self, Places};
use super::reason::Skipped;
use super::request::Project;
use super::slugs::named;
use super::sources::Sources;
use super::unwanted::Unwanted;
use super::walk::Found;
use super::{Error, discover};
use crate::base::pattern::PathPattern;
use crate::base::{Interrupt, text};
use crate::config::Artifacts;
use crate::git::GitIgnored;

/// The trees in which units are opened.
#[derive(Debug, Default)]
pub(super) struct Trees {
    /// `artifacts.root`, which may be a link inside the work tree.
    missions: Option<Beneath>,
    /// The top of the project.
    project: Option<Beneath>,
}

impl Trees {
    /// The tree of a unit.
    pub(super) fn of(&self, unit: &Unit) -> Option<&Beneath> {
        if unit.is_mission {
            self.missions.as_ref()
        } else {
            self.project.as_ref()
        }
    }
}

/// A unit to index.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) slug: String,
    pub(super) source: usize,
    /// A mission of `kitty`: opened below `artifacts.root`, and described by its `meta.json`.
    pub(super) is_mission: bool,
    /// Directory in its tree; empty for a list of documents.
    pub(super) dir: String,
    /// Directory from the top of the project; empty for a list of documents.
    pub(super) place: String,
    /// The files of a list of documents.
    pub(super) documents: Option<Vec<Found>>,
    /// Separate units inside this one, as paths inside it.
    pub(super) nested: Vec<String>,
}

/// Result of locating.
#[derive(Debug, Default)]
pub(super) struct Located {
    pub(super) trees: Trees,
    /// Ordered by slug bytes.
    pub(super) units: Vec<Unit>,
    pub(super) skipped: Vec<Skipped>,
    /// Files next to units that no source covers, relative to the top of the project, each with its
    /// source.
    pub(super) loose: Vec<(usize, String)>,
}

/// Finds the units of every source.
pub(super) fn locate(project: &Project<'_>) -> Result<Located, Error> {
    let sources = project.sources;
    let is_there = |place: &String| project.root.join(place).is_dir();
    if let Some(missing) = sources
        .required()
        .iter()
        .find(|required| !required.places.iter().any(is_there))
    {
        let places = missing
            .places
            .iter()
            .filter(|place| !place.is_empty())
            .cloned()
            .collect();
        return Err(Error::NoPlace {
            what: missing.what.clone(),
            places,
        });
    }
    let root = sources.root();
    let is_alone = sources.is_kitty_alone();
    let mut located = Located::default();
    let mut missions = Vec::new();
    let unwanted = Unwanted::of(project);
    if let Some((source, root)) = root {
        let found = discover::missions(project.root, root, project.is_repository || !is_alone)?;
        let here = found
            .tree
            .as_ref()
            .map(|tree| unwanted.inside(root, tree.path()))
            .unwrap_or_default();
        missions = found
            .slugs
            .into_iter()
            .filter(|name| !here.has_directory(name))
            .collect();
        let is_told =
            |skipped: &Skipped| !here.has_directory(&skipped.path) && !here.has_file(&skipped.path);
        located
            .skipped
            .extend(found.skipped.into_iter().filter(is_told));
        let loose = found.loose.into_iter().filter(|name| !here.has_file(name));
        located
            .loose
            .extend(loose.map(|name| (source, format!("{root}/{name}"))));
        located.trees.missions = found.tree;
    }
    let mut places = Places::default();
    if !is_alone {
        let unreadable = |source| Error::Unreadable {
            path: text::path(project.root),
            source,
        };
        let tree = Beneath::open(project.root).map_err(unreadable)?;
        let pattern = root
            .and_then(|(_, root)| PathPattern::of_directories(&format!("{root}/{{name}}")).ok());
        places = places::look(&tree, sources, pattern.as_ref(), project.interrupt);
        located.trees.project = Some(tree);
    }
    places.leave_out(&unwanted);
    located.skipped.append(&mut places.skipped);
    located.loose.append(&mut places.loose);
    located.name(project, places, missions);
    Ok(located)
}

/// The slugs of the missions of a project, without reading them; sorted. `Err` as for an index.
pub(crate) fn slugs(project: &Project<'_>) -> Result<Vec<String>, Error> {
    let located = locate(project)?;
    Ok(located.units.into_iter().map(|unit| unit.slug).collect())
}

/// Number of units and lists of documents of a built-in layout in the project at `root`, without
/// unwanted ones.
pub(crate) fn count_units(
    root: &Path,
    layout: &str,
    artifacts: &Artifacts,
    git: Option<&GitIgnored>,
    interrupt: &Interrupt,
) -> usize {
    let alone = Artifacts {
        layouts: vec![layout.to_owned()],
        source: Vec::new(),
        ..artifacts.clone()
    };
    let Ok(sources) = Sources::of(&alone, &|_| false) else {
        return 0;
    };
    let unwanted = Unwanted::below(root, &sources, git);
    if let Some((_, missions)) = sources.root() {
        let here = unwanted.inside(missions, &root.join(missions));
        let found = discover::missions(root, missions, true)
            .map(|found| found.slugs)
            .unwrap_or_default();
        return found
            .iter()
            .filter(|name| !here.has_directory(name))
            .count();
    }
    let Ok(tree) = Beneath::open(root) else {
        return 0;
    };
    let mut places = places::look(&tree, &sources, None, interrupt);
    places.leave_out(&unwanted);
    let lists: BTreeSet<usize> = places.documents.iter().map(|(source, _)| *source).collect();
    places.units.len() + lists.len()
}

impl Located {
    fn name(&mut self, project: &Project<'_>, places: Places, mut missions: Vec<String>) {
        let (root_source, root) = project.sources.root().unwrap_or_default();
        let mut dirs: BTreeSet<String> = places.units.iter().map(|unit| unit.dir.clone()).collect();
        // A directory that an earlier source covers as well belongs to that source.
        missions.retain(|name| dirs.is_empty() || !dirs.contains(&format!("{root}/{name}")));
        if !dirs.is_empty() {
            dirs.extend(missions.iter().map(|name| format!("{root}/{name}")));
        }
        let missions = (!missions.is_empty()).then_some((root_source, missions));
        let (units, missions) = named(project.sources, places.units, missions, &mut self.skipped);
        let unit = |named: super::slugs::Named, is_mission: bool| {
            let place = if is_mission {
                format!("{root}/{}", named.dir)
            } else {
                named.dir.clone()
            };
            let nested = inside(&dirs, &place);
            let (slug, source, dir, documents) = (named.slug, named.source, named.dir, None);
            Unit {
                slug,
                source,
                is_mission,
                dir,
                place,
                documents,
                nested,
            }
        };
        self.units
            .extend(missions.into_iter().map(|mission| unit(mission, true)));
        self.units
            .extend(units.into_iter().map(|other| unit(other, false)));
        for (source, of) in project.sources.all().iter().enumerate() {
            let files: Vec<_> = places
                .documents
                .iter()
                .filter(|(at, _)| *at == source)
                .map(|(_, f)| f.clone())
                .collect();
            if !files.is_empty() {
                self.units.push(Unit {
                    slug: of.slug.clone(),
                    source,
                    is_mission: false,
                    dir: String::new(),
                    place: String::new(),
                    documents: Some(files),
                    nested: Vec::new(),
                });
            }
        }
        self.units.sort_by(|a, b| a.slug.cmp(&b.slug));
    }
}

/// The directories of `dirs` inside `place`, as paths inside it.
fn inside(dirs: &BTreeSet<String>, place: &str) -> Vec<String> {
    let prefix = format!("{place}/");
    let below = dirs
        .range(prefix.clone()..)
        .map_while(|dir| dir.strip_prefix(prefix.as_str()));
    below.map(str::to_owned).collect()
}

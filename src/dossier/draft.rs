//! A mission before its files are read: its description, its files, and their cached readings.

use std::io::Read as _;

use rayon::prelude::*;

use super::beneath::Beneath;
use super::cache::{Cache, Known, KnownMeta};
use super::digest::Reading;
use super::locate::{Trees, Unit};
use super::manifest::{Manifest, VERSION};
use super::meta::{Meta, parse};
use super::mission::{Completeness, Mission};
use super::reason::{Reason, Skipped};
use super::request::Request;
use super::sources::Sources;
use super::stat::Stat;
use super::unwanted::Unwanted;
use super::walk::{Passing, Walk, shared, walk};
use super::{Error, discover};
use crate::base::{Interrupt, Timestamp};

/// Largest `meta.json` that is parsed, in bytes.
const LONGEST_META: u64 = 4 << 20;

/// The file that describes a mission.
const META: &str = "meta.json";

/// A mission that is being indexed.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    /// The tree in which it is opened.
    pub(super) tree: &'a Beneath,
    /// The mission, without artifacts yet.
    pub(super) mission: Mission,
    /// Its expected artifacts; `None` without a manifest.
    pub(super) manifest: Option<&'static Manifest>,
    pub(super) walk: Walk,
    /// For each file of the walk, the cached reading, if any.
    pub(super) known: Vec<Option<Reading>>,
    /// The part of its `meta.json` that may be cached.
    pub(super) meta: Option<KnownMeta>,
    /// The readings of the other files, in order, each with the state when it was opened.
    pub(super) read: Vec<(Reading, Option<Stat>)>,
}

impl Draft<'_> {
    /// The files to open, relative to its tree.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &str> {
        let files = self.walk.files.iter().zip(&self.known);
        files
            .filter(|(_, known)| known.is_none())
            .map(|(found, _)| found.opens.as_str())
    }
}

/// Result of the walk of a unit: its files, their cached readings, its description, and the part of
/// that which may be cached.
type Walked = (Walk, Vec<Option<Reading>>, Meta, Option<KnownMeta>);

/// Walks every unit and reads the `meta.json` of missions; drops units that are not indexed.
pub(super) fn drafts<'a>(
    request: &Request<'_>,
    trees: &'a Trees,
    units: Vec<Unit>,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<Draft<'a>>, Error> {
    let is_linked = request.meta_root != request.project.root;
    let main = request
        .project
        .sources
        .root()
        .filter(|_| is_linked)
        .and_then(|(_, root)| {
            // Without the main work tree's root, the checkout's own is used.
            discover::artifact_root(request.meta_root, root)
                .ok()
                .flatten()
        });
    let (sources, known, begun, interrupt) = (
        request.project.sources,
        request.known,
        request.begun,
        request.project.interrupt,
    );
    let unwanted = Unwanted::of(&request.project);
    let reader = Reader {
        sources,
        main: main.as_ref(),
        known,
        begun,
        interrupt,
        unwanted,
    };
    let walked: Vec<_> = units
        .into_par_iter()
        .filter_map(|unit| {
            trees
                .of(&unit)
                .map(|tree| (reader.walked(tree, &unit), tree, unit))
        })
        .collect();
    let mut default_branch = None;
    let mut drafts = Vec::with_capacity(walked.len());
    for (read, tree, unit) in walked {
        match read {
            Ok((walk, ..)) if walk.is_emptied() => {}
            Ok((walk, known, said, meta)) => {
                let branch = said.target_branch.clone();
                let branch = branch.unwrap_or_else(|| {
                    default_branch
                        .get_or_insert_with(request.default_branch)
                        .clone()
                });
                let manifest = manifest(request, &unit, &said);
                let mission = new_mission(request, tree, unit, said, branch);
                drafts.push(Draft {
                    tree,
                    mission,
                    manifest,
                    walk,
                    known,
                    meta,
                    read: Vec::new(),
                });
            }
            Err((path, reason)) => skipped.push(Skipped {
                mission_slug: Some(unit.slug),
                path,
                reason,
            }),
        }
    }
    if request.project.interrupt.is_requested() {
        Err(Error::Interrupted)
    } else {
        Ok(drafts)
    }
}

/// The inputs for reading every unit.
struct Reader<'a> {
    sources: &'a Sources,
    /// `artifacts.root` of the main work tree, if another work tree is indexed.
    main: Option<&'a Beneath>,
    known: &'a Cache,
    begun: Timestamp,
    interrupt: &'a Interrupt,
    unwanted: Unwanted<'a>,
}

impl Reader<'_> {
    /// The files of a unit, and its description.
    fn walked(&self, tree: &Beneath, unit: &Unit) -> Result<Walked, (String, Reason)> {
        let nothing = Known::default();
        let known = self.known.missions.get(&unit.slug).unwrap_or(&nothing);
        let source = self.sources.all().get(unit.source);
        let walk = if let Some(files) = &unit.documents {
            Walk {
                shared: shared("", files),
                files: files.clone(),
                ..Walk::default()
            }
        } else {
            let ignore = source
                .map(|source| &source.ignore)
                .filter(|ignore| !ignore.is_empty());
            let unwanted = self
                .unwanted
                .inside(&unit.place, &tree.path().join(&unit.dir));
            let passing = Passing {
                ignore,
                nested: unit.nested.iter().map(String::as_str).collect(),
                unwanted,
            };
            walk(tree, &unit.dir, &passing, self.interrupt)
                .map_err(|reason| (String::new(), reason))?
        };
        let (said, meta) = if unit.is_mission {
            let source = MetaSource {
                tree,
                main: self.main,
                known,
                begun: self.begun,
            };
            source
                .of(&unit.dir, &walk)
                .map_err(|reason| (META.to_owned(), reason))?
        } else {
            let mission_type = source
                .map(|source| source.mission_type.clone())
                .unwrap_or_default();
            (
                Meta {
                    mission_type,
                    mission_id: None,
                    target_branch: None,
                    oddity: None,
                },
                None,
            )
        };
        let known = walk
            .files
            .iter()
            .map(|found| known.reading(&found.path, found.stat))
            .collect();
        Ok((walk, known, said, meta))
    }
}

/// The expected artifacts of a unit.
fn manifest(request: &Request<'_>, unit: &Unit, said: &Meta) -> Option<&'static Manifest> {
    if unit.is_mission {
        Manifest::of(request.edition, &said.mission_type)
    } else {
        request.project.sources.all().get(unit.source)?.manifest
    }
}

/// The places of a mission's `meta.json`.
struct MetaSource<'a> {
    tree: &'a Beneath,
    /// The artifact root of the main work tree, if another work tree is indexed.
    main: Option<&'a Beneath>,
    known: &'a Known,
    begun: Timestamp,
}

impl MetaSource<'_> {
    /// The mission's `meta.json`: the main work tree's, else its own (a mission may not be merged
    /// yet); and the part that may be cached.
    fn of(&self, slug: &str, walk: &Walk) -> Result<(Meta, Option<KnownMeta>), Reason> {
        let path = format!("{slug}/{META}");
        if let Some(main) = self.main {
            let stat = main.stat(&path).ok().flatten();
            if let Some(found) = self.in_tree(main, true, slug, stat)? {
                return Ok(found);
            }
        }
        let at = walk
            .files
            .binary_search_by(|found| found.path.as_str().cmp(META))
            .ok();
        let stat = at
            .and_then(|at| walk.files.get(at))
            .and_then(|found| found.stat);
        match self.in_tree(self.tree, false, slug, stat)? {
            Some(found) => Ok(found),
            None => Ok((parse(None)?, None)),
        }
    }

    /// The content of the file in `tree`, which is now in the state `stat`; `None` if it does not
    /// exist.
    fn in_tree(
        &self,
        tree: &Beneath,
        is_of_main: bool,
        slug: &str,
        stat: Option<Stat>,
    ) -> Result<Option<(Meta, Option<KnownMeta>)>, Reason> {
        if let Some(known) = self.known.meta(is_of_main, stat) {
            return Ok(Some((known.meta.clone(), Some(known.clone()))));
        }
        let (file, opened) = match tree.open_linked(slug, &format!("{slug}/{META}")) {
            Ok(Some(found)) => found,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(None) | Err(_) => return Err(Reason::MetaUnreadable),
        };
        let mut bytes = Vec::new();
        file.take(LONGEST_META)
            .read_to_end(&mut bytes)
            .map_err(|_| Reason::MetaUnreadable)?;
        let meta = parse(Some(&bytes))?;
        // A problem must be reported every time, so such a file is read every time.
        let is_whole = meta.oddity.is_none()
            && stat == Some(opened)
            && opened.size == bytes.len() as u64
            && opened.is_settled(self.begun);
        let known = is_whole.then(|| KnownMeta {
            is_of_main,
            stat: opened,
            meta: meta.clone(),
        });
        Ok(Some((meta, known)))
    }
}

fn new_mission(
    request: &Request<'_>,
    tree: &Beneath,
    unit: Unit,
    meta: Meta,
    target_branch: String,
) -> Mission {
    Mission {
        // Joining an empty path would add a `/` at the end.
        dir: if unit.dir.is_empty() {
            tree.path().to_owned()
        } else {
            tree.path().join(&unit.dir)
        },
        place: unit.place,
        source: unit.source,
        slug: unit.slug,
        mission_type: meta.mission_type,
        mission_id: meta.mission_id,
        target_branch,
        manifest_version: VERSION,
        step: request.step.map(str::to_owned),
        artifacts: Vec::new(),
        completeness: Completeness::Unknown,
        parity: String::new(),
        drift: None,
        oddity: meta.oddity,
    }
}

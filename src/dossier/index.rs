//! Making the index: find, read in parallel, and put together in order.

use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::artifact::from_reading;
use super::beneath::Beneath;
use super::digest::{Reading, measure};
use super::manifest::{Edition, Manifest, VERSION};
use super::meta::{Meta, parse};
use super::mission::{Completeness, Mission};
use super::parity::ParityForm;
use super::reason::{Reason, Skipped};
use super::walk::{Walk, walk};
use super::{Error, discover};
use crate::base::Interrupt;

/// A longer `meta.json` counts as one that is no JSON.
const LONGEST_META: u64 = 4 << 20;

/// What to index, and how.
pub(crate) struct Request<'a> {
    /// The top of the work tree, or a plain directory.
    pub(crate) root: &'a Path,
    /// The top of the main work tree, where `meta.json` is read; `root` itself outside linked work trees.
    pub(crate) meta_root: &'a Path,
    /// Then a missing artifact root means that there are no missions, not that this is the wrong place.
    pub(crate) is_repository: bool,
    /// `artifacts.root`.
    pub(crate) artifacts_root: &'a str,
    /// Only these missions.
    pub(crate) missions: Option<&'a [String]>,
    /// Whose manifests.
    pub(crate) edition: Edition,
    /// The step whose missing artifacts are asked about; none without one.
    pub(crate) step: Option<&'a str>,
    /// How the parity hash is computed.
    pub(crate) parity: ParityForm,
    /// The branch of missions that name none; called at most once, and only if there is one.
    pub(crate) default_branch: &'a dyn Fn() -> String,
    /// Told after each file, from any thread.
    pub(crate) progress: &'a (dyn Fn(Progress) + Sync),
    /// Looked at between files.
    pub(crate) interrupt: &'a Interrupt,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("root", &self.root).field("missions", &self.missions).finish_non_exhaustive()
    }
}

/// How far the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Files read.
    pub(crate) files: usize,
    /// Files to read in all.
    pub(crate) total: usize,
    /// Bytes read.
    pub(crate) bytes: u64,
}

/// What is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Index {
    /// Ordered by slug bytes.
    pub(crate) missions: Vec<Mission>,
    /// What was left out, ordered by mission and path.
    pub(crate) skipped: Vec<Skipped>,
    /// Missions that were asked for by name and are not there.
    pub(crate) unknown: Vec<String>,
    /// Files read.
    pub(crate) files: usize,
    /// Bytes read.
    pub(crate) bytes: u64,
}

/// Indexes the checkout that `request` names. The same whatever the number of threads.
pub(crate) fn index(request: &Request<'_>) -> Result<Index, Error> {
    let found = discover::missions(request.root, request.artifacts_root, request.is_repository, request.missions)?;
    let mut index = Index { skipped: found.skipped, ..Index::default() };
    if let Some(tree) = &found.tree {
        let drafts = draft(request, tree, found.slugs, &mut index.skipped)?;
        fill(request, tree, drafts, &mut index)?;
    }
    let is_known = |slug: &&String| {
        let in_skipped =
            |s: &Skipped| s.mission_slug.as_ref().or((!s.path.is_empty()).then_some(&s.path)) == Some(slug);
        index.missions.iter().any(|m| m.slug == **slug) || index.skipped.iter().any(in_skipped)
    };
    index.unknown = request.missions.unwrap_or_default().iter().filter(|slug| !is_known(slug)).cloned().collect();
    index.skipped.sort_unstable();
    Ok(index)
}

/// Walks every mission and reads its `meta.json`; drops those that are not to be indexed.
fn draft(
    request: &Request<'_>,
    tree: &Beneath,
    slugs: Vec<String>,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<(Mission, Walk)>, Error> {
    let is_linked = request.meta_root != request.root;
    let main = if is_linked {
        discover::artifact_root(request.meta_root, request.artifacts_root).ok().flatten()
    } else {
        None
    };
    let walked: Vec<_> = slugs
        .into_par_iter()
        .map(|slug| {
            let read =
                walk(tree, &slug, request.interrupt).map_err(|reason| (String::new(), reason)).and_then(|walk| {
                    Ok((walk, meta(tree, main.as_ref(), &slug).map_err(|r| ("meta.json".to_owned(), r))?))
                });
            (slug, read)
        })
        .collect();
    let mut default_branch = None;
    let mut drafts = Vec::with_capacity(walked.len());
    for (slug, read) in walked {
        match read {
            Ok((walk, meta)) => {
                let branch = meta.target_branch.clone();
                let branch =
                    branch.unwrap_or_else(|| default_branch.get_or_insert_with(request.default_branch).clone());
                drafts.push((new_mission(request, tree, slug, meta, branch), walk));
            }
            Err((path, reason)) => skipped.push(Skipped { mission_slug: Some(slug), path, reason }),
        }
    }
    if request.interrupt.is_requested() { Err(Error::Interrupted) } else { Ok(drafts) }
}

/// The mission's `meta.json`: the main work tree's, else its own (a mission may not be merged yet).
fn meta(tree: &Beneath, main: Option<&Beneath>, slug: &str) -> Result<Meta, Reason> {
    let read = |tree: &Beneath| match tree.open_linked(slug, &format!("{slug}/meta.json")) {
        Ok(Some(file)) => {
            let mut bytes = Vec::new();
            let done = file.take(LONGEST_META).read_to_end(&mut bytes);
            done.map(|_| Some(bytes)).map_err(|_| Reason::MetaUnreadable)
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Ok(None) | Err(_) => Err(Reason::MetaUnreadable),
    };
    let bytes = match main.map(read).transpose()?.flatten() {
        Some(bytes) => Some(bytes),
        None => read(tree)?,
    };
    parse(bytes.as_deref())
}

fn new_mission(request: &Request<'_>, tree: &Beneath, slug: String, meta: Meta, target_branch: String) -> Mission {
    Mission {
        dir: tree.path().join(&slug),
        slug,
        mission_type: meta.mission_type,
        target_branch,
        manifest_version: VERSION,
        step: request.step.map(str::to_owned),
        artifacts: Vec::new(),
        completeness: Completeness::Unknown,
        parity: String::new(),
        oddity: meta.oddity,
    }
}

/// Reads the files of all missions in parallel, and puts each mission together.
fn fill(request: &Request<'_>, tree: &Beneath, drafts: Vec<(Mission, Walk)>, index: &mut Index) -> Result<(), Error> {
    let files: Vec<&str> = drafts.iter().flat_map(|(_, walk)| &walk.files).map(|found| found.opens.as_str()).collect();
    let (done, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
    let total = files.len();
    let readings: Vec<Reading> = files
        .into_par_iter()
        .map(|path| {
            if request.interrupt.is_requested() {
                return Reading::Unreadable;
            }
            let reading = measure(tree, path, request.interrupt);
            let size = if let Reading::Read { size, .. } = reading { size } else { 0 };
            let files = done.fetch_add(1, Ordering::Relaxed) + 1;
            let bytes = bytes.fetch_add(size, Ordering::Relaxed) + size;
            (request.progress)(Progress { files, total, bytes });
            reading
        })
        .collect();
    if request.interrupt.is_requested() {
        return Err(Error::Interrupted);
    }
    (index.files, index.bytes) = (total, bytes.into_inner());
    let mut readings = readings.into_iter();
    for (mut mission, walk) in drafts {
        let manifest = Manifest::of(request.edition, &mission.mission_type);
        let skip = |path, reason| Skipped { mission_slug: Some(mission.slug.clone()), path, reason };
        index.skipped.extend(walk.skipped.into_iter().map(|(path, reason)| skip(path, reason)));
        for (found, reading) in walk.files.into_iter().zip(readings.by_ref()) {
            match reading {
                Reading::Vanished => index.skipped.push(skip(found.path, Reason::Vanished)),
                Reading::NotAFile => index.skipped.push(skip(found.path, Reason::SpecialFile)),
                reading => mission.artifacts.extend(from_reading(manifest, found.path, reading)),
            }
        }
        mission.settle(manifest, request.parity);
        index.missions.push(mission);
    }
    Ok(())
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;

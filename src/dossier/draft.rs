//! A mission before its files are read: what it is called, which files it has, and which of them are known.

use std::io::Read as _;

use rayon::prelude::*;

use super::beneath::Beneath;
use super::cache::{Known, KnownMeta};
use super::digest::Reading;
use super::index::Request;
use super::manifest::VERSION;
use super::meta::{Meta, parse};
use super::mission::{Completeness, Mission};
use super::reason::{Reason, Skipped};
use super::stat::Stat;
use super::walk::{Walk, walk};
use super::{Error, discover};
use crate::base::Timestamp;

/// A longer `meta.json` counts as one that is no JSON.
const LONGEST_META: u64 = 4 << 20;

/// The file that says what a mission is.
const META: &str = "meta.json";

/// A mission in the making.
#[derive(Debug)]
pub(super) struct Draft {
    /// Without artifacts yet.
    pub(super) mission: Mission,
    pub(super) walk: Walk,
    /// For each file of the walk, its reading where that is known.
    pub(super) known: Vec<Option<Reading>>,
    /// What may be remembered of its `meta.json`.
    pub(super) meta: Option<KnownMeta>,
    /// The readings of the others, in order, each with the state in which the file was opened.
    pub(super) read: Vec<(Reading, Option<Stat>)>,
}

impl Draft {
    /// What is to be opened, relative to the artifact root.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &str> {
        let files = self.walk.files.iter().zip(&self.known);
        files.filter(|(_, known)| known.is_none()).map(|(found, _)| found.opens.as_str())
    }
}

/// Walks every mission and reads its `meta.json`; drops those that are not to be indexed.
pub(super) fn drafts(
    request: &Request<'_>,
    tree: &Beneath,
    slugs: Vec<String>,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<Draft>, Error> {
    let is_linked = request.meta_root != request.root;
    let main = if is_linked {
        discover::artifact_root(request.meta_root, request.artifacts_root).ok().flatten()
    } else {
        None
    };
    let nothing = Known::default();
    let (known, begun, interrupt) = (request.known, request.begun, request.interrupt);
    let walked: Vec<_> = slugs
        .into_par_iter()
        .map(|slug| {
            let known = known.missions.get(&slug).unwrap_or(&nothing);
            let source = MetaSource { tree, main: main.as_ref(), known, begun };
            let read = walk(tree, &slug, interrupt).map_err(|reason| (String::new(), reason)).and_then(|walk| {
                let meta = source.of(&slug, &walk).map_err(|reason| (META.to_owned(), reason))?;
                let known = walk.files.iter().map(|found| known.reading(&found.path, found.stat)).collect();
                Ok((walk, known, meta))
            });
            (slug, read)
        })
        .collect();
    let mut default_branch = None;
    let mut drafts = Vec::with_capacity(walked.len());
    for (slug, read) in walked {
        match read {
            Ok((walk, known, (said, meta))) => {
                let branch = said.target_branch.clone();
                let branch =
                    branch.unwrap_or_else(|| default_branch.get_or_insert_with(request.default_branch).clone());
                let mission = new_mission(request, tree, slug, said, branch);
                drafts.push(Draft { mission, walk, known, meta, read: Vec::new() });
            }
            Err((path, reason)) => skipped.push(Skipped { mission_slug: Some(slug), path, reason }),
        }
    }
    if request.interrupt.is_requested() { Err(Error::Interrupted) } else { Ok(drafts) }
}

/// Where a mission's `meta.json` may be.
struct MetaSource<'a> {
    tree: &'a Beneath,
    /// The artifact root of the main work tree, when another one is indexed.
    main: Option<&'a Beneath>,
    known: &'a Known,
    begun: Timestamp,
}

impl MetaSource<'_> {
    /// The mission's `meta.json`: the main work tree's, else its own (a mission may not be merged yet); with it, what may
    /// be remembered.
    fn of(&self, slug: &str, walk: &Walk) -> Result<(Meta, Option<KnownMeta>), Reason> {
        let path = format!("{slug}/{META}");
        if let Some(main) = self.main {
            let stat = main.stat(&path).ok().flatten();
            if let Some(found) = self.in_tree(main, true, slug, stat)? {
                return Ok(found);
            }
        }
        let at = walk.files.binary_search_by(|found| found.path.as_str().cmp(META)).ok();
        let stat = at.and_then(|at| walk.files.get(at)).and_then(|found| found.stat);
        match self.in_tree(self.tree, false, slug, stat)? {
            Some(found) => Ok(found),
            None => Ok((parse(None)?, None)),
        }
    }

    /// What the file in `tree` says, which is now in the state `stat`; `None` when there is none.
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
        file.take(LONGEST_META).read_to_end(&mut bytes).map_err(|_| Reason::MetaUnreadable)?;
        let meta = parse(Some(&bytes))?;
        let is_whole = stat == Some(opened) && opened.size == bytes.len() as u64 && opened.is_settled(self.begun);
        let known = is_whole.then(|| KnownMeta { is_of_main, stat: opened, meta: meta.clone() });
        Ok(Some((meta, known)))
    }
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
        drift: None,
        oddity: meta.oddity,
    }
}

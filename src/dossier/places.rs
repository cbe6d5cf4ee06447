//! Finds units and documents: each directory that a pattern leads through is listed once, and no
//! other.

use std::cmp::Reverse;

use super::beneath::Beneath;
use super::entry::EntryKind;
use super::globs::Ignore;
use super::layouts::is_never_read;
use super::reason::{Reason, Skipped};
use super::source::Place;
use super::sources::Sources;
use super::unwanted::Unwanted;
use super::walk::Found;
use crate::base::Interrupt;
use crate::base::pattern::{PathPattern, Segment};

/// A directory that matches a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Number of the source.
    pub(super) source: usize,
    /// Number of the pattern in its source; patterns of live units come first.
    pub(super) pattern: usize,
    pub(super) is_archived: bool,
    /// Path from the top of the project.
    pub(super) dir: String,
    /// Values of the variables, in the order of the pattern.
    pub(super) captured: Vec<(String, String)>,
}

/// The found units and documents.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Ordered by directory.
    pub(super) units: Vec<Candidate>,
    /// Listed files, each with its source; ordered by path.
    pub(super) documents: Vec<(usize, Found)>,
    /// Files next to units that no source covers, each with the source that searches there.
    pub(super) loose: Vec<(usize, String)>,
    pub(super) skipped: Vec<Skipped>,
}

impl Places {
    /// Removes unwanted entries.
    pub(super) fn leave_out(&mut self, unwanted: &Unwanted<'_>) {
        let here = unwanted.of_project();
        self.units.retain(|unit| !here.has_directory(&unit.dir));
        self.documents
            .retain(|(_, found)| !here.has_file(&found.path));
        self.loose.retain(|(_, path)| !here.has_file(path));
        self.skipped
            .retain(|skipped| !here.has_directory(&skipped.path) && !here.has_file(&skipped.path));
    }
}

/// Kind of pattern that a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Live,
    Archived,
    /// A mission directory of `kitty`, which is found elsewhere; it only excludes other sources.
    Root,
    Documents,
}

/// How far a pattern leads into the present directory.
#[derive(Debug, Clone)]
struct Step<'a> {
    source: usize,
    pattern: usize,
    kind: Kind,
    rest: &'a [Segment],
    captured: Vec<(String, String)>,
}

impl Step<'_> {
    /// The steps into the directory `name`.
    fn lead(&self, name: &str, out: &mut Vec<Self>) {
        let Some((segment, rest)) = self.rest.split_first() else {
            return;
        };
        if let Segment::Any = segment {
            if segment.matches(name) {
                out.push(self.clone());
            }
            Self {
                rest,
                ..self.clone()
            }
            .lead(name, out);
        } else if segment.matches(name) {
            let mut next = Self {
                rest,
                ..self.clone()
            };
            if let (Segment::Variable { name: variable, .. }, Some(value)) =
                (segment, segment.captured(name))
            {
                next.captured.push((variable.clone(), value.to_owned()));
            }
            out.push(next);
        }
    }

    /// True if a list of documents contains the file `name`.
    fn takes(&self, name: &str) -> bool {
        let mut rest = self.rest;
        while let [Segment::Any, more @ ..] = rest {
            rest = more;
        }
        self.kind == Kind::Documents && matches!(rest, [last] if last.matches(name))
    }

    fn is_literal(&self) -> bool {
        matches!(self.rest, [Segment::Literal(_), _, ..])
    }

    /// True if a variable matches the entries of the directory.
    fn seeks_here(&self) -> bool {
        matches!(self.rest, [Segment::Variable { .. }, ..])
    }
}

/// Finds units and documents of `sources` below the top of a project.
pub(super) fn look(
    tree: &Beneath,
    sources: &Sources,
    root: Option<&PathPattern>,
    interrupt: &Interrupt,
) -> Places {
    let mut looking = Looking {
        tree,
        sources,
        places: Places::default(),
        open: Vec::new(),
    };
    looking
        .open
        .push((String::new(), first_steps(sources, root)));
    while let Some((dir, steps)) = looking.open.pop() {
        if interrupt.is_requested() {
            break;
        }
        looking.directory(&dir, &steps);
    }
    let mut places = looking.places;
    places.units.sort_by(|a, b| a.dir.cmp(&b.dir));
    places.documents.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    places.loose.sort();
    places
}

fn first_steps<'a>(sources: &'a Sources, root: Option<&'a PathPattern>) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    for (source, of) in sources.all().iter().enumerate() {
        let mut add = |patterns: &'a [PathPattern], kind: Kind, from: usize| {
            for (at, pattern) in patterns.iter().enumerate() {
                let (rest, captured) = (pattern.segments(), Vec::new());
                steps.push(Step {
                    source,
                    pattern: from + at,
                    kind,
                    rest,
                    captured,
                });
            }
        };
        match &of.place {
            Place::Root(_) => add(root.map_or(&[], std::slice::from_ref), Kind::Root, 0),
            Place::Units { live, archived } => {
                add(live, Kind::Live, 0);
                add(archived, Kind::Archived, live.len());
            }
            Place::Documents(patterns) => add(patterns, Kind::Documents, 0),
        }
    }
    steps
}

struct Looking<'a> {
    tree: &'a Beneath,
    sources: &'a Sources,
    places: Places,
    open: Vec<(String, Vec<Step<'a>>)>,
}

impl<'a> Looking<'a> {
    fn directory(&mut self, dir: &str, steps: &[Step<'a>]) {
        // Directories that are only a path to a place are not listed: their other content is not
        // ours.
        if steps.iter().all(Step::is_literal) {
            if !dir.is_empty() && self.tree.stat(&joined(dir, ".git")).is_ok() {
                return self.skip(dir, Reason::NestedRepository);
            }
            let mut names: Vec<&str> = steps.iter().filter_map(|step| literal(step)).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                self.subdirectory(dir, name, steps);
            }
            return;
        }
        let mut entries = match self.tree.list(dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return,
            Err(_) => {
                return if let Some(link) = self.link_on_the_way(dir) {
                    self.skip(&link, Reason::LinkToDirectory);
                } else if self.tree.path().join(dir).is_dir() {
                    self.skip(dir, Reason::UnreadableDirectory);
                };
            }
        };
        if !dir.is_empty()
            && entries
                .iter()
                .any(|entry| entry.name.as_deref() == Ok(".git"))
        {
            return self.skip(dir, Reason::NestedRepository);
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        for entry in entries {
            let (Ok(name) | Err(name)) = &entry.name;
            let path = joined(dir, name);
            if is_never_read(&path) {
                continue;
            }
            match entry.kind {
                EntryKind::Directory if entry.name.is_ok() => self.subdirectory(dir, name, steps),
                EntryKind::File if entry.name.is_ok() => self.file(path, name, entry.stat, steps),
                kind => self.odd(&path, name, kind, entry.name.is_ok(), steps),
            }
        }
    }

    fn subdirectory(&mut self, dir: &str, name: &str, steps: &[Step<'a>]) {
        let path = joined(dir, name);
        let mut next = Vec::new();
        let mut is_place = false;
        for step in steps {
            let before = next.len();
            step.lead(name, &mut next);
            let is_way = step.kind != Kind::Documents && step.is_literal();
            is_place |= is_way && next.len() > before;
        }
        // Each position in a pattern once: several `**` lead to the same one in many ways, growing
        // with each directory.
        let place = |step: &Step<'_>| (step.source, step.pattern, Reverse(step.rest.len()));
        next.sort_by_key(place);
        next.dedup_by_key(|step| place(step));
        let is_end = |step: &Step<'_>| step.rest.is_empty() && step.kind != Kind::Documents;
        let found = next
            .iter()
            .filter(|step| is_end(step))
            .min_by_key(|step| (step.source, step.pattern))
            .cloned();
        next.retain(|step| {
            !step.rest.is_empty() && !self.is_ignored(step, |ignore| ignore.has_directory(&path))
        });
        if let Some(Step {
            source,
            pattern,
            kind,
            captured,
            ..
        }) = found.filter(|_| !is_place)
        {
            // A file of a unit belongs to the unit, not to a list.
            next.retain(|step| step.kind != Kind::Documents);
            if kind != Kind::Root {
                let is_archived = kind == Kind::Archived;
                self.places.units.push(Candidate {
                    source,
                    pattern,
                    is_archived,
                    dir: path.clone(),
                    captured,
                });
            }
        }
        if !next.is_empty() {
            self.open.push((path, next));
        }
    }

    fn file(
        &mut self,
        path: String,
        name: &str,
        stat: Option<super::stat::Stat>,
        steps: &[Step<'a>],
    ) {
        let is_ignored = |step: &&Step<'_>| self.is_ignored(step, |ignore| ignore.has_file(&path));
        if let Some(step) = steps.iter().find(|step| step.takes(name)) {
            if is_ignored(&step) {
                return;
            }
            let found = Found {
                opens: path.clone(),
                path,
                stat,
            };
            self.places.documents.push((step.source, found));
        } else if let Some(step) = steps.iter().find(|step| step.seeks_here())
            && step.kind != Kind::Root
            && !name.starts_with('.')
        {
            self.places.loose.push((step.source, path));
        }
    }

    /// True if a list of documents ignores the entry.
    fn is_ignored(&self, step: &Step<'_>, has: impl Fn(&Ignore) -> bool) -> bool {
        let source = self
            .sources
            .all()
            .get(step.source)
            .filter(|_| step.kind == Kind::Documents);
        source.is_some_and(|source| has(&source.ignore))
    }

    /// A link, a pipe, or a name that is not UTF-8, where a unit or a document was expected.
    fn odd(&mut self, path: &str, name: &str, kind: EntryKind, is_utf8: bool, steps: &[Step<'a>]) {
        let is_document = steps.iter().any(|step| step.takes(name));
        let is_unit = steps
            .iter()
            .any(|step| matches!(step.rest, [last] if step.kind != Kind::Root && last.captured(name).is_some()));
        match kind {
            _ if !is_utf8 && (is_document || is_unit) => self.skip(path, Reason::NameNotUtf8),
            EntryKind::Link if is_document => self.skip(path, Reason::DocumentIsLink),
            EntryKind::Link if is_unit => self.skip(path, Reason::MissionIsLink),
            EntryKind::Special if is_document => self.skip(path, Reason::SpecialFile),
            _ => {}
        }
    }

    /// The first component of `dir` that is a link.
    fn link_on_the_way(&self, dir: &str) -> Option<String> {
        let ends = dir.match_indices('/').map(|(at, _)| at).chain([dir.len()]);
        let mut parents = ends.filter_map(|end| dir.get(..end));
        let is_link = |path: &&str| {
            std::fs::symlink_metadata(self.tree.path().join(path)).is_ok_and(|m| m.is_symlink())
        };
        parents.find(is_link).map(str::to_owned)
    }

    fn skip(&mut self, path: &str, reason: Reason) {
        self.places.skipped.push(Skipped {
            mission_slug: None,
            path: path.to_owned(),
            reason,
        });
    }
}

/// The name of the one directory that `step` leads into.
fn literal<'a>(step: &'a Step<'_>) -> Option<&'a str> {
    match step.rest.first() {
        Some(Segment::Literal(name)) => Some(name),
        _ => None,
    }
}

fn joined(dir: &str, name: &str) -> String {
    if dir.is_empty() {
        name.to_owned()
    } else {
        format!("{dir}/{name}")
    }
}

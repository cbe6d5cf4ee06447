//! What is remembered of a checkout between two runs: the state and digest of each file that was read, and of each
//! mission what was captured of it. Losing it costs time and nothing else; it never says more than the journal.
//!
//! Two files below the project's place, one directory for each checkout: `files` and `missions`. Both are replaced as a
//! whole, and taken for absent when they are damaged, newer, or of another checkout.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Workspace;
use crate::base::text::path;
use crate::base::{Sha256, files};
use crate::dossier::{Cache, LONGEST_CACHE, Mission};
use crate::journal::Point;

/// The form of `missions`, and of the facts that follow from a mission: a change of either is a new number.
const FORM: u32 = 3;
/// A longer `missions` is not read, in bytes.
const LONGEST: u64 = 32 << 20;
/// After this many rows without anything new in them, the point is moved on: looking them through costs time each run.
const STALE_ROWS: i64 = 4096;

/// What is remembered of one checkout.
#[derive(Debug)]
pub(super) struct Memory {
    dir: PathBuf,
    checkout: String,
    /// What was read from files that nobody changed since.
    pub(super) files: Cache,
    missions: Missions,
    found: Option<Missions>,
}

/// The file `missions`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Missions {
    form: u32,
    checkout: String,
    /// The journal as it was when the last of `captured` was written.
    point: Option<Point>,
    seen: BTreeMap<String, Seen>,
}

/// What was done for a mission: each time, the digest of what it was done for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Seen {
    /// Its facts and documents are in the journal.
    captured: Option<String>,
    /// The lines of its log are in the journal.
    logged: Option<Logged>,
}

/// A log whose lines are in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Logged {
    digest: String,
    /// Lines of it that are events.
    events: u64,
}

/// What was captured of a mission.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) slug: String,
    /// The digest of the mission; `None` where something of it was not captured.
    pub(super) digest: Option<String>,
    /// The digest of its log, and how many events that has; `None` where it was not captured.
    pub(super) log: Option<(String, u64)>,
}

impl Memory {
    /// What is remembered of the workspace's checkout; nothing of it when it is not to be `trusted`.
    pub(super) fn of(workspace: &Workspace, trusted: bool) -> Self {
        let (dir, checkout) = (workspace.place.checkout(&workspace.root), path(&workspace.root));
        let fresh = Missions { form: FORM, checkout: checkout.clone(), ..Missions::default() };
        let mut memory = Self { dir, checkout, files: Cache::default(), missions: fresh, found: None };
        if trusted {
            let bytes = read(&memory.dir.join("files"), LONGEST_CACHE as u64);
            memory.files = Cache::from_bytes(&bytes, &memory.checkout);
            let found = serde_json::from_slice(&read(&memory.dir.join("missions"), LONGEST)).ok();
            memory.found = found.filter(|m: &Missions| m.form == FORM && m.checkout == memory.checkout);
            memory.missions = memory.found.clone().unwrap_or(memory.missions);
        }
        memory
    }

    /// The point up to which the journal is known to state what was captured.
    pub(super) fn point(&self) -> Option<&Point> {
        self.missions.point.as_ref()
    }

    /// True when exactly this was captured.
    pub(super) fn has(&self, slug: &str, digest: &str) -> bool {
        self.missions.seen.get(slug).and_then(|seen| seen.captured.as_deref()) == Some(digest)
    }

    /// The journal does not state any more what it stated.
    pub(super) fn distrust_captures(&mut self) {
        self.missions.point = None;
        self.missions.seen.values_mut().for_each(|seen| (seen.captured, seen.logged) = (None, None));
    }

    /// Whatever was done was done in another store.
    pub(super) fn forget_deeds(&mut self) {
        self.missions.point = None;
        self.missions.seen.clear();
    }

    /// Notes what was captured, up to `point`.
    pub(super) fn note_captured(&mut self, fresh: Vec<Fresh>, point: Point) {
        let mut is_news = false;
        for Fresh { slug, digest, log } in fresh {
            is_news |= digest.is_some() || log.is_some();
            let seen = self.missions.seen.entry(slug).or_default();
            seen.captured = digest.or(seen.captured.take());
            seen.logged = log.map(|(digest, events)| Logged { digest, events }).or(seen.logged.take());
        }
        if is_news || self.point().is_none_or(|then| point.rows_since(then) > STALE_ROWS) {
            self.missions.point = Some(point);
        }
    }

    /// How many events the log of a mission has, if exactly this log was captured.
    pub(super) fn logged(&self, slug: &str, digest: &str) -> Option<u64> {
        let logged = self.missions.seen.get(slug)?.logged.as_ref()?;
        (logged.digest == digest).then_some(logged.events)
    }

    /// How many events the log of a mission had when it was captured last.
    pub(super) fn last_logged(&self, slug: &str) -> u64 {
        self.missions.seen.get(slug).and_then(|seen| seen.logged.as_ref()).map_or(0, |logged| logged.events)
    }

    /// Forgets every mission but `present`: all there are.
    pub(super) fn keep_only(&mut self, present: &BTreeSet<&str>) {
        self.missions.seen.retain(|slug, _| present.contains(slug.as_str()));
    }

    /// True when looking through the journal's new rows would cost more than writing down that there is nothing in them.
    pub(super) fn is_stale(&self, now: &Point) -> bool {
        self.point().is_none_or(|then| now.rows_since(then) > STALE_ROWS)
    }

    /// Writes down what changed; `files` is what is known of files now. What cannot be written is not remembered.
    pub(super) fn save(&mut self, files: &Cache) {
        let has_new_files = *files != self.files;
        let has_new_missions = self.found.as_ref() != Some(&self.missions);
        if !has_new_files && !has_new_missions {
            return;
        }
        let written = files::create_private_dir(&self.dir).and_then(|()| {
            if has_new_files {
                files::replace_lightly(&self.dir.join("files"), &files.to_bytes(&self.checkout))?;
                self.files = files.clone();
            }
            if has_new_missions {
                files::replace_lightly(&self.dir.join("missions"), &serde_json::to_vec(&self.missions)?)?;
                self.found = Some(self.missions.clone());
            }
            Ok(())
        });
        if let Err(error) = written {
            log::warn!("the next run reads every file again: {error}");
        }
    }
}

/// The digest of a mission under a rule: what was done for it under another rule was done for something else.
pub(super) fn digest(mission: &Mission, project_uuid: &str, rule: &str) -> String {
    let mission = mission.digest(project_uuid);
    Sha256::of_parts(&[env!("CARGO_PKG_VERSION").as_bytes(), &[0], rule.as_bytes(), mission.as_bytes()]).to_string()
}

/// The bytes of a file; none when it is not there, cannot be read, or is longer than `longest`.
fn read(path: &Path, longest: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let done = std::fs::File::open(path).and_then(|file| file.take(longest + 1).read_to_end(&mut bytes));
    if done.is_err() || bytes.len() as u64 > longest { Vec::new() } else { bytes }
}

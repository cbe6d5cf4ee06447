//! The cache of a checkout between two runs: state and digest of each file that was read, and what
//! was captured of each mission. Losing it costs time only; it never claims more than the journal.
//!
//! Two files in the project's place, one directory per checkout: `files` and `missions`. Both are
//! replaced as a whole, and ignored if they are damaged, newer, or of another checkout.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Workspace;
use crate::base::text::path;
use crate::base::{Sha256, files};
use crate::dossier::{Cache, LONGEST_CACHE, Mission};
use crate::journal::Point;

/// Version of the form of `missions` and of the derivation of facts; increase it when either
/// changes.
const FORM: u32 = 3;
/// Largest `missions` that is read, in bytes.
const LONGEST: u64 = 32 << 20;
/// After this many rows that changed nothing, the point is advanced: scanning them costs time in
/// each run.
const STALE_ROWS: i64 = 4096;

/// The cache of one checkout.
#[derive(Debug)]
pub(super) struct Memory {
    dir: PathBuf,
    checkout: String,
    /// Results for files that have not changed since.
    pub(super) files: Cache,
    missions: Missions,
    found: Option<Missions>,
}

/// The file `missions`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Missions {
    form: u32,
    checkout: String,
    /// The point of the journal when the last of `captured` was recorded.
    point: Option<Point>,
    seen: BTreeMap<String, Seen>,
}

/// Work that was done for a mission, with the digest of its input.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Seen {
    /// Digest for which its facts and documents were captured.
    captured: Option<String>,
    /// Digest for which the lines of its log were captured.
    logged: Option<Logged>,
}

/// A log whose lines are in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Logged {
    digest: String,
    /// Number of its lines that are events.
    events: u64,
}

/// Captured content of a mission.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) slug: String,
    /// Digest of the mission; `None` if a part of it was not captured.
    pub(super) digest: Option<String>,
    /// Digest of its log, and its number of events; `None` if it was not captured.
    pub(super) log: Option<(String, u64)>,
}

impl Memory {
    /// The cache of the workspace's checkout; empty if it is not `trusted`.
    pub(super) fn of(workspace: &Workspace, trusted: bool) -> Self {
        let (dir, checkout) = (
            workspace.place.checkout(&workspace.root),
            path(&workspace.root),
        );
        let fresh = Missions {
            form: FORM,
            checkout: checkout.clone(),
            ..Missions::default()
        };
        let mut memory = Self {
            dir,
            checkout,
            files: Cache::default(),
            missions: fresh,
            found: None,
        };
        if trusted {
            let bytes = read(&memory.dir.join("files"), LONGEST_CACHE as u64);
            memory.files = Cache::from_bytes(&bytes, &memory.checkout);
            let found = serde_json::from_slice(&read(&memory.dir.join("missions"), LONGEST)).ok();
            memory.found =
                found.filter(|m: &Missions| m.form == FORM && m.checkout == memory.checkout);
            memory.missions = memory.found.clone().unwrap_or(memory.missions);
        }
        memory
    }

    /// The point up to which the journal is known to state what was captured.
    pub(super) fn point(&self) -> Option<&Point> {
        self.missions.point.as_ref()
    }

    /// True if the mission was captured with exactly this digest.
    pub(super) fn has(&self, slug: &str, digest: &str) -> bool {
        self.missions
            .seen
            .get(slug)
            .and_then(|seen| seen.captured.as_deref())
            == Some(digest)
    }

    /// Discards the captures: the journal no longer states the same.
    pub(super) fn distrust_captures(&mut self) {
        self.missions.point = None;
        self.missions
            .seen
            .values_mut()
            .for_each(|seen| (seen.captured, seen.logged) = (None, None));
    }

    /// Discards everything that was done in another store.
    pub(super) fn forget_deeds(&mut self) {
        self.missions.point = None;
        self.missions.seen.clear();
    }

    /// Records what was captured, up to `point`.
    pub(super) fn note_captured(&mut self, fresh: Vec<Fresh>, point: Point) {
        let mut is_news = false;
        for Fresh { slug, digest, log } in fresh {
            is_news |= digest.is_some() || log.is_some();
            let seen = self.missions.seen.entry(slug).or_default();
            seen.captured = digest.or(seen.captured.take());
            seen.logged = log
                .map(|(digest, events)| Logged { digest, events })
                .or(seen.logged.take());
        }
        if is_news
            || self
                .point()
                .is_none_or(|then| point.rows_since(then) > STALE_ROWS)
        {
            self.missions.point = Some(point);
        }
    }

    /// Number of events in the log of a mission, if the log was captured with exactly this digest.
    pub(super) fn logged(&self, slug: &str, digest: &str) -> Option<u64> {
        let logged = self.missions.seen.get(slug)?.logged.as_ref()?;
        (logged.digest == digest).then_some(logged.events)
    }

    /// Number of events in the log of a mission at its last capture; 0 without one.
    pub(super) fn last_logged(&self, slug: &str) -> u64 {
        self.missions
            .seen
            .get(slug)
            .and_then(|seen| seen.logged.as_ref())
            .map_or(0, |logged| logged.events)
    }

    /// Removes every mission that is not in `present`.
    pub(super) fn keep_only(&mut self, present: &BTreeSet<&str>) {
        self.missions
            .seen
            .retain(|slug, _| present.contains(slug.as_str()));
    }

    /// True if scanning the journal's new rows again would cost more than advancing the point past
    /// them.
    pub(super) fn is_stale(&self, now: &Point) -> bool {
        self.point()
            .is_none_or(|then| now.rows_since(then) > STALE_ROWS)
    }

    /// Saves changes; `files` is the new state of files. What cannot be written is not cached.
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
                files::replace_lightly(
                    &self.dir.join("missions"),
                    &serde_json::to_vec(&self.missions)?,
                )?;
                self.found = Some(self.missions.clone());
            }
            Ok(())
        });
        if let Err(error) = written {
            log::warn!("the next run reads every file again: {error}");
        }
    }
}

/// Digest of a mission under a rule; another rule gives another digest.
pub(super) fn digest(mission: &Mission, project_uuid: &str, rule: &str) -> String {
    let mission = mission.digest(project_uuid);
    Sha256::of_parts(&[
        env!("CARGO_PKG_VERSION").as_bytes(),
        &[0],
        rule.as_bytes(),
        mission.as_bytes(),
    ])
    .to_string()
}

/// The bytes of a file; empty if it does not exist, cannot be read, or is longer than `longest`.
fn read(path: &Path, longest: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let done =
        std::fs::File::open(path).and_then(|file| file.take(longest + 1).read_to_end(&mut bytes));
    if done.is_err() || bytes.len() as u64 > longest {
        Vec::new()
    } else {
        bytes
    }
}

//! Mission logs (`status.events.jsonl`), captured line by line.
//!
//! A log whose content was captured before is not opened. Of a changed log every line is read;
//! lines whose id is already in the journal add nothing. The first content of an id stays: a
//! rewritten line is counted and audited, and opens no conflict.

mod decide;
mod read;
mod section;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use self::decide::{Decision, Known, decide};
pub(super) use self::read::pieces;
use self::read::{ReadLog, read_one};
use self::section::LaneOnHold;
pub(super) use self::section::unchanged_lines;
pub(crate) use self::section::{LogLine, LogTally, MissionLogs};
use super::memory::Memory;
use super::rule::{self, OPTED_OUT, Rule};
use super::served::Served;
use super::{Error, Workspace};
use crate::base::text::printable;
use crate::base::{Sha256, Timestamp};
use crate::books;
use crate::dossier::{MISSION_LOG, Mission, ReadError};
use crate::event::{LogEvent, LogProject, WireForm};
use crate::journal::{self, Appended, Audit, Entry, Seen};
use crate::store::{ReadTx, WriteTx};

/// What sending a line takes.
const LOG_FORM: WireForm = WireForm::AsIsWithoutTeam;
/// How the logs of a project are captured; created once per run.
#[derive(Debug)]
pub(super) struct Logs<'a> {
    project: LogProject<'a>,
    rule: Rule,
    fingerprint: String,
    /// Slugs of every mission of this run: their logs are searched for an id first.
    present: BTreeSet<&'a str>,
    /// The mission directory in whose log an id was first seen.
    met: HashMap<String, &'a str>,
    /// What the target has, where it was asked.
    served: Option<&'a Served>,
    /// The rows of captured events that it has.
    pub(super) at_target: Vec<i64>,
    pub(super) tally: LogTally,
}

impl<'a> Logs<'a> {
    /// `None` if the configuration turns logs off.
    pub(super) fn of(
        workspace: &'a Workspace,
        project_uuid: &'a str,
        missions: &'a [Mission],
        lists_lines: bool,
        served: Option<&'a Served>,
    ) -> Option<Self> {
        let identity = &workspace.identity;
        workspace.loaded.config.mission_log.capture.then(|| Self {
            project: LogProject {
                project_uuid,
                project_slug: identity.project_slug.as_deref(),
                repo_slug: identity.repo_slug.as_deref(),
            },
            rule: Rule::of(workspace),
            fingerprint: rule::fingerprint(workspace),
            present: missions
                .iter()
                .map(|mission| mission.slug.as_str())
                .collect(),
            met: HashMap::new(),
            served,
            at_target: Vec::new(),
            tally: LogTally::new(lists_lines),
        })
    }

    /// A digest of everything that the events of a mission's log are derived from; `None` without a
    /// log.
    fn digest(&self, mission: &Mission, log: Option<Sha256>) -> Option<String> {
        let parts = [
            env!("CARGO_PKG_VERSION"),
            &self.fingerprint,
            self.project.project_uuid,
            &mission.slug,
            mission.mission_id.as_deref().unwrap_or_default(),
        ];
        let mut said = Vec::new();
        for part in parts {
            said.extend_from_slice(part.as_bytes());
            said.push(0);
        }
        said.extend_from_slice(log?.as_bytes());
        Some(Sha256::of(&said).to_string())
    }

    /// Counts the log of a mission that is not read, because the mission has not changed.
    pub(super) fn pass_over(&mut self, mission: &Mission, memory: &Memory) {
        if mission.log_sha256().is_some() {
            self.tally.unopened(memory.last_logged(&mission.slug));
        }
    }

    /// Reads the logs of missions in parallel, in their order; `None` for one that `memory` has as
    /// captured.
    pub(super) fn read<D: Sync>(
        &self,
        missions: &[(&Mission, D)],
        memory: Option<&Memory>,
    ) -> Vec<Option<Result<ReadLog, ReadError>>> {
        let is_known = |mission: &Mission| {
            let digest = self.digest(mission, mission.log_sha256());
            memory
                .zip(digest)
                .is_some_and(|(memory, digest)| memory.logged(&mission.slug, &digest).is_some())
        };
        let one = |(mission, _): &(&Mission, D)| {
            (mission.log_sha256().is_some() && !is_known(mission)).then(|| {
                let lists = self.tally.listed.is_some();
                read_one(self.project, mission, lists)
            })
        };
        missions.par_iter().map(one).collect()
    }

    /// Decides about every line of a mission's log, and passes each decision to `act` in the order
    /// of the events. Returns the digest of the log and its number of events; `None` if nothing was
    /// read.
    fn each(
        &mut self,
        tx: Option<&ReadTx<'_>>,
        mission: &'a Mission,
        read: Result<ReadLog, ReadError>,
        act: &mut dyn FnMut(&LogEvent, &Decision) -> Result<(), Error>,
    ) -> Result<Option<(String, u64)>, Error> {
        let mut log = match read {
            Ok(log) => log,
            Err(ReadError::Deleted) => return Ok(None),
            Err(error) => {
                self.tally.unreadable(&mission.slug, &error.to_string());
                return Ok(None);
            }
        };
        let section = &mut self.tally.section;
        (section.files, section.read) = (section.files + 1, section.read + 1);
        section.lines += log.lines;
        for (code, lines) in &log.skipped {
            self.tally.skip(code, *lines);
        }
        let events = std::mem::take(&mut log.events);
        let count = events.len() as u64;
        let mut lanes: BTreeMap<String, (String, String, bool)> = BTreeMap::new();
        let mut names_other_project = None;
        for (line, event) in events {
            let decision = self.decide(tx, mission, &event)?;
            self.tally.count(&event, &decision);
            if let Decision::Skipped(skip) = &decision {
                log.note_flaw(line, skip.to_string());
            }
            if let Some(lane) = event.lane {
                let is_held = matches!(
                    decision,
                    Decision::New {
                        held: Some(decide::TRANSITION)
                    } | Decision::Unchanged { is_held: true }
                ) && event.transition.is_some();
                lanes.insert(
                    event.aggregate_id.clone(),
                    (lane.to_owned(), event.event_id.clone(), is_held),
                );
            }
            names_other_project = names_other_project.or(event.names_other_project.then_some(line));
            act(&event, &decision)?;
            if self.tally.listed.is_some() {
                let (decision, reason) = decision.words(&event);
                let (event_id, event_type) = (Some(event.event_id), Some(event.event_type));
                let mission_slug = mission.slug.clone();
                log.listed.push(LogLine {
                    mission_slug,
                    line,
                    event_id,
                    decision,
                    reason,
                    event_type,
                });
            }
        }
        self.warn(&mission.slug, &log, names_other_project);
        for (wp_id, (lane, event_id, _)) in lanes.into_iter().filter(|(_, (.., is_held))| *is_held)
        {
            let mission_slug = mission.slug.clone();
            self.tally.section.lanes_on_hold.push(LaneOnHold {
                mission_slug,
                wp_id,
                lane,
                event_id,
            });
        }
        log.listed.sort_by_key(|line| line.line);
        log.listed
            .into_iter()
            .for_each(|line| self.tally.list(line));
        Ok(self
            .digest(mission, log.sha256)
            .map(|digest| (digest, count)))
    }

    fn decide(
        &mut self,
        tx: Option<&ReadTx<'_>>,
        mission: &'a Mission,
        event: &LogEvent,
    ) -> Result<Decision, Error> {
        let seen = tx.map_or(Ok(None), |tx| {
            journal::seen(tx, &event.event_id, &event.envelope)
        })?;
        let is_copied = match (tx, &seen, event.copy_key()) {
            (Some(tx), None, Some(key)) => journal::is_copied(tx, &key)?,
            _ => false,
        };
        let directory = mission.slug.as_str();
        let first = *self.met.entry(event.event_id.clone()).or_insert(directory);
        let elsewhere = match &seen {
            _ if first != directory => Some(first),
            Some(Seen::Other {
                mission_slug: Some(kept),
            }) if *kept != event.mission_slug && kept != directory => {
                self.present.get(kept.as_str()).copied()
            }
            _ => None,
        };
        let disposition = self.rule.disposition(&event.event_type);
        Ok(decide(
            event,
            &Known {
                seen,
                is_copied,
                elsewhere,
                disposition,
            },
        ))
    }

    /// One warning for each file and kind of problem.
    fn warn(&mut self, slug: &str, log: &ReadLog, names_other_project: Option<u64>) {
        let place = |line: u64| format!("{}/{MISSION_LOG}:{line}", printable(slug));
        if let Some((line, reason)) = &log.flaw {
            let more = if log.flaws > 1 {
                format!(" (and {} more)", log.flaws - 1)
            } else {
                String::new()
            };
            self.tally.warnings.push(format!(
                "{}: line skipped: {}{more}",
                place(*line),
                printable(reason)
            ));
        }
        if let Some(line) = names_other_project {
            self.tally.warnings.push(format!(
                "{}: the line names another project; it is captured for this one",
                place(line)
            ));
        }
    }

    /// Captures the log of a mission, or counts it if it did not have to be read. Returns the
    /// digest and the number of events for the cache; `None` if there is nothing to cache.
    pub(super) fn take(
        &mut self,
        tx: &WriteTx<'_>,
        appending: &mut books::Appending<'_>,
        now: Timestamp,
        mission: &'a Mission,
        log: Option<Result<ReadLog, ReadError>>,
        memory: &Memory,
    ) -> Result<Option<(String, u64)>, Error> {
        let Some(log) = log else {
            let digest = self.digest(mission, mission.log_sha256());
            let known =
                digest.and_then(|digest| Some((memory.logged(&mission.slug, &digest)?, digest)));
            if let Some((events, _)) = &known {
                self.tally.unopened(*events);
            }
            return Ok(known.map(|(events, digest)| (digest, events)));
        };
        let (served, mut at_target) = (self.served, std::mem::take(&mut self.at_target));
        let digest = self.each(Some(tx), mission, log, &mut |event, decision| {
            match decision {
                Decision::New { held } => {
                    let appended = appending.append(&entry(event, *held))?;
                    let is_there =
                        served.is_some_and(|served| served.has_logged(&event.event_id, &event.envelope, LOG_FORM));
                    if let (Appended::Captured { seq, .. }, None, true) = (appended, held, is_there) {
                        at_target.push(seq);
                    }
                }
                Decision::Rewritten => {
                    let reason = "the line was rewritten in the mission's log; what was captured first stays";
                    journal::audit_once(tx, now, &audit(event, "rewritten", reason))?;
                }
                Decision::Dropped { is_audited: true } => {
                    journal::audit_once(tx, now, &audit(event, "discarded", OPTED_OUT))?;
                }
                Decision::Dropped { is_audited: false } | Decision::Unchanged { .. } | Decision::Skipped(_) => {}
            }
            Ok(())
        });
        self.at_target = at_target;
        digest
    }

    /// Counts and lists what a capture would do.
    pub(super) fn preview(
        &mut self,
        tx: Option<&ReadTx<'_>>,
        missions: &'a [Mission],
    ) -> Result<(), Error> {
        for piece in pieces(missions.iter().map(|mission| (mission, ())).collect()) {
            let logs = self.read(&piece, None);
            for ((mission, ()), log) in piece.into_iter().zip(logs) {
                if let Some(log) = log {
                    self.each(tx, mission, log, &mut |_, _| Ok(()))?;
                }
            }
        }
        Ok(())
    }
}

fn entry<'a>(event: &'a LogEvent, held: Option<&'a str>) -> Entry<'a> {
    Entry {
        event_id: &event.event_id,
        event_type: &event.event_type,
        occurred_at: Some(&event.occurred_at),
        envelope: &event.envelope,
        wire: LOG_FORM,
        // Each line is a separate fact: a later one never replaces it.
        coalesce: None,
        held,
        origin: journal::MISSION_LOG_ORIGIN,
    }
}

fn audit<'a>(event: &'a LogEvent, act: &'a str, reason: &'a str) -> Audit<'a> {
    let LogEvent {
        event_id,
        event_type,
        ..
    } = event;
    Audit {
        act,
        event_id,
        event_type,
        sha256: Sha256::of(&event.envelope),
        reason,
    }
}

//! `capture`: envelopes from a stream, one on each line, into the journal.
//!
//! A broken line never stops the others. Each envelope goes to the store of its own project, so that a producer that
//! serves several never mixes them; one that names none goes to the project at hand. Memory holds one batch.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Serialize;

use super::intake::{Batch, Candidate, End, Examined, Intake};
use super::rule::{OPTED_OUT, Rule};
use super::{Error, Workspace, World};
use crate::base::Sha256;
use crate::books;
use crate::event::{Disposition, Inspection};
use crate::journal::{self, Appended, Audit, Entry};
use crate::store::Store;

/// Stores of other projects kept open at a time.
const OPEN_STORES: usize = 8;

/// How to capture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamRequest {
    /// Refuse envelopes that break the contract, instead of capturing them with a word about it.
    pub(crate) strict_envelope: bool,
    /// Refuse when this many events are live.
    pub(crate) capacity: Option<u64>,
    /// Lines in a transaction.
    pub(crate) batch: usize,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StreamEnd {
    /// A stop was asked for before the end of the input.
    pub(crate) was_interrupted: bool,
    /// Older events that were given up, where the queue is bounded.
    pub(crate) evicted: i64,
}

/// What became of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// Its number, from 1.
    #[serde(rename = "line")]
    pub(crate) number: u64,
    /// The event's id, when the line has one.
    pub(crate) event_id: Option<String>,
    /// Its place in the journal, or that of the event that says the same.
    pub(crate) seq: Option<i64>,
    /// `captured`, `unchanged`, `conflict`, `refused` or `discarded`.
    pub(crate) result: &'static str,
    /// Why, or what is odd about it.
    pub(crate) reason: Option<String>,
    /// Why it is held.
    pub(crate) blocked: Option<String>,
    /// True when the line is no envelope at all.
    #[serde(skip)]
    pub(crate) is_broken: bool,
}

impl Line {
    fn refused(number: u64, event_id: Option<String>, reason: String, is_broken: bool) -> Self {
        Self { number, event_id, seq: None, result: "refused", reason: Some(reason), blocked: None, is_broken }
    }
}

/// Captures every line of `input`, and says of each what became of it, after it is on disk: one call for each batch.
pub(crate) fn capture_stream(
    world: &World<'_>,
    workspace: &Workspace,
    request: &StreamRequest,
    input: Box<dyn Read + Send>,
    on_lines: &mut dyn FnMut(&[Line]),
) -> Result<StreamEnd, Error> {
    let mut summary = StreamEnd::default();
    let mut capture = Capture { world, workspace, request, rule: Rule::of(workspace), stores: BTreeMap::new() };
    let mut intake = Intake::start(input);
    loop {
        let Batch { lines, end } = intake.next(request.batch.max(1), world.interrupt);
        summary.evicted += capture.batch(lines, on_lines)?;
        match end {
            None => {}
            Some(End::Failed(error)) => return Err(Error::Input(error)),
            Some(end) => {
                summary.was_interrupted = matches!(end, End::Interrupted);
                return Ok(summary);
            }
        }
    }
}

struct Capture<'a> {
    world: &'a World<'a>,
    workspace: &'a Workspace,
    request: &'a StreamRequest,
    rule: Rule,
    stores: BTreeMap<Option<String>, Store>,
}

impl Capture<'_> {
    /// Captures a batch, in one transaction for each store that it concerns; returns how many older events that cost.
    fn batch(&mut self, examined: Vec<Examined>, on_lines: &mut dyn FnMut(&[Line])) -> Result<i64, Error> {
        let mut lines = Vec::with_capacity(examined.len());
        let mut by_project: BTreeMap<Option<String>, Vec<Candidate>> = BTreeMap::new();
        for examined in examined {
            match examined {
                Examined::Refused { line, event_id, reason } => lines.push(Line::refused(line, event_id, reason, true)),
                Examined::Candidate(Candidate { line, inspection, oddity: Some(oddity), .. })
                    if self.request.strict_envelope =>
                {
                    lines.push(Line::refused(line, Some(inspection.event_id), oddity, false));
                }
                Examined::Candidate(candidate) => {
                    by_project.entry(self.destination(&candidate)).or_default().push(candidate);
                }
            }
        }
        let mut evicted = 0;
        for (project, candidates) in by_project {
            let (stored, given_up) = self.store(project.as_deref(), &candidates)?;
            lines.extend(stored);
            evicted += given_up;
        }
        lines.sort_unstable_by_key(|line| line.number);
        on_lines(&lines);
        Ok(evicted)
    }

    /// The project whose store takes the event; `None` for the one at hand.
    fn destination(&self, candidate: &Candidate) -> Option<String> {
        let named = candidate.inspection.project_uuid.as_deref()?;
        let uuid = uuid::Uuid::parse_str(named).ok()?.to_string();
        (self.workspace.identity.project_uuid.as_deref() != Some(&uuid)).then_some(uuid)
    }

    /// Captures candidates in one transaction.
    fn store(&mut self, project: Option<&str>, candidates: &[Candidate]) -> Result<(Vec<Line>, i64), Error> {
        let key = project.map(str::to_owned);
        if !self.stores.contains_key(&key) {
            if self.stores.len() >= OPEN_STORES {
                self.stores.clear();
            }
            let path = match project {
                Some(uuid) => self.workspace.home.project(uuid)?.store(),
                None => self.workspace.place.store(),
            };
            self.stores.insert(key.clone(), books::open(&path)?);
        }
        let Some(store) = self.stores.get_mut(&key) else { return Ok((Vec::new(), 0)) };
        let now = self.world.clock.now();
        store.write(|tx| {
            let live = journal::totals(tx)?.live;
            let mut room = self.request.capacity.map(|c| i64::try_from(c).unwrap_or(i64::MAX) - live);
            let (lines, _) = books::append(tx, now, |appending| {
                let mut lines = Vec::with_capacity(candidates.len());
                for candidate in candidates {
                    let held = match self.rule.disposition(&candidate.inspection.event_type) {
                        Disposition::Keep => None,
                        Disposition::Hold(reason) => Some(reason),
                        audited @ (Disposition::Discard | Disposition::AuditAndDiscard) => {
                            if audited == Disposition::AuditAndDiscard {
                                journal::audit(tx, now, &audit(candidate))?;
                            }
                            lines.push(candidate.became("discarded", None, Some("opted out".to_owned()), None));
                            continue;
                        }
                    };
                    if room.is_some_and(|r| r <= 0) {
                        let reason = format!(
                            "the journal is full: capacity {}, {live} live events before this batch",
                            self.request.capacity.unwrap_or_default()
                        );
                        lines.push(candidate.became("refused", None, Some(reason), None));
                        continue;
                    }
                    let appended = appending.append(&candidate.entry(held))?;
                    if let (Some(room), Appended::Captured { superseded: None, .. }) = (&mut room, appended) {
                        *room -= 1;
                    }
                    lines.push(candidate.appended(appended, held));
                }
                Ok::<_, Error>(lines)
            })?;
            Ok((lines, self.rule.evict(tx, now)?))
        })
    }
}

impl Candidate {
    fn entry<'a>(&'a self, held: Option<&'a str>) -> Entry<'a> {
        Entry {
            event_id: &self.inspection.event_id,
            event_type: &self.inspection.event_type,
            occurred_at: self.inspection.occurred_at.as_deref(),
            envelope: &self.bytes,
            wire: self.inspection.wire,
            coalesce: self.inspection.coalesce,
            held,
            origin: "capture",
        }
    }

    fn appended(&self, appended: Appended, held: Option<&str>) -> Line {
        match appended {
            Appended::Captured { seq, .. } => self.became("captured", Some(seq), self.oddity.clone(), held),
            Appended::Unchanged { seq } => self.became("unchanged", Some(seq), None, None),
            Appended::Conflict { seq } => {
                let reason = "the id is in the journal with another content; this one is kept apart".to_owned();
                self.became("conflict", Some(seq), Some(reason), None)
            }
        }
    }

    fn became(&self, result: &'static str, seq: Option<i64>, reason: Option<String>, held: Option<&str>) -> Line {
        Line {
            number: self.line,
            event_id: Some(self.inspection.event_id.clone()),
            seq,
            result,
            reason,
            blocked: held.map(str::to_owned),
            is_broken: false,
        }
    }
}

fn audit(candidate: &Candidate) -> Audit<'_> {
    let Inspection { event_id, event_type, .. } = &candidate.inspection;
    Audit { act: "discarded", event_id, event_type, sha256: Sha256::of(&candidate.bytes), reason: OPTED_OUT }
}

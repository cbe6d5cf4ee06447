//! `capture`: captures envelopes from a stream, one on each line.
//!
//! A broken line never affects the others. Each envelope is captured in the store of its own
//! project, so a producer may serve several projects; one that names none belongs to the current
//! project. Memory holds one batch.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::intake::{Batch, Candidate, End, Examined, Intake};
use super::line::Line;
use super::opening::{self, Absorbed};
use super::rule::{OPTED_OUT, Rule};
use super::spooling::{self, Spools};
use super::{Error, Workspace, World};
use crate::base::Sha256;
use crate::books;
use crate::event::{Disposition, Inspection};
use crate::journal::{self, Audit, Entry};
use crate::spool::Spool;
use crate::store::Store;

/// Number of other projects' stores kept open.
const OPEN_STORES: usize = 8;

/// Options of a capture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamRequest {
    /// Reject envelopes that break the contract, instead of capturing them with a warning.
    pub(crate) strict_envelope: bool,
    /// Reject events beyond this many live ones. Events that cannot be counted are rejected too:
    /// nothing is spooled then.
    pub(crate) capacity: Option<u64>,
    /// Lines in a transaction.
    pub(crate) batch: usize,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StreamEnd {
    /// A stop was requested before the end of the input.
    pub(crate) was_interrupted: bool,
    /// Number of evicted older events, if the queue is bounded.
    pub(crate) evicted: i64,
}

/// A message while a stream is captured.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News<'a> {
    /// Results of a batch of lines; each is on disk.
    Lines(&'a [Line]),
    /// A store cannot be opened, for this reason; from here on its lines are spooled next to it.
    Spooling(&'a str),
    /// Spooled lines of an earlier command are in the journal.
    Absorbed(&'a Absorbed),
}

/// Captures every line of `input`, and reports the results of each batch after they are on disk.
pub(crate) fn capture_stream(
    world: &World<'_>,
    workspace: &Workspace,
    request: &StreamRequest,
    input: Box<dyn Read + Send>,
    on_news: &mut dyn FnMut(News<'_>),
) -> Result<StreamEnd, Error> {
    let mut summary = StreamEnd::default();
    let (rule, stores, spools) = (Rule::of(workspace), BTreeMap::new(), Spools::default());
    let mut capture = Capture {
        world,
        workspace,
        request,
        rule,
        stores,
        spools,
        on_news,
    };
    let mut intake = Intake::start(input);
    loop {
        let Batch { lines, end } = intake.next(request.batch.max(1), world.interrupt);
        summary.evicted += capture.batch(lines)?;
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
    stores: BTreeMap<PathBuf, Store>,
    spools: Spools,
    on_news: &'a mut dyn FnMut(News<'_>),
}

impl Capture<'_> {
    /// Captures a batch, in one transaction for each store; returns the number of evicted older
    /// events.
    fn batch(&mut self, examined: Vec<Examined>) -> Result<i64, Error> {
        let mut lines = Vec::with_capacity(examined.len());
        let mut by_project: BTreeMap<Option<String>, Vec<Candidate>> = BTreeMap::new();
        for examined in examined {
            match examined {
                Examined::Refused {
                    line,
                    event_id,
                    reason,
                } => lines.push(Line::refused(line, event_id, reason, true)),
                Examined::Candidate(Candidate {
                    line,
                    inspection,
                    oddity: Some(oddity),
                    ..
                }) if self.request.strict_envelope => {
                    lines.push(Line::refused(
                        line,
                        Some(inspection.event_id),
                        oddity,
                        false,
                    ));
                }
                Examined::Candidate(candidate) => {
                    by_project
                        .entry(self.destination(&candidate))
                        .or_default()
                        .push(candidate);
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
        (self.on_news)(News::Lines(&lines));
        Ok(evicted)
    }

    /// The project whose store gets the event; `None` for the current one.
    fn destination(&self, candidate: &Candidate) -> Option<String> {
        let named = candidate.inspection.project_uuid.as_deref()?;
        let uuid = uuid::Uuid::parse_str(named).ok()?.to_string();
        (self.workspace.identity.project_uuid.as_deref() != Some(&uuid)).then_some(uuid)
    }

    /// Captures candidates of one project: in its store, or in the spool while the store cannot be
    /// opened.
    fn store(
        &mut self,
        project: Option<&str>,
        candidates: &[Candidate],
    ) -> Result<(Vec<Line>, i64), Error> {
        let path = match project {
            Some(uuid) => self
                .workspace
                .home
                .project(uuid, &self.workspace.repository_id)?
                .store(),
            None => self.workspace.place.store(),
        };
        let now = self.world.clock.now();
        if !self.spools.is_open(&path, now) {
            return Ok((self.spools.append(&path, now, candidates, &self.rule)?, 0));
        }
        let error = match self.transact(&path, candidates) {
            Err(error)
                if self.request.capacity.is_none() && spooling::is_about_the_store(&error) =>
            {
                error
            }
            done => return done,
        };
        self.stores.remove(&path);
        let why = error.to_string();
        self.spools.begin(&path, now, why.clone());
        let lines = self.spools.append(&path, now, candidates, &self.rule)?;
        (self.on_news)(News::Spooling(&why));
        Ok((lines, 0))
    }

    /// Opens the store, unless it is open, and absorbs its spool.
    fn open(&mut self, path: &Path) -> Result<(), Error> {
        let absorbed = if let Some(store) = self.stores.get_mut(path) {
            // Another process that found the store locked may have spooled since: older lines go
            // first.
            if !Spool::beside(path).is_written() || self.spools.is_troubled(path) {
                return Ok(());
            }
            opening::absorb(self.world, &self.rule, store, path)?
        } else {
            if self.stores.len() >= OPEN_STORES {
                self.stores.clear();
            }
            let (store, absorbed) = opening::open_at(self.world, &self.rule, path)?;
            self.stores.insert(path.to_owned(), store);
            absorbed
        };
        if !absorbed.warnings.is_empty() {
            self.spools.note_trouble(path);
        }
        if absorbed != Absorbed::default() {
            (self.on_news)(News::Absorbed(&absorbed));
        }
        Ok(())
    }

    /// Captures candidates in one transaction.
    fn transact(
        &mut self,
        path: &Path,
        candidates: &[Candidate],
    ) -> Result<(Vec<Line>, i64), Error> {
        self.open(path)?;
        let Some(store) = self.stores.get_mut(path) else {
            return Ok((Vec::new(), 0));
        };
        let now = self.world.clock.now();
        store.write(|tx| {
            self.rule.note_retention(tx)?;
            let before = journal::last_seq(tx)?;
            let (mut lines, _) = books::append(tx, now, |appending| {
                if let Some(capacity) = self.request.capacity {
                    appending.refuse_beyond(i64::try_from(capacity).unwrap_or(i64::MAX))?;
                }
                let mut lines = Vec::with_capacity(candidates.len());
                for candidate in candidates {
                    let held = match self.rule.disposition(&candidate.inspection.event_type) {
                        Disposition::Keep => None,
                        Disposition::Hold(reason) => Some(reason),
                        audited @ (Disposition::Discard | Disposition::AuditAndDiscard) => {
                            if audited == Disposition::AuditAndDiscard {
                                journal::audit(tx, now, &audit(candidate))?;
                            }
                            lines.push(candidate.dropped());
                            continue;
                        }
                    };
                    let appended = appending.append(&entry(candidate, held))?;
                    lines.push(candidate.appended(appended, held));
                }
                Ok::<_, Error>(lines)
            })?;
            let evicted = self.rule.evict(tx, now, before)?;
            for line in lines
                .iter_mut()
                .filter(|line| line.seq.is_some_and(|seq| evicted.has(seq)))
            {
                line.give_way();
            }
            Ok((lines, evicted.count()))
        })
    }
}

fn entry<'a>(candidate: &'a Candidate, held: Option<&'a str>) -> Entry<'a> {
    Entry {
        event_id: &candidate.inspection.event_id,
        event_type: &candidate.inspection.event_type,
        occurred_at: candidate.inspection.occurred_at.as_deref(),
        envelope: &candidate.bytes,
        wire: candidate.inspection.wire,
        coalesce: candidate.inspection.coalesce,
        held,
        origin: "capture",
    }
}

fn audit(candidate: &Candidate) -> Audit<'_> {
    let Inspection {
        event_id,
        event_type,
        ..
    } = &candidate.inspection;
    Audit {
        act: "discarded",
        event_id,
        event_type,
        sha256: Sha256::of(&candidate.bytes),
        reason: OPTED_OUT,
    }
}

//! `capture`: envelopes from a stream, one on each line, into the journal.
//!
//! A broken line never stops the others. Each envelope goes to the store of its own project, so that a producer that
//! serves several never mixes them; one that names none goes to the project at hand. Memory holds one batch.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};

use serde::Serialize;
use serde_json::Value;

use super::rule::{OPTED_OUT, Rule};
use super::{Error, Workspace, World};
use crate::base::Sha256;
use crate::books;
use crate::event::{self, Disposition, Inspection};
use crate::journal::{self, Appended, Audit, Entry};
use crate::store::Store;

/// The longest line that is read as an envelope, in bytes.
const LONGEST_LINE: u64 = 64 << 20;
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

/// An envelope on its way into a store.
struct Candidate {
    line: u64,
    bytes: Vec<u8>,
    inspection: Inspection,
    oddity: Option<String>,
}

/// Captures every line of `input`, and says of each what became of it, after it is on disk.
pub(crate) fn capture_stream(
    world: &World<'_>,
    workspace: &Workspace,
    request: &StreamRequest,
    input: &mut dyn BufRead,
    on_line: &mut dyn FnMut(&Line),
) -> Result<StreamEnd, Error> {
    let mut end = StreamEnd::default();
    let mut capture = Capture { world, workspace, request, rule: Rule::of(workspace), stores: BTreeMap::new() };
    let mut number = 0;
    loop {
        let mut lines: BTreeMap<u64, Line> = BTreeMap::new();
        let mut batch: BTreeMap<Option<String>, Vec<Candidate>> = BTreeMap::new();
        let mut is_end = false;
        for _ in 0..request.batch.max(1) {
            let Some(read) = read_line(input).map_err(Error::Input)? else {
                is_end = true;
                break;
            };
            number += 1;
            match capture.examine(number, read) {
                Examined::Blank => {}
                Examined::Refused(line) => drop(lines.insert(number, line)),
                Examined::Candidate(candidate) => {
                    batch.entry(capture.destination(&candidate)).or_default().push(candidate);
                }
            }
        }
        for (project, candidates) in batch {
            let (stored, evicted) = capture.store(project.as_deref(), &candidates)?;
            end.evicted += evicted;
            lines.extend(stored.into_iter().map(|line| (line.number, line)));
        }
        lines.values().for_each(&mut *on_line);
        if is_end || world.interrupt.is_requested() {
            end.was_interrupted = !is_end;
            return Ok(end);
        }
    }
}

enum Examined {
    Blank,
    Refused(Line),
    Candidate(Candidate),
}

struct Capture<'a> {
    world: &'a World<'a>,
    workspace: &'a Workspace,
    request: &'a StreamRequest,
    rule: Rule,
    stores: BTreeMap<Option<String>, Store>,
}

impl Capture<'_> {
    /// Parses and checks a line; gates are not asked.
    fn examine(&self, line: u64, read: Read) -> Examined {
        let bytes = match read {
            Read::Line(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => return Examined::Blank,
            Read::Line(bytes) => bytes,
            Read::TooLong => {
                let reason = format!("the line is longer than {} MiB", LONGEST_LINE >> 20);
                return Examined::Refused(Line::refused(line, None, reason, true));
            }
        };
        let inspection = match event::inspect(&bytes) {
            Ok(inspection) => inspection,
            Err(why) => return Examined::Refused(Line::refused(line, None, why.to_string(), true)),
        };
        let oddity = contract_oddity(&bytes);
        if let (true, Some(oddity)) = (self.request.strict_envelope, &oddity) {
            let event_id = Some(inspection.event_id);
            return Examined::Refused(Line::refused(line, event_id, oddity.clone(), false));
        }
        Examined::Candidate(Candidate { line, bytes, inspection, oddity })
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

/// What breaks the envelope contract, in words; `None` when nothing does.
fn contract_oddity(bytes: &[u8]) -> Option<String> {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return Some("contract: not strict JSON, so it cannot be sent".to_owned());
    };
    let violations = event::violations(&value);
    let words: Vec<String> = violations.iter().take(5).map(ToString::to_string).collect();
    (!words.is_empty()).then(|| format!("contract: {}", words.join("; ")))
}

enum Read {
    Line(Vec<u8>),
    TooLong,
}

/// The next line without its end; `None` at the end of the stream. Of a line that is too long, the rest is passed over.
fn read_line(input: &mut dyn BufRead) -> std::io::Result<Option<Read>> {
    let mut bytes = Vec::new();
    let mut limited = input.take(LONGEST_LINE + 1);
    if limited.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    let is_complete = bytes.last() == Some(&b'\n');
    if !is_complete && bytes.len() as u64 > LONGEST_LINE {
        skip_line(input)?;
        return Ok(Some(Read::TooLong));
    }
    if is_complete {
        bytes.pop();
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(Read::Line(bytes)))
}

fn skip_line(input: &mut dyn BufRead) -> std::io::Result<()> {
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok(());
        }
        let end = chunk.iter().position(|b| *b == b'\n');
        let length = end.map_or(chunk.len(), |at| at + 1);
        input.consume(length);
        if end.is_some() {
            return Ok(());
        }
    }
}

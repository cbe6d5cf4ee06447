//! Reads a mission's log, and maps its lines to events.

use std::collections::BTreeMap;

use super::section::{LogLine, is_flaw};
use crate::base::Sha256;
use crate::dossier::{Mission, ReadError, read_mission_log};
use crate::event::{LogEvent, LogMission, LogProject, read_log};

/// Bytes of logs that are read at a time.
const PIECE_BYTES: u64 = 8 << 20;

/// A log, read and mapped to events.
#[derive(Debug, Default)]
pub(in crate::ops) struct ReadLog {
    pub(super) sha256: Option<Sha256>,
    pub(super) events: Vec<(u64, LogEvent)>,
    pub(super) lines: u64,
    pub(super) skipped: BTreeMap<&'static str, u64>,
    /// The first line that the user should check, and the number of such lines.
    pub(super) flaw: Option<(u64, String)>,
    pub(super) flaws: u64,
    /// Skipped lines, if a list was requested.
    pub(super) listed: Vec<LogLine>,
}

impl ReadLog {
    /// Counts a line that the user should check.
    pub(super) fn note_flaw(&mut self, line: u64, reason: String) {
        self.flaws += 1;
        if self.flaw.as_ref().is_none_or(|(first, _)| line < *first) {
            self.flaw = Some((line, reason));
        }
    }
}

/// Reads the log of a mission; `lists` its skipped lines, if that is requested.
pub(super) fn read_one(
    project: LogProject<'_>,
    mission: &Mission,
    lists: bool,
) -> Result<ReadLog, ReadError> {
    let bytes = read_mission_log(&mission.dir)?;
    let mut log = ReadLog {
        sha256: Some(Sha256::of(&bytes)),
        ..ReadLog::default()
    };
    let of = LogMission {
        directory: &mission.slug,
        mission_id: mission.mission_id.as_deref(),
    };
    for row in read_log(&bytes, project, of) {
        log.lines += 1;
        match row.becomes {
            Ok(event) => log.events.push((row.line, event)),
            Err(skip) => {
                *log.skipped.entry(skip.code).or_default() += 1;
                if is_flaw(&skip) {
                    log.note_flaw(row.line, skip.to_string());
                }
                if lists {
                    let (mission_slug, reason) = (mission.slug.clone(), skip.to_string());
                    let (line, event_id) = (row.line, row.event_id);
                    let decision = "skipped";
                    log.listed.push(LogLine {
                        mission_slug,
                        line,
                        event_id,
                        decision,
                        reason,
                        event_type: None,
                    });
                }
            }
        }
    }
    // The order of the events; the id makes it total.
    log.events.sort_by(|(_, a), (_, b)| {
        (a.lamport_clock, &a.event_id).cmp(&(b.lamport_clock, &b.event_id))
    });
    Ok(log)
}

/// Missions with their digests, in pieces whose logs are read together.
pub(in crate::ops) fn pieces<D>(missions: Vec<(&Mission, D)>) -> Vec<Vec<(&Mission, D)>> {
    let mut pieces: Vec<Vec<(&Mission, D)>> = Vec::new();
    let mut bytes = 0;
    for mission in missions {
        let size = mission.0.log_bytes();
        if let Some(piece) = pieces.last_mut().filter(|_| bytes + size <= PIECE_BYTES) {
            piece.push(mission);
            bytes += size;
        } else {
            pieces.push(vec![mission]);
            bytes = size;
        }
    }
    pieces
}

//! Failures at a target: the file of `drain --report`, and the groups of `events explain`.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Error;
use super::report::Report;
use crate::base::Timestamp;
use crate::base::files::named;
use crate::base::text::printable_json;
use crate::books;
use crate::delivery::{self, FAILURES, Failed, Status, Waiver, masked};
use crate::journal::{self, Notice};
use crate::store::Store;

/// Number of groups shown; the others are counted together.
const GROUPS: usize = 1000;

/// Writes the report of a drain that began at `since` to `file` (its fields are a public contract):
/// first to a temporary file, so that a reader sees the whole file or none.
pub(crate) fn write_report(
    store: &Path,
    report: &Report,
    file: &Path,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    let place =
        |error: std::io::Error| Error::Output(named(&error, "cannot write the report", file));
    let dir = file
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(dir).map_err(place)?;
    let mut out = BufWriter::new(&mut temporary);
    let head = Value::Object(head(report, now)).to_string();
    // The object stays open for the list of failures, which is written incrementally.
    let begin = format!("{},\"failures\":[", head.strip_suffix('}').unwrap_or(&head));
    out.write_all(printable_json(&begin).as_bytes())
        .map_err(place)?;
    let mut is_first = true;
    if let (Some(target), Some(_)) = (&report.target, &report.drain) {
        each_failure(store, &target.target_id, Some(since), &mut |failed| {
            let separator = if std::mem::take(&mut is_first) {
                ""
            } else {
                ","
            };
            let line = json!({"event_id": failed.event_id, "outcome": failed.status.word(),
                "http_status": failed.http_status, "error": failed.error});
            write!(out, "{separator}{}", printable_json(&line.to_string())).map_err(place)?;
            Ok(())
        })?;
    }
    out.write_all(b"]}\n")
        .and_then(|()| out.flush())
        .map_err(place)?;
    drop(out);
    temporary.persist(file).map_err(|e| place(e.error))?;
    Ok(())
}

fn head(report: &Report, now: Timestamp) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("generated_at".to_owned(), now.to_string().into());
    head.insert("dispatched".to_owned(), report.drain.is_some().into());
    let counts = report.drain.as_ref().map(|drain| {
        [
            ("selected", drain.selected),
            ("delivered", drain.success),
            ("duplicate", drain.duplicate),
            ("pending", drain.pending),
            ("rejected", drain.rejected),
            ("transient", drain.transient),
            ("terminal_failed", drain.terminal_failed),
        ]
    });
    let (mut total, mut synced, mut failed) = (0, 0, 0);
    if let Some(drain) = &report.drain {
        (total, synced) = (drain.selected, drain.success + drain.duplicate);
        failed = drain.rejected + drain.transient + drain.terminal_failed;
    }
    let mut summary = Map::new();
    for (name, count) in [
        ("total_events", total),
        ("synced", synced),
        ("failed", failed),
    ] {
        summary.insert(name.to_owned(), count.into());
    }
    for (name, count) in counts.into_iter().flatten() {
        summary.insert(name.to_owned(), count.into());
        head.insert(name.to_owned(), count.into());
    }
    head.insert("summary".to_owned(), summary.into());
    if let Some(balance) = &report.balance {
        head.insert(
            "balance".to_owned(),
            serde_json::to_value(balance).unwrap_or_default(),
        );
    }
    head
}

/// Events that failed for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    /// Id, as accepted by `events waive`.
    #[serde(rename = "group")]
    pub(crate) id: String,
    /// `terminal_failed`, `rejected` or `transient`.
    pub(crate) status: &'static str,
    /// The type of its events.
    pub(crate) event_type: String,
    /// The reason, without the parts that differ between events.
    pub(crate) reason: String,
    /// Number of events.
    pub(crate) count: u64,
    /// Number of waived events.
    pub(crate) waived: u64,
    /// Time and note of the last waiver.
    pub(crate) waived_at: Option<String>,
    pub(crate) note: Option<String>,
    /// Id of one of them.
    pub(crate) example: String,
}

/// Counts of a group while its events are read.
#[derive(Default)]
struct Tally {
    count: u64,
    waived: u64,
    example: String,
}

/// Failures at a target, grouped by state, type and masked reason, the largest group first.
pub(crate) fn explain(store: &Path, target_id: &str) -> Result<Vec<Group>, Error> {
    let mut groups: BTreeMap<delivery::Group, Tally> = BTreeMap::new();
    each_failure(store, target_id, None, &mut |failed| {
        let mut key = group_of(&failed);
        if groups.len() >= GROUPS && !groups.contains_key(&key) {
            key = delivery::Group {
                status: failed.status,
                event_type: "…".to_owned(),
                reason: "any other".to_owned(),
            };
        }
        let tally = groups.entry(key).or_insert_with(|| Tally {
            example: failed.event_id,
            ..Tally::default()
        });
        tally.count += 1;
        tally.waived += u64::from(failed.is_waived);
        Ok(())
    })?;
    let waivers = waivers_of(store, target_id)?;
    let group = |(group, tally): (delivery::Group, Tally)| {
        let id = group.id();
        let last = waivers.iter().rfind(|waiver| waiver.group == id);
        Group {
            status: group.status.word(),
            event_type: group.event_type,
            reason: group.reason,
            count: tally.count,
            waived: tally.waived,
            waived_at: last.map(|waiver| waiver.waived_at.to_string()),
            note: last
                .map(|waiver| waiver.note.clone())
                .filter(|note| !note.is_empty()),
            example: tally.example,
            id,
        }
    };
    let mut groups: Vec<Group> = groups.into_iter().map(group).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    Ok(groups)
}

fn group_of(failed: &Failed) -> delivery::Group {
    let reason = masked(failed.error.as_deref().unwrap_or("no reason given"));
    delivery::Group {
        status: failed.status,
        event_type: failed.event_type.clone(),
        reason,
    }
}

fn waivers_of(store: &Path, target_id: &str) -> Result<Vec<Waiver>, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(Vec::new());
    };
    Ok(store.read(|tx| match delivery::current(tx, target_id)? {
        Some(target) => delivery::waivers(tx, target.id),
        None => Ok(Vec::new()),
    })?)
}

/// Filter for failures to waive; an empty or `None` member matches all.
#[derive(Debug, Clone, Default)]
pub(crate) struct WaiveFilter {
    /// In these groups, or with these ids.
    pub(crate) names: Vec<String>,
    /// Of these types.
    pub(crate) types: Vec<String>,
    /// With an error that contains this text, in any case.
    pub(crate) reason: Option<String>,
    /// Tried at this time or later.
    pub(crate) since: Option<Timestamp>,
}

impl WaiveFilter {
    fn takes(&self, failed: &Failed, group: &str) -> bool {
        let is_named = |name: &String| name == group || name.eq_ignore_ascii_case(&failed.event_id);
        let error = failed.error.as_deref().unwrap_or_default().to_lowercase();
        (self.names.is_empty() || self.names.iter().any(is_named))
            && (self.types.is_empty() || self.types.contains(&failed.event_type))
            && self
                .reason
                .as_ref()
                .is_none_or(|reason| error.contains(&reason.to_lowercase()))
    }
}

/// Events of one group that are given up at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GivenUp {
    pub(crate) group: delivery::Group,
    /// Journal rows of the group that are not waived.
    pub(crate) unseen: Vec<i64>,
    /// Ids of events that the filter named.
    named: Vec<String>,
}

impl GivenUp {
    /// True if this name, of a group or an event, selected it.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.group.id() == name || self.named.iter().any(|id| id.eq_ignore_ascii_case(name))
    }
}

/// The events given up at a target, by group, as far as they match `filter`. Groups that are still
/// retried cannot be waived.
pub(crate) fn given_up(
    store: &Path,
    target_id: &str,
    filter: &WaiveFilter,
) -> Result<Vec<GivenUp>, Error> {
    let mut found: BTreeMap<delivery::Group, GivenUp> = BTreeMap::new();
    each_failure(store, target_id, filter.since, &mut |failed| {
        let group = group_of(&failed);
        if failed.status == Status::TerminalFailed && filter.takes(&failed, &group.id()) {
            let fresh = || GivenUp {
                group: group.clone(),
                unseen: Vec::new(),
                named: Vec::new(),
            };
            let found = found.entry(group.clone()).or_insert_with(fresh);
            found
                .unseen
                .extend((!failed.is_waived).then_some(failed.seq));
            if filter
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&failed.event_id))
            {
                found.named.push(failed.event_id);
            }
        }
        Ok(())
    })?;
    Ok(found.into_values().collect())
}

/// Waives these failures, with an audit row for each group; returns how many.
pub(crate) fn waive(
    store: &mut Store,
    target_id: &str,
    seen: &[GivenUp],
    note: &str,
    now: Timestamp,
) -> Result<u64, Error> {
    store.write(|tx| {
        let Some(target) = delivery::current(tx, target_id)? else { return Ok(0) };
        let mut waived = 0;
        for GivenUp { group, unseen, .. } in seen {
            let events = delivery::waive(tx, &target, group, unseen, note, now)?;
            waived += events;
            if events > 0 {
                let delivery::Group { event_type, reason, .. } = group;
                let words = if note.is_empty() { String::new() } else { format!("; {note}") };
                let id = group.id();
                let reason =
                    format!("{events} events of group {id} ({event_type}: {reason}), target {target_id}{words}");
                journal::notice(tx, now, &Notice { act: "waived", reason: &reason })?;
            }
        }
        Ok(waived)
    })
}

/// Calls `act` for each event that failed at a target; reads a bounded number at a time.
fn each_failure(
    store: &Path,
    target_id: &str,
    since: Option<Timestamp>,
    tell: &mut dyn FnMut(Failed) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(());
    };
    let Some(target) = store.read(|tx| delivery::current(tx, target_id))? else {
        return Ok(());
    };
    for status in FAILURES {
        let mut after = 0;
        loop {
            let page = store.read(|tx| delivery::failed(tx, target.id, status, since, after))?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            page.into_iter().try_for_each(&mut *tell)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_without_a_drain_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("r.json");
        let now = Timestamp::from_micros(0);
        write_report(
            &dir.path().join("absent.db"),
            &Report::new("drain"),
            &file,
            now,
            now,
        )
        .unwrap();
        let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let expected = json!({"generated_at": "1970-01-01T00:00:00.000000+00:00", "dispatched": false,
            "summary": {"total_events": 0, "synced": 0, "failed": 0}, "failures": []});
        assert_eq!(written, expected);
    }
}

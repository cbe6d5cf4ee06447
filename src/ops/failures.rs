//! What went wrong at a target, for a person: the file of `drain --report`, and the groups of `events explain`.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Error;
use super::report::Report;
use crate::base::Timestamp;
use crate::base::files::named;
use crate::books;
use crate::delivery::{self, FAILURES, Failed, Status, masked};

/// Groups shown at most; what comes after them is counted together.
const GROUPS: usize = 1000;

/// Writes the report of a drain that began at `since` to `file` (`formats` section 12.2, and the balance): beside it
/// first, so that a reader sees the whole file or none.
pub(crate) fn write_report(
    store: &Path,
    report: &Report,
    file: &Path,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    let place = |error: std::io::Error| Error::Output(named(&error, "cannot write the report", file));
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(dir).map_err(place)?;
    let mut out = BufWriter::new(&mut temporary);
    let head = Value::Object(head(report, now)).to_string();
    // The object is left open for the failures, of which there may be any number.
    let begin = format!("{},\"failures\":[", head.strip_suffix('}').unwrap_or(&head));
    out.write_all(begin.as_bytes()).map_err(place)?;
    let mut is_first = true;
    if let (Some(target), Some(_)) = (&report.target, &report.drain) {
        each_failure(store, &target.target_id, Some(since), &mut |failed| {
            let separator = if std::mem::take(&mut is_first) { "" } else { "," };
            let line = json!({"event_id": failed.event_id, "outcome": failed.status.word(),
                "http_status": failed.http_status, "error": failed.error});
            write!(out, "{separator}{line}").map_err(place)?;
            Ok(())
        })?;
    }
    out.write_all(b"]}\n").and_then(|()| out.flush()).map_err(place)?;
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
    for (name, count) in [("total_events", total), ("synced", synced), ("failed", failed)] {
        summary.insert(name.to_owned(), count.into());
    }
    for (name, count) in counts.into_iter().flatten() {
        summary.insert(name.to_owned(), count.into());
        head.insert(name.to_owned(), count.into());
    }
    head.insert("summary".to_owned(), summary.into());
    if let Some(balance) = &report.balance {
        head.insert("balance".to_owned(), serde_json::to_value(balance).unwrap_or_default());
    }
    head
}

/// Events that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    /// `terminal_failed`, `rejected` or `transient`.
    pub(crate) status: &'static str,
    /// The type of its events.
    pub(crate) event_type: String,
    /// The reason, without what differs between events.
    pub(crate) reason: String,
    /// How many events.
    pub(crate) count: u64,
    /// One of them.
    pub(crate) example: String,
}

/// What failed at a target, grouped by state, type and masked reason, the largest group first.
pub(crate) fn explain(store: &Path, target_id: &str) -> Result<Vec<Group>, Error> {
    let mut groups: BTreeMap<(Status, String, String), (u64, String)> = BTreeMap::new();
    each_failure(store, target_id, None, &mut |failed| {
        let reason = masked(failed.error.as_deref().unwrap_or("no reason given"));
        let mut key = (failed.status, failed.event_type, reason);
        if groups.len() >= GROUPS && !groups.contains_key(&key) {
            key = (failed.status, "…".to_owned(), "any other".to_owned());
        }
        groups.entry(key).or_insert((0, failed.event_id)).0 += 1;
        Ok(())
    })?;
    let group = |((status, event_type, reason), (count, example)): (_, (u64, String))| {
        let status: Status = status;
        Group { status: status.word(), event_type, reason, count, example }
    };
    let mut groups: Vec<Group> = groups.into_iter().map(group).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    Ok(groups)
}

/// Tells each event that failed at a target; reads a bounded number at a time.
fn each_failure(
    store: &Path,
    target_id: &str,
    since: Option<Timestamp>,
    tell: &mut dyn FnMut(Failed) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(store) = books::open_read(store)? else { return Ok(()) };
    let Some(target) = store.read(|tx| delivery::current(tx, target_id))? else { return Ok(()) };
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
        write_report(&dir.path().join("absent.db"), &Report::new("drain"), &file, now, now).unwrap();
        let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let expected = json!({"generated_at": "1970-01-01T00:00:00.000000+00:00", "dispatched": false,
            "summary": {"total_events": 0, "synced": 0, "failed": 0}, "failures": []});
        assert_eq!(written, expected);
    }
}

//! The present checks, combined with the record of the last drain.

use std::path::Path;

use crate::base::Timestamp;
use crate::books::{self, Error};
use crate::delivery::{self, LastAnswer, Stopped};
use crate::endpoint::{Gate, SERVER_REFUSED};

/// The checks, each with the time since when it stops drains; a check that was not made now, or a
/// server that refused everything, has the state of the last drain. Pure.
pub(super) fn with_record(gates: &[Gate], record: &[Stopped]) -> Vec<Gate> {
    let recorded = |gate: &Gate| record.iter().find(|stopped| stopped.name == gate.name);
    let merged = |gate: &Gate| match recorded(gate) {
        Some(stopped) if !gate.is_known => Gate {
            is_open: false,
            reason: stopped.reason.clone(),
            fix: stopped.fix.clone(),
            since: Some(stopped.since.to_string()),
            ..gate.clone()
        },
        Some(stopped) if !gate.is_open => Gate {
            since: Some(stopped.since.to_string()),
            ..gate.clone()
        },
        _ => gate.clone(),
    };
    let server = record
        .iter()
        .find(|stopped| stopped.name == SERVER_REFUSED)
        .map(|stopped| Gate {
            name: SERVER_REFUSED,
            is_open: false,
            is_known: true,
            reason: stopped.reason.clone(),
            fix: stopped.fix.clone(),
            since: Some(stopped.since.to_string()),
        });
    gates.iter().map(merged).chain(server).collect()
}

/// The same from the store at `store`, if it exists.
pub(crate) fn recorded_gates(
    store: &Path,
    target_id: Option<&str>,
    gates: &[Gate],
) -> Result<Vec<Gate>, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(gates.to_vec());
    };
    let record = store.read(|tx| delivery::stopped(tx, target_id.unwrap_or_default()))?;
    Ok(with_record(gates, &record))
}

/// The last answer of a target, from the store at `store`; `None` without one.
pub(crate) fn last_answer(store: &Path, target_id: &str) -> Result<Option<LastAnswer>, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(None);
    };
    Ok(store.read(|tx| match delivery::current(tx, target_id)? {
        Some(target) => delivery::last_answer(tx, target.id),
        None => Ok(None),
    })?)
}

/// How long a check that fails now has stopped drains, in seconds; `None` if no drain was stopped.
pub(super) fn age(gates: &[Gate], record: &[Stopped], now: Timestamp) -> Option<u64> {
    let is_shut = |stopped: &&Stopped| {
        gates
            .iter()
            .any(|gate| !gate.is_open && gate.name == stopped.name)
    };
    let first = record
        .iter()
        .filter(is_shut)
        .map(|stopped| stopped.since)
        .min()?;
    Some(now.since(first).as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upkeep::fixture::shut;

    #[test]
    fn what_nobody_asked_about_is_as_the_last_drain_found_it() {
        let since = Timestamp::from_micros(5_000_000);
        let stopped = |name: &str| Stopped {
            name: name.to_owned(),
            reason: "then".into(),
            fix: "mend".into(),
            since,
        };
        let record = [stopped("a"), stopped("b"), stopped("c")];
        let open = |name| Gate {
            is_open: true,
            reason: String::new(),
            fix: String::new(),
            ..shut(name)
        };
        let unasked = |name| Gate {
            is_known: false,
            reason: "ask".into(),
            ..open(name)
        };
        let gates = [shut("a"), open("b"), unasked("c"), unasked("d"), shut("e")];
        let merged = with_record(&gates, &record);
        let told: Vec<_> = merged
            .iter()
            .map(|g| (g.is_open, g.reason.as_str(), g.since.is_some()))
            .collect();
        let expected = [
            (false, "a is why", true),
            (true, "", false),
            (false, "then", true),
            (true, "ask", false),
            (false, "e is why", false),
        ];
        assert_eq!(told, expected);
        let now = Timestamp::from_micros(65_000_000);
        assert_eq!(
            (age(&merged, &record, now), age(&[shut("e")], &record, now)),
            (Some(60), None)
        );
    }
}

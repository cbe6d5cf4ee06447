//! History of a store, for the charts of the report. O(rows).

use std::collections::BTreeMap;

use crate::base::Timestamp;
use crate::base::text::shorten;
use crate::books::Error;
use crate::delivery::{self, Class, Standings, Target};
use crate::store::ReadTx;
use crate::{bodies, journal};

/// Number of bars in a chart over time.
const BARS: i64 = 40;
/// Possible widths of a bar, in minutes: up to four weeks.
const WIDTHS: [i64; 10] = [1, 5, 15, 60, 180, 720, 1440, 4320, 10_080, 40_320];
const MINUTE: i64 = 60_000_000;
/// Number of reasons and missions listed; the rest is summed up.
const LISTED: usize = 12;
/// Maximum characters of a reason.
const LONGEST: usize = 120;
/// Payloads read at once.
const CHUNK: i64 = 2000;

/// Data of the charts.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// Start of the first bar.
    pub(super) start: Option<Timestamp>,
    /// Width of a bar, in microseconds.
    pub(super) width: i64,
    /// Events captured in each bar, and their bytes.
    pub(super) captured: Vec<(i64, i64)>,
    /// Events that the configured target confirmed in each bar.
    pub(super) delivered: Vec<i64>,
    /// Events left to send by age: name of the range, number.
    pub(super) backlog: Vec<(&'static str, i64)>,
    /// Waiting events by number of answers.
    pub(super) retries: BTreeMap<i64, i64>,
    /// Failures of events by reason, the most frequent first; names and numbers in a reason are
    /// masked.
    pub(super) reasons: Vec<(String, i64)>,
    /// Documents by mission.
    pub(super) missions: Vec<bodies::MissionStats>,
}

/// Ranges of age, each up to this many seconds.
const AGES: [(&str, u64); 6] = [
    ("under a minute", 60),
    ("under an hour", 3600),
    ("under a day", 86_400),
    ("under a week", 604_800),
    ("under a month", 2_592_000),
    ("older", u64::MAX),
];

/// Reads the history, in the transaction of the counts.
pub(super) fn history(
    tx: &ReadTx<'_>,
    target: Option<&Target>,
    now: Timestamp,
) -> Result<History, Error> {
    let mut history = History {
        missions: bodies::by_mission(tx, target.map(|target| target.id), None, now)?,
        ..History::default()
    };
    history.backlog = backlog(tx, target, now)?;
    if let Some(target) = target {
        history.retries = delivery::retries(tx, target.id)?;
        history.reasons = grouped(delivery::reasons(tx, target.id)?);
    }
    let Some(first) = journal::first_captured_at(tx)? else {
        return Ok(history);
    };
    let span = now.since(first).as_micros();
    let fits =
        |width: &i64| span / u128::try_from(*width).unwrap_or(1) < BARS.unsigned_abs().into();
    history.width = WIDTHS
        .into_iter()
        .map(|minutes| minutes * MINUTE)
        .find(fits)
        .unwrap_or(40_320 * MINUTE);
    // Bars begin at whole multiples of their width, so that tomorrow's report shows the same ones.
    let last = now.as_micros().div_euclid(history.width);
    let start = first
        .as_micros()
        .div_euclid(history.width)
        .max(last - 10 * BARS);
    let bars = usize::try_from(last - start + 1).unwrap_or(1);
    history.start = Some(Timestamp::from_micros(start * history.width));
    let place = |bar: i64| {
        usize::try_from((bar - start).max(0))
            .unwrap_or(0)
            .min(bars - 1)
    };
    (history.captured, history.delivered) = (vec![(0, 0); bars], vec![0; bars]);
    for (bar, events, bytes) in journal::captured_per(tx, history.width)? {
        if let Some(sum) = history.captured.get_mut(place(bar)) {
            *sum = (sum.0 + events, sum.1 + bytes);
        }
    }
    if let Some(target) = target {
        for (bar, events) in delivery::delivered_per(tx, target.id, history.width)? {
            if let Some(sum) = history.delivered.get_mut(place(bar)) {
                *sum += events;
            }
        }
    }
    Ok(history)
}

/// Number of events that the target lacks and may still get, by age.
fn backlog(
    tx: &ReadTx<'_>,
    target: Option<&Target>,
    now: Timestamp,
) -> Result<Vec<(&'static str, i64)>, Error> {
    let mut ages = AGES.map(|(name, _)| (name, 0));
    let mut after = 0;
    loop {
        let kept = journal::kept_after(tx, after, CHUNK)?;
        let (Some(first), Some(last)) = (kept.first(), kept.last()) else {
            return Ok(ages.to_vec());
        };
        after = last.seq;
        let standings = Standings::read(tx, first.seq, last.seq)?;
        for event in kept.iter().filter(|event| event.is_live()) {
            let of_target = standings
                .of(event.seq)
                .find(|(of, _)| target.is_some_and(|target| target.id == of.id));
            let class = of_target
                .and_then(|(_, status)| status)
                .map_or(Class::Untried, delivery::Status::class);
            if matches!(class, Class::Delivered | Class::Undeliverable) {
                continue;
            }
            let age = now.since(event.captured_at).as_secs();
            let span = AGES
                .iter()
                .position(|(_, most)| age < *most)
                .unwrap_or(AGES.len() - 1);
            if let Some(count) = ages.get_mut(span) {
                count.1 += 1;
            }
        }
    }
}

/// Merges reasons that differ only in names and numbers; the most frequent first, the rest summed
/// up.
fn grouped(reasons: Vec<(String, i64)>) -> Vec<(String, i64)> {
    let mut groups: BTreeMap<String, i64> = BTreeMap::new();
    for (reason, count) in reasons {
        *groups
            .entry(shorten(&delivery::masked(&reason), LONGEST))
            .or_default() += count;
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let rest: i64 = groups.iter().skip(LISTED).map(|(_, count)| count).sum();
    groups.truncate(LISTED);
    if rest > 0 {
        groups.push(("other reasons".to_owned(), rest));
    }
    groups
}

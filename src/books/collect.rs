//! Which payloads are no longer needed, and their deletion: `gc`.
//!
//! The decision is [`judge`], pure. A plan is made on one state of the store; [`collect`] judges
//! every payload again in the transaction that deletes it, so changes in between are respected.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use crate::base::Timestamp;
use crate::delivery::{self, Class, Standings, Status, Target};
use crate::endpoint::Identity;
use crate::journal::{self, Kept};
use crate::store::{ReadTx, WriteTx};

/// Payloads examined in one transaction.
const CHUNK: i64 = 2000;

/// Which payloads may be deleted besides those that every target has.
#[derive(Debug, Clone, Default)]
pub(crate) struct GcRule {
    /// The configured target: it counts as live even if it was never contacted.
    pub(crate) configured: Option<Identity>,
    /// Also payloads in a verified archive, if at least one target has them.
    pub(crate) with_archived: bool,
    /// Also these events, which some target refused for good, by journal row.
    pub(crate) named: BTreeSet<i64>,
    /// Only payloads captured before this time.
    pub(crate) captured_before: Option<Timestamp>,
}

/// Why a payload may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// Every live target has it.
    Delivered,
    /// A newer event replaced it before it was sent.
    Superseded,
    /// A verified archive has it.
    Archived,
    /// A target refused it for good, and the operator selected it.
    Undeliverable,
}

/// Why a payload must be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WhyNot {
    /// Some target may be storing it at this moment.
    InFlight,
    /// It is on hold.
    Held,
    /// Other content was captured under its id.
    Disputed,
    /// It was captured after the requested time.
    TooYoung,
    /// No real server has been used yet (the stub does not count).
    NoTarget,
    /// Not every live target has it.
    NotEverywhere,
    /// A target refused it for good; such events are deleted only when selected by id.
    Undeliverable,
    /// It was given up: deleted only if it is in a verified archive and those are included.
    Released,
    /// It is the newest statement about something that exists: another target will need it.
    Newest,
    /// A document that it announces is still stored.
    Announcing,
}

/// Decision about a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Go(Why),
    Stay(WhyNot),
}

/// State of an event at a target.
#[derive(Debug, Clone, Copy)]
struct At {
    /// A delivery to this target counts: the target is live and a real server.
    counts: bool,
    status: Option<Status>,
}

/// Decides about one payload from the states of its event at every target.
fn judge(rule: &GcRule, kept: &Kept, at: &[At]) -> Verdict {
    let is = |at: &&At, class| {
        at.status
            .is_some_and(|status: Status| status.class() == class)
    };
    let is_young = rule
        .captured_before
        .is_some_and(|before| kept.captured_at >= before);
    if at.iter().any(|at| is(&at, Class::InFlight)) {
        return Verdict::Stay(WhyNot::InFlight);
    }
    for (applies, why) in [
        (kept.is_disputed, WhyNot::Disputed),
        (kept.is_held && kept.is_live(), WhyNot::Held),
        (is_young, WhyNot::TooYoung),
    ] {
        if applies {
            return Verdict::Stay(why);
        }
    }
    if kept.is_superseded {
        return Verdict::Go(Why::Superseded);
    }
    let is_archived = rule.with_archived && kept.is_archived;
    if kept.is_discarded {
        return if is_archived {
            Verdict::Go(Why::Archived)
        } else {
            Verdict::Stay(WhyNot::Released)
        };
    }
    let counting: Vec<&At> = at.iter().filter(|at| at.counts).collect();
    for (applies, why) in [
        (counting.is_empty(), WhyNot::NoTarget),
        (kept.is_newest, WhyNot::Newest),
        (kept.is_announcing, WhyNot::Announcing),
    ] {
        if applies {
            return Verdict::Stay(why);
        }
    }
    let count = |class| counting.iter().filter(|at| is(at, class)).count();
    let (delivered, refused) = (count(Class::Delivered), count(Class::Undeliverable));
    match counting.len() {
        all if delivered == all => Verdict::Go(Why::Delivered),
        _ if refused > 0 && !rule.named.contains(&kept.seq) => Verdict::Stay(WhyNot::Undeliverable),
        all if delivered + refused == all => Verdict::Go(Why::Undeliverable),
        _ if is_archived && delivered > 0 => Verdict::Go(Why::Archived),
        _ => Verdict::Stay(WhyNot::NotEverywhere),
    }
}

/// True if deliveries to a target count: it is not the stub, and it is live or the configured
/// target.
fn counts(rule: &GcRule, target: &Target) -> bool {
    let is_configured = rule
        .configured
        .as_ref()
        .is_some_and(|c| c.target_id == target.identity.target_id);
    target.identity.receiver.is_server() && (target.is_live || is_configured)
}

/// A count of payloads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Tally {
    pub(crate) payloads: u64,
    /// Their size in bytes.
    pub(crate) bytes: u64,
}

impl Tally {
    fn add(&mut self, kept: &Kept) {
        self.payloads += 1;
        self.bytes += u64::try_from(kept.size).unwrap_or(0);
    }

    /// The sum of several.
    pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        all.fold(Self::default(), |a, b| Self {
            payloads: a.payloads + b.payloads,
            bytes: a.bytes + b.bytes,
        })
    }
}

/// Payloads to delete and to keep, with the reasons.
#[derive(Debug, Clone, Default)]
pub(crate) struct GcPlan {
    /// The rule of the plan.
    pub(crate) rule: GcRule,
    /// Payloads to delete.
    pub(crate) going: BTreeMap<Why, Tally>,
    /// Payloads to keep.
    pub(crate) staying: BTreeMap<WhyNot, Tally>,
    /// The targets that count.
    pub(crate) counting: Vec<Identity>,
    /// The last row examined.
    through: i64,
}

/// Makes the plan; changes nothing. O(payloads).
pub(crate) fn plan_collection(tx: &ReadTx<'_>, rule: GcRule) -> Result<GcPlan, Error> {
    let mut plan = GcPlan {
        counting: counting(tx, &rule)?,
        rule,
        ..GcPlan::default()
    };
    loop {
        let judged = judged(tx, &plan.rule, plan.through)?;
        let Some((last, _)) = judged.rows.last() else {
            return Ok(plan);
        };
        plan.through = last.seq;
        for (kept, verdict) in &judged.rows {
            match verdict {
                Verdict::Go(why) => plan.going.entry(*why).or_default().add(kept),
                Verdict::Stay(why) => plan.staying.entry(*why).or_default().add(kept),
            }
        }
    }
}

/// Result of one transaction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Collected {
    /// Deleted payloads.
    pub(crate) gone: BTreeMap<Why, Tally>,
    /// The last row examined; `None` at the end of the plan.
    pub(crate) last: Option<i64>,
}

/// Deletes the next payloads of the plan above `after`. Payloads in flight, on hold or in conflict
/// by now are kept.
pub(crate) fn collect(
    tx: &WriteTx<'_>,
    now: Timestamp,
    plan: &GcPlan,
    after: i64,
) -> Result<Collected, Error> {
    let judged = judged(tx, &plan.rule, after)?;
    let mut collected = Collected {
        last: judged.rows.last().map(|(kept, _)| kept.seq),
        ..Collected::default()
    };
    let mut going = Vec::new();
    for (kept, verdict) in &judged.rows {
        if let Verdict::Go(why) = verdict
            && kept.seq <= plan.through
        {
            collected.gone.entry(*why).or_default().add(kept);
            going.push(*kept);
        }
    }
    let words: Vec<_> = collected
        .gone
        .iter()
        .map(|(why, tally)| format!("{} {}", tally.payloads, why.word()))
        .collect();
    journal::collect(
        tx,
        now,
        &going,
        &format!("unreferenced payloads: {}", words.join(", ")),
    )?;
    let live: Vec<_> = going
        .iter()
        .filter(|kept| kept.is_live())
        .map(|kept| (kept.seq, kept.kind))
        .collect();
    delivery::post_collected(tx, &judged.standings, &live)?;
    collected.last = collected.last.filter(|last| *last < plan.through);
    Ok(collected)
}

impl Why {
    /// The word in reports.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Superseded => "superseded",
            Self::Archived => "archived",
            Self::Undeliverable => "undeliverable",
        }
    }
}

impl WhyNot {
    /// The word in reports.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Held => "held",
            Self::Disputed => "conflicted",
            Self::TooYoung => "too_young",
            Self::NoTarget => "no_target",
            Self::NotEverywhere => "not_everywhere",
            Self::Undeliverable => "undeliverable",
            Self::Released => "released",
            Self::Newest => "newest",
            Self::Announcing => "announcing",
        }
    }
}

/// Payloads with the decision about each.
struct Judged {
    rows: Vec<(Kept, Verdict)>,
    standings: Standings,
}

fn judged(tx: &ReadTx<'_>, rule: &GcRule, after: i64) -> Result<Judged, Error> {
    let kept = journal::kept_after(tx, after, CHUNK)?;
    let (first, last) = (
        kept.first().map_or(0, |k| k.seq),
        kept.last().map_or(-1, |k| k.seq),
    );
    let standings = Standings::read(tx, first, last)?;
    let unmet = unmet(tx, rule)?.is_some();
    let rows = kept.into_iter().map(|kept| {
        let known = standings.of(kept.seq).map(|(target, status)| At {
            counts: counts(rule, target),
            status,
        });
        let never_contacted = unmet.then_some(At {
            counts: true,
            status: None,
        });
        let at: Vec<At> = known.chain(never_contacted).collect();
        (kept, judge(rule, &kept, &at))
    });
    Ok(Judged {
        rows: rows.collect(),
        standings,
    })
}

/// The targets that count, the configured one included.
fn counting(tx: &ReadTx<'_>, rule: &GcRule) -> Result<Vec<Identity>, Error> {
    let known = delivery::targets(tx)?
        .into_iter()
        .filter(|target| counts(rule, target))
        .map(|target| target.identity);
    Ok(known.chain(unmet(tx, rule)?).collect())
}

/// The configured target, if it is a real server and was never contacted.
fn unmet(tx: &ReadTx<'_>, rule: &GcRule) -> Result<Option<Identity>, Error> {
    let Some(configured) = rule.configured.as_ref().filter(|c| c.receiver.is_server()) else {
        return Ok(None);
    };
    Ok(delivery::current(tx, &configured.target_id)?
        .is_none()
        .then(|| configured.clone()))
}

#[cfg(test)]
#[path = "collect_rule_tests.rs"]
mod tests;

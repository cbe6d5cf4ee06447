//! `sk-sync gc`: deletes payloads that are no longer needed.

use std::time::Duration;

use serde::Serialize;

use crate::base::text::printable;
use crate::books::{GcPlan, Tally, WhyNot};
use crate::cli::project::{resolved, workspace};
use crate::cli::render::plural;
use crate::cli::table::size;
use crate::cli::{Context, Exit, Failure, values};
use crate::upkeep::{Explicit, GcReport, GcRequest, apply_gc, plan_gc};

/// Delete payloads that every target already has.
///
/// Lists what can be deleted, what stays and why. With --explicit it deletes the bytes and returns
/// the disk space; IDs, hashes and delivery history stay. A payload can be deleted if every live
/// target has it (the stub does not count, the configured target always does), or if a newer event
/// replaced it unsent. Events that are waiting, in flight, on hold or in conflict are kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync gc                                what would be deleted, what is kept, and why
  sk-sync gc --explicit                     delete it
  sk-sync gc --explicit --older-than 30d    keep what was captured in the last thirty days")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct Args {
    /// Delete; without this option nothing changes
    #[arg(long)]
    pub(crate) explicit: bool,

    /// Also payloads in a verified archive, if a live target has them
    #[arg(long)]
    pub(crate) archived: bool,

    /// Also the payload of this failed event (repeatable)
    #[arg(long, value_name = "ID")]
    pub(crate) undeliverable: Vec<String>,

    /// Only payloads captured longer than AGE ago (12h, 30d, 8w)
    #[arg(long, value_name = "AGE", value_parser = values::age)]
    pub(crate) older_than: Option<Duration>,

    /// Show what would be deleted; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the plan and the result as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let store = workspace.place.store();
    let now = context.clock.now();
    let request = GcRequest {
        configured: resolved(context, &workspace)?.identity,
        with_archived: args.archived,
        undeliverable: args.undeliverable.clone(),
        captured_before: args.older_than.map(|age| now.before(age)),
    };
    let plan = plan_gc(&store, &request)?.map_err(|unknown| {
        Failure::usage(format!(
            "--undeliverable: no event {}",
            printable(&unknown.join(", "))
        ))
        .with_hint("`sk-sync events list --status undeliverable` lists every ID")
    })?;
    let done = match Explicit::given(args.explicit && !args.dry_run) {
        // Without payloads to delete, an interrupted collection may still have left space to
        // return.
        Some(leave) if store.exists() => {
            let done = apply_gc(
                &store,
                &plan,
                &leave,
                context.clock.as_ref(),
                &context.interrupt,
            )?;
            let is_news = !plan.going.is_empty()
                || done.file_after < done.file_before
                || done.was_interrupted;
            is_news.then_some(done)
        }
        _ => None,
    };
    let is_dry = args.dry_run || !args.explicit;
    let exit = if done.as_ref().is_some_and(|done| done.was_interrupted) {
        Exit::Interrupted
    } else {
        Exit::Success
    };
    if context.printer.is_json() {
        context
            .printer
            .reply("gc", exit, &document(&plan, done.as_ref(), is_dry));
    } else if !context.globals.quiet {
        context.printer.results(lines(&plan, done.as_ref(), is_dry));
    }
    Ok(exit)
}

/// The text for people.
fn lines(plan: &GcPlan, done: Option<&GcReport>, is_dry: bool) -> Vec<String> {
    let (going, staying) = (
        Tally::sum(plan.going.values()),
        Tally::sum(plan.staying.values()),
    );
    let amount = |tally: Tally| {
        format!(
            "{}, {}",
            plural(tally.payloads, "payload"),
            size(tally.bytes)
        )
    };
    let part = |word: &str, tally: &Tally| format!("  {:>9}  {word}", tally.payloads);
    let mut lines = vec![format!(
        "{} {}",
        if is_dry { "Deletable:" } else { "Deleted:" },
        amount(going)
    )];
    lines.extend(
        plan.going
            .iter()
            .map(|(why, tally)| part(why.word(), tally)),
    );
    lines.push(format!("Kept: {}", amount(staying)));
    lines.extend(
        plan.staying
            .iter()
            .map(|(why, tally)| part(words(*why), tally)),
    );
    if !plan.counting.is_empty() {
        let names = plan
            .counting
            .iter()
            .map(|target| printable(&target.canonical_url));
        lines.push(format!(
            "What counts: {}",
            names.collect::<Vec<_>>().join(", ")
        ));
    }
    match done {
        Some(done) => {
            let (gone, before, after) = (
                amount(done.gone),
                size(done.file_before),
                size(done.file_after),
            );
            let end = if done.was_interrupted {
                "; interrupted, the rest is kept"
            } else {
                ""
            };
            lines.push(format!(
                "Gone: {gone}; the store shrank from {before} to {after}{end}"
            ));
        }
        None if is_dry && going.payloads > 0 => {
            lines.push("Let them go: sk-sync gc --explicit".to_owned());
        }
        None => {}
    }
    lines
}

/// The reason why a payload is kept, for people.
const fn words(why: WhyNot) -> &'static str {
    match why {
        WhyNot::InFlight => "in flight: a target may be storing it",
        WhyNot::Held => "held",
        WhyNot::Disputed => "captured with two contents",
        WhyNot::TooYoung => "younger than --older-than",
        WhyNot::NoTarget => "kept: no real server has it yet (the stub does not count)",
        WhyNot::NotEverywhere => "not delivered to every live target",
        WhyNot::Undeliverable => "undeliverable; goes by name: --undeliverable ID",
        WhyNot::Released => "released to an archive; goes with --archived",
        WhyNot::Newest => {
            "the newest word on something that is there: another target would need it"
        }
        WhyNot::Announcing => "announces a document that is not delivered everywhere",
    }
}

/// The document of `gc --json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    dry_run: bool,
    /// Payloads that may be deleted, by reason.
    eligible: Part,
    /// Payloads that are kept, by reason.
    kept: Part,
    /// The targets whose deliveries count.
    counting_targets: Vec<&'a str>,
    /// The result; null if nothing was done.
    collected: Option<&'a GcReport>,
}

#[derive(Debug, Serialize)]
struct Part {
    payloads: u64,
    bytes: u64,
    reasons: std::collections::BTreeMap<&'static str, Tally>,
}

fn document<'a>(plan: &'a GcPlan, done: Option<&'a GcReport>, dry_run: bool) -> Document<'a> {
    let part = |reasons: std::collections::BTreeMap<&'static str, Tally>| {
        let Tally { payloads, bytes } = Tally::sum(reasons.values());
        Part {
            payloads,
            bytes,
            reasons,
        }
    };
    Document {
        dry_run,
        eligible: part(
            plan.going
                .iter()
                .map(|(why, tally)| (why.word(), *tally))
                .collect(),
        ),
        kept: part(
            plan.staying
                .iter()
                .map(|(why, tally)| (why.word(), *tally))
                .collect(),
        ),
        counting_targets: plan
            .counting
            .iter()
            .map(|target| target.target_id.as_str())
            .collect(),
        collected: done,
    }
}

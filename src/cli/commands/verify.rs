//! `sk-sync verify`: recounts and rehashes everything.

use serde::Serialize;

use crate::base::text::{path, printable};
use crate::books::start_anew;
use crate::cli::project::workspace;
use crate::cli::render::plural;
use crate::cli::store::with_spool;
use crate::cli::{Context, Exit, Failure, Paint};
use crate::dossier::mission_logs;
use crate::event::NO_CONTRACT_TYPE;
use crate::upkeep::{
    Checked, LogCheck, Proof, Repair, apply_repair, check_logs, plan_repair, verify,
};

/// Check every hash, count and reference in the store.
///
/// Checks the database, the hash chain, every payload's hash, every counter against its rows, every
/// reference, and the balance of every target. Also lists the events that a mission's log
/// (`status.events.jsonl`) and the journal do not share, which is not damage. Changes nothing;
/// exits 6 if something is wrong. `--repair counters` recomputes counters from their rows, unless
/// those rows are damaged. `--repair store` replaces a store whose file is gone or empty: the next
/// run captures the files again and imports spooled lines; what only the lost store held is lost.
/// `--target` asks a server that lists the capability `states` what it has, and exits 6 if
/// something that it acknowledged is lost or different there.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync verify                              look at everything
  sk-sync verify --target                     ask the server what it has
  sk-sync verify --repair counters --dry-run  which numbers would be counted again
  sk-sync verify --repair store               replace a lost store by a new one")]
pub(crate) struct Args {
    /// Repair what can be derived from the rest, then check again
    #[arg(long, value_name = "WHAT")]
    pub(crate) repair: Option<Derived>,

    /// Compare with what the target says it has
    #[arg(long, conflicts_with = "repair")]
    pub(crate) target: bool,

    /// Show what would be repaired; change nothing
    #[arg(long, requires = "repair")]
    pub(crate) dry_run: bool,

    /// Print the findings as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Number of ids of a log that are shown; the document has more.
const SHOWN: usize = 5;

/// What can be derived from the rest of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Derived {
    /// Counters, recomputed from the rows
    Counters,
    /// A new store for one whose file is gone or empty
    Store,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    if args.target {
        return super::verify_target::run(context);
    }
    let workspace = workspace(context)?;
    let store = workspace.place.store();
    let look = || verify(&store).map_err(|error| with_spool(error.into(), &store));
    let mut new_store = false;
    if args.repair == Some(Derived::Store) {
        new_store = look().is_err_and(|failure| failure.kind == "store_lost");
        if new_store && args.dry_run {
            return Ok(would_begin_anew(context, &path(&store)));
        }
        new_store = start_anew(&store)?;
    }
    let mut proof = look()?;
    let mut repairs = (args.repair == Some(Derived::Counters)).then(Vec::new);
    if let (Some(repairs), false) = (&mut repairs, proof.ok) {
        *repairs = plan_repair(&store)?;
        if !repairs.is_empty() && !args.dry_run {
            *repairs = apply_repair(&store, context.clock.as_ref())?;
            proof = look()?;
        }
    }
    // If the store is damaged, its content cannot be compared.
    let ignored = workspace.git_ignored();
    let logs = workspace
        .sources()
        .map(|sources| mission_logs(&workspace.root, &sources, ignored.as_ref()));
    let logs = logs.ok().and_then(Result::ok).unwrap_or_default();
    let mission_logs = if proof.is_damaged {
        Vec::new()
    } else {
        check_logs(&store, &logs)?
    };
    let exit = if proof.ok {
        Exit::Success
    } else {
        Exit::Damage
    };
    let printer = &context.printer;
    if printer.is_json() {
        let dry_run = args.dry_run;
        printer.reply(
            "verify",
            exit,
            &Document {
                dry_run,
                new_store,
                repairs,
                mission_logs,
                proof: &proof,
            },
        );
    } else if !context.globals.quiet {
        if args.repair == Some(Derived::Store) {
            printer.result(if new_store {
                "Repaired: the lost store is removed; the next run starts a new one and captures every file again"
            } else {
                "Repaired: nothing; the store is not lost"
            });
        }
        printer.results(repaired(repairs.as_deref(), args.dry_run, proof.ok));
        printer.results(lines(&proof, &path(&store), printer.paint()));
        for line in mission_logs
            .iter()
            .filter(|log| !log.agrees())
            .flat_map(log_lines)
        {
            printer.result(&printable(&line));
        }
    }
    Ok(exit)
}

/// Output of a dry run for a lost store, which still counts as damage.
fn would_begin_anew(context: &Context, store: &str) -> Exit {
    let exit = Exit::Damage;
    if context.printer.is_json() {
        context.printer.reply(
            "verify",
            exit,
            &serde_json::json!({"dry_run": true, "new_store": true}),
        );
    } else {
        context.printer.result(&format!(
            "Would repair: replace the lost store by a new one: {store}"
        ));
    }
    exit
}

/// Lines about what was repaired, or would be.
fn repaired(repairs: Option<&[Repair]>, is_dry: bool, is_whole: bool) -> Vec<String> {
    let did = if is_dry { "Would repair" } else { "Repaired" };
    let one = |r: &Repair| {
        format!(
            "{did}: {} said {}, the rows say {}",
            r.counter, r.before, r.after
        )
    };
    match repairs {
        Some([]) if !is_whole => {
            vec!["Repaired: nothing; no counter is wrong whose rows are whole".to_owned()]
        }
        repairs => repairs.unwrap_or_default().iter().map(one).collect(),
    }
}

/// Lines about events that only a mission log or only the journal has.
fn log_lines(log: &LogCheck) -> Vec<String> {
    let slug = &log.mission_slug;
    let mut lines = vec![format!(
        "Log:     {slug}: status.events.jsonl names {}, of which {} captured here",
        plural(log.logged, "event"),
        log.captured
    )];
    for (ids, what) in [
        (&log.not_captured, "not captured"),
        (&log.not_logged, "not in the log"),
    ] {
        // If nothing of a log was ever captured, its ids are not compared.
        if ids.count > 0 && log.captured + log.not_logged.count > 0 {
            let shown: Vec<&str> = ids.first.iter().take(SHOWN).map(String::as_str).collect();
            let more = ids.count - shown.len() as u64;
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            lines.push(format!("         {what}: {}{more}", shown.join(", ")));
        }
    }
    if log.odd_lines > 0 {
        let reasons = log
            .skipped
            .iter()
            .filter(|(reason, _)| **reason != NO_CONTRACT_TYPE);
        let reasons: Vec<_> = reasons
            .map(|(reason, lines)| format!("{lines} {reason}"))
            .collect();
        lines.push(format!(
            "         {} of it become no event: {}",
            plural(log.odd_lines, "line"),
            reasons.join(", ")
        ));
    }
    lines.extend(
        log.flaw
            .as_ref()
            .map(|flaw| format!("         it cannot be read to its end: {flaw}")),
    );
    lines
}

/// The text for people: every finding, then its meaning.
fn lines(proof: &Proof, store: &str, paint: Paint) -> Vec<String> {
    let counted =
        |n: Option<u64>, noun: &str| n.map_or(format!("uncountable {noun}s"), |n| plural(n, noun));
    let unsigned = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
    let Checked {
        events,
        targets,
        bodies,
        spooled,
    } = proof.checked;
    let spooled = if spooled > 0 {
        format!(", {}", plural(spooled, "spooled line"))
    } else {
        String::new()
    };
    let looked_at = format!(
        "{}, {}, {}{spooled} in {store}",
        counted(unsigned(events), "event"),
        counted(targets.map(|n| n as u64), "target"),
        counted(bodies, "queued text"),
    );
    let mut lines: Vec<_> = proof
        .findings
        .iter()
        .map(|finding| {
            format!(
                "{} {}: {}",
                paint.red(finding.severity),
                finding.part,
                printable(&finding.what)
            )
        })
        .collect();
    if proof.ok {
        lines.push(format!(
            "{} {looked_at}: the chain is unbroken, every hash matches, every balance holds",
            paint.green("Whole:")
        ));
        return lines;
    }
    if proof.is_damaged {
        lines.push(format!(
            "{} {looked_at}. Keep a copy of the file",
            paint.red("Damaged:")
        ));
    } else {
        let words =
            "Only counts differ from the rows they count: `sk-sync verify --repair counters`";
        lines.push(format!(
            "{} {looked_at}. {words}",
            paint.yellow("Miscounted:")
        ));
    }
    lines.extend(
        proof
            .safe
            .iter()
            .map(|words| format!("{} {words}", paint.green("Safe:"))),
    );
    lines
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    dry_run: bool,
    /// True if a lost store was removed, so that the next run begins a new one.
    new_store: bool,
    /// The counters that were recomputed, or would be; null if that was not requested.
    repairs: Option<Vec<Repair>>,
    /// Comparison of each mission log with the journal; a difference is not damage. Empty if the
    /// store is damaged.
    mission_logs: Vec<LogCheck>,
    #[serde(flatten)]
    proof: &'a Proof,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upkeep::Finding;

    const CHECKED: Checked = Checked {
        events: Some(1301),
        targets: Some(1),
        bodies: Some(0),
        spooled: 0,
    };

    #[test]
    fn a_proof_is_one_line() {
        let proof = Proof {
            ok: true,
            is_damaged: false,
            checked: CHECKED,
            findings: vec![],
            safe: vec!["s"],
        };
        insta::assert_snapshot!(lines(&proof, "/s.db", Paint::default()).join("\n"), @"Whole: 1,301 events, 1 target, 0 queued texts in /s.db: the chain is unbroken, every hash matches, every balance holds");
    }

    #[test]
    fn damage_is_named_and_so_is_what_is_safe() {
        let findings = vec![Finding {
            severity: "damage",
            part: "journal",
            what: "row 3\n is gone".to_owned(),
        }];
        let safe = vec!["every waiting document has its text"];
        let checked = Checked {
            events: None,
            spooled: 2,
            ..CHECKED
        };
        let proof = Proof {
            ok: false,
            is_damaged: true,
            checked,
            findings,
            safe,
        };
        insta::assert_snapshot!(lines(&proof, "/s.db", Paint::default()).join("\n"), @r#"
        damage journal: row 3\n is gone
        Damaged: uncountable events, 1 target, 0 queued texts, 2 spooled lines in /s.db. Keep a copy of the file
        Safe: every waiting document has its text
        "#);
    }
}

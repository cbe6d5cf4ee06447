//! `sk-sync selftest`: tries the promises on one file system, with this program and a receiver
//! inside it.

use std::path::PathBuf;

use crate::base::text::{path, printable};
use crate::cli::receiver::start_stub;
use crate::cli::render::{balance_words, plural};
use crate::cli::{Context, Exit, Failure};
use crate::selftest::{self, Check, Report, Setup};

/// Try the guarantees on a file system, with a receiver inside sk-sync.
///
/// In a temporary directory: captures events and kills the process, sends them and kills it before
/// the answer, loses an answer, sends everything again, and verifies journal, receiver and balance.
/// Takes a few seconds; your journal, home, repository and network are not touched. Exits 6 if a
/// check fails, and then keeps the directory.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync selftest                        does everything work on this machine?
  sk-sync selftest --dir /mnt/share       … and on this file system, before SK_SYNC_HOME is set to it?")]
pub(crate) struct Args {
    /// Make the temporary directory in DIR, to try its file system
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Print the checks and the balances as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let dir = args.dir.as_ref().map(|dir| context.cwd.join(dir));
    if let Some(dir) = dir.as_deref().filter(|dir| !dir.is_dir()) {
        return Err(Failure::usage(format!(
            "--dir: {} is not a directory",
            path(dir)
        )));
    }
    let setup = Setup {
        program: std::env::current_exe().map_err(|e| Failure::io(&e))?,
        dir: dir.as_deref(),
        env: &context.env,
        clock: context.clock.as_ref(),
        ids: context.ids.as_ref(),
        start_receiver: &start_stub,
        interrupt: &context.interrupt,
    };
    let report = selftest::run(&setup)
        .ok_or_else(|| Failure::new(Exit::Interrupted, "interrupted", "interrupted"))?;
    let exit = if report.is_passed() {
        Exit::Success
    } else {
        Exit::Damage
    };
    if context.printer.is_json() {
        context.printer.reply("selftest", exit, &report);
    } else {
        show(context, &report);
    }
    Ok(exit)
}

/// One line for each check, the two equations, and what to do about a failure.
fn show(context: &Context, report: &Report) {
    let (printer, paint) = (&context.printer, context.printer.paint());
    let is_shown = |check: &&Check| !context.globals.quiet || check.ok == Some(false);
    for Check { name, ok, what, .. } in report.checks.iter().filter(is_shown) {
        let word = match ok {
            Some(true) => paint.green("pass"),
            Some(false) => paint.red("FAIL"),
            None => paint.yellow("skip"),
        };
        printer.result(&format!("{word}  {name:<12} {}", printable(what)));
    }
    if context.globals.quiet && report.is_passed() {
        return;
    }
    for (noun, balance) in [
        ("Events", &report.balance),
        ("Documents", &report.documents),
    ] {
        if let Some(balance) = balance {
            printer.result(&format!("{noun:<9} {}", balance_words(balance, &[], paint)));
        }
    }
    let Some(failed) = report.checks.iter().find(|check| check.ok == Some(false)) else {
        return printer.result(&format!(
            "{} {} hold here",
            paint.green("Passed:"),
            plural(report.checks.len() as u64, "check")
        ));
    };
    printer.result(&format!(
        "{} {}: do not trust this place yet",
        paint.red("Failed:"),
        failed.name
    ));
    if let Some(fix) = failed.fix {
        printer.result(&format!("{} {fix}", paint.cyan("hint:")));
    }
    if let Some(directory) = report.directory.as_ref().filter(|_| report.kept) {
        printer.result(&format!("Kept for a report: {directory}"));
    }
}

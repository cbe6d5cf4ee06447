//! What a person reads after a run: at most twelve lines, the balance as an equation, and never
//! "done" unless it is.

pub(crate) mod bench;
pub(crate) mod event;
pub(crate) mod listing;
mod sections;
pub(crate) mod status;
mod verdict;

use log::Level;

use crate::base::text;
use crate::cli::logging::keep;
use crate::cli::{Context, Exit, Paint};
use crate::ops::report::{Balance, Gate, Report};

pub(crate) use sections::plural;

/// Ends a command with its report: decides the exit, then prints the document or the summary.
pub(crate) fn conclude(context: &Context, mut report: Report, strict: bool) -> Exit {
    let exit = Exit::of_report(&report, strict);
    let is_verbose = context.globals.verbose > 0;
    if let (Some(bodies), false) = (&mut report.bodies, is_verbose) {
        bodies
            .outcomes
            .retain(|outcome| outcome.status != "already_exists");
    }
    for line in summary(&report, exit, is_verbose, Paint::default()) {
        keep(Level::Info, report.command, &line);
    }
    for warning in report.warnings.iter().filter(|_| context.printer.is_json()) {
        keep(Level::Warn, report.command, warning);
    }
    let printer = &context.printer;
    if printer.is_json() {
        printer.reply(report.command, exit, &report);
    } else if !context.globals.quiet {
        let artifacts = report.artifacts.as_deref().unwrap_or_default();
        let listed = listing::listing(artifacts, is_verbose);
        printer.results(listed.into_iter().chain(summary(
            &report,
            exit,
            is_verbose,
            printer.paint(),
        )));
    }
    exit
}

/// The lines for a person.
pub(crate) fn summary(report: &Report, exit: Exit, is_verbose: bool, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |label: &str, words: String| {
        lines.push(format!("{} {words}", paint.bold(&format!("{label:<9}"))));
    };
    if let Some(project) = &report.project {
        let slug = project.project_slug.as_deref().unwrap_or("(no ID yet)");
        say(
            "Project",
            format!(
                "{} in {}",
                text::printable(slug),
                text::printable(&project.store)
            ),
        );
    }
    // `index` and `migrate` send nothing, so they may not have looked for a target at all.
    if report.target.is_some() || !matches!(report.command, "index" | "migrate") {
        say(
            "Target",
            sections::target_words(report.target.as_ref(), &report.gates),
        );
    }
    if let Some(migrate) = &report.migrate
        && (report.command == "migrate" || sections::is_news(migrate))
    {
        say("Imported", sections::migrate_words(migrate));
        if report.command == "migrate" {
            migrate
                .stores
                .iter()
                .for_each(|store| say("Older", sections::store_words(store)));
        }
    }
    if let Some(spool) = &report.spool {
        say("Spooled", sections::spool_words(spool));
    }
    if let Some(index) = &report.index {
        say("Indexed", sections::index_words(index));
        index
            .found
            .iter()
            .for_each(|found| say("Found", text::printable(&found.words())));
        let loose = index.loose.iter().filter(|_| is_verbose);
        loose.for_each(|path| say("Beside", format!("{} is in no unit", text::printable(path))));
    }
    if let Some(capture) = &report.capture {
        say("Captured", sections::capture_words(capture));
    }
    if let Some(logs) = sections::news_of_logs(report.mission_log.as_ref(), is_verbose) {
        say("Logs", logs);
    }
    if let Some(bodies) = &report.bodies {
        say("Uploads", sections::bodies_words(bodies, is_verbose));
    }
    if let Some(drain) = &report.drain {
        say("Drained", sections::drain_words(drain));
    }
    let balances = [
        ("Events", report.balance.as_ref()),
        ("Documents", report.documents.as_ref().map(|d| &d.balance)),
    ];
    for (label, balance) in balances {
        if let Some(balance) = balance {
            say(label, balance_words(balance, &report.gates, paint));
        }
    }
    if let Some(fix) = report.drain.as_ref().and_then(|drain| drain.fix.as_ref()) {
        lines.push(format!(
            "{} the server may be gone; to choose another: {fix}",
            paint.bold("Hint     ")
        ));
    }
    lines.extend(sections::gate_lines(&report.gates, is_verbose, paint));
    lines.extend(sections::warning_lines(&report.warnings, is_verbose, paint));
    lines.push(verdict::line(report, exit, paint));
    lines
}

/// The equation of one balance, marked where it does not hold.
pub(crate) fn balance_words(balance: &Balance, gates: &[Gate], paint: Paint) -> String {
    let words = sections::equation(balance, gates.iter().any(|gate| !gate.open));
    if balance.holds {
        words
    } else {
        paint.red(&format!("{words}: does not hold"))
    }
}

#[cfg(test)]
mod tests;

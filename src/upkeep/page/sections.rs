//! Content of the page, from the verdict to the details.

use super::charts::{Bar, Part, Row, area, columns, rows, strip};
use super::markup::{bytes, grouped, moment, number, section, text};
use super::missions::missions;
use crate::base::Timestamp;
use crate::upkeep::document::{Document, PreviousTarget};
use crate::upkeep::history::History;

/// The content of the body element.
pub(super) fn all(d: &Document, history: &History, now: Timestamp) -> String {
    let cards = [
        missions(d),
        balance(d),
        deliveries(d, history),
        growth(d, history),
        section(
            "backlog",
            "Age of what is left to send",
            "Events that the target lacks and may still get.",
            backlog(history),
        ),
        section(
            "retries",
            "Tries so far",
            "Waiting events by their answers; documents by their failures.",
            retries(d, history),
        ),
        section(
            "reasons",
            "Failures by reason",
            "Refused for now or for good; names and numbers are masked.",
            reasons(history),
        ),
        bodies(d, history),
        targets(d),
        gates(d),
        older(d),
    ];
    let footer = format!(
        "<footer><p>Written by sk-sync {} at {} from <code>{}</code>. Every count is that of <code>sk-sync status --json</code> \
         at that moment.</p></footer>\n",
        env!("CARGO_PKG_VERSION"),
        moment(&now.to_string()),
        text(&d.project.store)
    );
    format!(
        "{}<main>\n{}{}</main>\n{footer}",
        header(d),
        steps(d),
        cards.concat()
    )
}

fn header(d: &Document) -> String {
    let name = text(d.project.project_slug.as_deref().unwrap_or("no ID yet"));
    let target = d.delivery_targets.current.as_ref().map_or_else(
        || "Nothing leaves this machine: no target is configured.".to_owned(),
        |current| {
            let contacted = if current.target_id.is_some() {
                ""
            } else {
                ", never contacted"
            };
            let team = if current.team_slug.is_empty() {
                String::new()
            } else {
                format!(", team {}", text(&current.team_slug))
            };
            format!(
                "to <code>{}</code>{team}{contacted}",
                text(&current.canonical_url)
            )
        },
    );
    let (class, verdict) = match (d.ok, d.active_queue.event_count + d.bodies.queued) {
        (false, _) => ("bad", "Needs attention"),
        (true, 0) => ("good", "All is well"),
        (true, _) => ("busy", "Work is waiting"),
    };
    format!(
        "<header><div><p class=\"over\">sync status</p><h1>{name}</h1><p class=\"under\">{target}</p></div>\
         <p class=\"verdict {class}\" data-path=\"ok\" data-value=\"{}\">{verdict}</p></header>\n",
        d.ok
    )
}

/// The next steps and the warnings.
fn steps(d: &Document) -> String {
    let step = |why: &str, run: &str| {
        format!(
            "<li><span>{}</span><code>{}</code></li>",
            text(why),
            text(run)
        )
    };
    let steps: String = d
        .next_steps
        .iter()
        .map(|next| step(&next.why, &next.run))
        .collect();
    let warning = |words: &String| format!("<li class=\"warning\">{}</li>", text(words));
    let warnings: String = d.warnings.iter().map(warning).collect();
    if steps.is_empty() && warnings.is_empty() {
        return String::new();
    }
    format!(
        "<section class=\"card wide steps\" aria-labelledby=\"steps\"><h2 id=\"steps\">Next</h2><ol>{steps}{warnings}</ol></section>\n"
    )
}

/// The balance: captured events and their classes.
fn balance(d: &Document) -> String {
    let b = &d.balance;
    let colours = [
        "ok", "flight", "retry", "bad", "blocked", "untried", "old", "gone", "purged",
    ];
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let parts: Vec<Part> = b
        .terms()
        .into_iter()
        .zip(colours)
        .map(|((_, name, count), colour)| Part {
            name,
            colour,
            count: signed(count),
        })
        .collect();
    let item = |(part, (member, ..)): (&Part, (&str, &str, u64))| {
        let class = if part.count == 0 {
            " class=\"zero\""
        } else {
            ""
        };
        let path = format!("balance.{member}");
        format!(
            "<li{class}><i class=\"{}\"></i><span>{}</span>{}</li>",
            part.colour,
            part.name,
            number(&path, part.count)
        )
    };
    let items: String = parts.iter().zip(b.terms()).map(item).collect();
    let proof = if b.holds {
        "<p class=\"holds\">The balance holds.</p>"
    } else {
        "<p class=\"fails\">The balance does not hold.</p>"
    };
    let head = format!(
        "<p class=\"big\">{} <small>events captured</small></p>",
        number("balance.captured", b.captured)
    );
    let body = format!(
        "{head}{}<ul class=\"legend\">{items}</ul>{proof}",
        strip(&parts)
    );
    let retained = format!(
        "<dl class=\"facts\"><div><dt>Kept</dt><dd>{} <small>{}</small></dd></div><div><dt>In an archive</dt><dd>{}</dd></div>\
         <div><dt>Documents waiting</dt><dd>{}</dd></div>{}<div><dt>Last run</dt><dd class=\"words\">{}</dd></div></dl>",
        number(
            "event_journal.retained_event_count",
            d.event_journal.retained_event_count
        ),
        bytes(d.event_journal.journal_size_bytes),
        number(
            "event_journal.archived_event_count",
            d.event_journal.archived_event_count
        ),
        number("bodies.queued", d.bodies.queued),
        spooled(d),
        d.last_run.as_ref().map_or_else(
            || "none yet".to_owned(),
            |last| format!(
                "{}: {} <small>{}</small>",
                text(&last.command),
                last.result,
                moment(&last.when)
            )
        ),
    );
    section("balance", "Where every event is", "", body + &retained).replacen(
        "class=\"card\"",
        "class=\"card wide\"",
        1,
    )
}

/// The spooled lines, if there are any.
fn spooled(d: &Document) -> String {
    if d.spool.lines == 0 {
        return String::new();
    }
    format!(
        "<div><dt>In the spool</dt><dd>{}</dd></div>",
        number("spool.lines", d.spool.lines)
    )
}

/// Bars over the time of the history.
fn over_time(history: &History, count: impl Fn(usize) -> i64, what: &str) -> Vec<Bar> {
    let Some(start) = history.start else {
        return Vec::new();
    };
    let bar = |n: usize| {
        let at = Timestamp::from_micros(
            start.as_micros() + history.width * i64::try_from(n).unwrap_or(0),
        )
        .to_string();
        let label = at.get(..16).unwrap_or(&at).replace('T', " ");
        let count = count(n);
        Bar {
            words: format!("{} {what}, from {label}", grouped(count)),
            label,
            count,
        }
    };
    (0..history.captured.len()).map(bar).collect()
}

fn deliveries(d: &Document, history: &History) -> String {
    let bars = over_time(
        history,
        |n| history.delivered.get(n).copied().unwrap_or(0),
        "delivered",
    );
    let ledger = &d.delivery_ledger;
    let facts = format!(
        "<p class=\"sum\">{} here, {} at earlier targets</p>",
        number(
            "delivery_ledger.delivered_current_target",
            ledger.delivered_current_target
        ),
        number(
            "delivery_ledger.delivered_previous_target",
            ledger.delivered_previous_target
        )
    );
    section(
        "deliveries",
        "Deliveries over time",
        "Events that the configured target acknowledged.",
        facts + &columns("ok", "delivered", &bars),
    )
}

fn growth(d: &Document, history: &History) -> String {
    let bars = over_time(
        history,
        |n| history.captured.get(n).map_or(0, |sum| sum.0),
        "captured",
    );
    let size: i64 = history.captured.iter().map(|sum| sum.1).sum();
    let facts = format!(
        "<p class=\"sum\">{} captured, {} of it kept</p>",
        bytes(size),
        bytes(d.event_journal.journal_size_bytes)
    );
    section(
        "growth",
        "Growth of the journal",
        "Events captured since the beginning.",
        facts + &area("events", &bars),
    )
}

fn backlog(history: &History) -> String {
    let row = |(label, count): &(&str, i64)| Row {
        label: (*label).to_owned(),
        count: *count,
        more: String::new(),
    };
    rows(
        "untried",
        &history.backlog.iter().map(row).collect::<Vec<_>>(),
    )
}

fn retries(d: &Document, history: &History) -> String {
    let ledger = &d.delivery_ledger;
    let facts = format!(
        "<p class=\"sum\">{} rejected for now, {} not answered for, {} accepted and not stored, {} sent without an answer</p>",
        number("delivery_ledger.rejected", ledger.rejected),
        number("delivery_ledger.transient", ledger.transient),
        number("delivery_ledger.pending", ledger.pending),
        number("delivery_ledger.in_flight", ledger.in_flight)
    );
    let events = history.retries.iter().map(|(answers, count)| Row {
        label: format!(
            "events after {answers} {}",
            if *answers == 1 { "answer" } else { "answers" }
        ),
        count: *count,
        more: String::new(),
    });
    let bodies = d
        .bodies
        .retry_histogram
        .iter()
        .map(|(failures, count)| Row {
            label: format!(
                "documents after {failures} {}",
                if *failures == 1 {
                    "failure"
                } else {
                    "failures"
                }
            ),
            count: i64::try_from(*count).unwrap_or(i64::MAX),
            more: String::new(),
        });
    facts + &rows("retry", &events.chain(bodies).collect::<Vec<_>>())
}

fn reasons(history: &History) -> String {
    let row = |(label, count): &(String, i64)| Row {
        label: label.clone(),
        count: *count,
        more: String::new(),
    };
    rows("bad", &history.reasons.iter().map(row).collect::<Vec<_>>())
}

fn bodies(d: &Document, history: &History) -> String {
    let facts = format!(
        "<p class=\"sum\">{} ready, {} retrying later, {} failed</p>",
        number("bodies.ready", d.bodies.ready),
        number("bodies.in_backoff", d.bodies.in_backoff),
        number("bodies.failures", d.bodies.failures)
    );
    let row = |of: &crate::bodies::MissionStats| {
        let waiting =
            (of.queued > 0).then(|| format!("{} waiting, {}", of.queued, bytes(of.bytes)));
        let refused = (of.failures > 0).then(|| format!("{} refused", of.failures));
        let count = i64::try_from(of.queued + of.failures).unwrap_or(i64::MAX);
        let more = waiting
            .into_iter()
            .chain(refused)
            .collect::<Vec<_>>()
            .join("; ");
        let branch = if of.target_branch.is_empty() {
            String::new()
        } else {
            format!(" on {}", of.target_branch)
        };
        Row {
            label: of.mission_slug.clone() + &branch,
            count,
            more,
        }
    };
    let body = facts
        + &rows(
            "flight",
            &history.missions.iter().map(row).collect::<Vec<_>>(),
        );
    section(
        "bodies",
        "Documents by mission",
        "Waiting for upload, and failed.",
        body,
    )
}

fn targets(d: &Document) -> String {
    let row = |p: &PreviousTarget| {
        let counts = format!(
            "<td>{}</td><td>{}</td>",
            grouped(p.delivered_count),
            grouped(p.terminal_failed_count)
        );
        format!(
            "<tr><th scope=\"row\"><code>{}</code></th>{counts}</tr>",
            text(&p.canonical_url)
        )
    };
    let rows: String = d.delivery_targets.previous.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let head = "<thead><tr><th scope=\"col\">URL</th><th scope=\"col\">Delivered</th><th scope=\"col\">Failed</th></tr></thead>";
    section(
        "targets",
        "Earlier targets",
        "",
        format!("<table>{head}<tbody>{rows}</tbody></table>"),
    )
}

fn gates(d: &Document) -> String {
    let item = |gate: &crate::endpoint::Gate| {
        if gate.is_open {
            return format!(
                "<li class=\"open\"><b>{}</b> <span>passes</span></li>",
                text(gate.name)
            );
        }
        let (name, reason, fix) = (text(gate.name), text(&gate.reason), text(&gate.fix));
        format!(
            "<li class=\"shut\"><b>{name}</b> <span>fails: {reason}</span><code>{fix}</code></li>"
        )
    };
    let items: String = d.gates.iter().map(item).collect();
    if items.is_empty() {
        return String::new();
    }
    section(
        "gates",
        "Checks",
        "",
        format!("<ul class=\"gates\">{items}</ul>"),
    )
}

fn older(d: &Document) -> String {
    let row = |store: &crate::upkeep::legacy_stores::LegacyStore| {
        let imported = if store.imported {
            "imported"
        } else {
            "not imported"
        };
        let count = store
            .event_rows
            .map_or_else(|| "unknown".to_owned(), grouped);
        let facts = format!(
            "<td>{}</td><td>{count}</td><td>{imported}</td>",
            bytes(store.size)
        );
        format!(
            "<tr><th scope=\"row\"><code>{}</code></th>{facts}</tr>",
            text(&store.path)
        )
    };
    let rows: String = d.legacy_stores.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let head = "<thead><tr><th scope=\"col\">File</th><th scope=\"col\">Size</th><th scope=\"col\">Events</th><th scope=\"col\">State</th></tr></thead>";
    section(
        "older",
        "Older stores on this machine",
        "",
        format!("<div class=\"scroll\"><table>{head}<tbody>{rows}</tbody></table></div>"),
    )
}

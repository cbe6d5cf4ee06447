//! Content of the page, from the verdict to the details.

use super::charts::{Part, strip};
use super::history::{backlog, bodies, deliveries, growth, reasons, retries};
use super::markup::{bytes, moment, number, section, text};
use super::missions::missions;
use super::tables::{gates, older, targets};
use crate::base::Timestamp;
use crate::upkeep::document::Document;
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

//! Content of the page, from the verdict to the details.

use maud::{Markup, html};

use super::charts::{Part, strip};
use super::history::{backlog, bodies, deliveries, growth, reasons, retries};
use super::markup::{bytes, moment, number, section, text};
use super::missions::missions;
use super::tables::{gates, older, targets};
use crate::base::Timestamp;
use crate::upkeep::document::Document;
use crate::upkeep::history::History;

/// The content of the body element.
pub(super) fn all(d: &Document, history: &History, now: Timestamp) -> Markup {
    html! {
        (header(d))
        main {
            "\n"
            (steps(d))
            (missions(d))
            (balance(d))
            (deliveries(d, history))
            (growth(d, history))
            (section(("backlog", false), "Age of what is left to send",
                "Events that the target lacks and may still get.", &backlog(history)))
            (section(("retries", false), "Tries so far",
                "Waiting events by their answers; documents by their failures.", &retries(d, history)))
            (section(("reasons", false), "Failures by reason",
                "Refused for now or for good; names and numbers are masked.", &reasons(history)))
            (bodies(d, history))
            (targets(d))
            (gates(d))
            (older(d))
        }
        "\n"
        footer { p {
            "Written by sk-sync " (env!("CARGO_PKG_VERSION")) " at " (moment(&now.to_string())) " from "
            code { (text(&d.project.store)) } ". Every count is that of " code { "sk-sync status --json" }
            " at that moment."
        } }
        "\n"
    }
}

fn header(d: &Document) -> Markup {
    let (class, verdict) = match (d.ok, d.active_queue.event_count + d.bodies.queued) {
        (false, _) => ("bad", "Needs attention"),
        (true, 0) => ("good", "All is well"),
        (true, _) => ("busy", "Work is waiting"),
    };
    html! {
        header {
            div {
                p.over { "sync status" }
                h1 { (text(d.project.project_slug.as_deref().unwrap_or("no ID yet"))) }
                p.under { @if let Some(current) = &d.delivery_targets.current {
                    "to " code { (text(&current.canonical_url)) }
                    @if !current.team_slug.is_empty() { ", team " (text(&current.team_slug)) }
                    @if current.target_id.is_none() { ", never contacted" }
                } @else {
                    "Nothing leaves this machine: no target is configured."
                } }
            }
            p class={ "verdict " (class) } data-path="ok" data-value=(d.ok) { (verdict) }
        }
        "\n"
    }
}

/// The next steps and the warnings.
fn steps(d: &Document) -> Markup {
    html! { @if !d.next_steps.is_empty() || !d.warnings.is_empty() {
        section.card.wide.steps aria-labelledby="steps" {
            h2 #steps { "Next" }
            ol {
                @for next in &d.next_steps { li { span { (text(&next.why)) } code { (text(&next.run)) } } }
                @for words in &d.warnings { li.warning { (text(words)) } }
            }
        }
        "\n"
    } }
}

/// The balance: captured events and their classes.
fn balance(d: &Document) -> Markup {
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
    let journal = &d.event_journal;
    let body = html! {
        p.big { (number("balance.captured", b.captured)) " " small { "events captured" } }
        (strip(&parts))
        ul.legend { @for (part, (member, ..)) in parts.iter().zip(b.terms()) {
            li class=[(part.count == 0).then_some("zero")] {
                i class=(part.colour) {}
                span { (part.name) }
                (number(&format!("balance.{member}"), part.count))
            }
        } }
        @if b.holds { p.holds { "The balance holds." } } @else { p.fails { "The balance does not hold." } }
        dl.facts {
            div {
                dt { "Kept" }
                dd {
                    (number("event_journal.retained_event_count", journal.retained_event_count)) " "
                    small { (bytes(journal.journal_size_bytes)) }
                }
            }
            div {
                dt { "In an archive" }
                dd { (number("event_journal.archived_event_count", journal.archived_event_count)) }
            }
            div { dt { "Documents waiting" } dd { (number("bodies.queued", d.bodies.queued)) } }
            @if d.spool.lines > 0 {
                div { dt { "In the spool" } dd { (number("spool.lines", d.spool.lines)) } }
            }
            div {
                dt { "Last run" }
                dd.words { @if let Some(last) = &d.last_run {
                    (text(&last.command)) ": " (last.result) " " small { (moment(&last.when)) }
                } @else { "none yet" } }
            }
        }
    };
    section(("balance", true), "Where every event is", "", &body)
}

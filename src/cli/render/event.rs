//! `events show` for a person.

use crate::base::text::printable;
use crate::upkeep::{AtTarget, Shown};

use super::plural;

/// An event in lines for a person, made printable.
pub(crate) fn described(shown: &Shown) -> Vec<String> {
    let item = &shown.item;
    let mut lines = Vec::new();
    let mut say =
        |label: &str, words: String| lines.push(printable(&format!("{label:<9} {words}")));
    say("Event", format!("{} ({})", item.event_id, item.event_type));
    say(
        "Journal",
        format!(
            "seq {}, captured {} by {}, {} bytes",
            item.seq, item.captured_at, shown.origin, item.size
        ),
    );
    say("Digest", format!("sha256 {}", item.payload_sha256));
    say("Chain", shown.chain.clone());
    say("Status", item.status.to_owned());
    let marks = [
        ("Held", shown.held.clone()),
        (
            "Replaced",
            shown
                .superseded_by_event_id
                .as_ref()
                .map(|id| format!("by {id}, before it was sent")),
        ),
        (
            "Follows",
            shown
                .follows_event_id
                .as_ref()
                .map(|id| format!("{id}, which is sent as well")),
        ),
        ("Discarded", shown.discarded.clone()),
        (
            "Gone",
            shown
                .gone
                .as_ref()
                .map(|why| format!("{why}, {}", item.purged_at.as_deref().unwrap_or("undated"))),
        ),
    ];
    for (label, words) in marks
        .into_iter()
        .filter_map(|(label, words)| Some((label, words?)))
    {
        say(label, words);
    }
    for at in &shown.targets {
        say("At", at_target(at));
    }
    match &shown.payload {
        None => say("Payload", "was deleted; its digest is kept".to_owned()),
        Some(bytes) => match serde_json::from_slice::<serde_json::Value>(bytes) {
            Ok(value) => {
                let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
                lines.extend(pretty.lines().map(printable));
            }
            Err(_) => lines.extend(String::from_utf8_lossy(bytes).lines().map(printable)),
        },
    }
    lines
}

fn at_target(at: &AtTarget) -> String {
    let answers = plural(u64::try_from(at.attempts).unwrap_or(0), "answer");
    let current = if at.is_current { " (current)" } else { "" };
    let mut words = format!(
        "{}{current}: {} after {answers}",
        at.canonical_url, at.status
    );
    for more in [
        at.http_status.map(|status| format!("HTTP {status}")),
        at.error.clone(),
        at.acknowledged_by
            .filter(|by| *by == "status")
            .map(|_| "by the status of the whole request".to_owned()),
        at.last_attempted_at
            .as_ref()
            .map(|time| format!("last sent {time}")),
        at.due_at.as_ref().map(|time| format!("again {time}")),
    ] {
        words.extend(more.map(|more| format!(", {more}")));
    }
    words
}

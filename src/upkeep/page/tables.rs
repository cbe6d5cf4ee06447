//! Earlier targets, checks and older stores, one row each; none without any.

use super::markup::{bytes, grouped, section, text};
use crate::upkeep::document::{Document, PreviousTarget};

pub(super) fn targets(d: &Document) -> String {
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

pub(super) fn gates(d: &Document) -> String {
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

pub(super) fn older(d: &Document) -> String {
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

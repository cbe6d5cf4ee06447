//! Earlier targets, checks and older stores, one row each; none without any.

use maud::{Markup, html};

use super::markup::{bytes, grouped, section, text};
use crate::upkeep::document::Document;

pub(super) fn targets(d: &Document) -> Markup {
    let previous = &d.delivery_targets.previous;
    let table = html! {
        table {
            thead { tr { th scope="col" { "URL" } th scope="col" { "Delivered" } th scope="col" { "Failed" } } }
            tbody { @for target in previous {
                tr {
                    th scope="row" { code { (text(&target.canonical_url)) } }
                    td { (grouped(target.delivered_count)) }
                    td { (grouped(target.terminal_failed_count)) }
                }
            } }
        }
    };
    html! { @if !previous.is_empty() { (section(("targets", false), "Earlier targets", "", &table)) } }
}

pub(super) fn gates(d: &Document) -> Markup {
    let list = html! {
        ul.gates { @for gate in &d.gates {
            @if gate.is_open {
                li.open { b { (gate.name) } " " span { "passes" } }
            } @else {
                li.shut {
                    b { (gate.name) } " " span { "fails: " (text(&gate.reason)) }
                    code { (text(&gate.fix)) }
                }
            }
        } }
    };
    html! { @if !d.gates.is_empty() { (section(("gates", false), "Checks", "", &list)) } }
}

pub(super) fn older(d: &Document) -> Markup {
    let stores = &d.legacy_stores;
    let table = html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "File" } th scope="col" { "Size" } th scope="col" { "Events" } th scope="col" { "State" }
            } }
            tbody { @for store in stores {
                tr {
                    th scope="row" { code { (text(&store.path)) } }
                    td { (bytes(store.size)) }
                    td { (store.event_rows.map_or_else(|| "unknown".to_owned(), grouped)) }
                    td { @if store.imported { "imported" } @else { "not imported" } }
                }
            } }
        } }
    };
    html! { @if !stores.is_empty() { (section(("older", false), "Older stores on this machine", "", &table)) } }
}

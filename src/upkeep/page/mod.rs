//! The report of `status --html`: one self-contained page.
//!
//! `sections` builds the content (`history` and `tables` parts of it), `charts` draws numbers, `markup` has text and numbers. No network, no
//! script, no external image: a content security policy in the page forbids them, in case untrusted
//! content slips in.
//!
//! **Invariant:** every number comes from the document of `status` or from the history read with
//! it, and those of the document carry it as `data-path`, so that they can be read back.

mod charts;
mod history;
mod markup;
mod missions;
mod sections;
mod tables;

use super::document::Document;
use super::history::History;
use crate::base::Timestamp;
use markup::text;
use maud::{PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// Builds the page.
pub(crate) fn page(document: &Document, history: &History, now: Timestamp) -> String {
    let slug = document.project.project_slug.as_deref();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
    let page = html! {
        (PreEscaped("<!doctype html>\n"))
        html lang="en" { "\n"
            head { "\n"
                meta charset="utf-8"; "\n"
                meta name="viewport" content="width=device-width, initial-scale=1"; "\n"
                meta name="color-scheme" content="light dark"; "\n"
                meta http-equiv="Content-Security-Policy" content=(policy); "\n"
                meta name="referrer" content="no-referrer"; "\n"
                link rel="icon" href="data:,"; "\n"
                title { (text(slug.unwrap_or("no ID yet"))) ": sync status" } "\n"
                style { "\n" (PreEscaped(STYLE)) } "\n"
            } "\n"
            body { "\n" (sections::all(document, history, now)) } "\n"
        } "\n"
    };
    page.into_string()
}

//! The report of `status --html`: one page that needs nothing but itself.
//!
//! `sections` is what stands on it, `charts` how numbers are drawn, `markup` how words are made safe. No network, no
//! script, no image from elsewhere: a content policy in the page forbids them, should anything untrusted ever slip in.
//!
//! **Invariant:** every number comes from the document of `status` or from the history read with it, and those of the
//! document can be read back by their `data-path`.

mod charts;
mod markup;
mod sections;

use super::document::Document;
use super::history::History;
use crate::base::Timestamp;
use markup::text;

const STYLE: &str = include_str!("style.css");

/// The page.
pub(crate) fn page(document: &Document, history: &History, now: Timestamp) -> String {
    let name = document.project.project_slug.as_deref().unwrap_or("no identity yet");
    let body = sections::all(document, history, now);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}: sync status</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        title = text(name),
    )
}

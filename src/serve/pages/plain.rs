//! The head of every page, and pages outside of the site: refusals and the sign-in.

use maud::{DOCTYPE, Markup, html};

use crate::base::text::printable;

/// A page outside of the site.
pub(super) fn plain(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title, false))
            body {
                header { nav aria-label="Site" { a.home href="/" { "sk-sync" } } }
                main.narrow id="content" { h1 { (title) } (body) }
            }
        }
    }
}

/// `is_live`: the page is brought up to date while it is open.
pub(super) fn head(title: &str, is_live: bool) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (printable(title)) " · sk-sync" }
            link rel="icon" href="data:,";
            link rel="stylesheet" href="/assets/style.css";
            @if is_live {
                script src="/assets/live.js" defer {}
                noscript { meta http-equiv="refresh" content="60"; }
            }
        }
    }
}

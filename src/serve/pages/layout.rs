//! What every page has: head, navigation, and the words for times, sizes and lanes.

use maud::{DOCTYPE, Markup, html};

use super::links;
use super::plain::head;
use super::visit::Visit;
use crate::base::Timestamp;
use crate::base::text::printable;

/// The lanes in the order of work; others come after them.
pub(super) const LANES: [&str; 9] = [
    "planned",
    "claimed",
    "in_progress",
    "for_review",
    "in_review",
    "approved",
    "done",
    "blocked",
    "canceled",
];

/// A step of the way to a page: its words and address.
pub(super) type Crumb = (String, String);

/// A page within the site. `is_live`: it is brought up to date while it is open.
pub(super) fn page(
    visit: &Visit,
    title: &str,
    way: &[Crumb],
    is_live: bool,
    body: &Markup,
) -> Markup {
    let question = visit.get("q");
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title, is_live))
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    nav aria-label="Site" {
                        a.home href="/" { "sk-sync" }
                        a href="/activity" { "Activity" }
                        form.search action="/search" role="search" {
                            input type="search" name="q" value=(printable(question)) aria-label="Search missions and documents" placeholder="Search";
                            button { "Search" }
                        }
                        @if visit.is_signed_in() {
                            form method="post" action="/sign-out" { button.quiet { "Sign out" } }
                        }
                    }
                    @if !way.is_empty() {
                        nav.way aria-label="Breadcrumb" {
                            ol { @for (words, link) in way { li { a href=(link) { (printable(words)) } } } }
                        }
                    }
                }
                main id="content" data-live[is_live] tabindex="-1" { h1 { (printable(title)) } (body) }
                footer { p { "Kept by " code { "sk-sync serve" } ". " a href="/api/v1/openapi.json" { "API" } " · " a href="/feed.atom" { "Atom feed" } } }
            }
        }
    }
}

/// A moment, as how long ago it was. Microseconds since the epoch.
pub(super) fn when(visit: &Visit, at: i64) -> Markup {
    let at = Timestamp::from_micros(at);
    let text = at.to_string();
    let words = ago(visit.app.clock.now().since(at).as_secs());
    html! { time datetime=(text) title=(text.get(..19).unwrap_or_default().replace('T', " ") + " UTC") { (words) } }
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..=59 => "just now".to_owned(),
        60..=3599 => format!("{} min ago", seconds / 60),
        3600..=86_399 => format!("{} h ago", seconds / 3600),
        86_400..=172_799 => "1 day ago".to_owned(),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// The time in an event, which may be any text.
pub(super) fn told(time: &str) -> Markup {
    html! {
        @if let Some(at) = Timestamp::parse(time) {
            time datetime=(at.to_string()) { (at.to_string().get(..16).unwrap_or_default().replace('T', " ")) " UTC" }
        } @else { (printable(time)) }
    }
}

/// Bytes for people.
pub(super) fn size(bytes: i64) -> String {
    match bytes {
        0..=1023 => format!("{bytes} B"),
        1024..=1_048_575 => format!("{} KiB", (bytes + 512) / 1024),
        _ => format!("{} MiB", (bytes + 524_288) / 1_048_576),
    }
}

/// A number with its noun.
pub(super) fn count(number: i64, one: &str, many: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {many}")
    }
}

/// The words for a lane.
pub(super) fn lane(lane: &str) -> String {
    if lane.is_empty() {
        "no lane yet".to_owned()
    } else {
        printable(&lane.replace('_', " "))
    }
}

/// Lanes in the order of work.
pub(super) fn by_work<T>(mut lanes: Vec<(String, T)>) -> Vec<(String, T)> {
    lanes.sort_by_key(|(lane, _)| {
        (
            LANES
                .iter()
                .position(|known| known == lane)
                .unwrap_or(LANES.len()),
            lane.clone(),
        )
    });
    lanes
}

/// A bar with a part for each lane, or for ticked task boxes where there are no work packages.
pub(super) fn bar(lanes: &[(String, i64)], boxes: (i64, i64)) -> Markup {
    let parts: Vec<(String, &str, i64)> = if lanes.is_empty() {
        let (all, done) = boxes;
        vec![
            ("ticked".to_owned(), "done", done),
            ("open".to_owned(), "planned", all - done),
        ]
    } else {
        let lanes = by_work(lanes.to_vec());
        lanes
            .into_iter()
            .map(|(name, number)| (lane(&name), known(&name), number))
            .collect()
    };
    let whole: i64 = parts.iter().map(|(.., number)| number).sum();
    if whole == 0 {
        return html! { span.none { "–" } };
    }
    let words: Vec<_> = parts
        .iter()
        .filter(|(.., number)| *number > 0)
        .map(|(name, _, n)| format!("{n} {name}"))
        .collect();
    let ends = parts.iter().scan(0, |end, (.., number)| {
        *end += number;
        Some(*end)
    });
    let starts = ends.zip(&parts).map(|(end, (.., number))| end - number);
    html! {
        svg.bar viewBox=(format!("0 0 {whole} 1")) preserveAspectRatio="none" aria-hidden="true" {
            @for ((_, class, number), start) in parts.iter().zip(starts) {
                rect class=(format!("lane-{class}")) x=(start) y="0" width=(number) height="1" {}
            }
        }
        span.parts { (words.join(", ")) }
    }
}

/// The lane as a part of a class name: only the names that the style sheet knows.
pub(super) fn known(lane: &str) -> &'static str {
    LANES
        .into_iter()
        .find(|known| *known == lane)
        .unwrap_or("other")
}

/// A link to the page of a mission.
pub(super) fn mission_link(project: &str, slug: &str, name: &str) -> Markup {
    html! {
        a href=(links::mission(project, slug)) { (printable(if name.is_empty() { slug } else { name })) }
        @if !name.is_empty() { " " span.slug { (printable(slug)) } }
    }
}

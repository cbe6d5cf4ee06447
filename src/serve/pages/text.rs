//! Texts of documents as HTML: Markdown, other texts, and differences. Bounded, and nothing of a
//! text becomes a tag that it chose.

use std::time::Duration;

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};
use similar::{ChangeTag, TextDiff};

use super::links;
use crate::base::text::printable;

/// About as many bytes of HTML as a text becomes; the rest is to be had raw.
const MOST_BYTES: usize = 120_000;
/// Quotes and lists within each other; deeper ones are shown at this depth.
const DEPTH: usize = 24;
/// How long the comparison of two versions may take before it becomes a rough one.
const DIFF_TIME: Duration = Duration::from_millis(200);

/// A document's text: Markdown as such, anything else as it is.
pub(super) fn rendered(text: &str, path: &str, project: &str, mission: &str) -> Markup {
    let is_markdown = path
        .rsplit('.')
        .next()
        .is_some_and(|end| end.eq_ignore_ascii_case("md"));
    if is_markdown {
        markdown(text, path, project, mission)
    } else {
        verbatim(text)
    }
}

fn verbatim(text: &str) -> Markup {
    let end = text.floor_char_boundary(MOST_BYTES.min(text.len()));
    html! {
        div.text.scroll tabindex="0" role="region" aria-label="Text" { pre { (calm(&text[..end])) } }
        @if end < text.len() { (cut()) }
    }
}

fn cut() -> Markup {
    html! { p.note { "Only the beginning is shown here: the raw view has all of it." } }
}

/// A text with the characters that turn its direction or are not to be seen written as escapes;
/// lines and tabs stay.
pub(super) fn calm(text: &str) -> String {
    let mut buffer = [0; 4];
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, c| {
            match c {
                '\n' | '\t' | ' '..='~' => out.push(c),
                '\r' => {}
                c => out.push_str(&printable(c.encode_utf8(&mut buffer))),
            }
            out
        })
}

/// The most bytes that a character becomes.
fn cost(c: char) -> usize {
    match c {
        '&' | '<' | '>' | '"' => 6,
        '\n' | '\t' | ' '..='~' => 1,
        c if c.is_alphanumeric() => c.len_utf8(),
        // It may be written as an escape.
        _ => 9,
    }
}

/// What one event of the parser becomes.
enum Kept<'a> {
    Event(Event<'a>),
    /// Left out together with its end.
    Flat,
}

/// The filter between the parser and the page.
struct Filter<'a> {
    path: &'a str,
    project: &'a str,
    mission: &'a str,
    /// The ends that are open, `None` for those that were left out.
    open: Vec<Option<TagEnd>>,
    bytes: usize,
}

fn markdown(text: &str, path: &str, project: &str, mission: &str) -> Markup {
    // Twice the bound is more than ever fits.
    let end = text.floor_char_boundary((MOST_BYTES * 2).min(text.len()));
    let body = without_front_matter(&text[..end]);
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut filter = Filter {
        path,
        project,
        mission,
        open: Vec::new(),
        bytes: 0,
    };
    let mut events = Vec::new();
    let mut is_cut = end < text.len();
    for event in Parser::new_ext(body, options) {
        if filter.bytes > MOST_BYTES {
            is_cut = true;
            break;
        }
        if let Kept::Event(event) = filter.pass(event) {
            events.push(event);
        }
    }
    events.extend(filter.open.into_iter().rev().flatten().map(Event::End));
    let mut out = String::with_capacity(filter.bytes + 1024);
    pulldown_cmark::html::push_html(&mut out, events.into_iter());
    html! { article.text { (PreEscaped(out)) } @if is_cut { (cut()) } }
}

/// YAML between two lines of dashes is data for tools.
pub(super) fn without_front_matter(text: &str) -> &str {
    let Some(rest) = text
        .strip_prefix("---\n")
        .or_else(|| text.strip_prefix("---\r\n"))
    else {
        return text;
    };
    rest.find("\n---")
        .and_then(|at| rest[at + 4..].split_once('\n'))
        .map_or(text, |(_, body)| body)
}

impl<'a> Filter<'a> {
    fn pass(&mut self, event: Event<'a>) -> Kept<'a> {
        Kept::Event(match event {
            Event::Start(tag) => return self.start(tag),
            Event::End(_) => match self.open.pop().flatten() {
                Some(end) => Event::End(end),
                None => return Kept::Flat,
            },
            // What is HTML in a document is shown as the text that it is.
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) => Event::Code(self.fitting(&text).into()),
            event => {
                self.bytes += 16;
                event
            }
        })
    }

    fn text(&mut self, text: &str) -> Event<'a> {
        Event::Text(self.fitting(text).into())
    }

    /// As much of a text as has room, made calm. Escaping makes some characters longer.
    fn fitting(&mut self, text: &str) -> String {
        self.bytes += 16;
        let mut end = text.len();
        for (at, c) in text.char_indices() {
            self.bytes += cost(c);
            if self.bytes > MOST_BYTES {
                end = at;
                break;
            }
        }
        calm(&text[..end])
    }

    fn start(&mut self, tag: Tag<'a>) -> Kept<'a> {
        self.bytes += 32;
        let end = tag.to_end();
        let depth = self.open.len();
        let is_flat = match &tag {
            // An image would be a request to another place. Its words stay.
            Tag::Image { .. } | Tag::HtmlBlock | Tag::MetadataBlock(_) => true,
            Tag::BlockQuote(_) => depth >= DEPTH,
            // A list without its items, or items without their list, would not be HTML: both have
            // the same bound.
            Tag::List(_) | Tag::Item => depth >= DEPTH * 2,
            _ => false,
        };
        let kept = match tag {
            _ if is_flat => None,
            // A browser would end the outer link here.
            Tag::Link { .. } if self.open.contains(&Some(TagEnd::Link)) => None,
            Tag::Link {
                link_type,
                dest_url,
                id,
                ..
            } => self.address(&dest_url).map(|address| {
                self.bytes += address.len();
                Tag::Link {
                    link_type,
                    dest_url: address,
                    title: CowStr::Borrowed(""),
                    id,
                }
            }),
            Tag::BlockQuote(_) => Some(Tag::BlockQuote(None)),
            Tag::CodeBlock(_) => Some(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Indented)),
            Tag::Heading { level, .. } => Some(Tag::Heading {
                level,
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            }),
            // An alignment would be an inline style, which the policy of the pages forbids.
            Tag::Table(_) => Some(Tag::Table(Vec::new())),
            tag => Some(tag),
        };
        self.open.push(kept.is_some().then_some(end));
        kept.map_or(Kept::Flat, |tag| Kept::Event(Event::Start(tag)))
    }

    /// Where a link may lead: to the web, to mail, or to another document of the mission.
    fn address(&self, link: &str) -> Option<CowStr<'a>> {
        match url::Url::parse(link) {
            Ok(url) if matches!(url.scheme(), "http" | "https" | "mailto") => {
                Some(String::from(url).into())
            }
            Err(url::ParseError::RelativeUrlWithoutBase) => {
                let path = links::beside(self.path, link)?;
                Some(links::document(self.project, self.mission, &path).into())
            }
            _ => None,
        }
    }
}

/// The lines that changed, with three lines around them.
pub(super) fn changes(old: &str, new: &str) -> Markup {
    let diff = TextDiff::configure()
        .timeout(DIFF_TIME)
        .diff_lines(old, new);
    let mut bytes = 0;
    let mut is_cut = false;
    let mut groups = Vec::new();
    'all: for group in diff.grouped_ops(3) {
        let mut lines = Vec::new();
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.value().trim_end_matches(['\n', '\r']);
            let end = line.floor_char_boundary(2_000.min(line.len()));
            bytes += end + 120;
            if bytes > MOST_BYTES {
                is_cut = true;
                groups.push(lines);
                break 'all;
            }
            let shown = if end < line.len() {
                format!("{} …", calm(&line[..end]))
            } else {
                calm(line)
            };
            lines.push((
                change.tag(),
                change
                    .new_index()
                    .or(change.old_index())
                    .map_or(0, |at| at + 1),
                shown,
            ));
        }
        groups.push(lines);
    }
    html! {
        @if groups.is_empty() { p { "No line differs." } }
        @for lines in groups {
            div.diff.scroll tabindex="0" role="region" aria-label="Changes" { table { tbody {
                @for (tag, number, line) in lines {
                    @let (class, sign, words) = match tag {
                        ChangeTag::Insert => ("added", "+", "added: "),
                        ChangeTag::Delete => ("removed", "−", "removed: "),
                        ChangeTag::Equal => ("same", "", ""),
                    };
                    tr class=(class) { td.number { (number) } td.sign aria-hidden="true" { (sign) } td { span.unseen { (words) } code { (line) } } }
                }
            } } }
        }
        @if is_cut { (cut()) }
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;

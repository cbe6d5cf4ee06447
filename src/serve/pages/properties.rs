//! Properties of the HTML that texts of strangers become, by a reader of a subset of HTML that
//! every browser reads in the same way: there, what a browser makes of a page is what was written.

use super::{links, text};

/// The elements that a text may become, those within which they may be (`*`: anywhere that blocks
/// are), and whether they have an end.
const ELEMENTS: [(&str, &str, bool); 29] = [
    ("article", "", true),
    ("div", "*", true),
    ("p", "*", true),
    ("blockquote", "*", true),
    ("ul", "*", true),
    ("ol", "*", true),
    ("li", "ul ol", true),
    ("pre", "*", true),
    ("h1", "*", true),
    ("h2", "*", true),
    ("h3", "*", true),
    ("h4", "*", true),
    ("h5", "*", true),
    ("h6", "*", true),
    ("hr", "*", false),
    ("table", "*", true),
    ("thead", "table", true),
    ("tbody", "table", true),
    ("tr", "thead tbody", true),
    ("th", "thead tr", true),
    ("td", "tr", true),
    ("a", "", true),
    ("em", "", true),
    ("strong", "", true),
    ("del", "", true),
    ("code", "", true),
    ("span", "", true),
    ("br", "", false),
    ("input", "", false),
];
/// Elements that hold phrases: a browser ends them where a block begins.
const OF_PHRASES: [&str; 14] = [
    "p", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "a", "em", "strong", "del", "code", "span",
];
/// Elements in which a browser moves text to before the table.
const OF_TABLES: [&str; 4] = ["table", "thead", "tbody", "tr"];

/// A text as Markdown, as it is, and as two versions that are compared, becomes HTML that only says
/// the text: known elements in each other as HTML has them, links to the web, to mail and within
/// the mission, no other attribute that loads or runs anything, no hidden character. Links stay in
/// the mission.
pub(crate) fn page(bytes: &[u8]) {
    let given = String::from_utf8_lossy(bytes);
    let html = text::rendered(&given, "tasks/WP01.md", "u", "m").into_string();
    let _words = Page::read(&html);
    let plain = Page::read(&text::rendered(&given, "data.json", "u", "m").into_string());
    assert_eq!(plain, text::calm(&given), "the text of a page is the text");
    let (old, new) = given.split_at(given.floor_char_boundary(given.len() / 2));
    let _lines = Page::read(&text::changes(old, new).into_string());
    for link in given.lines() {
        let Some(path) = links::beside("tasks/WP01.md", link) else {
            continue;
        };
        assert!(
            !path.is_empty() && !path.split('/').any(|part| matches!(part, "" | "." | "..")),
            "{link} leads to {path}"
        );
        assert!(
            !links::document("u", "m", &path).contains(['"', '<', '>', ' ', '#']),
            "{link}"
        );
        if !link.contains(['%', '?', '#', '.', '/']) {
            assert_eq!(path, format!("tasks/{link}"));
        }
    }
}

/// A page being read.
#[derive(Default)]
struct Page<'a> {
    open: Vec<&'a str>,
    text: String,
}

impl<'a> Page<'a> {
    /// The text of `html`; panics where a browser might read something else than was meant.
    fn read(html: &'a str) -> String {
        let mut page = Self::default();
        let mut pieces = html.split('<');
        page.words(pieces.next().unwrap_or_default());
        for piece in pieces {
            let (tag, words) = piece.split_once('>').unwrap_or_default();
            page.tag(tag);
            page.words(words);
        }
        assert!(page.open.is_empty(), "{:?} have no end: {html}", page.open);
        page.text
    }

    fn words(&mut self, words: &str) {
        let words = decoded(words);
        assert_eq!(text::calm(&words), words, "a hidden character");
        let is_in_table = self
            .open
            .last()
            .is_some_and(|name| OF_TABLES.contains(name));
        assert!(
            !is_in_table || words.trim().is_empty(),
            "{words} would be moved out of its table"
        );
        self.text.push_str(&words);
    }

    fn tag(&mut self, tag: &'a str) {
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(self.open.pop(), Some(name), "an end without its beginning");
            return;
        }
        let tag = tag.strip_suffix('/').unwrap_or(tag).trim_end();
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let known = ELEMENTS.iter().find(|(known, ..)| *known == name);
        assert!(known.is_some(), "<{tag}>");
        let (_, within, has_end) = known.copied().unwrap_or_default();
        let parent = self.open.last().copied().unwrap_or_default();
        let is_block = within.starts_with('*');
        let is_right_place = match within {
            "" => !OF_TABLES.contains(&parent),
            _ if is_block => {
                !OF_TABLES.contains(&parent)
                    && !self.open.iter().any(|name| OF_PHRASES.contains(name))
            }
            names => names.split(' ').any(|name| name == parent),
        };
        assert!(is_right_place, "<{tag}> within {:?}", self.open);
        assert!(
            name != "a" || !self.open.contains(&"a"),
            "a link within a link"
        );
        attribute(name, attributes);
        if has_end {
            self.open.push(name);
        }
    }
}

/// Checks the attributes of an element: `name="value"`, separated by blanks.
fn attribute(element: &str, mut rest: &str) {
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or((rest, ""));
        let (value, after) = after.split_once('"').unwrap_or((after, ""));
        rest = after.trim_start();
        let value = decoded(value);
        let is_fine = match (element, name) {
            ("a", "href") => [
                "https://",
                "http://",
                "mailto:",
                "/projects/u/document?mission=m&path=",
            ]
            .iter()
            .any(|start| value.starts_with(start)),
            ("ol", "start") => value.parse::<u64>().is_ok(),
            ("input", "type") => value == "checkbox",
            ("input", "disabled" | "checked") => value.is_empty(),
            (_, "class" | "tabindex" | "role" | "aria-label" | "aria-hidden") => value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b' '),
            _ => false,
        };
        assert!(is_fine, "<{element} {name}={value:?}>");
    }
}

/// Text without its character references; panics at one that is not ours, or at a character that
/// wants one.
fn decoded(escaped: &str) -> String {
    assert!(!escaped.contains(['<', '>']), "{escaped}");
    let mut parts = escaped.split('&');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').unwrap_or_default();
        let character = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" | "#x27" => '\'',
            _ => '\0',
        };
        assert_ne!(character, '\0', "&{part}");
        text.push(character);
        text.push_str(rest);
    }
    text
}

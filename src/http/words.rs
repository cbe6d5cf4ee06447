//! The message of a server in a response body, for people: one line, limited, printable. Pure.

use serde_json::Value;

use super::Answer;
use crate::base::text;

/// Most characters shown of a server's message.
pub(super) const MAX_WORDS: usize = 200;
/// Most bytes of a page that are searched for its title.
const MAX_SEARCH: usize = 4096;
/// Members of a JSON response that may hold its message; the first one found is used.
const MEMBERS: [&str; 5] = ["error", "detail", "message", "title", "errors"];
/// First bytes of web pages.
const PAGE_STARTS: [&str; 18] = [
    "!doctype html",
    "html",
    "head",
    "body",
    "script",
    "iframe",
    "h1",
    "div",
    "font",
    "table",
    "a",
    "style",
    "title",
    "b",
    "br",
    "p",
    "meta",
    "center",
];

/// The server's message: from the usual members of a JSON response, else from all its members; the
/// title of a web page; else the beginning of the text. Empty without one.
pub(super) fn of(json: Option<&Value>, body: &[u8]) -> String {
    let words = match json {
        Some(Value::Object(members)) => {
            let said = |name: &str| {
                members
                    .get(name)
                    .map(plain)
                    .filter(|words| !words.is_empty())
            };
            let all = || {
                let others = members.keys().filter(|name| *name != "retry_after");
                others
                    .filter_map(|name| Some(format!("{name}: {}", said(name)?)))
                    .collect::<Vec<_>>()
                    .join(" | ")
            };
            MEMBERS
                .iter()
                .find_map(|name| said(name))
                .unwrap_or_else(all)
        }
        Some(other) => plain(other),
        None => {
            let text = String::from_utf8_lossy(without_bom(body));
            if text.trim_start().starts_with('<') {
                title(&text)
            } else {
                text.trim().to_owned()
            }
        }
    };
    text::shorten(&text::printable(&words), MAX_WORDS)
}

/// A JSON value as text: a list by items, an object by its most informative member.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(several) => several.iter().map(plain).collect::<Vec<_>>().join("; "),
        Value::Object(members) => ["message", "msg", "detail", "code"]
            .iter()
            .find_map(|m| members.get(*m)?.as_str().map(str::to_owned))
            .unwrap_or_else(|| {
                if members.is_empty() {
                    String::new()
                } else {
                    value.to_string()
                }
            }),
        other => other.to_string(),
    }
}

/// The title of a web page; empty without one.
fn title(page: &str) -> String {
    let start: String = page.chars().take(MAX_SEARCH).collect();
    let lower = start.to_ascii_lowercase();
    let title = || {
        let open = lower.find("<title")?;
        let from = open + lower[open..].find('>')? + 1;
        let to = from + lower[from..].find('<')?;
        Some(
            start[from..to]
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        )
    };
    title().unwrap_or_default()
}

/// True for a web page: a proxy answered, or the URL belongs to a web site.
pub(super) fn is_page(answer: &Answer) -> bool {
    let Some(tag) = without_bom(&answer.body)
        .trim_ascii_start()
        .strip_prefix(b"<")
    else {
        return false;
    };
    let says_html = answer
        .content_type
        .as_deref()
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    let tag = String::from_utf8_lossy(&tag[..tag.len().min(16)]).to_ascii_lowercase();
    let is_start = |start: &&str| {
        tag.strip_prefix(*start)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
    };
    says_html || tag.starts_with("!--") || PAGE_STARTS.iter().any(is_start)
}

/// The body without a byte-order mark.
pub(super) fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(body: &[u8]) -> String {
        of(
            serde_json::from_slice(without_bom(body)).ok().as_ref(),
            body,
        )
    }

    #[test]
    fn words_come_from_json_text_or_a_title() {
        for (body, expected) in [
            (
                &b"{\"error\":\"bad\\u001b[1m token\"}"[..],
                "bad\\u{1b}[1m token",
            ),
            (b"{\"detail\":\"no\"}", "no"),
            (b"\xef\xbb\xbf{\"message\":\"no\"}", "no"),
            (b"{\"error\":{\"code\":7,\"message\":\"no\"}}", "no"),
            (b"{\"error\":null,\"title\":\"Bad Request\"}", "Bad Request"),
            (
                b"{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"},{\"msg\":\"no\"}]}",
                "field required; no",
            ),
            (b"{\"errors\":[\"a\",\"b\"]}", "a; b"),
            (b"{\"path\":[\"odd\"],\"x\":1}", "path: odd | x: 1"),
            (b"{\"retry_after\":7,\"detail\":\"\"}", ""),
            (b"{}", ""),
            (b"[]", ""),
            (b"try later\n", "try later"),
            (b"<html>boo</html>", ""),
            (
                b"<!DOCTYPE html>\n<html><head><TITLE lang=en>Sign\n in</title>",
                "Sign in",
            ),
            (b"<title>never closed", ""),
            (b"", ""),
        ] {
            assert_eq!(words(body), expected, "{}", String::from_utf8_lossy(body));
        }
        assert_eq!(
            words("[".repeat(100_000).as_bytes()).chars().count(),
            MAX_WORDS + 1
        );
    }

    #[test]
    fn a_page_is_told_by_its_beginning() {
        let page = |kind: Option<&str>, body: &str| {
            let content_type = kind.map(str::to_owned);
            is_page(&Answer {
                status: 200,
                content_type,
                body: body.as_bytes().to_vec(),
                ..Answer::default()
            })
        };
        for body in [
            "<html>",
            "\u{feff} \n<!DOCTYPE HTML PUBLIC>",
            "<!-- x --><p>",
            "<BODY class=x>",
            "<h1>Hi</h1>",
        ] {
            assert!(page(None, body), "{body}");
        }
        for body in [
            "",
            "ok",
            "<ok/>",
            "<?xml version='1.0'?><a/>",
            "<htmlish>",
            "{\"a\":\"<html>\"}",
            "<",
        ] {
            assert!(!page(Some("application/xml"), body), "{body}");
        }
        // Some receivers label everything as HTML.
        assert!(!page(Some("text/html; charset=utf-8"), "ok") && page(Some("text/html"), "<main>"));
    }
}

//! A configuration file: its entries with their places, and its problems.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::check;
use super::key::{Key, Kind};
use super::keys::{self, KEYS};
use super::layer::{Entry, Layer};
use super::origin::{Origin, Problem};
use super::source;
use super::toml_value::to_json;

/// Number of problems of one file that are reported; the others are counted. Each one needs a
/// comparison with all keys and a scan of the lines before it.
const MAX_PROBLEMS: usize = 20;

/// Parses the text of a file into a layer; problems are added to `problems`, other entries are
/// still read.
pub(super) fn read_layer(text: &str, origin: Origin, problems: &mut Vec<Problem>) -> Layer {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        text,
        origin,
        entries: Vec::new(),
        problems,
        found: 0,
    };
    match DeTable::parse(text) {
        Ok(table) => reader.table("", table.get_ref()),
        Err(error) => {
            let at = error.span().map_or(0, |s| s.start);
            let message = format!("not TOML: {}", error.message());
            reader.problem(at, excerpt(line_at(text, at)), message);
        }
    }
    let unnamed = reader.found.saturating_sub(MAX_PROBLEMS);
    if unnamed > 0 {
        let message = format!("{unnamed} more problems are not listed");
        reader
            .problems
            .push(Problem::of(reader.origin.clone(), message));
    }
    Layer {
        origin: reader.origin,
        entries: reader.entries,
    }
}

struct Reader<'a> {
    text: &'a str,
    origin: Origin,
    entries: Vec<Entry>,
    problems: &'a mut Vec<Problem>,
    /// Problems so far, reported or not.
    found: usize,
}

impl Reader<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let at = name.span().start;
            let full = if prefix.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{prefix}.{}", name.get_ref())
            };
            // A quoted key may contain a dot; no key of ours does.
            let key = if name.get_ref().contains('.') {
                None
            } else {
                keys::key_named(&full)
            };
            match (key, value.get_ref()) {
                (Some(key), _) => self.entry(key, at, value),
                (None, _) if self.found >= MAX_PROBLEMS && !keys::sections().any(|s| s == full) => {
                    self.found += 1;
                }
                (None, DeValue::Table(inner)) if keys::sections().any(|s| s == full) => {
                    self.table(&full, inner);
                }
                (None, _) if keys::sections().any(|s| s == full) => {
                    self.problem(
                        at,
                        excerpt(line_at(self.text, at)),
                        format!("`{full}` is a section: write [{full}]"),
                    );
                }
                (None, DeValue::Table(_)) if prefix.is_empty() => {
                    let near = crate::base::text::nearest(&full, keys::sections());
                    let hint = near
                        .map(|n| format!("; did you mean [{n}]?"))
                        .unwrap_or_default();
                    self.unknown(
                        at,
                        &format!("section [{}]", crate::base::text::printable(&full)),
                        &hint,
                    );
                }
                (None, _) => {
                    self.unknown(
                        at,
                        &format!("key `{}`", crate::base::text::printable(&full)),
                        &keys::hint(&full),
                    );
                }
            }
        }
    }

    fn entry(&mut self, key: &'static Key, at: usize, value: &Spanned<DeValue<'_>>) {
        if let (Kind::Sources, DeValue::Array(entries)) = (key.kind, value.get_ref()) {
            // Each entry is a separate table: the message names the line of the wrong one.
            let flawed = entries
                .iter()
                .find_map(|e| Some((e, source::check_one(&to_json(e.get_ref())).err()?)));
            if let Some((entry, message)) = flawed {
                let at = entry.span().start;
                return self.problem(
                    at,
                    excerpt(line_at(self.text, at)),
                    format!("`{}`: {message}", key.name),
                );
            }
        }
        match check(key.kind, &to_json(value.get_ref())) {
            Ok(checked) => {
                let place = Some(place(self.text, at));
                self.entries.push(Entry {
                    key,
                    checked,
                    place,
                });
            }
            Err(message) => {
                let written = self.text.get(value.span()).unwrap_or_default();
                let may_show = !matches!(
                    key.kind,
                    Kind::Headers | Kind::Secret | Kind::Url | Kind::Sources
                );
                let excerpt = may_show.then(|| format!("{} = {written}", key.leaf()));
                self.problem(at, excerpt, format!("`{}`: {message}", key.name));
            }
        }
    }

    fn unknown(&mut self, at: usize, what: &str, hint: &str) {
        self.problem(
            at,
            excerpt(line_at(self.text, at)),
            format!("unknown {what}{hint}"),
        );
    }

    fn problem(&mut self, at: usize, excerpt: Option<String>, message: String) {
        self.found += 1;
        if self.found > MAX_PROBLEMS {
            return;
        }
        let place = Some(place(self.text, at));
        self.problems.push(Problem {
            origin: self.origin.clone(),
            place,
            excerpt,
            message,
        });
    }
}

/// Line and column of a byte offset, both from 1, the column in characters.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    (
        before.matches('\n').count() + 1,
        before.get(line_start..).unwrap_or_default().chars().count() + 1,
    )
}

fn line_at(text: &str, at: usize) -> &str {
    let at = at.min(text.len());
    let start = text
        .get(..at)
        .and_then(|t| t.rfind('\n'))
        .map_or(0, |n| n + 1);
    text.get(start..)
        .and_then(|t| t.lines().next())
        .unwrap_or_default()
}

/// A line of the file for a message. Text after a word that is not similar to one of our keys, or
/// similar to a key for a secret, may be a secret, and is cut.
fn excerpt(line: &str) -> Option<String> {
    let line = line.trim();
    let end = line
        .find(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\'' | '{'))
        .unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    let leaf = crate::base::text::nearest(
        word.rsplit('.').next().unwrap_or(word),
        KEYS.iter().map(Key::leaf),
    );
    let is_plain = |k: &Key| {
        leaf == Some(k.leaf()) && !matches!(k.kind, Kind::Headers | Kind::Secret | Kind::Url)
    };
    let may_show = line.starts_with('[') || rest.is_empty() || KEYS.iter().any(is_plain);
    match (line.is_empty(), may_show) {
        (true, _) => None,
        (false, true) => Some(line.to_owned()),
        (false, false) => Some(format!("{word} …")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    fn read(text: &str) -> (Vec<(&'static str, Json)>, Vec<String>) {
        let mut problems = Vec::new();
        let layer = read_layer(text, Origin::RepositoryFile("f.toml".into()), &mut problems);
        let entries = layer
            .entries
            .into_iter()
            .map(|e| (e.key.name, e.checked.shown))
            .collect();
        (entries, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_spelling_of_a_key_is_read() {
        for text in [
            "[drain]\nmax_events = 7",
            "drain.max_events = 0x7",
            "drain = { max_events = 7 }",
            "\u{feff}drain.max_events = 7",
        ] {
            assert_eq!(
                read(text),
                (vec![("drain.max_events", Json::from(7))], vec![]),
                "{text}"
            );
        }
    }

    #[test]
    fn all_problems_of_a_file_are_told_at_once_with_line_and_text() {
        let text = "preset = \"cloud\"\npresett = 1\n\n[drain]\n  max_event = 3\nmax_events = 0\nmax_time = \"5s\"\n[drains]\nx = 1\n";
        let (entries, mut problems) = read(text);
        assert_eq!(entries, [("drain.max_time", Json::from("5s"))]);
        problems.sort();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        f.toml:1:1: `preset`: unknown preset; expected one of teamspace, external-receiver, local-retention, opt-out, stub (`trash` means `opt-out`)
          | preset = "cloud"
        f.toml:2:1: unknown key `presett`; did you mean `preset`?
          | presett = 1
        f.toml:5:3: unknown key `drain.max_event`; did you mean `drain.max_events`?
          | max_event = 3
        f.toml:6:1: `drain.max_events`: must be from 1 to 1000
          | max_events = 0
        f.toml:8:2: unknown section [drains]; did you mean [drain]?
          | [drains]
        "#);
    }

    #[test]
    fn broken_syntax_is_placed() {
        let (_, problems) = read("[drain]\nmax_events = = 3\n");
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with("f.toml:2:14: not TOML: "),
            "{}",
            problems[0]
        );
        assert!(
            problems[0].ends_with("\n  | max_events = = 3"),
            "{}",
            problems[0]
        );
        assert!(
            read("preset = \"a\"\npreset = \"b\"").1[0]
                .starts_with("f.toml:2:1: not TOML: duplicate key")
        );
        assert!(read("drain = 3").1[0].contains("write [drain]"));
        assert!(read("\"drain.max_events\" = 3").1[0].contains("unknown key"));
    }

    #[test]
    fn no_message_holds_a_literal_secret() {
        for text in [
            "[external_receiver]\nheaders = { \"X-Key\" = \"topsecret\" }",
            "[external_receiver.headers]\nX-Key = \"topsecret\"",
            "[external_receiver.headers]\nX-Key = \"topsecret",
            "[external_receiver.headers]\nX-Key \"topsecret\"",
            "[external_receiver]\nheader.X = \"topsecret\"",
            "[external_receiver]\nsigning_secret = \"topsecret\"",
            "[external_receiver]\nurl = [\"https://u:topsecret@h\"]",
            "[external_receiver]\nurl = \"https://u:topsecret@h",
            "token = \"topsecret\"",
        ] {
            let (_, problems) = read(text);
            assert!(
                !problems.is_empty() && problems.iter().all(|p| !p.contains("topsecret")),
                "{problems:?}"
            );
        }
    }
}

//! The `project` section of a `config.yaml` as written text, with lines: numbers are read as text,
//! so that an id of digits is unchanged.
//!
//! The file is parsed event by event and only that section is kept, so its size limits the cost of
//! reading. Aliases would break that limit, and are rejected.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// A line may begin with at most this many blanks and `-`, `?`, `:`. This limits the nesting of
/// collections.
const DEEPEST: usize = 200;

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// As written, without quotes.
    pub(super) text: String,
    /// Counted from 1.
    pub(super) line: usize,
}

/// The scalars of the top-level `project` mapping of the first document; empty if there is none.
/// Nulls and empty texts are omitted. The error is a line number and a message.
pub(super) fn project_section(source: &str) -> Result<BTreeMap<String, Written>, (usize, String)> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let leads = |line: &str| {
        line.chars()
            .take_while(|c| matches!(c, ' ' | '\t' | '-' | '?' | ':'))
            .count()
    };
    if let Some(at) = source.lines().position(|line| leads(line) > DEEPEST) {
        return Err((at + 1, "nested too deeply".to_owned()));
    }
    let mut reader = Reader::default();
    for event in Parser::new_from_str(source) {
        let (event, span) =
            event.map_err(|e: ScanError| (e.marker().line(), e.info().to_owned()))?;
        reader.take(event, span)?;
    }
    Ok(reader.section)
}

/// Position of the parser in the file.
#[derive(Default)]
struct Reader {
    documents: usize,
    /// Open collections of the document.
    depth: usize,
    /// True while the path from the top to this mapping is the wanted one: the top, then `project`.
    is_in_project: bool,
    /// For the top mapping and for `project`: the key whose value comes next, and whether a key
    /// comes next.
    keys: [Place; 2],
    section: BTreeMap<String, Written>,
}

#[derive(Default)]
struct Place {
    is_mapping: bool,
    /// The last key, if it was a scalar; its value comes next.
    key: Option<String>,
    expects_value: bool,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), (usize, String)> {
        match event {
            Event::Alias(_) => {
                return Err((
                    span.start.line(),
                    "aliases (*name) are not read here".to_owned(),
                ));
            }
            Event::DocumentStart(_) => self.documents += 1,
            Event::MappingStart(..) => self.open(true),
            Event::SequenceStart(..) => self.open(false),
            Event::MappingEnd | Event::SequenceEnd => self.close(),
            Event::Scalar(text, style, _, tag) => {
                let is_null = style == ScalarStyle::Plain
                    && tag.is_none()
                    && matches!(&*text, "" | "~" | "null");
                self.scalar((!is_null).then_some(&*text), span);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    /// The mapping that the next node belongs to, if it is one of these two.
    fn place(&mut self) -> Option<&mut Place> {
        let is_project = self.depth == 2 && self.is_in_project;
        let level = usize::from(is_project);
        let is_of_interest = self.documents == 1 && (self.depth == 1 || is_project);
        Some(&mut self.keys[level]).filter(|place| is_of_interest && place.is_mapping)
    }

    /// Records that a node begins; returns the key if it is the value of one.
    fn node(&mut self, scalar: Option<&str>) -> Option<String> {
        let place = self.place()?;
        if place.expects_value {
            place.expects_value = false;
            return place.key.take();
        }
        place.expects_value = true;
        place.key = scalar.map(str::to_owned);
        None
    }

    fn open(&mut self, is_mapping: bool) {
        let key = self.node(None);
        let is_project = self.depth == 1 && is_mapping && key.as_deref() == Some("project");
        self.depth += 1;
        match self.depth {
            1 => {
                self.keys[0] = Place {
                    is_mapping,
                    ..Place::default()
                }
            }
            2 => {
                self.is_in_project = is_project;
                self.keys[1] = Place {
                    is_mapping,
                    ..Place::default()
                };
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        self.is_in_project &= self.depth != 2;
        self.depth = self.depth.saturating_sub(1);
    }

    fn scalar(&mut self, text: Option<&str>, span: Span) {
        let is_project = self.depth == 2;
        let Some(key) = self.node(text).filter(|_| is_project) else {
            return;
        };
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            self.section.insert(
                key,
                Written {
                    text: text.to_owned(),
                    line: span.start.line(),
                },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_as_written() {
        let source = "\u{feff}# é\nproject:\n  node_id: 012345678901\n  build_id: 123e4567\n  slug: \"a b\"\n  uuid: ~\n  repo_slug: true # x\n  more: [1]\n";
        let section = project_section(source).unwrap();
        let found: Vec<_> = section
            .iter()
            .map(|(k, v)| (k.as_str(), v.text.as_str(), v.line))
            .collect();
        assert_eq!(
            found,
            [
                ("build_id", "123e4567", 4),
                ("node_id", "012345678901", 3),
                ("repo_slug", "true", 7),
                ("slug", "a b", 5)
            ]
        );
    }

    #[test]
    fn only_the_project_of_the_first_document_counts() {
        for (source, expected) in [
            (
                "other: {project: {slug: x}}\nproject: {slug: y}\n",
                Some("y"),
            ),
            (
                "? [project]\n: {slug: x}\nproject:\n  a: {slug: z}\n  slug: y\n  b: [slug, x]\n",
                Some("y"),
            ),
            ("project: [slug, x]\n", None),
            ("project: slug\nslug: x\n", None),
            ("- project:\n    slug: x\n", None),
            ("a: 1\n---\nproject: {slug: x}\n", None),
            ("project: {slug: x}\nproject: {slug: y}\n", Some("y")),
        ] {
            let section = project_section(source).unwrap();
            assert_eq!(
                section.get("slug").map(|slug| slug.text.as_str()),
                expected,
                "{source}"
            );
        }
    }

    #[test]
    fn hostile_files_end_in_an_error() {
        let deep = "- ".repeat(200_000);
        let flow = "[".repeat(200_000);
        let indented: String = (0..2000)
            .flat_map(|depth| [" ".repeat(depth), "a:\n".to_owned()])
            .collect();
        for source in [deep.as_str(), &flow, &indented, "a: &a [*a]\n\"", "a: b: c"] {
            assert!(
                project_section(source).is_err(),
                "{}",
                source.chars().take(20).collect::<String>()
            );
        }
        let bomb = "a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
                    d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n";
        assert!(project_section(bomb).is_err());
        let aliased = "a: &a {uuid: 8a4a7da6-a97c-4bb4-893a-b31664abfee4}\nproject: *a\n";
        assert_eq!(
            project_section(aliased),
            Err((2, "aliases (*name) are not read here".to_owned()))
        );
        let tagged = "- &a ".repeat(50_000);
        assert!(project_section(&tagged).is_err());
    }
}

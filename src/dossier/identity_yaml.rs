//! The `project` section of a `config.yaml` as written text, with lines: numbers are not read as numbers, so that an id
//! of digits stays an id.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};

/// A line may begin with at most this many blanks and `-`, `?`, `:`. It bounds how deep collections nest, and so how
/// deep the parser recurses.
const DEEPEST: usize = 200;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// As written, without quotes.
    pub(super) text: String,
    /// Counted from 1.
    pub(super) line: usize,
}

/// The scalars of the top-level `project` mapping; empty when there is none. Nulls and empty texts are left out. The
/// error is a line and what is wrong there.
pub(super) fn project_section(source: &str) -> Result<BTreeMap<String, Written>, (usize, String)> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let leads = |line: &str| line.chars().take_while(|c| matches!(c, ' ' | '\t' | '-' | '?' | ':')).count();
    if let Some(at) = source.lines().position(|line| leads(line) > DEEPEST) {
        return Err((at + 1, "nested too deeply".to_owned()));
    }
    let documents = MarkedYaml::load_from_str(source).map_err(|e| (e.marker().line(), e.info().to_owned()))?;
    let project = documents.first().and_then(|top| entries(top).find(|(key, _)| text_of(key) == Some("project")));
    let fields = project.into_iter().flat_map(|(_, project)| entries(project));
    let written = fields.filter_map(|(key, value)| {
        let text = written(value, source).filter(|text| !text.trim().is_empty())?;
        Some((text_of(key)?.to_owned(), Written { text, line: value.span.start.line() }))
    });
    Ok(written.collect())
}

fn entries<'a, 'i>(node: &'a MarkedYaml<'i>) -> impl Iterator<Item = (&'a MarkedYaml<'i>, &'a MarkedYaml<'i>)> {
    match &node.data {
        YamlData::Mapping(mapping) => Some(mapping.iter()),
        _ => None,
    }
    .into_iter()
    .flatten()
}

fn text_of<'a>(node: &'a MarkedYaml<'_>) -> Option<&'a str> {
    if let YamlData::Value(Scalar::String(text)) = &node.data { Some(text) } else { None }
}

/// A scalar as it stands in the source; `None` for nulls and collections.
fn written(node: &MarkedYaml<'_>, source: &str) -> Option<String> {
    match &node.data {
        YamlData::Value(Scalar::Null) => None,
        YamlData::Value(Scalar::String(text)) => Some(text.to_string()),
        YamlData::Value(_) => {
            let (start, end) = (node.span.start.index(), node.span.end.index());
            let text: String = source.chars().skip(start).take(end.saturating_sub(start)).collect();
            Some(text.trim().to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_as_written() {
        let source = "\u{feff}# é\nproject:\n  node_id: 012345678901\n  build_id: 123e4567\n  slug: \"a b\"\n  uuid: ~\n  repo_slug: true # x\n  more: [1]\n";
        let section = project_section(source).unwrap();
        let found: Vec<_> = section.iter().map(|(k, v)| (k.as_str(), v.text.as_str(), v.line)).collect();
        assert_eq!(
            found,
            [("build_id", "123e4567", 4), ("node_id", "012345678901", 3), ("repo_slug", "true", 7), ("slug", "a b", 5)]
        );
    }

    #[test]
    fn hostile_files_end_in_an_error() {
        let deep = "- ".repeat(200_000);
        let flow = "[".repeat(200_000);
        let indented: String = (0..2000).flat_map(|depth| [" ".repeat(depth), "a:\n".to_owned()]).collect();
        for source in [deep.as_str(), &flow, &indented, "a: &a [*a]\n\"", "a: b: c"] {
            assert!(project_section(source).is_err(), "{}", source.chars().take(20).collect::<String>());
        }
        let bomb = "a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
                    d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n";
        assert!(project_section(bomb).is_err());
        let tagged = "- &a ".repeat(50_000);
        assert!(project_section(&tagged).is_err());
    }
}

//! `[[artifacts.source]]`: one source of documents, or other settings for a built-in layout.
//! Checked here, pure.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::checked::{Checked, glob, line, suffix};
use crate::base::pattern::PathPattern;
use crate::base::text::{nearest, printable};

/// The built-in layouts, by name.
pub(crate) const LAYOUTS: &[&str] = &["kitty", "spec-kit", "openspec", "kiro", "bmad", "gsd"];

/// Every key of an entry.
const KEYS: &[&str] = &[
    "layout",
    "name",
    "units",
    "archived",
    "documents",
    "slug",
    "mission_type",
    "prefix",
    "surfaces",
    "formats",
    "ignore",
];

/// The keys that are allowed with `layout`.
const OF_LAYOUT: &[&str] = &["layout", "prefix", "surfaces", "formats", "ignore"];

/// One entry of `[[artifacts.source]]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ArtifactSource {
    /// The built-in layout that is configured; then `name` and the patterns are unset.
    pub(crate) layout: Option<String>,
    /// Name of a custom source; several sources may have the same one.
    pub(crate) name: Option<String>,
    /// Directories that are units: patterns with `{variable}`s.
    pub(crate) units: Vec<String>,
    /// Directories of finished units.
    pub(crate) archived: Vec<String>,
    /// Files that form one unit together: globs from the top of the project.
    pub(crate) documents: Vec<String>,
    /// Slug of a unit, with the variables of its pattern; a fixed text with `documents`.
    pub(crate) slug: Option<String>,
    /// `mission_type` on the wire; `name` if it is not set.
    pub(crate) mission_type: Option<String>,
    /// Prefix of the slugs of its units.
    pub(crate) prefix: Option<String>,
    /// Files whose text is sent: globs on the path inside a unit.
    pub(crate) surfaces: Option<Vec<String>>,
    /// Suffixes that are sent, instead of `artifacts.formats`.
    pub(crate) formats: Option<Vec<String>>,
    /// Files that are not indexed: globs on the path inside a unit.
    pub(crate) ignore: Option<Vec<String>>,
}

/// Checks a list of entries.
pub(super) fn check_list(value: &Json) -> Result<Checked, String> {
    let entries = value
        .as_array()
        .ok_or("must be tables: [[artifacts.source]]")?;
    let mut stored = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        stored.push(check_one(entry).map_err(|e| format!("entry {}: {e}", at + 1))?);
    }
    let fixed = |entry: &Json| entry.get("documents").and(entry.get("slug")).cloned();
    for (at, entry) in stored.iter().enumerate() {
        if fixed(entry).is_some_and(|slug| {
            stored[..at]
                .iter()
                .any(|other| fixed(other).as_ref() == Some(&slug))
        }) {
            return Err(format!(
                "entry {}: another source has this `slug`; two lists of documents need two",
                at + 1
            ));
        }
        let layout = entry.get("layout");
        if layout.is_some()
            && stored[..at]
                .iter()
                .any(|other| other.get("layout") == layout)
        {
            return Err(format!(
                "entry {}: the settings of this layout stand in an earlier entry",
                at + 1
            ));
        }
    }
    Ok(Checked {
        shown: value.clone(),
        stored: stored.into(),
    })
}

/// Checks one entry; returns it in the form that the schema reads.
pub(super) fn check_one(value: &Json) -> Result<Json, String> {
    let table = value
        .as_object()
        .ok_or("must be a table: [[artifacts.source]]")?;
    let mut entry = Map::new();
    for (key, value) in table {
        if !KEYS.contains(&key.as_str()) {
            let near = nearest(key, KEYS.iter().copied());
            let hint = near
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            return Err(format!("unknown key `{}`{hint}", printable(key)));
        }
        entry.insert(
            key.clone(),
            member(key, value).map_err(|e| format!("`{key}`: {e}"))?,
        );
    }
    match (
        entry.get("layout").is_some(),
        entry.get("name").and_then(Json::as_str),
    ) {
        (true, _) => of_layout(&entry)?,
        (false, Some(_)) => of_name(&entry)?,
        (false, None) => {
            return Err(
                "needs `layout` (a built-in layout) or `name` (one of your own)".to_owned(),
            );
        }
    }
    Ok(entry.into())
}

fn member(key: &str, value: &Json) -> Result<Json, String> {
    let text = || {
        value
            .as_str()
            .ok_or_else(|| "must be text in quotes".to_owned())
    };
    let each = |one: &dyn Fn(&str) -> Result<String, String>| {
        let items = value
            .as_array()
            .ok_or("must be a list of texts: [\"…\", \"…\"]")?;
        let items = items
            .iter()
            .map(|item| one(item.as_str().ok_or("must be a list of texts")?));
        items.collect::<Result<Vec<_>, _>>().map(Json::from)
    };
    match key {
        "layout" => match text()? {
            known if LAYOUTS.contains(&known) => Ok(known.into()),
            other => Err(unknown_layout(other)),
        },
        "units" | "archived" => {
            each(&|text| PathPattern::of_directories(text).map(|_| text.to_owned()))
        }
        "documents" => each(&|text| PathPattern::of_files(text).map(|_| text.to_owned())),
        "surfaces" | "ignore" => each(&glob),
        "formats" => each(&suffix),
        "name" => match text()? {
            name if LAYOUTS.contains(&name) => {
                Err(format!("`{name}` is built in; write layout = \"{name}\""))
            }
            name if is_slug(name) => Ok(name.into()),
            _ => Err("letters, digits, `-`, `_` and inner `.` only".to_owned()),
        },
        "prefix" => match text()? {
            prefix if prefix.is_empty() || is_slug(&format!("{prefix}x")) => Ok(prefix.into()),
            _ => Err(
                "letters, digits, `-`, `_` and `.` only, beginning with a letter or digit"
                    .to_owned(),
            ),
        },
        _ => line(text()?).and_then(|text| {
            if text.is_empty() {
                Err("must not be empty".to_owned())
            } else {
                Ok(text.into())
            }
        }),
    }
}

fn of_layout(entry: &Map<String, Json>) -> Result<(), String> {
    match entry.keys().find(|key| !OF_LAYOUT.contains(&key.as_str())) {
        Some(key) => Err(format!(
            "`{key}` does not go with `layout`; only {} do",
            OF_LAYOUT[1..].join(", ")
        )),
        None => Ok(()),
    }
}

fn of_name(entry: &Map<String, Json>) -> Result<(), String> {
    let list = |key: &str| -> Vec<&str> {
        entry
            .get(key)
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect()
    };
    let (units, archived, documents) = (list("units"), list("archived"), list("documents"));
    let slug = entry.get("slug").and_then(Json::as_str);
    match (units.is_empty(), documents.is_empty()) {
        (true, true) => Err("needs `units` (directories) or `documents` (files)".to_owned()),
        (false, false) => {
            Err("`units` and `documents` are two sources; they may share a name".to_owned())
        }
        (true, false) => {
            if let Some(key) = ["archived", "surfaces", "prefix"]
                .into_iter()
                .find(|key| entry.contains_key(*key))
            {
                return Err(format!("`{key}` does not go with `documents`"));
            }
            match slug {
                None => Err(
                    "`documents` needs `slug`, a fixed text: what these files are called together"
                        .to_owned(),
                ),
                Some(slug) if !is_slug(slug) => Err(
                    "`slug`: a fixed text of letters, digits, `-`, `_` and inner `.`".to_owned(),
                ),
                Some(slug)
                    if LAYOUTS
                        .iter()
                        .any(|layout| slug.strip_prefix(layout) == Some(".project")) =>
                {
                    Err(format!("`slug`: `{slug}` belongs to a built-in layout"))
                }
                Some(_) => Ok(()),
            }
        }
        (false, true) => slug_fits(
            slug.unwrap_or("{name}"),
            units.iter().chain(&archived).copied(),
        ),
    }
}

/// Checks that each pattern has the variables of `slug`.
fn slug_fits<'a>(slug: &str, patterns: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut variables = Vec::new();
    let mut rest = slug;
    let mut bare = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        let (variable, after) = after.split_once('}').ok_or("`slug`: `{` without `}`")?;
        variables.push(variable);
        bare.push_str(before);
        bare.push('x');
        rest = after;
    }
    bare.push_str(rest);
    if variables.is_empty() || !is_slug(&bare) {
        return Err(
            "`slug`: letters, digits, `-`, `_`, `.` and the `{variable}`s of the patterns"
                .to_owned(),
        );
    }
    for text in patterns {
        let pattern = PathPattern::of_directories(text)?;
        if let Some(missing) = variables
            .iter()
            .find(|variable| !pattern.variables().any(|has| has == **variable))
        {
            return Err(format!(
                "`slug` has {{{}}}, and `{text}` has not",
                printable(missing)
            ));
        }
    }
    Ok(())
}

/// The message for an unknown layout.
pub(super) fn unknown_layout(word: &str) -> String {
    let near = nearest(word, LAYOUTS.iter().copied());
    let hint = near
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default();
    format!("expected one of {}{hint}", LAYOUTS.join(", "))
}

/// True for a text that is a valid mission slug.
fn is_slug(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(is_allowed)
        && !text.contains("..")
        && !text.ends_with('.')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_kinds_of_entry_are_read() {
        for entry in [
            json!({"layout": "spec-kit", "prefix": "sk.", "surfaces": ["spec.md"], "formats": ["md"], "ignore": []}),
            json!({"name": "c", "units": ["c/{name}"], "archived": ["c/old/{name}"], "mission_type": "track"}),
            json!({"name": "p", "units": ["packages/{pkg}/specs/{name}"], "slug": "{pkg}.{name}", "prefix": ""}),
            json!({"name": "adr", "documents": ["docs/adr/*.md"], "slug": "adr"}),
        ] {
            let stored = check_one(&entry).unwrap();
            let source: ArtifactSource = serde_json::from_value(stored).unwrap();
            assert_eq!(source.layout.is_some(), entry.get("layout").is_some());
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        let own = |more: Json| {
            let mut entry = json!({"name": "x", "units": ["x/{name}"]});
            entry
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().cloned().unwrap_or_default());
            entry
        };
        for (entry, said) in [
            (json!("x"), "must be a table"),
            (json!({}), "needs `layout`"),
            (json!({"layout": "spekkit"}), "did you mean `spec-kit`?"),
            (
                json!({"layout": "kiro", "units": ["a/{name}"]}),
                "`units` does not go with `layout`",
            ),
            (
                json!({"name": "kiro", "units": ["a/{name}"]}),
                "is built in",
            ),
            (
                json!({"name": "a b", "units": ["a/{name}"]}),
                "letters, digits",
            ),
            (json!({"name": "x"}), "needs `units`"),
            (own(json!({"unit": ["x"]})), "did you mean `units`?"),
            (own(json!({"documents": ["a.md"]})), "two sources"),
            (
                own(json!({"units": ["../{name}"]})),
                "relative, without `..`",
            ),
            (own(json!({"slug": "fixed"})), "`{variable}`s"),
            (own(json!({"slug": "{nme}"})), "and `x/{name}` has not"),
            (own(json!({"slug": "a b{name}"})), "`{variable}`s"),
            (
                own(json!({"archived": ["x/{group}"]})),
                "and `x/{group}` has not",
            ),
            (own(json!({"prefix": "-"})), "beginning with"),
            (own(json!({"surfaces": ["a["]})), "bad glob"),
            (own(json!({"mission_type": ""})), "not be empty"),
            (json!({"name": "x", "documents": ["a.md"]}), "needs `slug`"),
            (
                json!({"name": "x", "documents": ["a.md"], "slug": "{name}"}),
                "a fixed text",
            ),
            (
                json!({"name": "x", "documents": ["a.md"], "slug": "kiro.project"}),
                "belongs to a built-in",
            ),
            (
                json!({"name": "x", "documents": ["a.md"], "slug": "a", "surfaces": []}),
                "does not go with `documents`",
            ),
        ] {
            let error = check_one(&entry).unwrap_err();
            assert!(error.contains(said), "{entry}: {error}");
        }
        let documents = |slug: &str| json!({"name": "x", "documents": ["a.md"], "slug": slug});
        assert!(check_list(&json!([documents("a"), documents("b")])).is_ok());
        assert!(
            check_list(&json!([documents("a"), documents("a")]))
                .unwrap_err()
                .contains("entry 2: another source")
        );
        assert!(
            check_list(&json!([{"layout": "gsd"}, {"layout": "gsd"}]))
                .unwrap_err()
                .contains("earlier entry")
        );
    }
}

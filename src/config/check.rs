//! Checks values against their keys, and converts them to the stored form. Pure.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde_json::{Value as Json, json};

use super::checked::{Checked, glob, line, same, short, suffix, text};
use super::key::Kind;
use super::toml_value::parse_value;
use super::{preset, source, units};

/// Most characters of a text: a name becomes part of every event.
const MAX_TEXT_CHARS: usize = 255;
/// Most characters of a URL, and of an entry of a list.
const MAX_ITEM_CHARS: usize = 2048;
/// Most characters of a glob, of all globs of a list together, and most wildcards and alternatives
/// among them: they become one automaton, which costs more than the bytes of the file.
const MAX_GLOB_CHARS: usize = 255;
const MAX_GLOBS_CHARS: usize = 16 << 10;
const MAX_WILDCARDS: usize = 2048;
/// Most entries of a list, and most headers.
const MAX_ITEMS: usize = 256;

/// Headers that this program sets, so they cannot be configured.
const OWN_HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

const LITERAL: &str = "a secret must not be written down here; put it into an environment variable and write { env = \"SK_SYNC_SECRET_…\" }";

/// Checks `value` against the kind of its key. The error is a message that does not contain the
/// value.
pub(super) fn check(kind: Kind, value: &Json) -> Result<Checked, String> {
    match kind {
        Kind::Preset => preset::canonical(text(value)?).map(same),
        Kind::Word(words) => word(words, text(value)?).map(same),
        Kind::Switch => value
            .as_bool()
            .map(same)
            .ok_or_else(|| "must be true or false".to_owned()),
        Kind::Text => short(&line(text(value)?)?, MAX_TEXT_CHARS).map(same),
        Kind::Url => short(text(value)?.trim(), MAX_ITEM_CHARS).map(same),
        Kind::Uuid => uuid::Uuid::parse_str(text(value)?.trim())
            .map(|u| same(u.to_string()))
            .map_err(|_| "must be a UUID like \"8a4a7da6-a97c-4bb4-893a-b31664abfee4\"".to_owned()),
        Kind::Count(least, most) => {
            let n = number(value)
                .ok_or_else(|| format!("must be a whole number from {least} to {most}"))?;
            within(n, least, most, |n| n.to_string()).map(same)
        }
        Kind::Size(least, most) => measured(value, units::bytes, least, most, units::in_bytes),
        Kind::Duration(least, most) => {
            let written = number(value).map(|seconds| json!(seconds.to_string()));
            let mut checked = measured(
                written.as_ref().unwrap_or(value),
                units::milliseconds,
                least,
                most,
                units::in_time,
            )?;
            checked.shown = value.clone();
            Ok(checked)
        }
        Kind::RelativePath => relative(text(value)?).map(same),
        Kind::Globs | Kind::AllGlobs => globs(value),
        Kind::Suffixes => list(value, suffix),
        Kind::Layouts => list(value, layout),
        Kind::Sources => source::check_list(value),
        Kind::Names => list(value, |name| match line(name)? {
            name if name.is_empty() => Err("a name must not be empty".to_owned()),
            name => Ok(name),
        }),
        Kind::Headers => headers(value),
        Kind::OwnFile | Kind::UserFile => own_file(text(value)?).map(same),
        Kind::OwnProxy => line(text(value)?).map(|url| Checked {
            shown: json!(super::origin::without_secrets(&url)),
            stored: json!(url),
        }),
        Kind::OwnCommand => match list(value, line)? {
            words
                if words
                    .stored
                    .get(0)
                    .and_then(Json::as_str)
                    .is_some_and(|program| !program.is_empty()) =>
            {
                Ok(words)
            }
            _ => Err(
                "must be a program and its arguments: [\"pass\", \"show\", \"teamspace\"]"
                    .to_owned(),
            ),
        },
        Kind::Secret => reference(value).map(|name| Checked {
            shown: value.clone(),
            stored: json!(name),
        }),
    }
}

/// Parses the text of a variable or flag as a value of this kind, and checks it.
pub(super) fn check_text(kind: Kind, text: &str) -> Result<Checked, String> {
    let trimmed = text.trim();
    let value = match kind {
        Kind::Globs | Kind::AllGlobs | Kind::Suffixes | Kind::Names | Kind::Layouts
            if !trimmed.starts_with('[') =>
        {
            trimmed
                .split(',')
                .map(str::trim)
                .filter(|w| !w.is_empty())
                .collect()
        }
        Kind::Globs
        | Kind::AllGlobs
        | Kind::Suffixes
        | Kind::Names
        | Kind::Layouts
        | Kind::Sources
        | Kind::Headers
        | Kind::Secret
        | Kind::OwnCommand => parse_value(trimmed).ok_or("must be a TOML value")?,
        Kind::Switch => trimmed
            .parse::<bool>()
            .map_or_else(|_| json!(text), |switch| json!(switch)),
        Kind::Count(..) | Kind::Size(..) | Kind::Duration(..) => trimmed
            .parse::<u64>()
            .map_or_else(|_| json!(text), |n| json!(n)),
        _ => json!(text),
    };
    check(kind, &value)
}

/// The environment variables that a value of this kind refers to.
pub(super) fn named_variables(kind: Kind, stored: &Json) -> Vec<&str> {
    match kind {
        Kind::Secret => stored.as_str().into_iter().collect(),
        Kind::Headers => stored
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|h| h.get("variable")?.as_str())
            .collect(),
        _ => Vec::new(),
    }
}

fn layout(name: &str) -> Result<String, String> {
    let known = source::LAYOUTS
        .iter()
        .find(|layout| **layout == name.trim());
    known
        .map(|layout| (*layout).to_owned())
        .ok_or_else(|| source::unknown_layout(name))
}

fn word(words: &[&'static str], written: &str) -> Result<&'static str, String> {
    let folded = preset::folded(written);
    words
        .iter()
        .copied()
        .find(|w| *w == folded)
        .ok_or_else(|| format!("expected one of {}", words.join(", ")))
}

fn number(value: &Json) -> Option<u64> {
    value.as_u64()
}

fn within(n: u64, least: u64, most: u64, say: fn(u64) -> String) -> Result<u64, String> {
    if (least..=most).contains(&n) {
        Ok(n)
    } else {
        Err(format!("must be from {} to {}", say(least), say(most)))
    }
}

fn measured(
    value: &Json,
    read: fn(&str) -> Result<u64, String>,
    least: u64,
    most: u64,
    say: fn(u64) -> String,
) -> Result<Checked, String> {
    let n = match value {
        Json::String(written) => read(written)?,
        // Other kinds of value get the message for a text that is not a number with a unit.
        other => number(other).map_or_else(|| read("-"), Ok)?,
    };
    within(n, least, most, say).map(|n| Checked {
        shown: value.clone(),
        stored: json!(n),
    })
}

/// A relative path would be a different file in every directory.
fn own_file(path: &str) -> Result<String, String> {
    let path = line(path)?;
    let is_fixed = Path::new(&path).is_absolute() || path.starts_with("~/");
    if is_fixed {
        Ok(path)
    } else {
        Err("must be an absolute path, or begin with ~/".to_owned())
    }
}

fn list(value: &Json, one: impl Fn(&str) -> Result<String, String>) -> Result<Checked, String> {
    let items = value
        .as_array()
        .ok_or("must be a list of texts: [\"…\", \"…\"]")?;
    if items.len() > MAX_ITEMS {
        return Err(format!("must have at most {MAX_ITEMS} entries"));
    }
    items
        .iter()
        .map(|item| one(&short(text(item)?, MAX_ITEM_CHARS)?))
        .collect::<Result<Vec<_>, _>>()
        .map(same)
}

fn globs(value: &Json) -> Result<Checked, String> {
    let texts: Vec<&str> = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    if let Some(glob) = texts
        .iter()
        .find(|glob| glob.chars().count() > MAX_GLOB_CHARS)
    {
        let beginning = crate::base::text::shorten(&crate::base::text::printable(glob), 40);
        return Err(format!(
            "a glob must have at most {MAX_GLOB_CHARS} characters: `{beginning}`"
        ));
    }
    if texts.iter().map(|glob| glob.len()).sum::<usize>() > MAX_GLOBS_CHARS {
        return Err(format!(
            "all globs together must have at most {MAX_GLOBS_CHARS} bytes"
        ));
    }
    if texts
        .iter()
        .map(|glob| glob.matches(['*', '?', '[', '{', ',']).count())
        .sum::<usize>()
        > MAX_WILDCARDS
    {
        return Err(format!(
            "all globs together must have at most {MAX_WILDCARDS} wildcards and alternatives"
        ));
    }
    list(value, glob)
}

fn relative(written: &str) -> Result<String, String> {
    let path = written.trim().trim_end_matches('/');
    let is_inside = Path::new(path)
        .components()
        .all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if path.is_empty()
        || !is_inside
        || written.starts_with('/')
        || path.chars().any(char::is_control)
    {
        return Err("must be a path inside the work tree: relative, without `..`".to_owned());
    }
    Ok(path.strip_prefix("./").unwrap_or(path).to_owned())
}

/// The variable of `{ env = "NAME" }`.
fn reference(value: &Json) -> Result<&str, String> {
    let table = value.as_object().ok_or(LITERAL)?;
    let name = table
        .get("env")
        .and_then(Json::as_str)
        .filter(|_| table.len() == 1)
        .ok_or(LITERAL)?;
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.is_empty();
    if is_name {
        Ok(name)
    } else {
        Err("`env` must be the name of an environment variable".to_owned())
    }
}

fn headers(value: &Json) -> Result<Checked, String> {
    let table = value
        .as_object()
        .ok_or("must be a table: { \"X-Api-Key\" = { env = \"SK_SYNC_SECRET_…\" } }")?;
    if table.len() > MAX_ITEMS {
        return Err(format!("must have at most {MAX_ITEMS} headers"));
    }
    let mut seen = BTreeMap::new();
    for (name, value) in table {
        let is_token = name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        let shown = crate::base::text::printable(name);
        if name.is_empty() || !is_token {
            return Err(format!("`{shown}` is not a header name"));
        }
        let folded = name.to_ascii_lowercase();
        if OWN_HEADERS.contains(&folded.as_str()) {
            return Err(format!("sk-sync sets the header `{shown}` itself"));
        }
        let variable = reference(value).map_err(|e| format!("header `{shown}`: {e}"))?;
        if seen
            .insert(folded, json!({"name": name, "variable": variable}))
            .is_some()
        {
            return Err(format!("the header `{shown}` is given twice"));
        }
    }
    Ok(Checked {
        shown: value.clone(),
        stored: seen.into_values().collect(),
    })
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;

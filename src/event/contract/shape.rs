//! Closed objects described as data, and checking a value against such a description.

use std::fmt;

use serde_json::Value;

use super::Findings;

/// One member of a closed object. An optional member may also be null.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    pub(super) kind: Kind,
}

/// Type of a member.
#[derive(Debug)]
pub(super) enum Kind {
    /// Any string.
    Text,
    /// A string of at least one character.
    NonEmpty,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// An integer from 0.
    Count,
    /// A list of strings.
    Texts,
    /// An object whose values are all strings.
    TextMap,
    /// A closed object.
    Object(&'static [Field]),
    /// A list of closed objects.
    Objects(&'static [Field]),
}

/// A required member.
pub(super) const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        is_required: true,
        kind,
    }
}

/// A member that may be absent or null.
pub(super) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        is_required: false,
        kind,
    }
}

pub(super) const NO_COUNT: &str = "is not an integer of 0 or more";

/// True for a non-negative integer of any size; `1.0` is an integer too, as in JSON Schema.
pub(super) fn is_count(value: &Value) -> bool {
    value.is_u64() || value.as_f64().is_some_and(|n| n >= 0.0 && n.fract() == 0.0)
}

pub(super) fn not_one_of(words: &[&str]) -> String {
    format!("is not one of {}", words.join(", "))
}

/// Checks `value`, found at `place`, against the closed object that `fields` describe.
pub(super) fn check(value: &Value, fields: &[Field], place: Place<'_>, found: &mut Findings) {
    let Value::Object(members) = value else {
        found.add(place, "is not an object");
        return;
    };
    for field in fields {
        let at = Place::Member(&place, field.name);
        match members.get(field.name) {
            None if field.is_required => found.add(at, "is required"),
            None => {}
            Some(Value::Null) if !field.is_required => {}
            Some(member) => check_kind(member, &field.kind, at, found),
        }
    }
    for name in members
        .keys()
        .filter(|name| fields.iter().all(|field| field.name != name.as_str()))
    {
        found.add(Place::Member(&place, name), "is not a known field here");
    }
}

fn check_kind(value: &Value, kind: &Kind, place: Place<'_>, found: &mut Findings) {
    match (kind, value) {
        (Kind::Text | Kind::NonEmpty | Kind::OneOf(_), Value::String(text)) => match kind {
            Kind::NonEmpty if text.is_empty() => found.add(place, "is empty"),
            Kind::OneOf(words) if !words.contains(&text.as_str()) => {
                found.add(place, not_one_of(words));
            }
            _ => {}
        },
        (Kind::Text | Kind::NonEmpty | Kind::OneOf(_), _) => found.add(place, "is not a string"),
        (Kind::Count, _) if is_count(value) => {}
        (Kind::Count, _) => found.add(place, NO_COUNT),
        (Kind::Object(fields), _) => check(value, fields, place, found),
        (Kind::Objects(fields), Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                check(item, fields, Place::Item(&place, at), found);
            }
        }
        (Kind::Texts, Value::Array(items)) => {
            for (at, _) in items
                .iter()
                .enumerate()
                .filter(|(_, item)| !item.is_string())
            {
                found.add(Place::Item(&place, at), "is not a string");
            }
        }
        (Kind::Objects(_) | Kind::Texts, _) => found.add(place, "is not a list"),
        (Kind::TextMap, Value::Object(members)) => {
            for (name, _) in members.iter().filter(|(_, member)| !member.is_string()) {
                found.add(Place::Member(&place, name), "is not a string");
            }
        }
        (Kind::TextMap, _) => found.add(place, "is not an object"),
    }
}

/// A position in an envelope, from its root. Converted to text only for violations.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// The envelope itself.
    Root,
    /// A member of the object at a place.
    Member(&'a Self, &'a str),
    /// An item of the list at a place.
    Item(&'a Self, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, at) => write!(f, "{parent}[{at}]"),
        }
    }
}

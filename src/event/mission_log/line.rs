//! The lines of a log, and their kinds.

use serde_json::Value;

use super::{NO_CONTRACT_TYPE, Object, Skip};

/// Byte-order mark, dropped at the start of a file.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Length of a merge conflict marker.
const MARKER_LENGTH: usize = 7;

/// A line that is not blank.
pub(super) struct Line<'a> {
    /// From 1; blank lines count.
    pub(super) number: u64,
    /// Without surrounding white space.
    bytes: &'a [u8],
    /// True for a last line without a line end: it may still be being written.
    is_open: bool,
}

/// The lines of a file that are not blank.
pub(super) fn lines(file: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let file = file.strip_prefix(BOM).unwrap_or(file);
    file.split_inclusive(|byte| *byte == b'\n')
        .zip(1..)
        .filter_map(|(line, number)| {
            let bytes = line.trim_ascii();
            (!bytes.is_empty()).then_some(Line {
                number,
                bytes,
                is_open: line.last() != Some(&b'\n'),
            })
        })
}

impl Line<'_> {
    /// The JSON object of the line. The last value of a repeated key is used.
    pub(super) fn object(&self) -> Result<Object, Skip> {
        if is_merge_marker(self.bytes) {
            return Err(Skip::bare("merge_marker"));
        }
        let unreadable = |code| {
            Skip::bare(if self.is_open {
                "incomplete_line"
            } else {
                code
            })
        };
        let text = std::str::from_utf8(self.bytes).map_err(|_| unreadable("not_utf8"))?;
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Skip::bare("not_an_object")),
            Err(_) => Err(unreadable("not_json")),
        }
    }
}

/// Seven marker characters of git, then a blank or the end.
fn is_merge_marker(line: &[u8]) -> bool {
    let Some(mark) = line
        .first()
        .filter(|mark| matches!(mark, b'<' | b'>' | b'=' | b'|'))
    else {
        return false;
    };
    let marks = line.iter().take_while(|byte| *byte == mark).count();
    marks == MARKER_LENGTH && line.get(marks).is_none_or(u8::is_ascii_whitespace)
}

/// Kinds of lines that map to envelopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A work package changes its lane.
    LaneChange,
    /// A line with an event type.
    Typed {
        /// The member with the type.
        type_member: &'static str,
    },
}

impl Kind {
    /// The kind of a line; the first matching rule decides.
    pub(super) fn of(row: &Object) -> Result<Self, Skip> {
        let text = |name: &str| row.get(name).and_then(Value::as_str);
        if let Some(kind) = row.get("kind") {
            return Err(match kind.as_str() {
                Some("annotation") => Skip::about(NO_CONTRACT_TYPE, "InnerStateChanged"),
                Some(other) => Skip::about("unknown_kind", other),
                None => Skip::about("unknown_kind", &kind.to_string()),
            });
        }
        if row.get("event_type").is_some_and(|named| !named.is_null()) {
            return Ok(Self::Typed {
                type_member: "event_type",
            });
        }
        if text("event_name").is_some_and(|name| name.starts_with("retrospective.")) {
            return Ok(Self::Typed {
                type_member: "event_name",
            });
        }
        if let Some(flat) = text("type") {
            return Err(Skip::about(NO_CONTRACT_TYPE, flat));
        }
        if row.contains_key("to_lane") {
            Ok(Self::LaneChange)
        } else {
            Err(Skip::bare("unknown_row"))
        }
    }
}

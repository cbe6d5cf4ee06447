//! Ids with two contents: their sources and differences.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::catalog::Catalog;
use super::todo::place;
use super::{Destination, Error};
use crate::base::RepositoryId;
use crate::config::Home;
use crate::journal;
use crate::store::ReadTx;

/// Number of open conflicts that are listed per store.
const LISTED: i64 = 1000;
/// Number of differences that are shown per conflict.
const DIFFERENCES: usize = 50;

/// An open conflict: part of the document of `migrate conflicts --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Conflict {
    /// The id of both.
    pub(crate) event_id: String,
    /// Its store: a project's id, or `unassigned`.
    pub(crate) store: String,
    /// Source of the content that was set aside.
    pub(crate) source: String,
    /// Digest of the content in the journal.
    pub(crate) journal_sha256: String,
    /// Digest of the other content.
    pub(crate) source_sha256: String,
    /// The differences.
    pub(crate) differences: Vec<Difference>,
}

/// One difference between two contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// JSON pointer to the place; empty for the whole document.
    pub(crate) at: String,
    /// The journal's value; null also if it has none.
    pub(crate) journal: Value,
    /// The source's value; null also if it has none.
    pub(crate) source: Value,
}

/// Every store that may contain conflicts of imports, with its name: the current project's, and the
/// one for events without a project. Other projects' stores are not included.
pub(crate) fn stores(
    home: &Home,
    repository: &RepositoryId,
    project: Option<&str>,
) -> Result<Vec<(String, PathBuf)>, Error> {
    let catalog = Catalog::load(&home.state);
    let mut destinations: Vec<_> = project.map(Destination::named).into_iter().collect();
    if catalog.has_unassigned() {
        destinations.push(Destination::Unassigned);
    }
    destinations
        .iter()
        .map(|destination| {
            Ok((
                destination.name().to_owned(),
                place(home, repository, destination)?,
            ))
        })
        .collect()
}

/// The open conflicts of a store.
pub(crate) fn conflicts(tx: &ReadTx<'_>, store: &str) -> Result<Vec<Conflict>, Error> {
    let open = journal::conflicts(tx, LISTED)?;
    let with_contents = open.into_iter().map(|conflict| {
        let (ours, theirs) = journal::contents(tx, &conflict)?;
        // The journal's content may differ from the one at the time of the conflict.
        let holder = journal::holder(tx, &conflict.event_id)?;
        let ours_sha256 = holder.map_or(conflict.existing_sha256, |holder| holder.payload_sha256);
        Ok(Conflict {
            differences: differences(ours.as_deref().unwrap_or_default(), &theirs),
            event_id: conflict.event_id,
            store: store.to_owned(),
            source: conflict.origin,
            journal_sha256: ours_sha256.to_string(),
            source_sha256: conflict.incoming_sha256.to_string(),
        })
    });
    with_contents.collect()
}

/// The differences of two contents: by member if both are JSON, else as a whole.
fn differences(ours: &[u8], theirs: &[u8]) -> Vec<Difference> {
    let mut found = Vec::new();
    if let (Ok(ours), Ok(theirs)) = (serde_json::from_slice(ours), serde_json::from_slice(theirs)) {
        compare("", &ours, &theirs, &mut found);
    } else {
        let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
        found.push(Difference {
            at: String::new(),
            journal: text(ours),
            source: text(theirs),
        });
    }
    found
}

fn compare(at: &str, ours: &Value, theirs: &Value, found: &mut Vec<Difference>) {
    if ours == theirs || found.len() >= DIFFERENCES {
        return;
    }
    match (ours, theirs) {
        (Value::Object(one), Value::Object(other)) => {
            let mut names: Vec<_> = one.keys().chain(other.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let step = name.replace('~', "~0").replace('/', "~1");
                let (ours, theirs) = (one.get(name), other.get(name));
                compare(
                    &format!("{at}/{step}"),
                    ours.unwrap_or(&Value::Null),
                    theirs.unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (ours, theirs)) in one.iter().zip(other).enumerate() {
                compare(&format!("{at}/{index}"), ours, theirs, found);
            }
        }
        _ => found.push(Difference {
            at: at.to_owned(),
            journal: ours.clone(),
            source: theirs.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let shown = |ours: &str, theirs: &str| {
            let found = differences(ours.as_bytes(), theirs.as_bytes()).into_iter();
            found
                .map(|d| (d.at, d.journal, d.source))
                .collect::<Vec<_>>()
        };
        let of = |at: &str, ours: Value, theirs: Value| (at.to_owned(), ours, theirs);
        assert_eq!(
            shown(
                r#"{"a":{"b/c":1,"d":[1,2]},"e":1}"#,
                r#"{"e":1,"a":{"b/c":2,"d":[1,3]},"f":"x"}"#
            ),
            [
                of("/a/b~1c", json!(1), json!(2)),
                of("/a/d/1", json!(2), json!(3)),
                of("/f", json!(null), json!("x"))
            ]
        );
        assert_eq!(shown("[1]", "[1,2]"), [of("", json!([1]), json!([1, 2]))]);
        assert_eq!(
            shown("not json", "{}"),
            [of("", json!("not json"), json!("{}"))]
        );
    }
}

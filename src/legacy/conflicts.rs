//! Ids that came with two contents: what differs, and what a person decides.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::catalog::Catalog;
use super::take_over::place;
use super::{Destination, Error};
use crate::base::Timestamp;
use crate::books;
use crate::config::Home;
use crate::journal::{self, Audit};
use crate::store::{ReadTx, WriteTx};

/// Open conflicts that are listed of one store.
const LISTED: i64 = 1000;
/// Differences that are shown of one conflict.
const DIFFERENCES: usize = 50;

/// An open conflict: a part of the document of `migrate conflicts --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Conflict {
    /// The id both have.
    pub(crate) event_id: String,
    /// The store it is in: a project's id, or `unassigned`.
    pub(crate) store: String,
    /// Where the one that is set aside came from.
    pub(crate) source: String,
    /// Digest of the one in the journal.
    pub(crate) journal_sha256: String,
    /// Digest of the other.
    pub(crate) source_sha256: String,
    /// Where the two differ.
    pub(crate) differences: Vec<Difference>,
}

/// One place in which two contents differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// The place, as a JSON pointer; empty for the whole.
    pub(crate) at: String,
    /// What the journal's says there; null also where it says nothing.
    pub(crate) journal: Value,
    /// What the source's says there.
    pub(crate) source: Value,
}

/// Every store that may hold conflicts of imports, with its name: the project's at hand, and those that older ones feed.
pub(crate) fn stores(home: &Home, project: Option<&str>) -> Result<Vec<(String, PathBuf)>, Error> {
    let catalog = Catalog::load(&home.state);
    let mut destinations: Vec<_> = catalog.stores().map(Destination::named).collect();
    destinations.extend(project.map(Destination::named));
    destinations.sort();
    destinations.dedup();
    destinations.iter().map(|destination| Ok((destination.name().to_owned(), place(home, destination)?))).collect()
}

/// The open conflicts of a store.
pub(crate) fn conflicts(tx: &ReadTx<'_>, store: &str) -> Result<Vec<Conflict>, Error> {
    let open = journal::conflicts(tx, LISTED)?;
    let with_contents = open.into_iter().map(|conflict| {
        let (ours, theirs) = journal::contents(tx, &conflict)?;
        Ok(Conflict {
            differences: differences(ours.as_deref().unwrap_or_default(), &theirs),
            event_id: conflict.event_id,
            store: store.to_owned(),
            source: conflict.origin,
            journal_sha256: conflict.existing_sha256.to_string(),
            source_sha256: conflict.incoming_sha256.to_string(),
        })
    });
    with_contents.collect()
}

/// Decides for the journal's content in the open conflicts of these ids, or in all of the store; returns how many.
pub(crate) fn keep_journal(tx: &WriteTx<'_>, now: Timestamp, ids: Option<&[String]>) -> Result<u64, Error> {
    let mut decided = 0;
    for conflict in journal::conflicts(tx, i64::MAX)? {
        if ids.is_some_and(|ids| !ids.iter().any(|id| id.eq_ignore_ascii_case(&conflict.event_id))) {
            continue;
        }
        journal::decide(tx, now, &conflict, "journal")?;
        let audit = Audit {
            act: "conflict_decided",
            event_id: &conflict.event_id,
            event_type: "",
            sha256: conflict.incoming_sha256,
            reason: "the journal's content is kept; the other stays set aside",
        };
        journal::audit(tx, now, &audit)?;
        decided += 1;
    }
    Ok(decided)
}

/// The same in every store; those that do not exist have none.
pub(crate) fn keep_everywhere(
    stores: &[(String, PathBuf)],
    now: Timestamp,
    ids: Option<&[String]>,
) -> Result<u64, Error> {
    let mut decided = 0;
    for (_, path) in stores.iter().filter(|(_, path)| path.exists()) {
        decided += books::open(path)?.write(|tx| keep_journal(tx, now, ids))?;
    }
    Ok(decided)
}

/// Where two contents differ: member by member where both are JSON, else as a whole.
fn differences(ours: &[u8], theirs: &[u8]) -> Vec<Difference> {
    let mut found = Vec::new();
    if let (Ok(ours), Ok(theirs)) = (serde_json::from_slice(ours), serde_json::from_slice(theirs)) {
        compare("", &ours, &theirs, &mut found);
    } else {
        let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
        found.push(Difference { at: String::new(), journal: text(ours), source: text(theirs) });
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
                compare(&format!("{at}/{step}"), ours.unwrap_or(&Value::Null), theirs.unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (ours, theirs)) in one.iter().zip(other).enumerate() {
                compare(&format!("{at}/{index}"), ours, theirs, found);
            }
        }
        _ => found.push(Difference { at: at.to_owned(), journal: ours.clone(), source: theirs.clone() }),
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
            found.map(|d| (d.at, d.journal, d.source)).collect::<Vec<_>>()
        };
        let of = |at: &str, ours: Value, theirs: Value| (at.to_owned(), ours, theirs);
        assert_eq!(
            shown(r#"{"a":{"b/c":1,"d":[1,2]},"e":1}"#, r#"{"e":1,"a":{"b/c":2,"d":[1,3]},"f":"x"}"#),
            [of("/a/b~1c", json!(1), json!(2)), of("/a/d/1", json!(2), json!(3)), of("/f", json!(null), json!("x"))]
        );
        assert_eq!(shown("[1]", "[1,2]"), [of("", json!([1]), json!([1, 2]))]);
        assert_eq!(shown("not json", "{}"), [of("", json!("not json"), json!("{}"))]);
    }
}

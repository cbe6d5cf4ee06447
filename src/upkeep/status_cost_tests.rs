//! The statements of `status`: only searches and small tables, so that its cost does not depend on
//! the length of the history.

use super::document::Facts;
use super::fixture::{NOW, resolved};
use super::status::{Surroundings, status};
use crate::store::{ReadTx, traced};
use crate::{books, delivery};

/// Tables and indexes with a few rows per target, or only with waiting rows.
const SMALL: [&str; 6] = [
    "delivery_targets",
    "store_counters",
    "journal_conflicts",
    "CONSTANT ROW",
    "bodies_queue USING COVERING INDEX bodies_queue_retried",
    "bodies_queue USING INDEX bodies_queue_retried",
];

/// A search that reads every row that a target ever had.
const ALL_OF_A_TARGET: &str = "USING PRIMARY KEY (target=?)";

/// Findings where the plan of a statement reads a whole table or index that grows with the history,
/// or all that a target has of it.
fn scans(tx: &ReadTx<'_>, sql: &str) -> Vec<String> {
    let mut statement = tx
        .conn()
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let (mut rows, mut found) = (statement.raw_query(), Vec::new());
    while let Some(row) = rows.next().unwrap() {
        let line: String = row.get("detail").unwrap();
        let is_whole = line
            .strip_prefix("SCAN ")
            .is_some_and(|table| !SMALL.iter().any(|small| table.starts_with(small)));
        if is_whole || line.ends_with(ALL_OF_A_TARGET) {
            found.push(format!("{sql}: {line}"));
        }
    }
    found
}

#[test]
fn a_status_reads_no_table_that_grows_with_the_history() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let here = resolved(
        "preset = 'external-receiver'\nexternal_receiver = { url = 'http://127.0.0.1:1' }",
    );
    let mut store = books::open(&path).unwrap();
    store
        .write(|tx| delivery::register_for_tests(tx, here.identity.as_ref().unwrap(), NOW))
        .unwrap();
    let around = Surroundings {
        store: &path,
        facts: Facts::default(),
        resolved: &here,
        gates: Vec::new(),
        state: dir.path(),
        legacy_home: None,
        unassigned: &dir.path().join("unassigned.db"),
        root: dir.path(),
        warn_rows: 1,
        warnings: Vec::new(),
    };
    let (_, heard) = traced(|| status(around, NOW).unwrap());
    let selects: Vec<_> = heard
        .iter()
        .filter(|sql| sql.starts_with("SELECT"))
        .collect();
    assert!(selects.len() > 10, "{heard:?}");
    let found = store.read(|tx| {
        Ok::<_, books::Error>(
            selects
                .iter()
                .flat_map(|sql| scans(tx, sql))
                .collect::<Vec<_>>(),
        )
    });
    assert_eq!(found.unwrap(), Vec::<String>::new());
    let caught = store
        .read(|tx| Ok::<_, books::Error>(scans(tx, "SELECT COUNT(*) FROM journal_feed")))
        .unwrap();
    assert_eq!(caught.len(), 1, "a count would be noticed: {caught:?}");
}

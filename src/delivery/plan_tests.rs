//! How SQLite finds the rows of the statements that every drain runs: the work of a drain must not
//! grow with the history, so each step is a search in the index made for it, and nothing is sorted.

use super::fixture::Books;
use super::{attempt, failures, parking, rows, select};
use crate::store::ReadTx;

/// Each statement, and the searches its plan must consist of.
const PLANS: [(&str, &str, &[&str]); 16] = [
    (
        "attempt::FIRST",
        attempt::FIRST,
        &["delivery_open_attempts (target=? AND parked=?)"],
    ),
    (
        "attempt::PARKED",
        attempt::PARKED,
        &["delivery_parked_attempts (target=? AND due_at>? AND due_at<?)"],
    ),
    (
        "parking::ANY",
        parking::ANY,
        &["delivery_open_attempts (target=? AND parked=?)"],
    ),
    (
        "parking::AHEAD",
        parking::AHEAD,
        &["delivery_parked_aggregates (target=? AND aggregate=? AND first_seq<?)"],
    ),
    (
        "select::HAS_NEW",
        select::HAS_NEW,
        &["INTEGER PRIMARY KEY (rowid>?)"],
    ),
    (
        "select::DUE",
        select::DUE,
        &[
            "delivery_due (target=? AND due_at>? AND due_at<?)",
            "PRIMARY KEY (rowid=?)",
        ],
    ),
    (
        "select::ABOVE",
        select::ABOVE,
        &[
            "INTEGER PRIMARY KEY (rowid>?)",
            "PRIMARY KEY (target=? AND seq=?)",
        ],
    ),
    (
        "rows::NEXT_ROW",
        rows::NEXT_ROW,
        &["delivery_due (target=? AND due_at>?)"],
    ),
    (
        "rows::NEXT_ATTEMPT",
        rows::NEXT_ATTEMPT,
        &["delivery_open_attempts (target=? AND parked=?)"],
    ),
    (
        "rows::NEXT_PARKED",
        rows::NEXT_PARKED,
        &["delivery_parked_attempts (target=?)"],
    ),
    (
        "rows::REJECTED",
        rows::REJECTED,
        &["delivery_rejected (target=?)"],
    ),
    (
        "rows::UNSEEN",
        rows::UNSEEN,
        &["delivery_unseen (target=?)", "PRIMARY KEY (rowid=?)"],
    ),
    (
        "failures::REJECTED",
        failures::REJECTED,
        &["delivery_rejected (target=? AND seq>?)"],
    ),
    (
        "failures::TRANSIENT",
        failures::TRANSIENT,
        &["delivery_transient (target=? AND seq>?)"],
    ),
    (
        "failures::GIVEN_UP",
        failures::GIVEN_UP,
        &["delivery_failed (target=? AND seq>?)"],
    ),
    (
        "rows::OWED",
        rows::OWED,
        &[
            "delivery_open_attempts (target=?)",
            "delivery_due",
            "(rowid>?)",
        ],
    ),
];

/// Problems of the plan of a statement, as a sentence; `None` without any.
fn fault(tx: &ReadTx<'_>, sql: &str, searches: &[&str]) -> Option<String> {
    let mut statement = match tx.conn().prepare(&format!("EXPLAIN QUERY PLAN {sql}")) {
        Ok(statement) => statement,
        Err(error) => return Some(error.to_string()),
    };
    let (mut rows, mut lines) = (statement.raw_query(), Vec::<String>::new());
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get("detail").unwrap());
    }
    let plan = lines.join("\n");
    let is_bad = lines.iter().any(|line| {
        (line.starts_with("SCAN ") && line != "SCAN CONSTANT ROW") || line.contains("TEMP B-TREE")
    });
    (is_bad || !searches.iter().all(|search| plan.contains(search))).then_some(plan)
}

#[test]
fn every_step_is_a_search() {
    Books::new().write(|tx| {
        for (name, sql, searches) in PLANS {
            assert_eq!(fault(tx, sql, searches), None, "{name}");
        }
        Ok(())
    });
}

#[test]
fn a_missing_index_is_noticed() {
    for index in [
        "delivery_due",
        "delivery_open_attempts",
        "delivery_parked_aggregates",
        "delivery_parked_attempts",
        "delivery_rejected",
        "delivery_transient",
    ] {
        Books::new().write(|tx| {
            tx.conn().execute_batch(&format!("DROP INDEX {index}"))?;
            let faults = PLANS
                .iter()
                .filter(|(_, sql, searches)| fault(tx, sql, searches).is_some())
                .count();
            assert!(faults > 0, "nobody misses {index}");
            Ok(())
        });
    }
}

//! The failed checks (`gates`) of a report.

use serde_json::Value;

/// The checks that failed.
fn closed(report: &Value) -> impl Iterator<Item = &Value> {
    let gates = report["gates"].as_array().unwrap().iter();
    gates.filter(|gate| gate["open"] == false)
}

/// The names of the failed checks.
pub(crate) fn closed_gates(report: &Value) -> Vec<&str> {
    closed(report)
        .map(|gate| gate["name"].as_str().unwrap())
        .collect()
}

/// Name and fix of each failed check.
pub(crate) fn gates_and_fixes(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    closed(report)
        .map(|gate| (text(&gate["name"]), text(&gate["fix"])))
        .collect()
}

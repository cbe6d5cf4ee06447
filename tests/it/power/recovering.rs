//! The power is cut again while a run recovers from the first loss.

use super::SPEC;
use super::stand::{Case, Stand, envelopes, ids};
use super::states::{Plan, number};

/// A run recovers from each state, and is recorded; every state that a second loss leaves recovers.
fn recovers_twice(stand: &Stand, case: &Case) {
    case.each(&Plan::FIRST, |state| {
        let name = format!("{}; then the run that recovers", state.words);
        let Some((mut second, run)) = stand.case(&name, &["run"], "") else {
            return;
        };
        assert_eq!(run.code, Some(0), "{name}: {run:?}");
        second.acknowledged = state.acknowledged.clone();
        second.each(&Plan::SECOND, |state| stand.recovers(state));
    });
}

#[test]
fn a_run_after_a_capture() {
    let stand = Stand::new();
    let _first = stand.sandbox.sk_sync(["run"]).success();
    let words = ["capture", "--each", "--json"];
    let Some((case, run)) = stand.case("capture", &words, &envelopes(&ids("event", number(6))))
    else {
        return;
    };
    let _run = run.success();
    recovers_twice(&stand, &case);
}

#[test]
fn a_run_after_a_run() {
    let stand = Stand::new();
    let _first = stand.sandbox.sk_sync(["run"]).success();
    stand.sandbox.write(SPEC, "# Another version\n");
    let Some((case, run)) = stand.case("later run", &["run"], "") else {
        return;
    };
    let _run = run.success();
    recovers_twice(&stand, &case);
}

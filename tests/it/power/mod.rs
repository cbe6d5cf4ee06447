//! The power is cut at a moment of a command, and what a disk may have left then is opened again:
//! nothing that was acknowledged is lost, nothing is stored twice at the server, and the books hold.
//!
//! The system calls of the real program are recorded by a tracer (`record`). From them, files are
//! built as a disk may have kept them: any prefix of the calls, with the changes that no sync had
//! covered there, lost, or torn. `sampled` takes some of these states, `every` all up to bounds.
//! Each is opened by the real program.
//!
//! `SK_SYNC_POWER` is the number of states of each case, or `all`; a few without it. With `all`,
//! `SK_SYNC_POWER_MOST` is the most states that are opened of one recording. The figures are
//! printed. `recovering` cuts the power a second time.

mod disk;
mod every;
mod messages;
mod receiver;
mod record;
mod recovering;
mod sampled;
mod spoilt;
mod stand;
mod states;
mod words;

use self::disk::Op;
use self::spoilt::Spoilt;
use self::stand::{Stand, envelopes, ids};
use self::states::{Plan, number};
use crate::support::older::{Era, HARBOUR, envelope as older_envelope, id, put};

/// A document that changes.
const SPEC: &str = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";

#[test]
fn a_first_run() {
    let stand = Stand::new();
    let Some((case, run)) = stand.case("first run", &["run"], "") else {
        return;
    };
    let _run = run.success();
    case.each(&Plan::ONE, |state| stand.recovers(state));
}

/// SQLite's rollback journal of a new store may come back: before the WAL has a name, or never.
#[test]
fn a_new_store_whose_journal_comes_back() {
    let stand = Stand::new();
    let Some((case, run)) = stand.case("new store", &["run"], "") else {
        return;
    };
    let _run = run.success();
    let is_journal = |op: &Op| matches!(op, Op::Remove { name, .. } if name == "store.db-journal");
    case.losing(is_journal, |state| stand.recovers(state));
}

#[test]
fn a_later_run() {
    let stand = Stand::new();
    let _first = stand.sandbox.sk_sync(["run"]).success();
    stand.sandbox.write(SPEC, "# Another version\n");
    stand
        .sandbox
        .write("kitty-specs/002-tide-gauge-survey/notes.md", "# New\n");
    let Some((case, run)) = stand.case("later run", &["run"], "") else {
        return;
    };
    let _run = run.success();
    case.each(&Plan::ONE, |state| stand.recovers(state));
}

#[test]
fn a_hook() {
    let stand = Stand::new();
    let _first = stand.sandbox.sk_sync(["run"]).success();
    stand.sandbox.write(SPEC, "# Another version\n");
    let Some((case, run)) = stand.case("hook", &["hook", "run", "post-commit"], "") else {
        return;
    };
    let _run = run.success();
    case.each(&Plan::ONE, |state| stand.recovers(state));
}

#[test]
fn a_capture() {
    let stand = Stand::new();
    let _first = stand.sandbox.sk_sync(["run"]).success();
    let (words, ids) = (["capture", "--each", "--json"], ids("event", number(6)));
    let Some((case, run)) = stand.case("capture", &words, &envelopes(&ids)) else {
        return;
    };
    assert_eq!(run.success().json_lines().len(), ids.len());
    case.each(&Plan::ONE, |state| stand.recovers(state));
}

#[test]
fn lines_in_the_spool() {
    let stand = Stand::new();
    let spoilt = Spoilt::new(&stand);
    let (words, ids) = (["capture", "--each", "--json"], ids("spooled", 6));
    let Some((case, run)) = stand.case("spool", &words, &envelopes(&ids)) else {
        return stand.sandbox.spoilt();
    };
    let answers = run.success().json_lines();
    assert!(
        answers.len() == ids.len() && answers.iter().all(|line| line["result"] == "spooled"),
        "{answers:?}"
    );
    case.each(&Plan::ONE, |state| {
        spoilt.bring_back();
        stand.recovers(state);
    });
}

#[test]
fn lines_from_the_spool() {
    let stand = Stand::new();
    let spoilt = Spoilt::new(&stand);
    let spooled = ids("spooled", 6);
    let _spooled = stand
        .sandbox
        .sk_sync_with(["capture"], envelopes(&spooled))
        .success();
    spoilt.bring_back();
    let Some((mut case, run)) = stand.case("absorb", &["run"], "") else {
        return;
    };
    let _run = run.success();
    case.acknowledged = spooled.into_iter().collect();
    case.each(&Plan::ONE, |state| stand.recovers(state));
}

#[test]
fn an_import() {
    let stand = Stand::new();
    let queue = stand.sandbox.queue("queue.db", Era::Last);
    (0..5).for_each(|n| {
        put(
            &queue,
            &id(n),
            older_envelope(&id(n), Some(HARBOUR), "a"),
            1,
        );
    });
    drop(queue);
    stand.sandbox.at_rest();
    stand.sandbox.adopting();
    let Some((mut case, run)) = stand.case("migrate", &["migrate"], "") else {
        return;
    };
    let _run = run.success();
    // The queue has them, whatever happens.
    case.acknowledged = (0..5).map(id).collect();
    case.each(&Plan::ONE, |state| stand.recovers(state));
}

/// Consent is as it was or as it is to be; and once the command has returned, it stays.
#[test]
fn consent() {
    let stand = Stand::new();
    let _first = stand.sandbox.sk_sync(["run"]).success();
    let origin = "https://sync.example.org";
    let listed = || {
        let listed = stand
            .sandbox
            .sk_sync(["allow", "--list", "--json"])
            .success()
            .json();
        listed.to_string().contains(origin)
    };
    for (name, words, is_allowed) in [
        ("allow", &["allow", origin][..], true),
        ("revoke", &["allow", "--revoke", origin], false),
    ] {
        let Some((case, run)) = stand.case(name, words, "") else {
            return;
        };
        let _run = run.success();
        case.each(&Plan::ONE, |state| {
            let found = listed();
            assert!(
                !state.is_over || found == is_allowed,
                "{}: allowed: {found}",
                state.words
            );
            stand.recovers(state);
        });
        if is_allowed {
            let _again = stand.sandbox.sk_sync(words).success();
        }
    }
}

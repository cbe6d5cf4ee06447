//! The power is cut at a random moment of a command, and what a disk may have left then is opened
//! again: nothing that was acknowledged is lost, nothing is stored twice at the server, and the
//! books hold.
//!
//! The system calls of the real program are recorded by a tracer (`record`). From them, files are
//! built as a disk may have kept them (`disk`): any prefix of the calls, with everything that no
//! sync had covered there, lost, lost in part, or torn at a sector. Each state is opened by the
//! real program. `SK_SYNC_POWER` is the number of states of each case; a few without it. The
//! figures are printed.

mod disk;
mod receiver;
mod record;
mod spoilt;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use self::disk::{Loss, Op};
use self::record::{Recording, record};
use self::spoilt::Spoilt;
use crate::support::chance::Chance;
use crate::support::hub::{Held, Hub};
use crate::support::older::{Era, HARBOUR, envelope as older_envelope, id, put};
use crate::support::server::Request;
use crate::support::wire::{envelope, journal};
use crate::support::{Run, Sandbox, tell, wanted};

/// States of each case in the ordinary suite.
const FEW: u64 = 10;
/// What is recorded and restored.
const TRACKED: [&str; 2] = ["state", "repo/.git/sk-sync"];
/// A document that changes.
const SPEC: &str = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";

/// Ways in which unsynced changes are lost, in turn.
const LOSSES: [Loss; 4] = [Loss::Nothing, Loss::All, Loss::Some, Loss::Torn];

/// A checkout and its server.
struct Stand {
    sandbox: Sandbox,
    hub: Hub,
}

/// A recorded command.
struct Case<'a> {
    name: &'a str,
    stand: &'a Stand,
    recording: Recording,
    /// What the server had before.
    held: Held,
    /// What the command sent.
    requests: Vec<Request>,
    /// Events that were acknowledged before.
    acknowledged: BTreeSet<String>,
}

/// One state.
struct State {
    /// The command had ended before the cut.
    is_over: bool,
    /// Events that were acknowledged before the cut.
    acknowledged: BTreeSet<String>,
    /// The case and how to build the state again.
    words: String,
}

impl Stand {
    fn new() -> Self {
        let (mut sandbox, hub) = (Sandbox::with_repo(), Hub::new(Duration::ZERO));
        sandbox.target(&hub.server.url());
        // One request after another, so that their order in the recording is that at the server.
        sandbox.set("SK_SYNC_BODIES__PARALLEL", "1");
        sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "9");
        sandbox.set("SK_SYNC_HOOK__DRAIN", "none");
        sandbox.set("SK_SYNC_HOOK__BUDGET", "30s");
        Self { sandbox, hub }
    }

    /// Records a command. `None` where processes cannot be traced.
    fn case<'a>(&'a self, name: &'a str, words: &[&str], input: &str) -> Option<(Case<'a>, Run)> {
        let (held, before) = (self.hub.held().clone(), self.hub.server.requests().len());
        let (recording, run) = record(&self.sandbox, &TRACKED, words, input)?;
        let requests = self.hub.server.requests().split_off(before);
        let case = Case {
            name,
            stand: self,
            recording,
            held,
            requests,
            acknowledged: BTreeSet::new(),
        };
        let marks =
            |wanted: fn(&Op) -> bool| case.recording.ops.iter().filter(|op| wanted(op)).count();
        let (sent, answered) = (
            marks(|op| matches!(op, Op::Sent)),
            marks(|op| matches!(op, Op::Answered)),
        );
        assert_eq!(
            (sent, answered),
            (case.requests.len(), case.requests.len()),
            "{name}: requests in the recording"
        );
        Some((case, run))
    }

    /// The state opens, is whole, and after a run everything has arrived once.
    fn recovers(
        &self,
        State {
            acknowledged,
            words,
            ..
        }: &State,
    ) {
        let whole = self.sandbox.sk_sync(["verify", "--json"]);
        assert_eq!(whole.code, Some(0), "{words}: verify: {whole:?}");
        let run = self.sandbox.sk_sync(["run", "--json"]);
        assert_eq!(run.code, Some(0), "{words}: run: {run:?}");
        let report = run.json();
        let holds = [
            &report["balance"]["holds"],
            &report["documents"]["balance"]["holds"],
        ];
        assert!(
            holds.iter().all(|holds| **holds == true),
            "{words}: {report}"
        );
        let kept: BTreeSet<_> = journal(&self.sandbox.store()).into_keys().collect();
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "{words}: acknowledged and lost: {lost:?}");
        let held = self.hub.held();
        let there: BTreeSet<_> = held.events.keys().cloned().collect();
        assert_eq!(
            there, kept,
            "{words}: the server's events and the journal's; {report}"
        );
        assert_eq!(
            held.changed,
            Vec::<String>::new(),
            "{words}: the same id with other content"
        );
        let listed = self
            .sandbox
            .sk_sync(["index", "--dry-run", "--json"])
            .success()
            .json();
        for artifact in listed["artifacts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|a| a["decision"] == "queued")
        {
            let [mission, path, sha256] = ["mission_slug", "path", "sha256"]
                .map(|name| artifact[name].as_str().unwrap().to_owned());
            assert!(
                held.documents.contains(&(mission, path, sha256)),
                "{words}: not there: {artifact}"
            );
        }
    }
}

impl Case<'_> {
    /// Builds states and looks at each.
    fn each(&self, look: impl Fn(&State)) {
        let ops = &self.recording.ops;
        let first = wanted("SK_SYNC_SEED").unwrap_or(1);
        let states = wanted("SK_SYNC_POWER").unwrap_or(FEW);
        for seed in first..first + states {
            let mut chance = Chance::new(seed);
            let loss = LOSSES[usize::try_from(seed % 4).unwrap()];
            // Now and then at the very end: the command has returned.
            let count = if chance.once_in(8) {
                ops.len()
            } else {
                chance.place(ops.len() + 1)
            };
            let words = format!(
                "{}: seed {seed}, cut after {count} of {}, {loss:?} lost",
                self.name,
                ops.len()
            );
            let disk = self.recording.base.cut(ops, count, loss, &mut chance);
            disk.restore(&self.recording.root, &TRACKED, &mut chance);
            // The server has what was sent by then, or only what it had answered.
            let is_sent = chance.once_in(2);
            let is_there =
                |op: &&Op| matches!((op, is_sent), (Op::Sent, true) | (Op::Answered, false));
            let received = ops[..count].iter().filter(is_there).count();
            let mut held = self.held.clone();
            for request in &self.requests[..received] {
                let _answer = held.answer(request);
            }
            held.reposted.clear();
            *self.stand.hub.held() = held;
            let mut acknowledged = self.acknowledged.clone();
            acknowledged.extend(ops[..count].iter().flat_map(said));
            look(&State {
                is_over: count == ops.len(),
                acknowledged,
                words,
            });
        }
        let syncs = ops
            .iter()
            .filter(|op| matches!(op, Op::Sync { .. }))
            .count();
        tell(&format!(
            "{}: {states} states of {} operations, {syncs} of them syncs",
            self.name,
            ops.len()
        ));
    }
}

/// The events that the output acknowledges.
fn said(op: &Op) -> Vec<String> {
    let Op::Said(bytes) = op else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(bytes).into_owned();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let kept = lines.filter(|line| line["result"] == "captured" || line["result"] == "spooled");
    kept.filter_map(|line| Some(line["event_id"].as_str()?.to_owned()))
        .collect()
}

/// Lines for `capture`.
fn lines(name: &str) -> String {
    (0..6)
        .map(|n| envelope(&format!("{name}-{n}"), "a", "x") + "\n")
        .collect()
}

#[test]
fn a_first_run() {
    let stand = Stand::new();
    let Some((case, run)) = stand.case("first run", &["run"], "") else {
        return;
    };
    let _run = run.success();
    case.each(|state| stand.recovers(state));
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
    case.each(|state| stand.recovers(state));
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
    case.each(|state| stand.recovers(state));
}

#[test]
fn a_capture() {
    let stand = Stand::new();
    let _first = stand.sandbox.sk_sync(["run"]).success();
    let words = ["capture", "--each", "--json"];
    let Some((case, run)) = stand.case("capture", &words, &lines("event")) else {
        return;
    };
    assert_eq!(run.success().json_lines().len(), 6);
    case.each(|state| stand.recovers(state));
}

#[test]
fn lines_in_the_spool() {
    let stand = Stand::new();
    let spoilt = Spoilt::new(&stand);
    let words = ["capture", "--each", "--json"];
    let Some((case, run)) = stand.case("spool", &words, &lines("spooled")) else {
        return stand.sandbox.spoilt();
    };
    let answers = run.success().json_lines();
    assert!(
        answers.len() == 6 && answers.iter().all(|line| line["result"] == "spooled"),
        "{answers:?}"
    );
    case.each(|state| {
        spoilt.bring_back();
        stand.recovers(state);
    });
}

#[test]
fn lines_from_the_spool() {
    let stand = Stand::new();
    let spoilt = Spoilt::new(&stand);
    let spooled = lines("spooled");
    let _spooled = stand.sandbox.sk_sync_with(["capture"], &spooled).success();
    spoilt.bring_back();
    let Some((mut case, run)) = stand.case("absorb", &["run"], "") else {
        return;
    };
    let _run = run.success();
    case.acknowledged = (0..6).map(|n| format!("spooled-{n}")).collect();
    case.each(|state| stand.recovers(state));
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
    case.each(|state| stand.recovers(state));
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
        case.each(|state| {
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

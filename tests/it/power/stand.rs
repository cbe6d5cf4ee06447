//! A checkout, its server, and a recorded command.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use super::disk::Op;
use super::record::{Recording, record};
use super::states::{self, Left, Plan};
use crate::support::hub::{Held, Hub};
use crate::support::server::Request;
use crate::support::wire::{envelope, journal};
use crate::support::{Run, Sandbox};

/// What is recorded and restored.
const TRACKED: [&str; 2] = ["state", "repo/.git/sk-sync"];

/// A checkout and its server.
pub(super) struct Stand {
    pub(super) sandbox: Sandbox,
    pub(super) hub: Hub,
    /// Mission, path and digest of each document of the work tree, from the first look at it.
    documents: OnceCell<Vec<(String, String, String)>>,
}

/// A recorded command.
pub(super) struct Case<'a> {
    name: &'a str,
    stand: &'a Stand,
    recording: Recording,
    /// What the server had before.
    held: Held,
    /// What the command sent.
    requests: Vec<Request>,
    /// Events that were acknowledged before.
    pub(super) acknowledged: BTreeSet<String>,
}

/// One state.
pub(super) struct State {
    /// The command had ended before the cut.
    pub(super) is_over: bool,
    /// Events that were acknowledged before the cut.
    pub(super) acknowledged: BTreeSet<String>,
    /// The case and how to build the state again.
    pub(super) words: String,
}

impl Stand {
    pub(super) fn new() -> Self {
        let (mut sandbox, hub) = (Sandbox::with_repo(), Hub::new(Duration::ZERO));
        // One mission makes few changes, of which all combinations can be tried.
        for mission in ["001-harbour-tide-table", "002-tide-gauge-survey"] {
            if states::is_every() {
                let dir = sandbox.repo().join("kitty-specs").join(mission);
                std::fs::remove_dir_all(dir).unwrap();
            }
        }
        sandbox.target(&hub.server.url());
        // One request after another, so that their order in the recording is that at the server.
        sandbox.set("SK_SYNC_BODIES__PARALLEL", "1");
        sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "9");
        sandbox.set("SK_SYNC_HOOK__DRAIN", "none");
        sandbox.set("SK_SYNC_HOOK__BUDGET", "30s");
        Self {
            sandbox,
            hub,
            documents: OnceCell::new(),
        }
    }

    /// Records a command. `None` where processes cannot be traced.
    pub(super) fn case<'a>(
        &'a self,
        name: &'a str,
        words: &[&str],
        input: &str,
    ) -> Option<(Case<'a>, Run)> {
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
        let number = case.requests.len();
        assert_eq!(
            received(&case.recording.ops),
            number..=number,
            "{name}: requests in the recording"
        );
        Some((case, run))
    }

    /// The state opens, is whole, and after a run everything has arrived once.
    pub(super) fn recovers(
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
        for document in self.documents.get_or_init(|| self.listed()) {
            assert!(
                held.documents.contains(document),
                "{words}: not there: {document:?}"
            );
        }
    }

    /// The documents of the work tree.
    fn listed(&self) -> Vec<(String, String, String)> {
        let words = ["index", "--dry-run", "--json"];
        let listed = self.sandbox.sk_sync(words).success().json();
        let artifacts = listed["artifacts"].as_array().unwrap().iter();
        let queued = artifacts.filter(|artifact| artifact["decision"] == "queued");
        let text = |artifact: &Value, name: &str| artifact[name].as_str().unwrap().to_owned();
        let listed: Vec<_> = queued
            .map(|artifact| {
                let [mission, path, sha256] =
                    ["mission_slug", "path", "sha256"].map(|name| text(artifact, name));
                (mission, path, sha256)
            })
            .collect();
        assert!(!listed.is_empty(), "no document");
        listed
    }
}

impl Case<'_> {
    /// Builds states and looks at each.
    pub(super) fn each(&self, plan: &Plan, look: impl Fn(&State)) {
        let open = |left| look(&self.restore(left));
        states::each(self.name, &self.recording, plan, received, open);
    }

    /// Looks at the states that have lost one of the `wanted` changes, and no request was sent yet.
    pub(super) fn losing(&self, wanted: impl Fn(&Op) -> bool, look: impl Fn(&State)) {
        let open = |left| look(&self.restore(left));
        states::losing(self.name, &self.recording, wanted, open);
    }

    /// Puts the files and the server into a state.
    fn restore(&self, mut left: Left) -> State {
        let Recording { root, ops, .. } = &self.recording;
        left.disk.restore(root, &TRACKED, &mut left.chance);
        let mut held = self.held.clone();
        for request in &self.requests[..left.received] {
            let _answer = held.answer(request);
        }
        held.reposted.clear();
        *self.stand.hub.held() = held;
        let mut acknowledged = self.acknowledged.clone();
        acknowledged.extend(ops[..left.count].iter().flat_map(said));
        State {
            is_over: left.count == ops.len(),
            acknowledged,
            words: left.words,
        }
    }
}

/// How many requests the server may have received after these operations.
fn received(ops: &[Op]) -> RangeInclusive<usize> {
    let marks = |wanted: fn(&Op) -> bool| ops.iter().filter(|op| wanted(op)).count();
    marks(|op| matches!(op, Op::Answered))..=marks(|op| matches!(op, Op::Sent))
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

/// Ids for this many lines.
pub(super) fn ids(name: &str, number: usize) -> Vec<String> {
    (0..number).map(|n| format!("{name}-{n}")).collect()
}

/// Envelopes with these ids, one a line.
pub(super) fn envelopes(ids: &[String]) -> String {
    ids.iter().map(|id| envelope(id, "a", "x") + "\n").collect()
}

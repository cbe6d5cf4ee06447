//! What must hold in the middle of a history, and at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::clones;
use super::clones::Place;
use super::world::World;
use crate::support::{Run, pause};

/// Longer than any drain that a hook starts.
const PATIENCE: Duration = Duration::from_mins(5);

impl World {
    /// What a ledger calls delivered is there, and the stores are whole.
    pub(super) fn compare(&mut self) {
        for (at, hub) in self.used.clone() {
            let delivered = self.clones[at].delivered(&self.hubs[hub].url());
            let (held, texts) = {
                let state = self.hubs[hub].state();
                (state.received(), state.store.texts())
            };
            let missing: Vec<_> = delivered
                .events
                .iter()
                .filter(|id| !held.events.contains_key(*id))
                .collect();
            assert!(
                missing.is_empty(),
                "clone {at}, hub {hub}: acknowledged and lost: {missing:?} {:#?}",
                self.log
            );
            let missing: Vec<_> = delivered.documents.difference(&texts).collect();
            assert!(
                missing.is_empty(),
                "clone {at}, hub {hub}: acknowledged and lost: {missing:?} {:#?}",
                self.log
            );
        }
        for at in 0..self.clones.len() {
            if self.clones[at].has_store() {
                let proof = self.clones[at].sandbox.sk_sync(["verify", "--json"]);
                assert_eq!(proof.code, Some(0), "{proof:#?} {:#?}", self.log);
            }
        }
    }

    /// A hook leaves a drain behind, which may still have the answer of a way that breaks.
    fn let_drains_end(&self) {
        let begun = Instant::now();
        for clone in &self.clones {
            while clone.sandbox.processes() > 0 {
                assert!(begun.elapsed() < PATIENCE, "a drain does not end");
                pause(Duration::from_millis(50));
            }
        }
    }

    /// Nothing breaks any more, and time passes, until everything is delivered to both hubs.
    pub(super) fn heal(&mut self) {
        for hub in &self.hubs {
            let mut state = hub.state();
            state.script.clear();
            state.client = None;
        }
        self.let_drains_end();
        for at in 0..self.clones.len() {
            for hub in 0..2 {
                self.clones[at].sandbox.target(&self.hubs[hub].url());
                self.clones[at]
                    .sandbox
                    .change("SK_SYNC_DRAIN__MAX_TIME", "60s");
                if self.clones[at].target_at(&self.hubs[hub].url()).is_some() {
                    self.try_again(at);
                }
                for round in 0.. {
                    if self.clones[at].has_store() {
                        self.clones[at].sandbox.pass(Duration::from_hours(1));
                    }
                    let runs = [Place::Side, Place::Main]
                        .map(|place| self.clones[at].run(place, &["run", "--json"]));
                    if runs.iter().all(|run| run.code == Some(0))
                        && runs.iter().all(has_nothing_left)
                    {
                        break;
                    }
                    assert!(
                        round < 20,
                        "clone {at}, hub {hub}: {:?} {runs:#?} {:#?}",
                        self.clones[at]
                            .sandbox
                            .sk_sync(["bodies", "list", "--json"]),
                        self.log
                    );
                }
                self.used.insert((at, hub));
            }
        }
    }

    /// Each hub has the events of every clone, each once and byte for byte, and their documents as
    /// they are on disk.
    pub(super) fn settle(&mut self) {
        self.compare();
        let mut all = BTreeMap::new();
        for clone in &self.clones {
            all.extend(clone.journal());
        }
        for (id, text) in &self.acknowledged {
            assert_eq!(
                all.get(id).map(Vec::as_slice),
                Some(text.as_bytes()),
                "captured and lost; {:#?}",
                self.log
            );
        }
        for hub in &self.hubs {
            let held = hub.state().received();
            let ids = |events: &BTreeMap<String, Vec<u8>>| {
                events.keys().cloned().collect::<BTreeSet<_>>()
            };
            assert_eq!(
                ids(&held.events),
                ids(&all),
                "lost or invented; {:#?}",
                self.log
            );
            let changed = all
                .iter()
                .find(|(id, bytes)| !clones::is_sent_as(bytes, &held.events[*id]));
            assert_eq!(
                changed.map(|(id, _)| id),
                None,
                "other bytes; {:#?}",
                self.log
            );
            assert_eq!(hub.state().conflicts(), 0, "{:#?}", self.log);
            for clone in &self.clones {
                for (mission, path, text) in clone.documents() {
                    let same = held
                        .bodies
                        .iter()
                        .filter(|(m, p, t)| (m, p, t) == (&mission, &path, &text));
                    assert_eq!(
                        same.count(),
                        1,
                        "{mission}/{path} of {clone:?}; {:#?}",
                        self.log
                    );
                }
            }
        }
    }
}

/// True if everything is delivered or superseded.
fn has_nothing_left(run: &Run) -> bool {
    let report = run.json();
    let left = [
        "in_flight",
        "retryable",
        "undeliverable",
        "blocked",
        "untried",
    ];
    [&report["balance"], &report["documents"]["balance"]]
        .iter()
        .all(|balance| balance["holds"] == true && left.iter().all(|class| balance[class] == 0))
}

//! Three clones and two receivers, and the steps that chance makes in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::clones::{self, Machine, Place};
use super::way::{Fault, Hub};
use crate::support::chance::Chance;
use crate::support::{Run, pause};

/// Exit codes that a run may have in such a world: done, failed by a full disk, left to send,
/// blocked, failed for good, locked.
const CODES: [i32; 6] = [0, 1, 3, 4, 5, 75];

/// A kind of step, at one of the clones.
type Step = (&'static str, fn(&mut World, usize));

pub(super) struct World {
    chance: Chance,
    pub(super) clones: Vec<Machine>,
    pub(super) hubs: [Hub; 2],
    /// The clones that used a hub.
    pub(super) used: BTreeSet<(usize, usize)>,
    /// Envelopes whose capture was acknowledged, by id.
    pub(super) acknowledged: BTreeMap<String, String>,
    /// Every step, to be read after a failure.
    pub(super) log: Vec<String>,
    /// How often each step was made.
    counts: BTreeMap<&'static str, u64>,
    /// Names of new files and events.
    next: usize,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let clones = clones::three();
        Self {
            chance: Chance::new(seed),
            clones,
            hubs: [Hub::alone(), Hub::shared()],
            used: BTreeSet::new(),
            acknowledged: BTreeMap::new(),
            log: vec![format!("seed {seed}")],
            counts: BTreeMap::new(),
            next: 0,
        }
    }

    pub(super) fn step(&mut self) {
        let at = self.chance.place(self.clones.len());
        let steps: [Step; 16] = [
            ("edit", Self::edit),
            ("edit", Self::edit),
            ("edit", Self::edit),
            ("log", Self::write_log),
            ("capture", Self::capture),
            ("commit", Self::commit),
            ("merge", Self::merge),
            ("run", Self::run),
            ("run", Self::run),
            ("run", Self::run),
            ("together", Self::together),
            ("killed", Self::killed),
            ("receiver killed", Self::receiver_killed),
            ("clock", Self::clock),
            ("full disk", Self::full_disk),
            ("again", Self::again),
        ];
        let (name, step) = steps[self.chance.place(steps.len())];
        *self.counts.entry(name).or_default() += 1;
        self.log.push(format!("{name} at clone {at}"));
        step(self, at);
    }

    fn say(&mut self, words: impl Into<String>) {
        self.log.push(format!("  {}", words.into()));
    }

    fn fresh(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn edit(&mut self, at: usize) {
        let place = if self.chance.once_in(3) {
            Place::Side
        } else {
            Place::Main
        };
        let file = self.clones[at].edit(place, &mut self.chance);
        self.say(file);
    }

    fn write_log(&mut self, at: usize) {
        let n = self.fresh();
        self.clones[at].write_log(n);
    }

    fn capture(&mut self, at: usize) {
        let events: Vec<_> = (0..=self.chance.place(9))
            .map(|_| clones::event(self.fresh()))
            .collect();
        let lines: String = events
            .iter()
            .flat_map(|(_, text)| [text.as_str(), "\n"])
            .collect();
        let run = self.clones[at]
            .sandbox
            .sk_sync_with(["capture", "--json"], lines);
        self.judge(&run);
        if run.code == Some(0) {
            assert!(
                run.json_lines().iter().all(|line| ["captured", "spooled"].contains(&line["result"].as_str().unwrap())),
                "{run:?}"
            );
            self.acknowledged.extend(events);
        }
    }

    fn commit(&mut self, at: usize) {
        let place = if self.chance.once_in(3) {
            Place::Side
        } else {
            Place::Main
        };
        let run = self.clones[at].commit(place);
        self.judge(&run);
        assert_eq!(
            run.code,
            Some(0),
            "a hook ends well: {run:#?} {:#?}",
            self.log
        );
    }

    fn merge(&mut self, at: usize) {
        let from = self.chance.place(self.clones.len());
        let source = self.clones[from].sandbox.repo();
        let is_merged = from != at && self.clones[at].merge(&source);
        self.say(format!("from {from}: {is_merged}"));
    }

    /// Points a clone at a hub, and gives the way a script.
    fn aim(&mut self, at: usize) -> usize {
        let hub = self.chance.place(2);
        self.clones[at].sandbox.target(&self.hubs[hub].url());
        let script: Vec<Fault> = (0..self.chance.place(7))
            .map(|_| Fault::any(&mut self.chance))
            .collect();
        self.say(format!("to {hub}: {script:?}"));
        let mut state = self.hubs[hub].state();
        state.script = script.into();
        state.client = None;
        drop(state);
        self.used.insert((at, hub));
        hub
    }

    fn start(&self, at: usize, place: Place) -> Child {
        let mut command = self.clones[at].command(place, &["run", "--json"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&mut self, at: usize) {
        let hub = self.aim(at);
        let place = if self.chance.once_in(3) {
            Place::Side
        } else {
            Place::Main
        };
        let child = self.start(at, place);
        self.hubs[hub].state().client = Some(child.id());
        self.finish(child);
    }

    /// Two runs of one clone at once, in its two work trees.
    fn together(&mut self, at: usize) {
        let _hub = self.aim(at);
        let children = [Place::Main, Place::Side].map(|place| self.start(at, place));
        for child in children {
            self.finish(child);
        }
    }

    /// A run that is killed at some moment.
    fn killed(&mut self, at: usize) {
        let _hub = self.aim(at);
        let mut child = self.start(at, Place::Main);
        let millis = self.chance.place(200);
        pause(Duration::from_millis(millis as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        self.say(format!("after {millis} ms"));
    }

    /// A receiver that is killed at some moment of a run.
    fn receiver_killed(&mut self, at: usize) {
        let hub = self.aim(at);
        self.hubs[hub].state().script.clear();
        let child = self.start(at, Place::Main);
        let millis = self.chance.place(200);
        pause(Duration::from_millis(millis as u64));
        // A second receiver goes on; a database takes both with it.
        if self.chance.once_in(3) {
            self.hubs[hub].state().store.kill();
        }
        self.hubs[hub].state().kill_receiver();
        self.say(format!("after {millis} ms"));
        self.finish(child);
    }

    fn finish(&mut self, child: Child) {
        let output = child.wait_with_output().unwrap();
        let run = Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        self.judge(&run);
        if let Some(0 | 3 | 4 | 5) = run.code {
            let report = run.json();
            for balance in [&report["balance"], &report["documents"]["balance"]] {
                assert!(
                    balance.is_null() || balance["holds"] == true,
                    "{report} {:#?}",
                    self.log
                );
            }
        }
    }

    fn judge(&mut self, run: &Run) {
        self.say(format!("exit {:?}", run.code));
        let is_known = run.code.is_none_or(|code| CODES.contains(&code));
        assert!(
            is_known && !run.stderr.contains("panicked at"),
            "{run:#?} {:#?}",
            self.log
        );
    }

    /// Time passes for a store, or its clock is set back.
    fn clock(&mut self, at: usize) {
        let time = Duration::from_secs(self.chance.place(7200) as u64);
        let is_back = self.chance.once_in(3);
        if self.clones[at].has_store() {
            let sandbox = &self.clones[at].sandbox;
            if is_back {
                sandbox.turn_back(time);
            } else {
                sandbox.pass(time);
            }
        }
        self.say(format!("{time:?}, back: {is_back}"));
    }

    /// A run on a disk that becomes full.
    fn full_disk(&mut self, at: usize) {
        let hub = self.aim(at);
        self.hubs[hub].state().script.clear();
        let spare = self.chance.place(300);
        if let Some(run) = self.clones[at].with_little_space(spare) {
            self.say(format!("{spare} KiB"));
            self.judge(&run);
        }
    }

    /// An operator sends everything again, or tries again what was given up.
    fn again(&mut self, at: usize) {
        if !self.clones[at].has_store() {
            return;
        }
        let hub = self.chance.place(2);
        let url = self.hubs[hub].url();
        self.clones[at].sandbox.target(&url);
        match self.clones[at].target_at(&url) {
            Some(target) if self.chance.once_in(2) => {
                self.operate(at, &["replay", "--to", &target]);
            }
            Some(_) => self.try_again(at),
            None => {}
        }
    }

    pub(super) fn try_again(&mut self, at: usize) {
        self.operate(at, &["events", "retry"]);
        self.operate(at, &["bodies", "retry"]);
    }

    fn operate(&mut self, at: usize, words: &[&str]) {
        let run = self.clones[at].sandbox.sk_sync(words);
        self.say(words.join(" "));
        self.judge(&run);
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.counts)?;
        self.hubs.iter().try_for_each(|hub| {
            let state = hub.state();
            write!(
                f,
                "; {} receivers: {:?}",
                state.store.receivers(),
                state.counts
            )
        })
    }
}

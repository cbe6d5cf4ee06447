//! Long random histories: three clones with linked work trees, two real receivers on ways that
//! break, processes and receivers that are killed, full disks and clocks that jump. In the end
//! everything heals: each run succeeds, each store is whole, and each receiver has every event of
//! every clone once, byte for byte, and every document.
//!
//! A short one in the ordinary tests. `SK_SYNC_LONG_HISTORY=STEPS` makes as many steps, in
//! histories of at most [`MOST_STEPS`], so that the seed of a failure
//! (`SK_SYNC_LONG_HISTORY_SEED=N` repeats it) means a short history.

mod chance;
mod clones;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use self::chance::Chance;
use self::clones::{Machine, Place};
use self::way::{Fault, Hub};
use crate::support::wire::received;
use crate::support::{Run, pause};

/// Steps of one history.
const MOST_STEPS: u64 = 200;
/// Steps of the history in the ordinary tests.
const FEW_STEPS: u64 = 30;
/// Exit codes that a run may have in such a world: done, failed by a full disk, left to send,
/// blocked, failed for good, locked.
const CODES: [i32; 6] = [0, 1, 3, 4, 5, 75];

/// A kind of step, at one of the clones.
type Step = (&'static str, fn(&mut World, usize));

struct World {
    chance: Chance,
    clones: Vec<Machine>,
    hubs: [Hub; 2],
    /// The clones that used a hub.
    used: BTreeSet<(usize, usize)>,
    /// Envelopes whose capture was acknowledged, by id.
    acknowledged: BTreeMap<String, String>,
    /// Every step, to be read after a failure.
    log: Vec<String>,
    /// How often each step was made.
    counts: BTreeMap<&'static str, u64>,
    /// Names of new files and events.
    next: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let clones = clones::three();
        Self {
            chance: Chance::of(seed),
            clones,
            hubs: [Hub::start(), Hub::start()],
            used: BTreeSet::new(),
            acknowledged: BTreeMap::new(),
            log: vec![format!("seed {seed}")],
            counts: BTreeMap::new(),
            next: 0,
        }
    }

    fn step(&mut self) {
        let at = self.chance.below(self.clones.len());
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
        let (name, step) = steps[self.chance.below(steps.len())];
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
        let place = if self.chance.is_one_in(3) {
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
        let events: Vec<_> = (0..=self.chance.below(9))
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
        let place = if self.chance.is_one_in(3) {
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
        let from = self.chance.below(self.clones.len());
        let source = self.clones[from].sandbox.repo();
        let is_merged = from != at && self.clones[at].merge(&source);
        self.say(format!("from {from}: {is_merged}"));
    }

    /// Points a clone at a hub, and gives the way a script.
    fn aim(&mut self, at: usize) -> usize {
        let hub = self.chance.below(2);
        self.clones[at].sandbox.target(&self.hubs[hub].url());
        let script: Vec<Fault> = (0..self.chance.below(7))
            .map(|_| self.chance.fault())
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
        let place = if self.chance.is_one_in(3) {
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
        let millis = self.chance.below(200);
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
        let millis = self.chance.below(200);
        pause(Duration::from_millis(millis as u64));
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
        let time = Duration::from_secs(self.chance.below(7200) as u64);
        let is_back = self.chance.is_one_in(3);
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
        let spare = self.chance.below(300);
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
        let hub = self.chance.below(2);
        let url = self.hubs[hub].url();
        self.clones[at].sandbox.target(&url);
        match self.clones[at].target_at(&url) {
            Some(target) if self.chance.is_one_in(2) => {
                self.operate(at, &["replay", "--to", &target]);
            }
            Some(_) => self.try_again(at),
            None => {}
        }
    }

    fn try_again(&mut self, at: usize) {
        self.operate(at, &["events", "retry"]);
        self.operate(at, &["bodies", "retry"]);
    }

    fn operate(&mut self, at: usize, words: &[&str]) {
        let run = self.clones[at].sandbox.sk_sync(words);
        self.say(words.join(" "));
        self.judge(&run);
    }

    /// What a ledger calls delivered is there, and the stores are whole.
    fn compare(&mut self) {
        for (at, hub) in self.used.clone() {
            let delivered = self.clones[at].delivered(&self.hubs[hub].url());
            let file = self.hubs[hub].state().file();
            let held = received(&file);
            let texts: BTreeSet<_> = clones::texts(&file);
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

    /// Nothing breaks any more, and time passes, until everything is delivered to both hubs.
    fn heal(&mut self) {
        for hub in &self.hubs {
            let mut state = hub.state();
            state.script.clear();
            state.client = None;
        }
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
                        "clone {at}, hub {hub}: {runs:#?} {:#?}",
                        self.log
                    );
                }
                self.used.insert((at, hub));
            }
        }
    }

    /// Each hub has the events of every clone, each once and byte for byte, and their documents as
    /// they are on disk.
    fn settle(&mut self) {
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
            let held = received(&hub.state().file());
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

#[expect(clippy::disallowed_methods, reason = "tests read their environment")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
#[expect(clippy::print_stderr, reason = "the seed, and what was done")]
fn any_long_history_heals() {
    let all = number("SK_SYNC_LONG_HISTORY").unwrap_or(FEW_STEPS);
    let first = number("SK_SYNC_LONG_HISTORY_SEED").unwrap_or(1);
    for (seed, before) in (first..).zip((0..all).step_by(usize::try_from(MOST_STEPS).unwrap())) {
        let begun = Instant::now();
        let mut world = World::new(seed);
        for step in 1..=MOST_STEPS.min(all - before) {
            world.step();
            if step.is_multiple_of(15) {
                world.compare();
            }
        }
        world.heal();
        world.settle();
        let faults = world
            .hubs
            .iter()
            .map(|hub| format!("{:?}", hub.state().counts));
        let faults = faults.collect::<Vec<_>>().join(" ");
        eprintln!(
            "seed {seed}: {:?}; {faults}; {:?}",
            world.counts,
            begun.elapsed()
        );
    }
}

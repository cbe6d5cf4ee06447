//! Random histories through the real program, compared with a pure model: events are captured,
//! servers answer at random, processes are killed and run at the same time, the target changes,
//! operators requeue events. In the end nothing is lost, no false delivery is recorded, no
//! delivered event was sent again, and the books balance.
//!
//! The same seeds in every run; many more of them with `SK_SYNC_LONG_TESTS=1`.

mod receiver;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use self::receiver::{Act, Receiver};
use crate::support::wire::{envelope, open};
use crate::support::{Sandbox, is_long, pause};

/// Pseudo-random numbers from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn place(&mut self, most: usize) -> usize {
        usize::try_from(self.below(most as u64)).unwrap()
    }

    fn act(&mut self) -> Act {
        match self.below(14) {
            0..=2 => Act::Well,
            3 | 4 => Act::Mixed,
            5 => Act::Strict,
            6 => Act::Details,
            7 => Act::Tight(1 + self.place(4)),
            8 => Act::Status([301, 401, 404, 412][self.place(4)]),
            9 => Act::Status([500, 503, 202, 429][self.place(4)]),
            10 | 11 => Act::Lost {
                is_stored: self.below(2) == 0,
            },
            _ => Act::Kill {
                is_stored: self.below(2) == 0,
            },
        }
    }
}

struct World {
    sandbox: Sandbox,
    chance: Chance,
    /// The bytes of every captured event: the whole model of the journal.
    journal: Arc<Mutex<BTreeMap<String, String>>>,
    receivers: Vec<Receiver>,
    /// Receivers that were used, with their identity.
    known: BTreeMap<usize, String>,
    /// The actions, to be read after a failure.
    log: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut sandbox = Sandbox::with_repo();
        sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "8");
        let journal = Arc::default();
        let receivers = (0..3).map(|_| Receiver::new(&journal)).collect();
        let log = vec![format!("seed {seed}")];
        let chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            sandbox,
            chance,
            journal,
            receivers,
            known: BTreeMap::new(),
            log,
        }
    }

    fn step(&mut self) {
        match self.chance.below(10) {
            0..=2 => self.capture(),
            3..=5 => self.drain(1),
            6 => self.drain(2),
            7 => self.killed(),
            8 => self.again(),
            _ => {
                let seconds = self.chance.below(900);
                self.log.push(format!("{seconds} s pass"));
                self.pass(Duration::from_secs(seconds));
            }
        }
        self.compare();
    }

    fn pass(&self, time: Duration) {
        if !self.known.is_empty() {
            self.sandbox.pass(time);
        }
    }

    fn capture(&mut self) {
        let mut lines = String::new();
        for _ in 0..=self.chance.below(19) {
            let kind = if self.chance.below(8) == 0 {
                "poison"
            } else {
                "event"
            };
            let id = format!("{kind}-{}", self.journal.lock().unwrap().len());
            let event = envelope(
                &id,
                &format!("a{}", self.chance.below(6)),
                &"x".repeat(self.chance.place(60)),
            );
            lines.extend([event.as_str(), "\n"]);
            self.journal.lock().unwrap().insert(id, event);
        }
        self.log
            .push(format!("{} events are captured", lines.lines().count()));
        let _captured = self.sandbox.sk_sync_with(["capture"], lines).success();
    }

    /// Selects one of the receivers and gives it a script.
    fn aim(&mut self, is_killing: bool) -> usize {
        let at = self.chance.place(self.receivers.len());
        self.sandbox.target(&self.receivers[at].server.url());
        let mut script: Vec<Act> = (0..self.chance.below(6))
            .map(|_| self.chance.act())
            .collect();
        script.retain(|act| is_killing || !matches!(act, Act::Kill { .. }));
        self.log.push(format!("to {at}: {script:?}"));
        let mut state = self.receivers[at].state();
        state.script = script.into();
        (state.client, state.is_doomed) = (None, false);
        drop(state);
        at
    }

    fn start(&self) -> Child {
        let mut command = self.sandbox.command(["drain", "--json"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Several drains at once, none of which is killed unless it is the only one.
    fn drain(&mut self, count: usize) {
        let at = self.aim(count == 1);
        let children: Vec<Child> = (0..count).map(|_| self.start()).collect();
        self.receivers[at].state().client = Some(children[0].id());
        for child in children {
            let output = child.wait_with_output().unwrap();
            let code = output.status.code();
            self.log.push(format!("  ended with {code:?}"));
            assert!(
                matches!(code, None | Some(0 | 3 | 4 | 5 | 75)),
                "{output:?} {:#?}",
                self.log
            );
            if code.is_some() {
                let report: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!(report["balance"]["holds"], true, "{report} {:#?}", self.log);
            }
        }
        self.is_known(at);
    }

    /// A drain that is killed at some moment.
    fn killed(&mut self) {
        let at = self.aim(false);
        let mut child = self.start();
        let mut state = self.receivers[at].state();
        (state.client, state.is_doomed) = (Some(child.id()), true);
        drop(state);
        let millis = self.chance.below(60);
        pause(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        self.log.push(format!("  killed after {millis} ms"));
        self.is_known(at);
    }

    /// Records the receiver that was used.
    fn is_known(&mut self, at: usize) {
        let url = self.receivers[at].server.url();
        if let Some(id) = self
            .targets()
            .into_iter()
            .find(|(_, known)| known.trim_end_matches('/') == url)
        {
            self.known.insert(at, id.0);
        }
    }

    fn targets(&self) -> Vec<(String, String)> {
        if !self.sandbox.state().join("projects").is_dir() {
            return Vec::new();
        }
        let conn = open(&self.sandbox.store());
        let mut statement = conn
            .prepare("SELECT target_id, canonical_url FROM delivery_targets")
            .unwrap();
        let rows = statement
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// An operator requeues events that a target has, or that were given up there.
    fn again(&mut self) {
        let Some(at) = self
            .known
            .keys()
            .nth(self.chance.place(self.known.len().max(1)))
            .copied()
        else {
            return;
        };
        self.sandbox.target(&self.receivers[at].server.url());
        let is_replay = self.chance.below(2) == 0;
        self.log.push(format!(
            "again at {at}, {}",
            if is_replay {
                "what it has"
            } else {
                "what was given up"
            }
        ));
        let words: &[&str] = if is_replay {
            &["replay", "--to", &self.known[&at]]
        } else {
            &["events", "retry"]
        };
        let _owed = self.sandbox.sk_sync(words).success();
        if is_replay {
            self.receivers[at].state().owe_again();
        }
    }

    /// The events that the ledger records as delivered to a target.
    fn delivered(&self, target_id: &str) -> BTreeSet<String> {
        let conn = open(&self.sandbox.store());
        let sql = "SELECT e.event_id FROM delivery_rows AS d JOIN delivery_targets AS t ON t.id = d.target
                   JOIN journal_events AS e ON e.seq = d.seq
                   WHERE t.target_id = ?1 AND d.status IN ('success', 'duplicate')";
        let mut statement = conn.prepare(sql).unwrap();
        let rows = statement.query_map([target_id], |r| r.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// Recorded deliveries are true, no client broke a rule, and the books match their rows.
    fn compare(&self) {
        for (at, target_id) in &self.known {
            let delivered = self.delivered(target_id);
            let mut state = self.receivers[*at].state();
            assert_eq!(state.faults, Vec::<String>::new(), "{:#?}", self.log);
            let claimed: Vec<_> = delivered
                .iter()
                .filter(|id| !state.held.contains_key(*id))
                .collect();
            assert!(
                claimed.is_empty(),
                "{claimed:?} are recorded and not there; {:#?}",
                self.log
            );
            state.settled = delivered;
        }
        if !self.journal.lock().unwrap().is_empty() {
            let proof = self.sandbox.sk_sync(["verify", "--json"]);
            assert_eq!(proof.code, Some(0), "{proof:#?} {:#?}", self.log);
        }
    }

    /// Every receiver works, and time passes, until nothing is left to send.
    fn let_everything_end(&mut self) {
        let journal = self.journal.lock().unwrap().clone();
        for at in self.known.keys().copied().collect::<Vec<_>>() {
            self.sandbox.target(&self.receivers[at].server.url());
            self.receivers[at].state().script.clear();
            let _owed = self.sandbox.sk_sync(["events", "retry"]).success();
            for round in 0.. {
                self.pass(Duration::from_hours(1));
                let mut state = self.receivers[at].state();
                (state.client, state.is_doomed) = (Some(0), false);
                drop(state);
                let run = self.sandbox.sk_sync(["drain", "--json"]);
                let balance = run.json()["balance"].clone();
                if balance["delivered"].as_u64() == Some(journal.len() as u64) {
                    assert_eq!(
                        (run.code, &balance["holds"]),
                        (Some(0), &Value::Bool(true)),
                        "{:#?}",
                        self.log
                    );
                    break;
                }
                assert!(round < 20, "{balance} {:#?}", self.log);
                self.compare();
            }
            assert_eq!(
                self.receivers[at].state().held,
                journal,
                "lost or invented at {at}; {:#?}",
                self.log
            );
        }
        self.compare();
    }
}

fn history(seed: u64, steps: usize) {
    let mut world = World::new(seed);
    world.capture();
    for _ in 0..steps {
        world.step();
    }
    world.let_everything_end();
}

#[test]
fn any_history_loses_nothing_and_doubles_nothing() {
    let seeds = if is_long() { 100 } else { 5 };
    for seed in 1..=seeds {
        history(seed, 20);
    }
}

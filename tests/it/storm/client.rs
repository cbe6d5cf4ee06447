//! A checkout whose files change, in which commands are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::Value;

use super::Figures;
use crate::support::chance::Chance;
use crate::support::hub::Hub;
use crate::support::older::{Era, HARBOUR, envelope as older_envelope, id, put};
use crate::support::wire::{envelope, open};
use crate::support::{Sandbox, pause};

/// The commands that write.
const COMMANDS: [&[&str]; 6] = [
    &["run"],
    &["drain"],
    &["hook", "run", "post-commit"],
    &["hook", "deliver", "--index"],
    &["migrate"],
    &["capture", "--each", "--json"],
];
/// Kills between two proofs of the whole store.
const PROOF: u64 = 10;
/// The longest time until the server answers.
const SLOWEST: Duration = Duration::from_millis(12);
/// Files that change.
const FILES: [&str; 3] = [
    "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md",
    "kitty-specs/001-harbour-tide-table/plan.md",
    "kitty-specs/001-harbour-tide-table/tasks/WP02-new.md",
];

struct World {
    sandbox: Sandbox,
    hub: Hub,
    chance: Chance,
    /// How long each command takes when it is not killed.
    usual: Vec<Duration>,
    /// Every event that was ever seen in the journal, or was acknowledged.
    known: BTreeSet<String>,
    rounds: u32,
    figures: Figures,
    log: Vec<String>,
}

/// One world with this many kills.
pub(super) fn world(seed: u64, kills: u64) -> Figures {
    let mut world = World::new(seed);
    while world.figures.kills < kills {
        world.round();
        if world.figures.kills.is_multiple_of(PROOF) {
            world.prove();
        }
    }
    world.let_everything_end();
    world.figures.assert_clean(seed, &world.log);
    world.figures
}

impl World {
    fn new(seed: u64) -> Self {
        let (mut sandbox, hub) = (Sandbox::with_repo(), Hub::new(SLOWEST));
        sandbox.target(&hub.server.url());
        sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "7");
        sandbox.set("SK_SYNC_HOOK__DRAIN", "none");
        sandbox.set("SK_SYNC_HOOK__BUDGET", "30s");
        drop(sandbox.queue("queue.db", Era::Last));
        sandbox.at_rest();
        let mut world = Self {
            sandbox,
            hub,
            chance: Chance::new(seed),
            usual: Vec::new(),
            known: BTreeSet::new(),
            rounds: 0,
            figures: Figures::default(),
            log: vec![format!("seed {seed}")],
        };
        world.sandbox.adopting();
        for (command, words) in COMMANDS.iter().enumerate() {
            world.change();
            let begun = Instant::now();
            let mut child = world.start(command);
            let code = child.wait().unwrap().code();
            assert!(matches!(code, Some(0 | 3)), "{words:?}: {code:?}");
            world.usual.push(begun.elapsed());
            world.look();
        }
        world
    }

    /// Files change, and rows arrive in the older queue.
    fn change(&mut self) {
        self.rounds += 1;
        let file = FILES[self.chance.place(FILES.len())];
        let path = self.sandbox.repo().join(file);
        if self.chance.once_in(8) && path.exists() {
            std::fs::remove_file(path).unwrap();
        } else {
            self.sandbox.write(
                file,
                format!(
                    "# Version {}\n{}",
                    self.rounds,
                    "text\n".repeat(self.chance.place(40))
                ),
            );
        }
        if self.chance.once_in(4) {
            let queue = crate::support::older::database(self.sandbox.kitty("queue.db"));
            for n in 0..3 {
                let id = id(self.rounds * 10 + n);
                put(
                    &queue,
                    &id,
                    older_envelope(&id, Some(HARBOUR), "a"),
                    i64::from(self.rounds),
                );
            }
            drop(queue);
            // At rest, and newer than before.
            let at = UNIX_EPOCH + Duration::from_secs(1_790_000_000 + u64::from(self.rounds));
            let file = std::fs::File::options()
                .write(true)
                .open(self.sandbox.kitty("queue.db"))
                .unwrap();
            file.set_modified(at).unwrap();
        }
    }

    fn start(&mut self, command: usize) -> Child {
        let words = COMMANDS[command];
        let mut command = self.sandbox.command(words);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        if words[0] == "capture" {
            for n in 0..12 {
                let event = envelope(
                    &format!("event-{}-{n}", self.rounds),
                    &format!("a{}", n % 3),
                    "x",
                );
                // All lines fit into the pipe.
                writeln!(input, "{event}").unwrap();
            }
        }
        child
    }

    /// A command is killed at a random moment.
    fn round(&mut self) {
        self.change();
        let command = self.chance.place(COMMANDS.len());
        let wait = self.chance.time(self.usual[command] * 11 / 10);
        let mut child = self.start(command);
        pause(wait);
        child.kill().unwrap();
        let mut answers = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut answers)
            .unwrap();
        let code = child.wait().unwrap().code();
        // What it had sent is looked at before the ledger is.
        self.hub.server.settle();
        let words = COMMANDS[command].join(" ");
        self.log.push(format!("{words}: after {wait:?}: {code:?}"));
        match code {
            None => self.figures.kills += 1,
            Some(0 | 3) => self.figures.late += 1,
            Some(code) => panic!(
                "{words} ended with {code}: {answers}\n{}",
                self.log.join("\n")
            ),
        }
        if words.starts_with("capture") {
            // The last line may be cut off: it was not acknowledged.
            let lines = answers
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            self.known
                .extend(lines.map(|line| line["event_id"].as_str().unwrap().to_owned()));
        }
        self.look();
    }

    /// Nothing known is lost, nothing is stated twice, and the server learns what is recorded.
    fn look(&mut self) {
        if !self.sandbox.state().join("projects").is_dir() {
            return;
        }
        let conn = open(&self.sandbox.store());
        let list = |sql: &str| -> BTreeMap<String, String> {
            let Ok(mut statement) = conn.prepare(sql) else {
                return BTreeMap::new();
            };
            let rows = statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap();
            rows.collect::<Result<_, _>>().unwrap()
        };
        let journal = list("SELECT event_id, '' FROM journal_events WHERE kind = 0");
        let gone: Vec<_> = self
            .known
            .iter()
            .filter(|id| !journal.contains_key(*id))
            .cloned()
            .collect();
        if !gone.is_empty() {
            self.figures.lost += gone.len() as u64;
            self.log.push(format!("lost: {gone:?}"));
        }
        let twice = list(
            "SELECT event_id, event_type FROM (SELECT event_id, event_type, facts_hash,
               LAG(facts_hash) OVER (PARTITION BY coalesce_key ORDER BY seq) AS before
             FROM journal_events WHERE kind = 0 AND coalesce_key IS NOT NULL) WHERE facts_hash = before",
        );
        if !twice.is_empty() {
            self.figures.doubled += twice.len() as u64;
            self.log.push(format!("stated twice: {twice:?}"));
        }
        self.known.extend(journal.into_keys());
        let rows = list(
            "SELECT CASE e.kind WHEN 0 THEN e.event_id ELSE lower(hex(e.facts_hash)) END, d.status
             FROM delivery_rows d JOIN journal_events e ON e.seq = d.seq",
        );
        let with = |statuses: &[&str]| {
            let found = rows
                .iter()
                .filter(|(_, status)| statuses.contains(&status.as_str()));
            found.map(|(id, _)| id.clone()).collect::<BTreeSet<_>>()
        };
        let mut held = self.hub.held();
        (held.recorded, held.open) = (with(&["success", "duplicate"]), with(&["in_flight"]));
        let claimed: Vec<_> = held
            .recorded
            .iter()
            .filter(|id| {
                !held.events.contains_key(*id)
                    && !held.documents.iter().any(|(.., hash)| hash == *id)
            })
            .collect();
        if !claimed.is_empty() {
            self.figures.lost += claimed.len() as u64;
            self.log
                .push(format!("recorded and not there: {claimed:?}"));
        }
        let (reposted, changed) = (
            std::mem::take(&mut held.reposted),
            std::mem::take(&mut held.changed),
        );
        self.figures.reposted += reposted.len() as u64;
        self.figures.doubled += changed.len() as u64;
        self.figures.unrecorded += std::mem::take(&mut held.unrecorded);
        if !reposted.is_empty() || !changed.is_empty() {
            self.log.push(format!(
                "posted again: {reposted:?}, with other content: {changed:?}"
            ));
        }
    }

    /// The whole store is recounted and hashed again.
    fn prove(&mut self) {
        let proof = self.sandbox.sk_sync(["verify", "--json"]);
        if proof.code != Some(0) {
            self.figures.unbalanced += 1;
            self.log.push(format!("{proof:?}"));
        }
    }

    /// Without kills, everything arrives.
    fn let_everything_end(&mut self) {
        let run = self.sandbox.sk_sync(["run", "--json"]).success().json();
        self.look();
        self.prove();
        let journal: BTreeSet<_> = crate::support::wire::journal(&self.sandbox.store())
            .into_keys()
            .collect();
        let held = self.hub.held();
        let there: BTreeSet<_> = held.events.keys().cloned().collect();
        assert_eq!(journal, there, "{run}\n{}", self.log.join("\n"));
        let queue = crate::support::older::database(self.sandbox.kitty("queue.db"));
        let older: i64 = queue
            .query_row("SELECT COUNT(*) FROM queue", [], |row| row.get(0))
            .unwrap();
        let imported = journal
            .iter()
            .filter(|id| id.starts_with("01JMBY7K8N3QRVX2DPF"))
            .count();
        assert_eq!(
            i64::try_from(imported).unwrap(),
            older,
            "rows of the older queue"
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
                "{artifact}\n{}",
                self.log.join("\n")
            );
        }
    }
}

//! Read-only commands: listings that a reader leaves early, complete lines and documents, and no
//! trace on disk.

mod output;

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};
use crate::support::wire::{honest, open};

fn lines(ids: std::ops::Range<u32>) -> String {
    ids.flat_map(|n| {
        [
            "{\"event_id\":\"id-".to_owned(),
            n.to_string(),
            "\",\"event_type\":\"T\"}\n".to_owned(),
        ]
    })
    .collect()
}

/// Files that the program opened or created; `None`, with a notice, if it cannot be traced.
#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
fn traced(sandbox: &Sandbox, words: &[&str]) -> Option<Vec<String>> {
    let log = sandbox.path("strace.log");
    let program = sandbox.command(words);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-s", "300", "-o"]).arg(&log);
    strace.args([
        "-e",
        "trace=open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat",
    ]);
    strace.args([
        "-e",
        "trace=%file,write,pwrite64,pwritev,pwritev2,ftruncate,fallocate,flock,fcntl",
    ]);
    strace
        .arg(program.get_program())
        .args(words)
        .env_clear()
        .current_dir(sandbox.repo());
    strace.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    match strace.output() {
        Ok(output) if output.status.success() => {
            let calls = std::fs::read_to_string(&log).unwrap();
            std::fs::remove_file(&log).unwrap();
            Some(calls.lines().map(str::to_owned).collect())
        }
        other => {
            eprintln!("SKIPPED: cannot trace system calls here: {other:?}");
            None
        }
    }
}

/// The calls of a trace that create, change or lock something. The program's own output and locks
/// for reading are none.
#[cfg(target_os = "linux")]
fn deeds(calls: &[String], has_wal: bool) -> Vec<&String> {
    let is_deed = |call: &&String| {
        let call = call
            .split_once(' ')
            .map_or(call.as_str(), |(_, call)| call)
            .trim_start();
        let name = call.split('(').next().unwrap_or_default();
        match name {
            "open" | "openat" | "openat2" => {
                // Terminals and /dev/null are not files; a child's descriptors on /dev/null are not
                // either.
                ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| call.contains(flag))
                    && !call.contains("\"/dev/null\"")
                    // SQLite opens side files that are there so that it could write, and then does
                    // not.
                    && !(has_wal && ["store.db-wal\"", "store.db-shm\""].iter().any(|side| call.contains(side)))
            }
            "write" | "pwrite64" | "pwritev" | "pwritev2" => {
                let to = call.split(['(', ',']).nth(1).unwrap_or_default();
                !matches!(to, "1" | "2") && name != "write"
            }
            "fcntl" => call.contains("F_WRLCK") && call.contains("F_SETLK"),
            "flock" => call.contains("LOCK_EX"),
            "creat" | "ftruncate" | "fallocate" | "truncate" | "chmod" | "fchmodat"
            | "utimensat" => true,
            other => [
                "mkdir", "rename", "unlink", "link", "symlink", "rmdir", "mknod",
            ]
            .iter()
            .any(|w| other.starts_with(w)),
        }
    };
    calls.iter().filter(is_deed).collect()
}

/// Nothing is opened for writing, created, written, renamed or removed, and no lock delays a
/// writer: with the store closed, with a WAL, and while a drain waits for its answer.
#[cfg(target_os = "linux")]
#[test]
fn d42_looking_opens_nothing_for_writing() {
    const LOOKING: [&[&str]; 7] = [
        &["status"],
        &["status", "--check", "--json"],
        &["events", "list", "--jsonl"],
        &["events", "explain"],
        &["verify"],
        &["target", "show"],
        &["preflight"],
    ];
    let (asked, was_asked) = std::sync::mpsc::channel::<()>();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let server = Server::answering(move |request| {
        if request.path.contains("/events/") {
            let _heard = asked.send(());
            let _over = may_go.recv();
        }
        honest(request, "success")
    });
    let sandbox = Sandbox::aimed_at(&server);
    let look = |sandbox: &Sandbox, when: &str, has_wal: bool| {
        for words in LOOKING {
            let code = sandbox.sk_sync(words).code;
            let before = sandbox.listing();
            // A trace of a command that fails by its exit code is none.
            let traced = if code == Some(0) {
                traced(sandbox, words)
            } else {
                Some(Vec::new())
            };
            let Some(calls) = traced else { return };
            assert!(
                code != Some(0) || calls.iter().any(|call| call.contains("open")),
                "{when} {words:?}: nothing was traced"
            );
            assert_eq!(
                deeds(&calls, has_wal),
                Vec::<&String>::new(),
                "{when} {words:?}"
            );
            assert_eq!(sandbox.listing(), before, "{when} {words:?}");
        }
    };
    look(&sandbox, "nothing yet", false);
    let _run = sandbox.sk_sync(["run", "--no-drain"]);
    look(&sandbox, "the store closed", false);
    // Another process has the store open: side files exist.
    let conn = open(&sandbox.store());
    conn.execute_batch("PRAGMA journal_mode = WAL; UPDATE journal_state SET lamport = lamport + 1")
        .unwrap();
    look(&sandbox, "beside a WAL", true);
    drop(conn);
    let mut drain = sandbox
        .command(["drain"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    was_asked
        .recv_timeout(std::time::Duration::from_secs(30))
        .unwrap();
    look(&sandbox, "during a drain", true);
    drop(go);
    assert!(matches!(drain.wait().unwrap().code(), Some(0 | 3)));
    // Proof that the trace works.
    let Some(calls) = traced(&sandbox, &["run", "-q"]) else {
        return;
    };
    assert!(!deeds(&calls, true).is_empty());
}

/// The server's content is unknown until it is asked, and no output claims otherwise.
#[test]
fn d30_what_the_server_has_is_unknown() {
    let mut sandbox = Sandbox::with_repo();
    let server = Server::honest();
    sandbox.target(&server.url());
    let remote = |sandbox: &Sandbox| sandbox.status()["remote_sync"].clone();
    let unknown = json!({"remote_project_state": "unknown", "materialized_at": null,
                         "historical_import_state": "unknown", "last_blocker_sample": null});
    assert_eq!(remote(&sandbox), unknown);
    let _run = sandbox.sk_sync(["run"]).success();
    // Everything was accepted, and then the server lost it all: the delivered events are those that
    // it acknowledged.
    assert_eq!(remote(&sandbox), unknown);
    let requests = server.requests().len();
    let words = sandbox.sk_sync(["status"]).success().stdout;
    assert!(words.contains("remote: unknown"), "{words}");
    assert_eq!(server.requests().len(), requests, "a status asks nobody");
}

/// Success is reported only for a balance that holds; the store that was read is named.
#[test]
fn d27_nothing_is_called_done_that_does_not_balance() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let run = sandbox.sk_sync(["run"]).success();
    assert!(
        run.stdout.contains("Done: everything is delivered"),
        "{}",
        run.stdout
    );
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let balance = &report["balance"];
    let classes = [
        "delivered",
        "in_flight",
        "retryable",
        "undeliverable",
        "blocked",
        "untried",
        "superseded",
        "discarded",
        "purged",
    ];
    let sum: i64 = classes
        .iter()
        .map(|class| balance[class].as_i64().unwrap())
        .sum();
    assert_eq!(
        (balance["captured"].as_i64(), &balance["holds"]),
        (Some(sum), &json!(true))
    );
    assert_eq!(
        report["project"]["store"].as_str(),
        sandbox.store().to_str()
    );
    // An event is in the journal that the ledger does not know of.
    open(&sandbox.store())
        .execute(
            "UPDATE store_counters SET value = value - 1 WHERE name = 'delivered'",
            [],
        )
        .unwrap();
    for words in [&["run"][..], &["drain"], &["status", "--check"]] {
        let run = sandbox.sk_sync(words).code(6);
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(
            !told.contains("Done") && told.contains("sk-sync verify"),
            "{words:?}: {told}"
        );
    }
    assert_eq!(sandbox.status()["ok"], false);
    let _mended = sandbox
        .sk_sync(["verify", "--repair", "counters"])
        .success();
    assert!(
        sandbox
            .sk_sync(["run"])
            .success()
            .stdout
            .contains("Done: everything is delivered")
    );
}

/// The mission log, the journal and the ledger are compared, with the ids that one of them lacks.
#[test]
fn d07_the_log_of_a_mission_is_compared_with_the_journal() {
    const SLUG: &str = "storm-surge-alerts-01KQX7M2";
    let server = Server::answering(|request| {
        if request.path.contains("/events/") {
            honest(request, "success")
        } else {
            Reply::status(404)
        }
    });
    let sandbox = Sandbox::aimed_at(&server);
    let log = format!("kitty-specs/{SLUG}/status.events.jsonl");
    let lane = |id: &str, at: &str| {
        json!({"event_id": id, "wp_id": "WP01", "from_lane": "planned", "to_lane": "claimed", "actor": "joris",
            "mission_slug": SLUG, "at": at})
    };
    let rows = [
        ("01KQXA0Q7W3M5D8F1GZ2H4J6K8", "2026-05-06T10:02:51Z"),
        ("01KQXA1C2E4R6T8Y0V1B3N5M7P", "2026-05-06T10:03:12Z"),
    ];
    sandbox.write(
        &log,
        rows.map(|(id, at)| format!("{}\n", lane(id, at))).concat(),
    );
    let ids: Vec<String> = sandbox
        .read(&log)
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["event_id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 2);
    let check = |sandbox: &Sandbox| {
        let proof = sandbox.sk_sync(["verify", "--json"]).success().json();
        let logs = proof["mission_logs"].as_array().unwrap().clone();
        assert_eq!(logs.len(), 1, "{proof}");
        assert_eq!(
            (&logs[0]["mission_slug"], &proof["ok"]),
            (&json!(SLUG), &json!(true)),
            "a difference is no damage"
        );
        logs.into_iter().next().unwrap()
    };
    let before = sandbox.listing();
    assert_eq!(
        (
            &check(&sandbox)["captured"],
            &check(&sandbox)["not_captured"]["first"]
        ),
        (&json!(0), &json!(ids))
    );
    assert_eq!(sandbox.listing(), before, "nothing is created");
    // Both are captured, and one that the log does not name; events of artifacts are in no log.
    let event = |id: &str, slug: &str| {
        json!({"event_id": id, "event_type": "WPStatusChanged", "payload": {"mission_slug": slug}})
            .to_string()
            + "\n"
    };
    let input = event("elsewhere", "another") + &event("unlogged", SLUG);
    let _run = sandbox.sk_sync_with(["capture", "-q"], input).success();
    let _run = sandbox.sk_sync(["index"]).success();
    let found = check(&sandbox);
    assert_eq!(
        (&found["logged"], &found["captured"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(
        found["not_logged"],
        json!({"count": 1, "first": ["unlogged"]})
    );
    let words = sandbox.sk_sync(["verify"]).success().stdout;
    assert!(words.contains("not in the log: unlogged"), "{words}");
    // Ids are compared in normal form; lines that are not events are not missing, but counted by
    // reason.
    let new = sandbox
        .read(&log)
        .replace(&ids[0], "01KQXA0Q7W3M5D8F1GZ2H4J6K9");
    let annotation = "{\"kind\":\"annotation\",\"event_id\":\"01KQXA0Q7W3M5D8F1GZ2H4J6KA\"}\n";
    sandbox.write(&log, sandbox.read(&log) + &new + annotation + "no json\n");
    let found = check(&sandbox);
    assert_eq!(
        (&found["logged"], &found["captured"], &found["odd_lines"]),
        (&json!(3), &json!(2), &json!(2))
    );
    assert_eq!(
        found["not_captured"],
        json!({"count": 1, "first": ["01KQXA0Q7W3M5D8F1GZ2H4J6K9"]})
    );
    assert_eq!(
        found["skipped"],
        json!({"duplicate_line": 1, "no_contract_type": 1, "not_json": 1})
    );
    let words = sandbox.sk_sync(["verify"]).success().stdout;
    assert!(
        words.contains("1 duplicate_line, 1 not_json") && !words.contains("no_contract_type"),
        "{words}"
    );
}

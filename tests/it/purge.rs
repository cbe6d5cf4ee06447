//! `purge` through the program: purged data is removed, and stays removed.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};

const QUEUE: &str = "purge queue of harbour-tides";
const PROJECT: &str = "purge project harbour-tides";
const SECRET: &str = "the-word-that-must-go";

fn event(n: u32) -> String {
    json!({"event_id": format!("id-{n}"), "event_type": "T", "payload": {"text": SECRET}})
        .to_string()
        + "\n"
}

/// The files of the state directory that hold `word`.
fn holding(sandbox: &Sandbox, word: &str) -> Vec<std::path::PathBuf> {
    let files = sandbox
        .listing()
        .into_iter()
        .map(|(file, _)| file)
        .filter(|file| file.is_file());
    let files = files.filter(|file| file.starts_with(sandbox.state()));
    let holds = |file: &std::path::PathBuf| {
        let bytes = std::fs::read(file).unwrap();
        bytes
            .windows(word.len())
            .any(|window| window == word.as_bytes())
    };
    files.filter(holds).collect()
}

#[test]
fn without_the_phrase_nothing_changes() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    for (scope, phrase) in [("--queue", QUEUE), ("--project", PROJECT)] {
        let before = sandbox.listing();
        let shown = sandbox.sk_sync(["purge", scope]).success().stdout;
        assert!(shown.contains(&format!("--confirm '{phrase}'")), "{shown}");
        let dry = sandbox
            .sk_sync(["purge", scope, "--confirm", phrase, "--dry-run", "--json"])
            .success()
            .json();
        assert_eq!(
            (&dry["purged"], &dry["confirm"]),
            (&Value::Null, &json!(phrase))
        );
        let wrong = sandbox
            .sk_sync(["purge", scope, "--confirm", "yes"])
            .code(2);
        assert!(wrong.stderr.contains(phrase), "{wrong:?}");
        assert_eq!(sandbox.listing(), before);
    }
    let _neither = sandbox.sk_sync(["purge"]).code(2);
}

#[test]
fn a_cleared_queue_owes_nothing_and_the_books_balance() {
    let sandbox = Sandbox::with_repo();
    let events = sandbox
        .sk_sync(["run", "--no-drain", "--json"])
        .success()
        .json()["balance"]["captured"]
        .clone();
    let done = sandbox
        .sk_sync(["purge", "--queue", "--confirm", QUEUE, "--json"])
        .success()
        .json();
    assert_eq!(
        (&done["purged"]["events"], &done["events"]),
        (&events, &events)
    );
    let status = sandbox.status();
    assert_eq!(
        (
            &status["balance"]["discarded"],
            &status["balance"]["untried"]
        ),
        (&events, &json!(0))
    );
    assert_eq!(
        (
            &status["event_journal"]["retained_event_count"],
            &status["bodies"]["queued"]
        ),
        (&json!(0), &json!(0))
    );
    sandbox.verified();
}

/// Purged stays purged, whatever brings the events back: capture, an archive, or the files next to
/// the store.
#[test]
fn d45_a_purged_project_stays_purged() {
    let sandbox = Sandbox::with_repo();
    let all: String = (0..200).map(event).collect();
    let _run = sandbox.sk_sync_with(["capture", "-q"], &all).success();
    let _run = sandbox.sk_sync(["run", "--preset", "stub"]);
    let archive = sandbox.path("kept.jsonl.gz");
    let _run = sandbox
        .sk_sync(["archive", "--output", archive.to_str().unwrap()])
        .success();
    // A waiting line, and an unreadable one.
    for name in ["spool.lines", "spool-01.taken", "spool-01.damaged"] {
        std::fs::write(sandbox.store().with_file_name(name), SECRET).unwrap();
    }
    assert!(
        holding(&sandbox, SECRET).len() >= 4,
        "{:?}",
        holding(&sandbox, SECRET)
    );
    let captured = sandbox.status()["balance"]["captured"].clone();
    let done = sandbox
        .sk_sync(["purge", "--project", "--confirm", PROJECT, "--json"])
        .success()
        .json();
    assert_eq!(
        (&done["purged"]["events"], &done["purged"]["in_flight"]),
        (&captured, &json!(0))
    );
    assert_eq!(
        holding(&sandbox, SECRET),
        Vec::<std::path::PathBuf>::new(),
        "not even in free pages"
    );
    sandbox.verified();

    let told = sandbox
        .sk_sync_with(["capture", "--json"], &all)
        .success()
        .json_lines();
    assert!(
        told.iter().all(|line| line["result"] == "discarded"),
        "{:?}",
        told[0]
    );
    let restored = sandbox
        .sk_sync(["restore", archive.to_str().unwrap(), "--json"])
        .success()
        .json();
    assert_eq!(
        (
            &restored["purged"],
            &restored["added"],
            &restored["returned"]
        ),
        (&captured, &json!(0), &json!(0))
    );
    assert_eq!(sandbox.status()["event_journal"]["retained_event_count"], 0);
    assert_eq!(holding(&sandbox, SECRET), Vec::<std::path::PathBuf>::new());
    let again = sandbox
        .sk_sync(["purge", "--project", "--confirm", PROJECT, "--json"])
        .success()
        .json();
    assert_eq!(again["purged"]["events"], 0);
    // The project itself remains: the present facts of its files are new.
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    assert!(run["capture"]["captured"].as_u64() > Some(0), "{run}");
}

/// Events that may be in flight at the target stay until their end is known, and the exit code says
/// so.
#[test]
fn what_is_in_flight_stays_and_goes_the_second_time() {
    let server = Server::answering(|_| Reply::status(500));
    let mut sandbox = Sandbox::aimed_at(&server);
    let _run = sandbox
        .sk_sync_with(["capture", "-q"], (0..3).map(event).collect::<String>())
        .success();
    let _run = sandbox.sk_sync(["drain"]).code(3);
    let done = sandbox
        .sk_sync(["purge", "--project", "--confirm", PROJECT, "--json"])
        .code(3)
        .json();
    assert_eq!(
        (&done["purged"]["events"], &done["purged"]["in_flight"]),
        (&json!(0), &json!(3))
    );
    let known = sandbox
        .sk_sync(["target", "list", "--json"])
        .success()
        .json();
    let id = known["targets"][0]["target_id"]
        .as_str()
        .unwrap()
        .to_owned();
    sandbox.target("http://127.0.0.1:9");
    let forgotten = sandbox.sk_sync(["target", "forget", &id]).success().stdout;
    assert!(
        forgotten.contains("whether it has 3 events that were in flight is not known"),
        "{forgotten}"
    );
    let done = sandbox
        .sk_sync(["purge", "--project", "--confirm", PROJECT, "--json"])
        .success()
        .json();
    assert_eq!(done["purged"]["events"], 3);
    assert_eq!(holding(&sandbox, SECRET), Vec::<std::path::PathBuf>::new());
}

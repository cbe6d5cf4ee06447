//! Every next step that `status` prints works: pasted into a shell it succeeds, and its problem is
//! solved or, for a read-only command, shown.
#![cfg(unix)]

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::advice::{filled, shell};
use crate::support::older::{Era, HARBOUR, envelope, id, put};
use crate::support::server::{Reply, Server};
use crate::support::wire::{honest, open};

/// An event of the project, fit for `capture`.
fn event(n: u32) -> String {
    envelope(&id(n), Some(HARBOUR), "said") + "\n"
}

fn steps(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
    let status = sandbox
        .sk_sync(["status", "--json"].iter().chain(args))
        .json();
    status["next_steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["run"].as_str().unwrap().to_owned())
        .collect()
}

/// Pastes `line`, which must be advised, and returns its exit code and output.
fn paste(sandbox: &Sandbox, args: &[&str], line: &str) -> (Option<i32>, String) {
    let all = steps(sandbox, args);
    assert!(
        all.iter().any(|step| step == line),
        "`{line}` is not advised: {all:?}"
    );
    let output = shell(sandbox, line);
    let said =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

/// The line is advised, ends with 0, and is not advised any more.
fn settles(sandbox: &Sandbox, line: &str) {
    let (code, said) = paste(sandbox, &[], line);
    assert_eq!(code, Some(0), "{line}: {said}");
    let left = steps(sandbox, &[]);
    assert!(
        !left.iter().any(|step| step == line),
        "`{line}` changed nothing: {left:?}; {said}"
    );
}

/// The line is advised, changes nothing, and shows this.
fn shows(sandbox: &Sandbox, line: &str, expected: &str) {
    let (code, said) = paste(sandbox, &[], line);
    assert!(
        matches!(code, Some(0 | 5)) && said.contains(expected),
        "{line} ended with {code:?}: {said}"
    );
}

/// A server that answers events with `status`, and takes no document.
fn server(status: &'static str) -> Server {
    Server::answering(move |request| {
        if request.path.contains("/events/") {
            honest(request, status)
        } else {
            Reply::status(404)
        }
    })
}

#[test]
fn capturing_and_sending() {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    settles(&sandbox, "sk-sync run");
    sandbox.target(&served.url());
    settles(&sandbox, "sk-sync drain");
    // Changes since are noticed when the files are examined.
    sandbox.write(
        "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md",
        "another text\n",
    );
    let (code, said) = paste(&sandbox, &["--missions"], "sk-sync run");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(steps(&sandbox, &["--missions"]), Vec::<String>::new());
    // Spooled lines next to a store that could not be opened.
    let store = open(&sandbox.store());
    let version: i64 = store
        .query_row("PRAGMA user_version", [], |r| r.get(0))
        .unwrap();
    store
        .pragma_update(None, "user_version", version + 1)
        .unwrap();
    let _spooled = sandbox.sk_sync_with(["capture"], event(1)).success();
    store.pragma_update(None, "user_version", version).unwrap();
    drop(store);
    settles(&sandbox, "sk-sync run");
    drop(served);
    // An unreachable server, noticed by a hook's process and by a run.
    let _captured = sandbox.sk_sync_with(["capture"], event(2)).success();
    let _background = sandbox.sk_sync(["hook", "deliver"]);
    assert!(
        steps(&sandbox, &[])
            .iter()
            .filter(|step| *step == "sk-sync drain")
            .count()
            > 1,
        "owed, and failed"
    );
    let _failed = sandbox.sk_sync(["drain"]).code(3);
    let repoint = steps(&sandbox, &[])
        .into_iter()
        .find(|step| step.contains("--target-url URL"))
        .unwrap();
    let other = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    let there = repoint
        .split('#')
        .next()
        .unwrap()
        .replace("--target-url URL", &format!("--target-url {}", other.url()));
    let output = shell(&sandbox, &format!("unset SK_SYNC_TARGET_URL; {there}"));
    assert!(output.status.success(), "{there}: {output:?}");
    assert!(other.report()["events"].as_u64().unwrap() > 0);
}

#[test]
fn gates() {
    let mut sandbox = Sandbox::with_empty_repo();
    sandbox.write("kitty-specs/001-a/spec.md", "text\n");
    sandbox.set("SK_SYNC_PRESET", "teamspace");
    sandbox.set("SK_SYNC_TARGET_URL", "https://sync.example.org");
    let token = sandbox.path("token");
    std::fs::write(&token, "secret\n").unwrap();
    std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let shut = |sandbox: &Sandbox| -> Vec<Value> {
        let status = sandbox.sk_sync(["status", "--json"]).json();
        status["gates"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|gate| gate["open"] == false)
            .cloned()
            .collect()
    };
    let mut opened = Vec::new();
    while let Some(gate) = shut(&sandbox).into_iter().next() {
        let name = gate["name"].as_str().unwrap().to_owned();
        assert!(!opened.contains(&name), "{name} stays shut: {gate}");
        let line = gate["fix"].as_str().unwrap();
        assert!(
            steps(&sandbox, &[]).iter().any(|step| step == line),
            "{name}"
        );
        let output = shell(
            &sandbox,
            &filled(line, token.to_str().unwrap(), "https://sync.example.org"),
        );
        assert!(output.status.success(), "{line}: {output:?}");
        // A variable that the line sets ends with its shell.
        if let Some((name, _)) = line
            .strip_prefix("export ")
            .and_then(|rest| rest.split_once('='))
        {
            sandbox.set(name, "own");
        }
        opened.push(name);
    }
    opened.sort();
    assert_eq!(
        opened,
        [
            "missing_auth",
            "missing_consent",
            "missing_project_identity",
            "missing_team"
        ]
    );
}

#[test]
fn holds_failures_and_conflicts() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_PRESET", "opt-out");
    let _held = sandbox.sk_sync(["run"]).success();
    let failing = server("rejected");
    sandbox.target(&failing.url());
    settles(&sandbox, "sk-sync events release --reason opted_out");
    sandbox.set("SK_SYNC_DRAIN__MAX_REJECTIONS", "1");
    let _refused = sandbox.sk_sync(["drain"]).code(5);
    shows(
        &sandbox,
        "sk-sync events list --status undeliverable",
        "MissionDossier",
    );
    // A document that is refused for good.
    let picky = Server::answering(|request| {
        let is_refused = request.json()["artifact_path"] == "data-model.md";
        if is_refused {
            Reply::json(400, &json!({"error": "no such mission"}))
        } else {
            honest(request, "success")
        }
    });
    sandbox.target(&picky.url());
    let _refused = sandbox.sk_sync(["run"]).code(5);
    shows(&sandbox, "sk-sync bodies list", "no such mission");
    // Two contents of one id.
    let _first = sandbox.sk_sync_with(["capture"], event(1)).success();
    let _second = sandbox
        .sk_sync_with(["capture"], envelope(&id(1), Some(HARBOUR), "other") + "\n")
        .code(5);
    shows(&sandbox, "sk-sync migrate conflicts", &id(1));
}

#[test]
fn older_rows() {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    sandbox.target(&served.url());
    sandbox.set("SK_SYNC_MIGRATE__IMPORTED", "held");
    let queue = sandbox.queue("queue.db", Era::Last);
    for (n, project) in [(1, Some(HARBOUR)), (2, None)] {
        put(&queue, &id(n), envelope(&id(n), project, "a"), 1);
    }
    drop(queue);
    sandbox.at_rest();
    let _run = sandbox.sk_sync(["run"]).success();
    let status = sandbox.sk_sync(["status", "--json"]).json();
    let why = |run: &str| {
        let steps = status["next_steps"].as_array().unwrap();
        steps.iter().find(|step| step["run"] == run).unwrap()["why"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // Before the user confirms, the line shows the number of events, their files and the target.
    for (run, what) in [
        (
            "sk-sync migrate adopt --yes",
            "1 row of this project in older stores",
        ),
        (
            "sk-sync migrate adopt --unassigned --yes",
            "1 event of older stores that name no project",
        ),
    ] {
        let words = why(run);
        let all = [
            what.to_owned(),
            sandbox.kitty("queue.db").display().to_string(),
            served.url(),
        ];
        assert!(all.iter().all(|part| words.contains(part)), "{words}");
    }
    settles(&sandbox, "sk-sync migrate adopt --yes");
    shows(&sandbox, "sk-sync purge --unassigned", "--confirm");
    settles(&sandbox, "sk-sync migrate adopt --unassigned --yes");
    settles(&sandbox, "sk-sync migrate release");
    let drained = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(drained["drain"]["success"], 2);
    assert_eq!(steps(&sandbox, &[]), Vec::<String>::new());
}

#[test]
fn books_and_spools_that_are_damaged() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    let store = open(&sandbox.store());
    store
        .execute("UPDATE store_counters SET value = value + 1 WHERE scope LIKE 'delivery/%' AND name = 'delivered'", [])
        .unwrap();
    drop(store);
    sandbox.spoilt();
    let (code, said) = paste(&sandbox, &[], "sk-sync verify");
    assert!(
        code == Some(6) && said.contains("delivered"),
        "{code:?} {said}"
    );
}

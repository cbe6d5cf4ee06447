//! A journal that has nothing yet starts from what the target has; `verify --target` compares with
//! it.

mod invented;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{honest, open};
use crate::support::{Sandbox, Served};

const SPEC: &str = "kitty-specs/001-harbour-tide-table/spec.md";

const ALL: [&str; 3] = ["document-batch", "facts", "states"];

/// A project whose everything a receiver has, and whose journal is lost: a run in CI without a
/// cache.
fn fresh() -> (Sandbox, Served) {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&[]);
    sandbox.target(&served.url());
    let _delivered = sandbox.sk_sync(["run"]).success();
    forget(&sandbox);
    (sandbox, served)
}

fn forget(sandbox: &Sandbox) {
    std::fs::remove_dir_all(sandbox.state()).unwrap();
    std::fs::create_dir(sandbox.state()).unwrap();
}

fn counts(served: &Served) -> [i64; 5] {
    let report = served.report();
    [
        "events",
        "duplicates",
        "bodies",
        "event_requests",
        "body_requests",
    ]
    .map(|name| report[name].as_i64().unwrap())
}

fn balances(run: &Value) -> [&Value; 4] {
    let (events, documents) = (&run["balance"], &run["documents"]["balance"]);
    assert_eq!(
        (&events["holds"], &documents["holds"]),
        (&json!(true), &json!(true)),
        "{run}"
    );
    [
        &events["captured"],
        &events["delivered"],
        &documents["captured"],
        &documents["delivered"],
    ]
}

#[test]
fn nothing_is_sent_again_that_the_target_has() {
    let (sandbox, served) = fresh();
    let before = counts(&served);
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        counts(&served),
        before,
        "neither an event nor a document went out: {run}"
    );
    let [captured, delivered, documents, there] = balances(&run);
    assert_eq!((captured, documents), (delivered, there));
    assert!(
        captured.as_i64() > Some(20) && documents.as_i64() > Some(5),
        "{run}"
    );
    assert_eq!(run["drain"]["requests"], 0, "{run}");
    sandbox.verified();
    let again = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!((counts(&served), balances(&again)[1]), (before, delivered));
    let status = sandbox.sk_sync(["status", "--check"]);
    assert_eq!(status.code, Some(0), "{status:?}");
}

#[test]
fn what_differs_is_sent_and_nothing_else() {
    let (sandbox, served) = fresh();
    sandbox.write(SPEC, "# Another tide\n");
    let [events, _, bodies, ..] = counts(&served);
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    let [later, duplicates, texts, ..] = counts(&served);
    // The file, and what its mission comes to.
    assert_eq!(
        (later - events, duplicates, texts - bodies),
        (2, 0, 1),
        "{run}"
    );
    let [captured, delivered, ..] = balances(&run);
    assert_eq!(captured, delivered);
    sandbox.verified();
}

#[test]
fn a_run_that_may_not_send_asks_nothing() {
    let (mut sandbox, served) = fresh();
    sandbox.unset("SK_SYNC_TOKEN");
    let before = served.report()["connections"].clone();
    let run = sandbox.sk_sync(["run", "--json"]);
    assert_eq!(run.code, Some(4), "{run:?}");
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    forget(&sandbox);
    let _captured = sandbox.sk_sync(["run", "--no-drain"]).success();
    let one_more = before.as_i64().unwrap() + 1;
    assert_eq!(
        served.report()["connections"],
        one_more,
        "only the report's own"
    );
    forget(&sandbox);
    let resubmitted = sandbox
        .sk_sync(["run", "--resubmit", "--json"])
        .success()
        .json();
    assert!(
        resubmitted["bodies"]["already_exists"].as_i64() > Some(5),
        "everything is offered: {resubmitted}"
    );
}

/// What a receiver said of a project, to be said again by one that lies.
fn answers(sandbox: &Sandbox, served: &Served) -> Value {
    let project = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";
    let get = |path: &str| {
        let url = format!("{}/api/v1/projects/{project}/{path}", served.url());
        let output = std::process::Command::new("curl")
            .args(["-s", &url])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", sandbox.repo().display());
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    json!({"facts": get("facts"), "log": get("states?of=log")})
}

/// A server that answers questions with `facts` and `log`, and takes everything.
fn liar(facts: Reply, log: Reply, capabilities: &[&str]) -> (Server, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let server = Server::answering(move |request: &Request| {
        if request.method == "GET" {
            seen.lock().unwrap().push(request.path.clone());
            return if request.path.contains("/facts") {
                facts.clone()
            } else {
                log.clone()
            };
        }
        if request.path.contains("push-batch") {
            return Reply::status(404);
        }
        honest(request, "success")
    });
    server.healthy(Reply::json(
        200,
        &json!({"status": "ok", "capabilities": capabilities}),
    ));
    (server, asked)
}

fn sent_to(server: &Server) -> (usize, usize) {
    let requests = server.requests();
    let posts = requests
        .iter()
        .filter(|request| request.method == "POST" && !request.path.contains("push-batch"));
    let (mut events, mut documents) = (0, 0);
    for body in posts.map(Request::json) {
        match body["events"].as_array() {
            Some(list) => events += list.len(),
            None => documents += 1,
        }
    }
    (events, documents)
}

#[test]
fn what_another_machine_sent_counts_as_well() {
    let (mut sandbox, served) = fresh();
    let truth = answers(&sandbox, &served);
    let mut facts = truth["facts"].clone();
    for fact in facts["facts"].as_array_mut().unwrap() {
        fact["event"]["node_id"] = "0123456789ab".into();
        fact["event"]["build_id"] = "262bb566-443d-51a9-8b0c-f82f7d341017".into();
        fact["event"]["head_commit_sha"] = "0123456789abcdef0123456789abcdef01234567".into();
        fact["event"]["git_branch"] = "HEAD".into();
    }
    forget(&sandbox);
    let (hub, _) = liar(
        Reply::json(200, &facts),
        Reply::json(200, &truth["log"]),
        &ALL,
    );
    sandbox.target(&hub.url());
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (balances(&run)[0], sent_to(&hub)),
        (&json!(23), (0, 0)),
        "{run}"
    );
}

#[test]
fn a_server_that_cannot_answer_is_sent_everything() {
    for status in [404, 405, 500, 401] {
        let mut sandbox = Sandbox::with_repo();
        let (server, asked) = liar(Reply::status(status), Reply::status(status), &ALL);
        sandbox.target(&server.url());
        let run = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(balances(&run)[0], balances(&run)[1], "{status}");
        assert_eq!(asked.lock().unwrap().len(), 1, "{status}: asked once");
        assert_eq!(server.probes().len(), 1, "{status}: its health as well");
        assert!(sent_to(&server).1 > 5, "{status}");
    }
    // An older hub lists nothing, so nothing is asked and nothing is batched.
    let mut sandbox = Sandbox::with_repo();
    let (server, asked) = liar(Reply::status(500), Reply::status(500), &[]);
    sandbox.target(&server.url());
    let _run = sandbox.sk_sync(["run"]).success();
    assert!(asked.lock().unwrap().is_empty());
    assert!(
        server
            .requests()
            .iter()
            .all(|request| !request.path.contains("push-batch"))
    );
}

#[test]
fn the_target_is_held_to_what_it_acknowledged() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("hub.db");
    let store = file.to_str().unwrap().to_owned();
    let served = sandbox.serve(&["--store", &store]);
    sandbox.target(&served.url());
    let before = sandbox.sk_sync(["verify", "--target"]);
    assert_eq!(before.code, Some(2), "{before:?}");
    let _delivered = sandbox.sk_sync(["run"]).success();
    let same = sandbox
        .sk_sync(["verify", "--target", "--json"])
        .success()
        .json();
    let proof = &same["target"];
    assert_eq!(
        (&proof["agrees"], &proof["events"]["lost_there"]),
        (&json!(true), &json!(0)),
        "{same}"
    );
    assert_eq!(
        (&proof["events"]["same"], &proof["documents"]["same"]),
        (&json!(23), &json!(14)),
        "{same}"
    );
    let said = sandbox.sk_sync(["status"]).stdout;
    assert!(
        said.contains("Server     checked ")
            && said.contains(": 23 events and 14 documents are there"),
        "{said}"
    );

    // Another one of the team sends something of its own; the server loses an event and a document,
    // and changes one.
    let line = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines();
    let mut other = line[0]["envelope"].clone();
    other["event_id"] = "01JMBY7K8N3QRVX2DP00000001".into();
    let url = format!("{}/api/v1/events/batch/", served.url());
    let body = json!({ "events": [other] }).to_string();
    let post = [
        "-sf",
        "-H",
        "Content-Type: application/json",
        "-d",
        &body,
        &url,
    ];
    assert!(
        std::process::Command::new("curl")
            .args(post)
            .output()
            .unwrap()
            .status
            .success()
    );
    let listen = served.url().replace("http://", "");
    drop(served);
    let hub = open(&file);
    hub.execute("DELETE FROM serve_events WHERE seq = 3", [])
        .unwrap();
    let changed = "UPDATE serve_events SET envelope = CAST(replace(envelope, 'main', 'mean') AS BLOB) WHERE seq = 5";
    hub.execute(changed, []).unwrap();
    hub.execute("DELETE FROM serve_bodies WHERE seq = 2", [])
        .unwrap();
    drop(hub);
    let _served = sandbox.serve(&["--store", &store, "--listen", &listen]);
    let differs = sandbox
        .sk_sync(["verify", "--target", "--json"])
        .code(6)
        .json();
    let numbers = |of: &str| {
        ["same", "lost_there", "different", "unknown_here"].map(|name| &differs["target"][of][name])
    };
    assert_eq!(
        numbers("events"),
        [21, 1, 1, 1].map(|n| json!(n)).each_ref()
    );
    assert_eq!(
        numbers("documents"),
        [13, 1, 0, 0].map(|n| json!(n)).each_ref()
    );
    let said = sandbox.sk_sync(["verify", "--target"]).code(6).stdout;
    assert!(
        said.contains("1 event lost there") && said.contains("sk-sync replay --to"),
        "{said}"
    );
    let said = sandbox.sk_sync(["status"]).stdout;
    assert!(said.contains("2 lost there, 1 different there"), "{said}");
    sandbox.verified();
}

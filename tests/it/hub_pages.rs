//! The receiver as a team's hub, by the real program: links to its pages, deletion, webhooks.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::Served;
use crate::support::server::{Reply, Server};

const MISSION: &str = "001-harbour-tide-table";

/// A project that was delivered to a receiver with this file.
fn delivered() -> (Sandbox, Served, String) {
    let mut sandbox = Sandbox::with_repo();
    let store = sandbox.path("got.db").to_str().unwrap().to_owned();
    let served = sandbox.serve(&["--store", &store]);
    sandbox.target(&served.url());
    let _sent = sandbox.sk_sync(["run"]).success();
    (sandbox, served, store)
}

fn project(sandbox: &Sandbox) -> String {
    let status = sandbox.sk_sync(["status", "--json"]).json();
    status["project"]["project_uuid"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn status_and_open_name_the_page_of_the_project() {
    let (sandbox, served, _) = delivered();
    let project = project(&sandbox);
    let url = format!("{}/projects/{project}", served.url());
    let before = served.report()["connections"].as_i64().unwrap();
    let status = sandbox.status();
    assert_eq!(
        status["delivery_targets"]["current"]["page_url"], url,
        "{status}"
    );
    let said = sandbox.sk_sync(["status"]).success().stdout;
    assert!(
        said.lines().any(|line| line == format!("Page       {url}")),
        "{said}"
    );
    let after = served.report()["connections"].as_i64().unwrap();
    assert!(
        after - before <= 1,
        "status asked the network: {before} {after}"
    );

    assert_eq!(sandbox.sk_sync(["open"]).success().stdout.trim_end(), url);
    let opened = sandbox
        .sk_sync(["open", MISSION, "--json"])
        .success()
        .json();
    assert_eq!(
        opened["url"],
        format!("{url}/mission?slug={MISSION}"),
        "{opened}"
    );
    assert_eq!(
        (&opened["project_uuid"], &opened["mission_slug"]),
        (&json!(project), &json!(MISSION)),
        "{opened}"
    );
}

#[test]
fn a_server_without_pages_is_not_linked() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    for (health, page) in [
        (
            Reply::json(200, &json!({"status": "ok", "hub": {"pages": "/hub"}})),
            true,
        ),
        (
            Reply::json(
                200,
                &json!({"status": "ok", "hub": {"pages": "//evil.example"}}),
            ),
            false,
        ),
        (Reply::json(200, &json!({"status": "ok"})), false),
    ] {
        server.healthy(health);
        sandbox.write(
            "kitty-specs/001-harbour-tide-table/spec.md",
            format!("# Spec {page} {}\n", server.probes().len()),
        );
        let _sent = sandbox.sk_sync(["run"]).success();
        let status = sandbox.status();
        let url = &status["delivery_targets"]["current"]["page_url"];
        assert_eq!(url.is_string(), page, "{status}");
        assert!(
            !page
                || url
                    .as_str()
                    .unwrap()
                    .starts_with(&format!("{}/hub/projects/", server.url())),
            "{url}"
        );
    }
}

/// The whole way: shown first, deleted with `--yes`, refused for this client and for a new clone,
/// listed, taken back.
#[test]
fn what_is_forgotten_is_shown_first_and_stays_away() {
    let (sandbox, served, store) = delivered();
    let project = project(&sandbox);
    let words = [
        "serve",
        "forget",
        "--store",
        &store,
        "--project",
        &project,
        "--mission",
        MISSION,
    ];
    let count = |name: &str| served.report()[name].as_i64().unwrap();
    let before = (count("events"), count("bodies"));
    let shown = sandbox.sk_sync(words).success().stdout;
    assert!(
        shown.starts_with("Would go: mission 001-harbour-tide-table of project ")
            && shown.contains("--yes"),
        "{shown}"
    );
    assert_eq!(
        (count("events"), count("bodies")),
        before,
        "nothing was deleted"
    );

    let done = sandbox
        .sk_sync([&words[..], &["--reason", "asked for", "--yes"]].concat())
        .success()
        .stdout;
    assert!(
        done.starts_with("Deleted:  mission 001-harbour-tide-table"),
        "{done}"
    );
    let after = (count("events"), count("bodies"));
    assert!(
        after.0 < before.0 && after.1 < before.1,
        "{before:?} {after:?}"
    );
    let list = sandbox
        .sk_sync(["serve", "forget", "--list", "--store", &store])
        .success()
        .stdout;
    assert!(
        list.contains("asked for") && list.contains("refused") && list.contains(MISSION),
        "{list}"
    );

    // A journal that is lost knows of no delivery, and sends everything it finds.
    std::fs::remove_dir_all(sandbox.state()).unwrap();
    std::fs::create_dir(sandbox.state()).unwrap();
    let run = sandbox.sk_sync(["run", "--json"]);
    assert_eq!(
        (count("events"), count("bodies")),
        after,
        "nothing came back: {run:?}"
    );
    let rejected = run.json()["drain"]["rejected"].as_i64().unwrap();
    assert!(
        run.code == Some(3) && rejected == before.0 - after.0,
        "the refusal is said: {run:?}"
    );

    let _lifted = sandbox
        .sk_sync([&words[..], &["--accept-again", "--yes"]].concat())
        .success();
    std::fs::remove_dir_all(sandbox.state()).unwrap();
    std::fs::create_dir(sandbox.state()).unwrap();
    let run = sandbox.sk_sync(["run"]).success();
    assert_eq!((count("events"), count("bodies")), before, "{run:?}");
}

/// Nothing on the wire names it: the snapshot's digest tells.
#[test]
fn a_deleted_optional_document_is_shown_as_gone() {
    let (sandbox, served, _) = delivered();
    let project = project(&sandbox);
    std::fs::remove_file(
        sandbox
            .repo()
            .join("kitty-specs/001-harbour-tide-table/data-model.md"),
    )
    .unwrap();
    let _sent = sandbox.sk_sync(["run"]).success();
    let begun = std::time::Instant::now();
    loop {
        let page = served.ask(
            &format!("/api/v1/projects/{project}/documents?mission={MISSION}"),
            "",
        );
        let documents = page["documents"].as_array().cloned().unwrap_or_default();
        let gone: Vec<_> = documents
            .iter()
            .filter(|d| d["is_gone"] == true)
            .map(|d| d["path"].clone())
            .collect();
        if gone == ["data-model.md"] {
            break;
        }
        assert!(
            begun.elapsed() < std::time::Duration::from_mins(1),
            "{page}"
        );
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
}

#[test]
fn what_cannot_be_forgotten_is_said_and_makes_no_file() {
    let (sandbox, _served, store) = delivered();
    let none = sandbox.path("none.db");
    let uuid = "8a4a7da6-a97c-4bb4-893a-b31664abfee4";
    for (words, said) in [
        (
            ["--store", none.to_str().unwrap(), "--project", uuid],
            "there is no such file",
        ),
        (
            ["--store", &store, "--project", uuid],
            "this storage has no such project",
        ),
    ] {
        let refused = sandbox
            .sk_sync([&["serve", "forget"][..], &words].concat())
            .code(2);
        assert!(
            refused.stderr.contains(said) && refused.stderr.contains("hint: "),
            "{refused:?}"
        );
    }
    assert!(!none.exists());
    for words in [
        &["--list", "--yes"][..],
        &["--document", "x"],
        &[],
        &["--mission", "m"],
    ] {
        let _refused = sandbox
            .sk_sync([&["serve", "forget", "--store", &store][..], words].concat())
            .code(2);
    }
}

/// A real server sees the call that an operator's command asked for.
#[test]
#[expect(clippy::too_many_lines, reason = "one act after another")]
fn a_webhook_gets_the_events_of_a_run() {
    let (sandbox, _served, store) = delivered();
    let project = project(&sandbox);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/in?key=secret", listener.local_addr().unwrap());
    let add = [
        "serve",
        "webhook",
        "add",
        "chat",
        "--store",
        &store,
        "--project",
        &project,
        "--url",
        &url,
    ];
    let secret = sandbox
        .sk_sync([&add[..], &["--from-start"]].concat())
        .success()
        .stdout;
    assert!(secret.starts_with("whsec_"), "{secret}");
    let taken = sandbox.sk_sync(add).code(2);
    assert!(
        taken.stderr.contains("a webhook has this name"),
        "{taken:?}"
    );
    let mut ids = Vec::new();
    while ids.len() < 23 {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let head = head.to_lowercase();
        let length = head
            .split("content-length: ")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            .unwrap();
        assert!(
            head.starts_with("post /in?key=secret ") && head.contains("webhook-signature: v1,"),
            "{head}"
        );
        let events: Vec<Value> = serde_json::from_slice(&body).unwrap();
        assert!(
            events.iter().all(|event| event["specversion"] == "1.0"),
            "{events:?}"
        );
        ids.extend(
            events
                .iter()
                .map(|event| event["data"]["event_id"].as_str().unwrap().to_owned()),
        );
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 23, "every event of the run, once");
    let list = sandbox
        .sk_sync(["serve", "webhook", "list", "--store", &store])
        .success()
        .stdout;
    assert!(
        list.contains("chat") && list.contains("active") && !list.contains("key=secret"),
        "{list}"
    );
    assert!(!list.contains(secret.trim_end()), "{list}");
    let _removed = sandbox
        .sk_sync(["serve", "webhook", "remove", "chat", "--store", &store])
        .success();
    let none = sandbox
        .sk_sync(["serve", "webhook", "remove", "chat", "--store", &store])
        .code(2);
    assert!(none.stderr.contains("no webhook has this name"), "{none:?}");
    for (url, said) in [
        ("http://chat.example/in", "plain http"),
        ("ftp://h/x", "https://"),
        ("https://u:p@h/x", "password"),
    ] {
        let words = [
            "serve",
            "webhook",
            "add",
            "x",
            "--store",
            &store,
            "--project",
            &project,
            "--url",
            url,
        ];
        let refused = sandbox.sk_sync(words).code(2);
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
}

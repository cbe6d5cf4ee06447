//! `allow`: lists what would be sent before the question; earlier captures may stay on hold.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::Sandbox;
use crate::support::server::Server;

const SPEC: &str = "kitty-specs/001-harbour-tide-table/spec.md";

/// The fixture with a server that its own file names: nothing is sent there without consent.
fn asked(server: &Server) -> Sandbox {
    let sandbox = Sandbox::with_repo();
    sandbox.write(
        "event-sync.toml",
        format!(
            "preset = 'external-receiver'\nexternal_receiver.url = '{}'\n",
            server.url()
        ),
    );
    sandbox
}

/// Mission and path of every document that was sent, with its text, in the order of the requests.
fn sent(server: &Server) -> Vec<(String, String)> {
    let bodies = server
        .requests()
        .into_iter()
        .filter(|request| request.path.contains("push-content"));
    let read = |body: serde_json::Value| {
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        (
            format!(
                "kitty-specs/{}/{}",
                text("mission_slug"),
                text("artifact_path")
            ),
            text("content_body"),
        )
    };
    bodies.map(|request| read(request.json())).collect()
}

/// The program on a separate terminal, with these lines typed; returns the terminal's output.
/// `None` if `script` is missing.
fn on_a_terminal(sandbox: &Sandbox, line: &str, typed: &str) -> Option<String> {
    let program = sandbox.command([""; 0]);
    let _there = Command::new("script")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .ok()?;
    let mut script = Command::new("timeout");
    script.args([
        "60",
        "script",
        "-qec",
        &format!("{} {line}", program.get_program().to_str().unwrap()),
        "/dev/null",
    ]);
    script.env_clear().envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    script
        .current_dir(sandbox.repo())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = script.spawn().ok()?;
    child
        .stdin
        .take()
        .unwrap()
        .write_all(typed.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
#[expect(clippy::print_stdout, reason = "a skipped test must be loud")]
fn the_list_comes_before_the_question() {
    let server = Server::honest();
    let sandbox = asked(&server);
    for (typed, is_agreed) in [("n\n", false), ("y\n", true)] {
        let Some(shown) = on_a_terminal(&sandbox, "allow", typed) else {
            println!("SKIPPED: there is no `script` to open a terminal with");
            return;
        };
        let at = |words: &str| {
            shown
                .find(words)
                .unwrap_or_else(|| panic!("no {words:?} in {shown}"))
        };
        let question = at("Agree to sending this to ");
        for words in [
            "001-harbour-tide-table (kitty kitty-specs/001-harbour-tide-table/): ",
            "In all    3 units, 14 documents",
            "Releases  ",
        ] {
            assert!(
                at(words) < question,
                "{words:?} comes after the question: {shown}"
            );
        }
        assert_eq!(shown.contains("Agreed: "), is_agreed, "{shown}");
        let grants = sandbox
            .sk_sync(["allow", "--list", "--json"])
            .success()
            .json();
        assert_eq!(
            grants["grants"].as_array().unwrap().len(),
            usize::from(is_agreed),
            "{grants}"
        );
    }
}

#[test]
fn show_lists_every_document_and_records_nothing() {
    let server = Server::honest();
    let sandbox = asked(&server);
    let shown = sandbox.sk_sync(["allow", "--show"]).success();
    let documents = shown
        .stdout
        .lines()
        .filter(|line| line.starts_with("    sent: "))
        .count();
    assert_eq!(documents, 14, "{}", shown.stdout);
    assert!(
        shown
            .stdout
            .contains("    not sent: research/evidence-log.csv (empty_content)"),
        "{}",
        shown.stdout
    );
    let document = sandbox
        .sk_sync(["allow", "--show", "--json"])
        .success()
        .json();
    assert_eq!(
        (
            &document["grants"],
            &document["dry_run"],
            &document["missing"]
        ),
        (&json!([]), &json!(true), &json!([server.url()]))
    );
    let units = document["units"].as_array().unwrap();
    let documents: u64 = units
        .iter()
        .map(|unit| unit["documents"].as_u64().unwrap())
        .sum();
    assert_eq!((units.len(), documents), (3, 14), "{document}");
    let _still_shut = sandbox.sk_sync(["run"]).code(4);
    assert_eq!(server.connections(), 0);

    let nowhere = Sandbox::with_repo();
    let shown = nowhere.sk_sync(["allow", "--show"]).success();
    assert!(
        shown.stdout.contains("In all    3 units")
            && shown.stderr.contains("No server is configured"),
        "{}",
        shown.stderr
    );
}

/// The layouts in the repository's file are listed as they would be sent after consent.
#[test]
fn what_the_file_asks_for_is_in_the_list() {
    let server = Server::honest();
    let sandbox = asked(&server);
    let file = sandbox.read("event-sync.toml");
    sandbox.write(
        "event-sync.toml",
        format!("{file}artifacts.layouts = ['kitty', 'kiro']\n"),
    );
    sandbox.write(".kiro/steering/product.md", "text");
    let shown = sandbox.sk_sync(["allow", "--show"]).success();
    assert!(
        shown.stdout.contains("kiro.project (kiro): 1 document"),
        "{}",
        shown.stdout
    );
}

/// Earlier captures are not sent until they are allowed; then the newest version is the last one
/// sent.
#[test]
fn from_now_keeps_on_hold_what_was_captured_before() {
    let server = Server::honest();
    let sandbox = asked(&server);
    // The stub has everything, which proves nothing.
    let _tried = sandbox.sk_sync(["run", "--preset", "stub"]).success();
    let captured = sandbox.status()["balance"]["captured"].as_u64().unwrap();

    let url = server.url();
    let agreed = sandbox.sk_sync(["allow", "--from-now", &url]).success();
    assert!(
        agreed.stdout.contains("until they are allowed") && agreed.stderr.contains("On hold: "),
        "{}{}",
        agreed.stdout,
        agreed.stderr
    );
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&report["balance"]["blocked"], &report["balance"]["holds"]),
        (&json!(captured), &json!(true)),
        "{report}"
    );
    assert_eq!(server.requests().len(), 0);
    sandbox.verified();

    let old = sandbox.read(SPEC);
    sandbox.write(SPEC, "# New\n");
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        sent(&server),
        [(SPEC.to_owned(), "# New\n".to_owned())],
        "{report}"
    );
    sandbox.verified();

    let allowed = sandbox.sk_sync(["allow", &url]).success();
    assert!(
        allowed
            .stdout
            .contains("that `--from-now` put on hold are released as well"),
        "{}",
        allowed.stdout
    );
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&report["balance"]["blocked"], &report["balance"]["untried"]),
        (&json!(0), &json!(0)),
        "{report}"
    );
    let sent = sent(&server);
    assert_eq!(
        sent.iter()
            .map(|(path, _)| path)
            .collect::<BTreeSet<_>>()
            .len(),
        14,
        "every document is there"
    );
    assert!(
        !sent.iter().any(|(_, text)| *text == old),
        "the older word would be the last one"
    );
    let events: Vec<_> = server
        .requests()
        .iter()
        .filter(|r| r.path.contains("events"))
        .flat_map(|r| r.json()["events"].as_array().unwrap().clone())
        .collect();
    let of_spec: Vec<_> = events
        .iter()
        .filter(|event| {
            event["payload"]
                .to_string()
                .contains("001-harbour-tide-table")
                && event["payload"]["artifact_id"]["path"] == "spec.md"
        })
        .collect();
    assert_eq!(of_spec.len(), 1, "{of_spec:?}");
    sandbox.verified();
    // Nothing is on hold any more, and no question is asked.
    let again = sandbox.sk_sync(["allow", "--show"]).success();
    assert!(
        !again.stdout.contains("on hold") && again.stdout.contains("Agreed    already"),
        "{}",
        again.stdout
    );
}

/// Events that the server has are not put on hold, and events on hold are sent nowhere else either.
#[test]
fn from_now_is_about_what_the_server_does_not_have() {
    let server = Server::honest();
    let sandbox = asked(&server);
    let url = server.url();
    let _agreed = sandbox.sk_sync(["allow", &url]).success();
    let _sent = sandbox.sk_sync(["run"]).success();
    let sent = server.requests().len();
    sandbox.write(SPEC, "# Later\n");
    let _captured = sandbox.sk_sync(["run", "--no-drain"]).success();
    let document = sandbox
        .sk_sync(["allow", "--from-now", &url, "--json"])
        .success()
        .json();
    assert_eq!(document["from_now"], json!(true));
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(server.requests().len(), sent, "{report}");
    assert!(
        report["balance"]["blocked"].as_u64().unwrap() > 0
            && report["balance"]["delivered"].as_u64().unwrap() > 20,
        "{report}"
    );
    let status = sandbox.sk_sync(["status"]).success();
    assert!(
        status
            .stdout
            .contains("sk-sync events release --reason before_consent"),
        "{}",
        status.stdout
    );
    let _allowed = sandbox
        .sk_sync(["events", "release", "--reason", "before_consent"])
        .success();
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["balance"]["blocked"], json!(0), "{report}");
    assert!(server.requests().len() > sent);
}

//! `archive` and `restore` through the program: everything that is stored, into a file and back.

mod damaged;

use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::wire::journal;

fn text(file: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text
}

fn balance(sandbox: &Sandbox) -> Value {
    sandbox.status()["balance"].clone()
}

/// A sandbox whose events are archived, and the archive.
fn archived(more: &[&str]) -> (Sandbox, std::path::PathBuf, Value) {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    let file = sandbox.path("all.jsonl.gz");
    let args = [
        &["archive", "--json", "--output", file.to_str().unwrap()],
        more,
    ]
    .concat();
    let done = sandbox.sk_sync(args).success().json();
    (sandbox, file, done)
}

#[test]
fn an_archive_holds_every_envelope_and_says_so() {
    let (sandbox, file, done) = archived(&[]);
    let text = text(&file);
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (trailer, lines) = lines.split_last().unwrap();
    let (documents, events): (Vec<&Value>, Vec<&Value>) = lines
        .iter()
        .partition(|line| line["document_id"].is_string());
    assert_eq!(
        (&trailer["count"], events.len()),
        (&done["events"], journal(&sandbox.store()).len())
    );
    assert_eq!(
        (&trailer["documents"], &json!(documents.len())),
        (&done["documents"], &done["documents"])
    );
    assert_eq!(trailer["sha256"], done["sha256"]);
    let listed = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines();
    for (event, listed) in events.iter().zip(&listed) {
        for member in [
            "seq",
            "event_id",
            "event_type",
            "captured_at",
            "payload_sha256",
            "size",
            "envelope",
        ] {
            assert_eq!(event[member], listed[member], "{member}");
        }
        assert!(listed["archived_at"].is_string());
    }
    let status = sandbox.status();
    assert_eq!(
        status["event_journal"]["archived_event_count"],
        done["events"]
    );
    // The same events give the same bytes, and nothing is overwritten.
    let again = sandbox.path("again.jsonl.gz");
    let _run = sandbox
        .sk_sync(["archive", "--output", again.to_str().unwrap()])
        .success();
    assert_eq!(
        std::fs::read(&file).unwrap(),
        std::fs::read(&again).unwrap()
    );
    let run = sandbox
        .sk_sync(["archive", "--output", again.to_str().unwrap()])
        .code(2);
    assert!(run.stderr.contains("exists already"), "{run:?}");
}

#[test]
fn an_archive_restores_an_empty_home_for_a_fresh_target() {
    let (mut sandbox, file, done) = archived(&[]);
    sandbox.change("SK_SYNC_HOME", sandbox.path("fresh").to_str().unwrap());
    let before = sandbox.listing();
    let _run = sandbox
        .sk_sync(["restore", file.to_str().unwrap(), "--dry-run"])
        .success();
    assert_eq!(sandbox.listing(), before);
    let restored = sandbox
        .sk_sync(["restore", file.to_str().unwrap(), "--json"])
        .success()
        .json();
    assert_eq!(
        (&restored["added"], &restored["count"]),
        (&done["events"], &done["events"])
    );
    let again = sandbox
        .sk_sync(["restore", file.to_str().unwrap(), "--json"])
        .success()
        .json();
    assert_eq!(
        (&again["added"], &again["unchanged"]),
        (&json!(0), &done["events"])
    );
    let received = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", received.to_str().unwrap()]);
    sandbox.target(&served.url());
    let _run = sandbox.sk_sync(["drain"]).success();
    assert_eq!(served.report()["events"], done["events"]);
    assert_eq!(balance(&sandbox)["delivered"], done["events"]);
    // An index finds its facts stated: nothing is captured twice.
    let run = sandbox.sk_sync(["index", "--json"]).success().json();
    assert_eq!(run["capture"]["captured"], 0, "{run}");
    sandbox.verified();
}

/// The archive of a machine that is discarded contains everything that the target lacks.
#[test]
fn unsent_work_leaves_and_arrives() {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&[]);
    sandbox.target(&served.url());
    let sent = sandbox.sk_sync(["run", "--json"]).success().json()["balance"]["delivered"]
        .as_u64()
        .unwrap();
    let spec = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";
    sandbox.write(spec, sandbox.read(spec) + "more\n");
    let unsent = sandbox.sk_sync(["run", "--no-drain", "--json"]);
    let captured = unsent.json()["capture"]["captured"].as_u64().unwrap();
    let file = sandbox.path("unsent.jsonl.gz");
    let dry = sandbox.sk_sync([
        "archive",
        "--unsent",
        "--dry-run",
        "--json",
        "--output",
        file.to_str().unwrap(),
    ]);
    assert_eq!(
        (dry.success().json()["events"].as_u64(), file.exists()),
        (Some(captured), false)
    );
    let args = [
        "archive",
        "--unsent",
        "--release",
        "--json",
        "--output",
        file.to_str().unwrap(),
    ];
    let done = sandbox.sk_sync(args).success().json();
    assert_eq!(
        (done["events"].as_u64(), done["released"].as_u64()),
        (Some(captured), Some(captured))
    );
    let here = balance(&sandbox);
    assert_eq!(
        (
            here["discarded"].as_u64(),
            here["untried"].as_u64(),
            here["delivered"].as_u64()
        ),
        (Some(captured), Some(0), Some(sent))
    );
    sandbox.verified();
    let collected = sandbox
        .sk_sync(["gc", "--archived", "--explicit", "--json"])
        .success()
        .json();
    assert_eq!(
        collected["eligible"]["reasons"]["archived"]["payloads"],
        captured
    );
    // On another machine, and back here.
    let here = sandbox.state();
    sandbox.change("SK_SYNC_HOME", sandbox.path("elsewhere").to_str().unwrap());
    let restored = sandbox
        .sk_sync(["restore", file.to_str().unwrap(), "--json"])
        .success()
        .json();
    assert_eq!(restored["added"], captured);
    let _run = sandbox.sk_sync(["drain"]).success();
    assert_eq!(served.report()["events"].as_u64(), Some(sent + captured));
    sandbox.verified();
    sandbox.change("SK_SYNC_HOME", here.to_str().unwrap());
    let restored = sandbox
        .sk_sync(["restore", file.to_str().unwrap(), "--json"])
        .success()
        .json();
    assert_eq!(restored["returned"], captured);
    let _run = sandbox.sk_sync(["drain"]).success();
    assert_eq!(
        (
            served.report()["events"].as_u64(),
            served.report()["duplicates"].as_u64()
        ),
        (Some(sent + captured), Some(captured))
    );
}

/// The archive contains texts as well: a document that was never sent is delivered from the
/// archive, in a checkout that no longer has it.
#[test]
fn an_unsent_text_leaves_and_arrives() {
    const SPEC: &str = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    let _sent = sandbox.sk_sync(["run"]).success();
    let before = sandbox.read(SPEC);
    sandbox.write(SPEC, "# only here\n");
    let _unsent = sandbox.sk_sync(["run", "--no-drain"]).success();
    let archive = sandbox.path("unsent.jsonl.gz");
    let name = archive.to_str().unwrap();
    let done = sandbox
        .sk_sync([
            "archive",
            "--unsent",
            "--release",
            "--output",
            name,
            "--json",
        ])
        .success()
        .json();
    assert_eq!(
        (&done["documents"], &done["without_text"]),
        (&json!(1), &json!(0)),
        "{done}"
    );
    let lines = text(&archive);
    let line: Value = serde_json::from_str(
        lines
            .lines()
            .find(|line| line.contains("document_id"))
            .unwrap(),
    )
    .unwrap();
    assert_eq!(
        (&line["text"], &line["document"]["artifact_path"]),
        (&json!("# only here\n"), &json!("spec.md"))
    );
    // Discarded events are not sent; the checkout is back at the state of the server.
    sandbox.write(SPEC, before);
    let _nothing = sandbox.sk_sync(["drain"]).success();
    assert!(
        crate::support::wire::received(&file)
            .bodies
            .iter()
            .all(|(_, _, body)| body != "# only here\n")
    );
    // Into the same store, and into that of a fresh home: each brings the document back once, with
    // its text.
    for home in [None, Some("fresh")] {
        if let Some(home) = home {
            sandbox.change("SK_SYNC_HOME", sandbox.path(home).to_str().unwrap());
        }
        let restored = sandbox
            .sk_sync(["restore", name, "--json"])
            .success()
            .json();
        assert_eq!(restored["documents"], 1, "{home:?}: {restored}");
        let again = sandbox
            .sk_sync(["restore", name, "--json"])
            .success()
            .json();
        assert_eq!(again["documents"], 0, "{home:?}: {again}");
        let report = sandbox.sk_sync(["drain", "--json"]).success().json();
        let stored = report["bodies"]["uploaded"].as_u64().unwrap()
            + report["bodies"]["already_exists"].as_u64().unwrap();
        assert_eq!(stored, 1, "{home:?}: {report}");
        assert!(
            crate::support::wire::received(&file)
                .bodies
                .iter()
                .any(|(_, _, body)| body == "# only here\n")
        );
        sandbox.verified();
    }
}

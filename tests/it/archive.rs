//! `archive` and `restore` through the program: everything that is stored, into a file and back.

use std::io::{Read as _, Write as _};
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
    sandbox.sk_sync(["status", "--json"]).success().json()["balance"].clone()
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
    let status = sandbox.sk_sync(["status", "--json"]).success().json();
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

#[test]
fn a_damaged_archive_is_refused_and_nothing_is_written() {
    let (mut sandbox, file, _done) = archived(&[]);
    sandbox.change("SK_SYNC_HOME", sandbox.path("fresh").to_str().unwrap());
    let bytes = std::fs::read(&file).unwrap();
    let forged = sandbox.path("forged.gz");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer
        .write_all(text(&file).replacen("harbour", "harbuor", 1).as_bytes())
        .unwrap();
    for (content, words) in [
        (bytes[..bytes.len() - 30].to_vec(), "it is not whole"),
        (packer.finish().unwrap(), "does not match its digest"),
        (b"hello".to_vec(), "line 1: "),
    ] {
        std::fs::write(&forged, content).unwrap();
        let before = sandbox.listing();
        let run = sandbox
            .sk_sync(["restore", forged.to_str().unwrap()])
            .code(6);
        assert!(
            run.stderr.contains(words)
                && run.stderr.contains("line ")
                && run.stderr.contains("forged.gz"),
            "{run:?}"
        );
        assert_eq!(sandbox.listing(), before);
    }
    sandbox.write(
        ".kittify/config.yaml",
        "project:\n  uuid: 8a4a7da6-a97c-4bb4-893a-b31664abfee4\n",
    );
    let run = sandbox.sk_sync(["restore", file.to_str().unwrap()]).code(2);
    assert!(
        run.stderr.contains("holds events of the project 5c0f6f3e"),
        "{run:?}"
    );
    assert!(
        sandbox
            .sk_sync(["restore", "nowhere.gz"])
            .code(1)
            .stderr
            .contains("nowhere.gz")
    );
}

/// Killed at any moment: either the archive is complete, or it does not exist; and no event wrongly
/// counts as archived.
#[test]
#[cfg(unix)]
fn a_killed_archive_is_whole_or_absent() {
    let sandbox = Sandbox::with_repo();
    let line =
        |n: u32| format!("{{\"event_id\":\"id-{n}\",\"event_type\":\"T\",\"x\":\"{n:0500}\"}}\n");
    let _run = sandbox.sk_sync_with(["capture", "-q"], (0..8000).map(line).collect::<String>());
    for (round, wait) in [5, 20, 40, 80, 120, 160, 220, 300].into_iter().enumerate() {
        let file = sandbox.path(&format!("a{round}.gz"));
        let mut child = sandbox
            .command(["archive", "--output"])
            .arg(&file)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        crate::support::pause(std::time::Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        let count = || {
            sandbox.sk_sync(["status", "--json"]).success().json()["event_journal"]["archived_event_count"].as_u64()
        };
        if file.exists() {
            let _whole = sandbox
                .sk_sync(["restore", "--dry-run", file.to_str().unwrap()])
                .success();
        } else if round == 0 {
            assert_eq!(count(), Some(0));
        }
    }
    sandbox.verified();
}

/// An archive may come from anywhere: its digests prove that it is intact, not that it is true. A
/// clock of 2^63-1 must not stop the journal, and ids and projects are taken from the envelopes.
#[test]
fn what_an_archive_claims_is_held_against_its_envelopes() {
    let (mut sandbox, file, _done) = archived(&[]);
    let whole = text(&file);
    let forged = sandbox.path("forged.gz");
    let pack = |lines: &str| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(lines.as_bytes()).unwrap();
        std::fs::write(&forged, packer.finish().unwrap()).unwrap();
    };
    let (before, after) = whole.split_once("\"lamport\":").unwrap();
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    pack(&format!("{before}\"lamport\":{}{rest}", i64::MAX));
    sandbox.change("SK_SYNC_HOME", sandbox.path("fresh").to_str().unwrap());
    let _restored = sandbox
        .sk_sync(["restore", forged.to_str().unwrap()])
        .success();
    sandbox.write("kitty-specs/001-harbour-tide-table/spec.md", "# Changed\n");
    let report = sandbox.sk_sync(["index", "--json"]).success().json();
    assert!(
        report["capture"]["captured"].as_u64() > Some(0),
        "the journal goes on: {report}"
    );
    sandbox.verified();
    // Another id than the envelope's, with every digest right.
    let (body, trailer) = whole.trim_end().rsplit_once('\n').unwrap();
    let id = whole
        .split("\"event_id\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let body = body.replacen(id, "01JMBY7K8N3QRVX2DPFG5HWT4E", 1) + "\n";
    let digest = <sha2::Sha256 as sha2::Digest>::digest(body.as_bytes());
    let digest = digest
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let known: Value = serde_json::from_str(trailer).unwrap();
    let trailer = trailer.replace(known["sha256"].as_str().unwrap(), &digest);
    pack(&format!("{body}{trailer}\n"));
    let refused = sandbox
        .sk_sync(["restore", forged.to_str().unwrap()])
        .code(6);
    assert!(
        refused
            .stderr
            .contains("its envelope has another id than the line"),
        "{}",
        refused.stderr
    );
    // An archive that names no project, of another one.
    let own = format!("\"project_uuid\":{}", known["project_uuid"]);
    let (body, trailer) = whole.trim_end().rsplit_once('\n').unwrap();
    pack(&format!(
        "{body}\n{}\n",
        trailer.replace(&own, "\"project_uuid\":null")
    ));
    sandbox.write(
        ".kittify/config.yaml",
        "project:\n  uuid: 11111111-2222-4333-8444-555555555555\n  slug: other\n",
    );
    let refused = sandbox
        .sk_sync(["restore", forged.to_str().unwrap()])
        .code(6);
    assert!(
        refused.stderr.contains("of another project"),
        "{}",
        refused.stderr
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

/// A text that does not match its line is rejected before anything is written.
#[test]
fn a_forged_text_is_refused() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.target("http://127.0.0.1:9");
    let _unsent = sandbox.sk_sync(["run", "--no-drain"]).success();
    let archive = sandbox.path("all.jsonl.gz");
    let done = sandbox
        .sk_sync(["archive", "--output", archive.to_str().unwrap(), "--json"])
        .success()
        .json();
    assert!(
        done["documents"].as_u64().unwrap() > 1 && done["without_text"] == 0,
        "{done}"
    );
    let whole = text(&archive);
    let line = whole
        .lines()
        .find(|line| line.contains("\"document_id\""))
        .unwrap();
    let mut forged: Value = serde_json::from_str(line).unwrap();
    forged["text"] = json!("something else");
    // The first member is the kind of the line.
    let id = forged["document_id"].as_str().unwrap().to_owned();
    let rest = forged
        .to_string()
        .replacen('{', "", 1)
        .replace(&format!("\"document_id\":\"{id}\","), "");
    let forged = whole.replace(line, &format!("{{\"document_id\":\"{id}\",{rest}"));
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(forged.as_bytes()).unwrap();
    std::fs::write(&archive, packer.finish().unwrap()).unwrap();
    let run = sandbox.sk_sync(["restore", archive.to_str().unwrap()]);
    assert!(
        run.code != Some(0) && run.stderr.contains("does not match its digest"),
        "{run:?}"
    );
}

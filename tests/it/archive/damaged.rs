//! Archives that are damaged, forged or half written.

use std::io::Write as _;

use serde_json::{Value, json};

use super::{archived, text};
use crate::support::Sandbox;

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
        let count = || sandbox.status()["event_journal"]["archived_event_count"].as_u64();
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

//! Keys for what is indexed, and how documents are sent.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{BODIES, configured, external, run, to};
use crate::support::server::Server;
use crate::support::wire::{honest, open};
use crate::support::{Sandbox, pause};

/// The paths of the missions' artifacts whose bodies would be sent.
fn queued(sandbox: &Sandbox) -> BTreeSet<String> {
    let document = sandbox
        .sk_sync(["index", "--dry-run", "--json"])
        .success()
        .json();
    let artifacts = document["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|a| a["decision"] == "queued");
    artifacts
        .map(|a| a["path"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn artifacts_layouts() {
    let sandbox = configured("artifacts.layouts = ['openspec', 'kitty']");
    sandbox.write("openspec/changes/one/proposal.md", "text");
    let document = sandbox.sk_sync(["index", "--json"]).success().json();
    let counts: Vec<_> = document["index"]["layouts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (&l["name"], &l["units"]))
        .collect();
    assert_eq!(
        counts,
        [
            (&json!("openspec"), &json!(1)),
            (&json!("kitty"), &json!(3))
        ]
    );
    let misspelt = configured("artifacts.layouts = ['openspecs']")
        .sk_sync(["index"])
        .code(2);
    assert!(
        misspelt.stderr.contains("did you mean `openspec`?"),
        "{}",
        misspelt.stderr
    );
}

#[test]
fn artifacts_source() {
    let source =
        "[[artifacts.source]]\nname = 'adr'\ndocuments = ['docs/adr/*.md']\nslug = 'adr'\n";
    let sandbox = configured(source);
    sandbox.write("docs/adr/0001-record.md", "text");
    assert!(queued(&sandbox).contains("docs/adr/0001-record.md"));
    let wrong = configured(&format!(
        "{source}[[artifacts.source]]\nname = 'x'\nunit = ['a/{{name}}']\n"
    ));
    let run = wrong.sk_sync(["index"]).code(2);
    assert!(
        run.stderr
            .contains(":5:1: `artifacts.source`: unknown key `unit`"),
        "{}",
        run.stderr
    );
}

#[test]
fn artifacts_root() {
    let sandbox = configured("preset = 'stub'\nartifacts.root = 'docs/missions'");
    sandbox.write("docs/missions/one/spec.md", "text");
    let report = run(&sandbox);
    assert_eq!(
        (&report["index"]["missions"], &report["bodies"]["uploaded"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn artifacts_surfaces() {
    let sandbox = configured("artifacts.surfaces = ['meta.json', 'res*']");
    let queued = queued(&sandbox);
    assert!(
        queued.contains("meta.json") && queued.contains("research.md"),
        "{queued:?}"
    );
    assert!(!queued.contains("spec.md"), "{queued:?}");
}

#[test]
fn artifacts_formats() {
    let sandbox = configured("artifacts.formats = ['py', 'csv']");
    let queued = queued(&sandbox);
    assert!(
        queued.contains("research/fit_harmonics.py") && !queued.contains("spec.md"),
        "{queued:?}"
    );
}

#[test]
fn artifacts_max_bytes() {
    let sandbox = configured("artifacts.max_bytes = '1 KiB'");
    let spec = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";
    for (size, reason) in [
        (1024, "enqueued"),
        (1025, "oversized: 1025 bytes > 1024 limit"),
    ] {
        sandbox.write(spec, "x".repeat(size));
        let document = sandbox
            .sk_sync(["index", "--dry-run", "--json"])
            .success()
            .json();
        let is_spec = |a: &&Value| {
            a["path"] == "spec.md" && a["mission_slug"] == "storm-surge-alerts-01KQX7M2"
        };
        let artifact = document["artifacts"]
            .as_array()
            .unwrap()
            .iter()
            .find(is_spec)
            .cloned()
            .unwrap();
        assert_eq!(
            (&artifact["reason"], &artifact["size"]),
            (&json!(reason), &json!(size))
        );
    }
}

#[test]
fn bodies_wire_names() {
    for (word, names) in [
        ("current", ["mission_slug", "mission_type"]),
        ("2026-03", ["feature_slug", "mission_key"]),
    ] {
        let server = Server::honest();
        let _report = run(&external(&server, &format!("bodies.wire_names = '{word}'")));
        let requests = server.requests();
        let body = to(&requests, BODIES)[0].json();
        let members: Vec<_> = body
            .as_object()
            .unwrap()
            .keys()
            .filter(|k| k.starts_with("mission_") || k.starts_with("feature_"))
            .collect();
        assert_eq!(members, names, "{word}");
    }
}

/// Uploads overlap: as many connections as uploads at a time.
#[test]
fn bodies_parallel() {
    for (parallel, most) in [(1, 1), (3, 3)] {
        let server = Server::answering(|request| {
            pause(Duration::from_millis(10));
            honest(request, "success")
        });
        let _report = run(&external(&server, &format!("bodies.parallel = {parallel}")));
        let requests = server.requests();
        let connections: BTreeSet<_> = to(&requests, BODIES).iter().map(|r| r.connection).collect();
        assert_eq!(connections.len(), most, "{parallel}");
    }
}

/// Texts beyond the limit are not stored, and this is reported.
#[test]
fn bodies_max_queue_bytes() {
    let server = Server::honest();
    let sandbox = external(&server, "bodies.max_queue_bytes = 1");
    let report = sandbox
        .sk_sync(["run", "--no-drain", "--json"])
        .success()
        .json();
    assert!(
        report["warnings"].to_string().contains("queue_full"),
        "{report}"
    );
}

/// Acknowledged documents are not sent again, unless configured.
#[test]
fn bodies_resubmit() {
    for (more, again) in [("", false), ("bodies.resubmit = 'always'", true)] {
        let server = Server::honest();
        let sandbox = external(&server, more);
        let _first = run(&sandbox);
        let before = to(&server.requests(), BODIES).len();
        let _second = run(&sandbox);
        let sent = to(&server.requests(), BODIES).len() - before;
        assert_eq!(sent, if again { before } else { 0 }, "{more}");
    }
}

/// A text is deleted once the target has it, unless configured otherwise.
#[test]
fn documents_keep() {
    for (more, stays) in [("", false), ("documents.keep = 'always'", true)] {
        let server = Server::honest();
        let sandbox = external(&server, more);
        let _kept = sandbox.sk_sync(["run", "--no-drain"]).success();
        let _sent = run(&sandbox);
        let texts = "SELECT COUNT(*) > 0 FROM journal_texts";
        let kept: bool = open(&sandbox.store())
            .query_row(texts, [], |r| r.get(0))
            .unwrap();
        assert_eq!(kept, stays, "{more}");
    }
}

#[test]
fn artifacts_exclude() {
    let sandbox = configured(
        "artifacts.exclude = ['kitty-specs/storm-surge-alerts-01KQX7M2/tasks/', '**/plan.md']",
    );
    let queued = queued(&sandbox);
    assert!(
        queued.contains("spec.md") && !queued.contains("plan.md"),
        "{queued:?}"
    );
    assert!(
        !queued
            .iter()
            .any(|path| path.starts_with("tasks/WP01-threshold")),
        "{queued:?}"
    );
}

#[test]
fn artifacts_git_ignored() {
    for (more, is_sent) in [("", false), ("artifacts.git_ignored = 'send'", true)] {
        let sandbox = configured(more);
        sandbox.write(".gitignore", "notes.md\n");
        sandbox.write(
            "kitty-specs/storm-surge-alerts-01KQX7M2/research/notes.md",
            "text",
        );
        assert_eq!(
            queued(&sandbox).contains("research/notes.md"),
            is_sent,
            "{more}"
        );
    }
}

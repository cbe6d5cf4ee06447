//! Documents have the same promises as events: captured, sent, delivered, proved.

mod hooks;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{honest, open, received};
use crate::support::{Sandbox, pause};

const SPEC: &str = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";

const BODIES: &str = "/api/dossier/push-content/";

fn is_body(request: &Request) -> bool {
    request.path == BODIES
}

fn bodies(server: &Server) -> Vec<Request> {
    server
        .requests()
        .iter()
        .filter(|request| is_body(request))
        .cloned()
        .collect()
}

fn run(sandbox: &Sandbox, code: i32) -> Value {
    sandbox.sk_sync(["run", "--json"]).code(code).json()
}

/// A server whose answers to events or documents can be set; 0 means correct answers.
fn moody(answers: &Arc<AtomicU16>, to_bodies: bool) -> Server {
    let answers = Arc::clone(answers);
    Server::answering(move |request| match answers.load(Ordering::SeqCst) {
        status @ 1.. if (request.path == BODIES) == to_bodies => {
            Reply::json(status, &json!({"error": "not now"}))
        }
        _ => honest(request, "success"),
    })
}

#[test]
fn what_was_committed_is_what_is_sent() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    sandbox.set("SK_SYNC_HOOK__BUDGET", "30s");
    sandbox.set("SK_SYNC_HOOK__DRAIN", "none");
    sandbox.write(SPEC, "# committed\n");
    let _hook = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    sandbox.write(SPEC, "# being edited\n");
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(report["documents"]["balance"]["untried"], 0);
    drop(served);
    let texts: Vec<String> = received(&file)
        .bodies
        .into_iter()
        .map(|(_, _, text)| text)
        .collect();
    assert!(
        texts.contains(&"# committed\n".to_owned())
            && !texts.contains(&"# being edited\n".to_owned())
    );
    sandbox.verified();
}

/// Exit 0 of `status --check` means that the target has what is on disk.
#[test]
fn check_is_not_green_while_a_file_here_is_newer() {
    let (mood, mut sandbox) = (Arc::new(AtomicU16::new(503)), Sandbox::with_repo());
    let server = moody(&mood, true);
    sandbox.target(&server.url());
    let _refused = run(&sandbox, 3);
    let seen = sandbox
        .sk_sync(["status", "--check", "--json"])
        .code(3)
        .json();
    assert_eq!(seen["ok"], false);
    let says = sandbox.sk_sync(["drain"]).code(3);
    assert!(!says.stdout.contains("everything is delivered"), "{says:?}");
    mood.store(0, Ordering::SeqCst);
    let _now = sandbox.sk_sync(["bodies", "retry"]).success();
    let _well = run(&sandbox, 0);
    let seen = sandbox
        .sk_sync(["status", "--check", "--missions", "--json"])
        .success()
        .json();
    let missions = seen["missions"].as_array().unwrap();
    assert!(
        seen["ok"] == true && missions.iter().all(|m| m["documents"] == m["delivered"]),
        "{seen}"
    );
    sandbox.write(SPEC, "# newer\n");
    let seen = sandbox
        .sk_sync(["status", "--check", "--json"])
        .code(3)
        .json();
    let newer: u64 = seen["missions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["newer_here"].as_u64().unwrap())
        .sum();
    assert_eq!((newer, &seen["ok"]), (1, &json!(false)));
}

/// Acknowledged documents are not sent again, and the totals add up.
#[test]
fn an_unchanged_run_makes_no_request_and_an_edit_makes_two() {
    let (mut sandbox, server) = (Sandbox::with_repo(), moody(&Arc::default(), true));
    sandbox.target(&server.url());
    let first = run(&sandbox, 0);
    let documents = first["bodies"]["uploaded"].as_u64().unwrap();
    let before = server.requests().len();
    let second = run(&sandbox, 0);
    assert_eq!(server.requests().len(), before);
    let counted = |member: &str| second["bodies"][member].as_u64().unwrap();
    assert_eq!(
        (
            counted("already_exists"),
            counted("uploaded"),
            counted("retryable")
        ),
        (documents, 0, 0)
    );
    sandbox.write(SPEC, "# edited\n");
    let third = run(&sandbox, 0);
    assert_eq!(
        (
            server.requests().len() - before,
            &third["bodies"]["uploaded"]
        ),
        (2, &json!(1))
    );
    assert_eq!(
        third["documents"]["balance"]["delivered"].as_u64(),
        Some(documents + 1)
    );
}

/// A new target gets the newest version of each path, even after payloads were deleted.
#[test]
fn a_new_target_gets_everything_after_a_collection() {
    let mut sandbox = Sandbox::with_repo();
    let (a, b) = (sandbox.serve(&[]), sandbox.serve(&[]));
    sandbox.target(&a.url());
    let documents = run(&sandbox, 0)["bodies"]["uploaded"].as_u64().unwrap();
    sandbox.write(SPEC, "# the second version\n");
    let _run = run(&sandbox, 0);
    let _gone = sandbox.sk_sync(["gc", "--explicit"]).success();
    sandbox.verified();
    sandbox.target(&b.url());
    let report = run(&sandbox, 0);
    assert_eq!(
        report["bodies"]["uploaded"].as_u64(),
        Some(documents),
        "{report}"
    );
    assert_eq!(b.report()["bodies_not_indexed"], 0);
    let _check = sandbox.sk_sync(["status", "--check"]).success();
    sandbox.verified();
}

/// No document is sent before its event: a halt of the events costs no upload.
#[test]
fn one_503_on_events_pushes_no_document() {
    let (mood, mut sandbox) = (Arc::new(AtomicU16::new(503)), Sandbox::with_repo());
    let server = moody(&mood, false);
    sandbox.target(&server.url());
    sandbox.set("SK_SYNC_DRAIN__MAX_TIME", "2s");
    for _ in 0..3 {
        let _stopped = run(&sandbox, 3);
    }
    assert_eq!(bodies(&server).len(), 0);
    mood.store(0, Ordering::SeqCst);
    let begun = Instant::now();
    while sandbox.sk_sync(["run"]).code != Some(0) {
        assert!(begun.elapsed() < Duration::from_mins(1));
        pause(Duration::from_millis(200));
    }
    let events = server
        .requests()
        .iter()
        .position(|r| r.path == BODIES)
        .unwrap();
    assert!(
        server.requests()[..events].iter().any(|r| r.path != BODIES),
        "events first"
    );
}

/// An answer that says nothing about the text gives none up: it is delivered when the server works.
#[test]
fn no_text_is_dropped_for_an_answer_from_a_proxy() {
    for status in [407, 421, 425, 405, 415, 431, 451, 409, 423] {
        let (mood, mut sandbox) = (Arc::new(AtomicU16::new(status)), Sandbox::with_repo());
        let server = moody(&mood, true);
        sandbox.target(&server.url());
        let first = sandbox.sk_sync(["run", "--json"]);
        assert!(matches!(first.code, Some(3 | 4)), "{status}: {first:?}");
        sandbox.write(SPEC, "# the second version\n");
        mood.store(0, Ordering::SeqCst);
        let _now = sandbox.sk_sync(["bodies", "retry"]).success();
        let report = run(&sandbox, 0);
        assert_eq!(
            report["documents"]["balance"]["undeliverable"], 0,
            "{status}"
        );
        let paths = bodies(&server)
            .iter()
            .filter(|r| r.json()["content_body"] == "# the second version\n")
            .count();
        assert_eq!(paths, 1, "{status}");
    }
}

/// The text was not stored and the file has changed since: the newer version supersedes it, and
/// nothing is stuck.
#[test]
fn a_version_whose_text_is_nowhere_gives_way() {
    let (mood, mut sandbox) = (Arc::new(AtomicU16::new(503)), Sandbox::with_repo());
    let server = moody(&mood, true);
    sandbox.target(&server.url());
    let _refused = run(&sandbox, 3);
    open(&sandbox.store())
        .execute_batch("DELETE FROM journal_texts")
        .unwrap();
    sandbox.write(SPEC, "# the only one left\n");
    std::fs::remove_file(
        sandbox
            .repo()
            .join("kitty-specs/002-tide-gauge-survey/plan.md"),
    )
    .unwrap();
    mood.store(0, Ordering::SeqCst);
    let _now = sandbox.sk_sync(["bodies", "retry"]).success();
    let report = run(&sandbox, 0);
    let balance = &report["documents"]["balance"];
    assert_eq!(
        (
            &balance["untried"],
            &balance["retryable"],
            &balance["holds"]
        ),
        (&json!(0), &json!(0), &json!(true))
    );
    assert_eq!(
        (&balance["superseded"], &balance["discarded"]),
        (&json!(1), &json!(1)),
        "{balance}"
    );
    sandbox.verified();
    let _check = sandbox.sk_sync(["status", "--check"]).success();
}

/// A pointer of Git LFS is not the document.
#[test]
fn a_pointer_is_not_the_document() {
    let (mut sandbox, server) = (Sandbox::with_repo(), moody(&Arc::default(), true));
    sandbox.target(&server.url());
    let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
    let version = "version https://git-lfs.github.com/spec/v1\n";
    let end = format!("oid sha256:{oid}\nsize 12345\n");
    let extensions = format!("ext-0-crypt sha256:{oid}\next-1-pack sha256:{oid}\n");
    let research = "kitty-specs/storm-surge-alerts-01KQX7M2/research";
    sandbox.write(&format!("{research}/survey.csv"), format!("{version}{end}"));
    sandbox.write(
        &format!("{research}/packed.csv"),
        format!("{version}{extensions}{end}"),
    );
    let report = run(&sandbox, 0);
    assert_eq!(report["documents"]["not_sent"]["lfs_pointer"], 2);
    assert!(
        bodies(&server)
            .iter()
            .all(|r| !r.json()["content_body"].to_string().contains("git-lfs"))
    );
}

/// Two work trees with different versions, neither of which changes: each states its own once.
#[test]
fn work_trees_do_not_rewind_each_other() {
    let (mut sandbox, server) = (Sandbox::with_empty_repo(), moody(&Arc::default(), true));
    sandbox.target(&server.url());
    let (tree, spec) = (sandbox.path("tree"), "kitty-specs/001-lamp/spec.md");
    let side = tree.to_str().unwrap();
    let here = || run(&sandbox, 0)["capture"]["captured"].clone();
    let there = || {
        sandbox
            .sk_sync(["--repo", side, "run", "--json"])
            .success()
            .json()["capture"]["captured"]
            .clone()
    };
    let uuid = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";
    sandbox.write(
        ".kittify/config.yaml",
        format!("project:\n  uuid: {uuid}\n  slug: lights\n"),
    );
    let meta = json!({"mission_slug": "001-lamp", "mission_type": "software-dev", "target_branch": "main"});
    sandbox.write("kitty-specs/001-lamp/meta.json", meta.to_string());
    sandbox.write(spec, "# the old branch\n");
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--message=old"]);
    assert_eq!(here(), 3);
    sandbox.git(&["worktree", "add", "--quiet", "-b", "old", side]);
    sandbox.write(spec, "# the new branch\n");
    assert_eq!(here(), 2);
    assert_eq!(there(), 0, "a fresh work tree of an old branch is no news");
    std::fs::write(tree.join(spec), "# of the side\n").unwrap();
    assert_eq!(there(), 2);
    for _ in 0..3 {
        assert_eq!((here(), there()), (json!(0), json!(0)));
    }
    let last = bodies(&server).pop().unwrap().json()["content_body"].clone();
    assert_eq!(last, "# of the side\n");
}

/// A drain that indexes nothing finds the texts that are not kept wherever the layout has them.
#[test]
fn a_drain_reads_the_texts_of_any_layout() {
    let (mut sandbox, server) = (Sandbox::with_empty_repo(), moody(&Arc::default(), true));
    sandbox.own("artifacts.layouts = ['openspec']\n");
    sandbox.write(
        "event-sync.toml",
        "[project]\nuuid = '8a4a7da6-a97c-4bb4-893a-b31664abfee4'\nslug = 'demo'\n",
    );
    let files = [
        "openspec/changes/add-lamp/proposal.md",
        "openspec/changes/archive/2026-01-02-add-fog/proposal.md",
    ];
    for file in files {
        sandbox.write(file, format!("the text of {file}\n"));
    }
    sandbox.target(&server.url());
    // No text finds room in the store.
    sandbox.set("SK_SYNC_BODIES__MAX_QUEUE_BYTES", "1");
    let _captured = sandbox.sk_sync(["run", "--no-drain"]).success();
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(
        (
            &report["bodies"]["uploaded"],
            &report["bodies"]["retryable"]
        ),
        (&json!(2), &json!(0)),
        "{report}"
    );
    let texts: BTreeSet<_> = bodies(&server)
        .iter()
        .map(|r| r.json()["content_body"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        texts,
        files.map(|file| format!("the text of {file}\n")).into()
    );
}

/// A server that does not know events that it acknowledged is asked for its health, and the replay
/// command is shown.
#[test]
fn a_server_that_lost_its_events_is_said_to_be_one() {
    let lost = Arc::new(AtomicU16::new(0));
    let now = Arc::clone(&lost);
    let server = Server::answering(move |request| match now.load(Ordering::SeqCst) {
        1 if request.path == BODIES => Reply::json(404, &json!({"error": "index_entry_not_found"})),
        _ => honest(request, "success"),
    });
    let named = |name: &str| Reply::json(200, &json!({"server_instance_id": name}));
    server.healthy(named("server-1"));
    let mut sandbox = Sandbox::aimed_at(&server);
    // The events are delivered, and then another server has the address.
    sandbox.set("SK_SYNC_BODIES__RESUBMIT", "always");
    run(&sandbox, 0);
    lost.store(1, Ordering::SeqCst);
    server.healthy(named("server-2"));
    let report = run(&sandbox, 3);
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("`server-1` and is `server-2`")
            && warnings.contains("sk-sync replay --to"),
        "{report}"
    );
    // A server with unchanged identity may have lost them as well.
    let _waits = sandbox.sk_sync(["bodies", "retry"]).success();
    let warnings = run(&sandbox, 3)["warnings"].to_string();
    assert!(
        warnings.contains("although the server acknowledged their events"),
        "{warnings}"
    );
}

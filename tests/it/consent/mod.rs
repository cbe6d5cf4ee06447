//! Nothing is sent to an origin without consent, whatever source names it; and consent applies to
//! that project, repository, origin and file only. `0.0.0.0` is not a loopback address for the
//! rules, but reaches only this machine.
#![cfg(unix)]

mod records;

use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{Run, Sandbox};

/// A listener that counts connections and never answers.
struct Foreign {
    origin: String,
    seen: Arc<AtomicUsize>,
}

impl Foreign {
    fn listen() -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let origin = format!("https://0.0.0.0:{}", listener.local_addr().unwrap().port());
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut first = [0_u8; 1];
                // A TLS record of the kind handshake; anything else was not meant for a server of
                // this origin.
                if stream.is_ok_and(|mut s| s.read_exact(&mut first).is_ok()) {
                    assert_eq!(first, [0x16]);
                }
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { origin, seen }
    }

    fn connections(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    fn config(&self) -> String {
        format!(
            "preset = 'teamspace'\nteamspace = {{ server_url = '{}', team_slug = 'harbour' }}\n",
            self.origin
        )
    }
}

fn named_gate<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["gates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|gate| gate["name"] == name)
        .unwrap()
}

fn consent_gate(report: &Value) -> &Value {
    named_gate(report, "missing_consent")
}

/// The check in `status`, with these additional arguments.
fn gate(sandbox: &Sandbox, more: &[&str]) -> Value {
    consent_gate(
        &sandbox
            .sk_sync([&["status", "--json"], more].concat())
            .success()
            .json(),
    )
    .clone()
}

fn is_open(sandbox: &Sandbox) -> bool {
    let status = sandbox.status();
    ["missing_consent", "repository_not_allowed"]
        .iter()
        .all(|name| named_gate(&status, name)["open"] == true)
}

/// The program, working on another checkout than the sandbox's own.
fn at(sandbox: &Sandbox, dir: &Path, words: &[&str]) -> Run {
    sandbox.sk_sync([&["--repo", dir.to_str().unwrap()], words].concat())
}

/// A clone of the sandbox's repository, as another person would receive it.
fn cloned(sandbox: &Sandbox, name: &str) -> PathBuf {
    let clone = sandbox.path(name);
    sandbox.git(&["clone", "--quiet", ".", clone.to_str().unwrap()]);
    clone
}

/// Neither a file of the repository nor a variable nor a token is consent; the printed command is.
#[test]
fn d40_only_a_command_agrees() {
    let foreign = Foreign::listen();
    let mut sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", foreign.config());
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    sandbox.set("SPEC_KITTY_ENABLE_SAAS_SYNC", "1");
    for words in [
        &["run", "--json"][..],
        &["drain", "--json"],
        &["run", "--preset", "teamspace", "--json"],
    ] {
        let report = sandbox.sk_sync(words).code(4).json();
        for name in ["missing_consent", "repository_not_allowed"] {
            let gate = named_gate(&report, name);
            let fix = format!("sk-sync allow {}", foreign.origin);
            assert_eq!(
                (&gate["open"], &gate["fix"]),
                (&json!(false), &json!(fix)),
                "{gate}"
            );
        }
    }
    let _looked = sandbox.sk_sync(["status", "--json"]).success();
    assert_eq!(foreign.connections(), 0, "not even a probe");
    let asked = sandbox.sk_sync(["allow"]).code(2);
    assert!(
        asked
            .stderr
            .contains(&format!("sk-sync allow {}", foreign.origin)),
        "{}",
        asked.stderr
    );
    let tried = sandbox
        .sk_sync(["allow", &foreign.origin, "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(
        (&tried["grants"], &tried["missing"]),
        (&json!([]), &json!([foreign.origin]))
    );

    let given = sandbox
        .sk_sync(["allow", &foreign.origin, "--json"])
        .success()
        .json();
    assert_eq!(
        (&given["events"], &given["bodies"]),
        (&json!(23), &json!(14)),
        "{given}"
    );
    assert_eq!(given["grants"][0]["origin"], foreign.origin);
    assert!(!sandbox.repo().join("grants.json").exists());
    let report = sandbox
        .sk_sync(["run", "--max-time", "2s", "--json"])
        .code(3)
        .json();
    assert!(is_open(&sandbox));
    assert!(foreign.connections() > 0, "{report}");
    assert_eq!(report["balance"]["holds"], true);
}

/// Consent is for one repository: a clone of it, and another repository that claims the same
/// identity, have none.
#[test]
fn d40_a_clone_brings_no_agreement_along() {
    let foreign = Foreign::listen();
    let mut sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", foreign.config());
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--message=config"]);
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let _given = sandbox.sk_sync(["allow", &foreign.origin]).success();
    let clone = cloned(&sandbox, "clone");
    let report = at(&sandbox, &clone, &["run", "--json"]).code(4).json();
    assert_eq!(consent_gate(&report)["open"], false, "{report}");
    assert_eq!(
        report["project"]["project_uuid"],
        "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60"
    );
    assert_eq!(foreign.connections(), 0);
    // A linked work tree is a checkout of the repository that was agreed to.
    let side = sandbox.path("side");
    sandbox.git(&["worktree", "add", "--quiet", side.to_str().unwrap()]);
    let report = at(&sandbox, &side, &["run", "--max-time", "2s", "--json"])
        .code(3)
        .json();
    assert!(foreign.connections() > 0, "{report}");
    let shown = sandbox
        .sk_sync(["allow", "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(shown["checkouts"].as_array().unwrap().len(), 2, "{shown}");
}

/// If the repository's file names the target, the consent is for that file: its next version needs
/// a new one.
#[test]
fn a_changed_file_needs_a_new_agreement() {
    let foreign = Foreign::listen();
    let mut sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", foreign.config());
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let _given = sandbox.sk_sync(["allow", &foreign.origin]).success();
    assert!(is_open(&sandbox));
    sandbox.write(
        "event-sync.toml",
        format!("{}artifacts.surfaces = ['**']\n", foreign.config()),
    );
    let _shut = sandbox.sk_sync(["run"]).code(4);
    let status = sandbox.status();
    let gate = named_gate(&status, "repository_not_allowed");
    let reason = gate["reason"].as_str().unwrap();
    assert!(
        reason.contains("event-sync.toml has changed since")
            && reason.contains("artifacts.surfaces"),
        "{gate}"
    );
    assert_eq!(
        (&gate["open"], &gate["fix"]),
        (
            &json!(false),
            &json!(format!("sk-sync allow {}", foreign.origin))
        )
    );
    assert_eq!(foreign.connections(), 0);
    let _again = sandbox.sk_sync(["allow", &foreign.origin]).success();
    assert!(is_open(&sandbox));

    // The target is named by the user's own file: other keys of the repository's file remove
    // nothing from that.
    let own = sandbox.path("own.toml");
    std::fs::write(&own, foreign.config()).unwrap();
    sandbox.set("SK_SYNC_CONFIG", own.to_str().unwrap());
    sandbox.write("event-sync.toml", "drain.max_events = 10\n");
    assert!(is_open(&sandbox));
    sandbox.write("event-sync.toml", "artifacts.formats = ['md', 'pem']\n");
    assert!(!is_open(&sandbox), "a wider reach than the usual");
}

/// Consent in a CI workflow: for one run, on the command line, and not recorded.
#[test]
fn allow_origin_holds_for_one_run() {
    let foreign = Foreign::listen();
    let mut sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", foreign.config());
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let elsewhere = sandbox
        .sk_sync(["run", "--allow-origin", "https://h.example", "--json"])
        .code(4)
        .json();
    assert_eq!(consent_gate(&elsewhere)["open"], false);
    assert_eq!(foreign.connections(), 0);
    let report = sandbox
        .sk_sync([
            "run",
            "--allow-origin",
            &foreign.origin,
            "--max-time",
            "2s",
            "--json",
        ])
        .code(3)
        .json();
    let connections = foreign.connections();
    assert!(connections > 0, "{report}");
    let _shut = sandbox.sk_sync(["run", "--json"]).code(4);
    assert_eq!(foreign.connections(), connections);
    let odd = sandbox
        .sk_sync(["run", "--allow-origin", "https://h.example/path"])
        .code(2);
    assert!(
        odd.stderr
            .contains("--allow-origin: `https://h.example/path` is not an origin"),
        "{}",
        odd.stderr
    );
}

/// Documents may be sent elsewhere than events: each origin needs consent, and one command gives
/// both.
#[test]
fn every_origin_of_a_target_needs_one() {
    let (events, bodies) = (Foreign::listen(), Foreign::listen());
    let sandbox = Sandbox::with_repo();
    sandbox.write(
        "event-sync.toml",
        format!(
            "preset = 'external-receiver'\nexternal_receiver = {{ url = '{}', bodies_url = '{}/b' }}\n",
            events.origin, bodies.origin
        ),
    );
    let _one = sandbox.sk_sync(["allow", &events.origin]).success();
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(
        consent_gate(&report)["fix"],
        format!("sk-sync allow {}", bodies.origin)
    );
    assert_eq!(
        (events.connections(), bodies.connections()),
        (0, 0),
        "all or nothing"
    );
    let _both = sandbox
        .sk_sync(["allow", &events.origin, &bodies.origin])
        .success();
    assert!(is_open(&sandbox));
}

/// Git's credential helpers are a source of tokens, used without a terminal, outside the
/// repository, and only for an allowed server: a file of a repository cannot make a helper ask for
/// a token.
#[test]
fn d46_git_helpers_are_asked_for_agreed_servers_only() {
    let foreign = Foreign::listen();
    let sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", foreign.config());
    let (asked, trap) = (sandbox.path("asked"), sandbox.path("trap"));
    let helper = format!(
        "!f() {{ cat >>'{}'; printf 'username=me\\npassword=of-helper\\n'; }}; f",
        asked.display()
    );
    sandbox.git(&[
        "config",
        "--file",
        sandbox.path("home/.gitconfig").to_str().unwrap(),
        "credential.helper",
        &helper,
    ]);
    sandbox.git(&[
        "config",
        "credential.helper",
        &format!("!touch '{}'; true", trap.display()),
    ]);
    let auth = |command: &str| {
        let report = sandbox.sk_sync([command, "--json"]).json();
        let gates = report["gates"].as_array().unwrap();
        let gate = gates
            .iter()
            .find(|gate| gate["name"] == "missing_auth")
            .unwrap();
        (
            gate["open"].as_bool().unwrap(),
            gate["known"].as_bool().unwrap(),
        )
    };
    assert_eq!((auth("preflight"), asked.exists()), ((false, true), false));
    let _given = sandbox.sk_sync(["allow", &foreign.origin]).success();
    assert_eq!(
        (auth("status"), asked.exists()),
        ((true, false), false),
        "only sending, or a preflight, asks"
    );
    assert_eq!(auth("preflight"), (true, true));
    let question = std::fs::read_to_string(&asked).unwrap();
    let host = foreign.origin.strip_prefix("https://").unwrap();
    assert!(
        question.contains("protocol=https\n") && question.contains(&format!("host={host}\n")),
        "{question}"
    );
    assert!(
        !trap.exists(),
        "a helper of the repository's own configuration"
    );
}

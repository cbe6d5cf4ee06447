//! Reading leaves no trace, and machine-readable output contains nothing else.

use crate::support::Sandbox;

const READING: [&[&str]; 8] = [
    &["status"],
    &["status", "--check"],
    &["status", "--json"],
    &["verify"],
    &["events", "list"],
    &["config", "show"],
    &["run", "--dry-run"],
    &["index", "--dry-run"],
];

/// Reads never write: without a store, none of them creates one.
#[test]
fn d42_reading_creates_nothing() {
    let sandbox = Sandbox::with_repo();
    let before = sandbox.listing();
    for command in READING {
        let run = sandbox.sk_sync(command);
        assert!(
            matches!(run.code, Some(0 | 3)),
            "no document was sent yet: {run:?}"
        );
        assert_eq!(sandbox.listing(), before, "{command:?}");
    }
}

/// With a store, no file is created, removed or resized, and no byte of the store changes.
#[test]
fn d42_reading_changes_nothing() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    let (before, bytes) = (sandbox.listing(), std::fs::read(sandbox.store()).unwrap());
    for command in READING {
        let _run = sandbox.sk_sync(command).success();
        assert_eq!(sandbox.listing(), before, "{command:?}");
        assert_eq!(
            std::fs::read(sandbox.store()).unwrap(),
            bytes,
            "{command:?}"
        );
    }
}

/// A dry run of a drain shows what is left to send, and sends nothing.
#[test]
fn a_drain_tried_dry_says_what_is_owed() {
    let sandbox = Sandbox::with_repo();
    let captured = sandbox
        .sk_sync(["run", "--no-drain", "--json"])
        .success()
        .json();
    let before = sandbox.listing();
    let report = sandbox
        .sk_sync(["drain", "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(
        report["balance"]["untried"],
        captured["capture"]["captured"]
    );
    assert_eq!(
        report["bodies"]["already_in_queue"],
        captured["bodies"]["queued"]
    );
    let words = sandbox.sk_sync(["drain", "--dry-run"]).success().stdout;
    assert!(
        words.contains("23 waiting")
            && words.contains("14 waiting before")
            && words.contains("nothing was sent"),
        "{words}"
    );
    assert_eq!(sandbox.listing(), before);
}

/// With `--json`, stdout is one document and stderr is empty.
#[test]
fn d52_one_json_document_and_silence() {
    let sandbox = Sandbox::with_repo();
    // A mission that warns.
    sandbox.write("kitty-specs/broken/meta.json", "{");
    for command in [
        &["run", "--json"][..],
        &["index", "--json"],
        &["index", "--dry-run", "--json"],
        &["drain", "--json"],
        &["status", "--json"],
        &["verify", "--json"],
        &["config", "show", "--origin", "--json"],
    ] {
        let run = sandbox.sk_sync(command).success();
        assert_eq!(run.stderr, "", "{command:?}");
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(document["schema_version"], 1, "{command:?}");
    }
}

/// For every end of a command, both streams together are one document, which contains the exit
/// code.
#[test]
#[expect(clippy::too_many_lines, reason = "the table of ends")]
fn d52_every_end_is_one_document() {
    type Setting = fn(&mut Sandbox);
    let nothing: Setting = |_| ();
    let unreachable: Setting = |sandbox| sandbox.target("http://127.0.0.1:9");
    for (name, prepare, words, code) in [
        (
            "no such flag",
            nothing,
            &["run", "--json", "--no-such-flag"][..],
            2,
        ),
        (
            "a bad value",
            nothing,
            &["drain", "--max-time", "soon", "--json"],
            2,
        ),
        (
            "no such directory",
            nothing,
            &["index", "--json", "--repo", "absent"],
            2,
        ),
        (
            "no such file",
            nothing,
            &["config", "show", "--json", "--config", "absent.toml"],
            2,
        ),
        (
            "a bad file",
            |s| s.write("event-sync.toml", "preset = 1"),
            &["status", "--json"],
            2,
        ),
        (
            "a bad variable",
            |s| s.set("SK_SYNC_DRAIN__NO", "1"),
            &["run", "--json"],
            2,
        ),
        (
            "a bad address",
            |s| s.target("http://u:p@h.example"),
            &["run", "--json"],
            2,
        ),
        (
            "no missions",
            |s| {
                std::fs::remove_dir_all(s.repo())
                    .and_then(|()| std::fs::create_dir(s.repo()))
                    .unwrap();
            },
            &["run", "--json"],
            2,
        ),
        (
            "no identity",
            |s| std::fs::remove_file(s.repo().join(".kittify/config.yaml")).unwrap(),
            &["run", "--json", "--preset", "local-retention"],
            4,
        ),
        (
            "no identity",
            |s| std::fs::remove_file(s.repo().join(".kittify/config.yaml")).unwrap(),
            &["index", "--json", "--preset", "local-retention"],
            4,
        ),
        (
            "a shut gate",
            nothing,
            &["run", "--json", "--preset", "teamspace"],
            4,
        ),
        (
            "a shut gate",
            nothing,
            &["drain", "--json", "--preset", "teamspace"],
            4,
        ),
        ("no server there", unreachable, &["run", "--json"], 3),
        (
            "a mission that is not there",
            nothing,
            &["index", "--json", "--mission", "absent"],
            2,
        ),
        (
            "an identity that is there",
            nothing,
            &["init", "--project", "--json"],
            2,
        ),
        (
            "no such event",
            nothing,
            &["events", "show", "absent", "--json"],
            2,
        ),
    ] {
        let mut sandbox = Sandbox::with_repo();
        prepare(&mut sandbox);
        let run = sandbox.sk_sync(words).code(code);
        assert_eq!(run.stderr, "", "{name} {words:?}");
        let document = run.json();
        assert_eq!(
            (&document["ok"], &document["exit_code"]),
            (&(code == 0).into(), &code.into()),
            "{name} {words:?}"
        );
        if code == 2 {
            assert!(
                document["error"]["message"]
                    .as_str()
                    .is_some_and(|m| !m.is_empty()),
                "{name}: {document}"
            );
        }
    }
}

/// Verbose, quiet, with colours: the document is unchanged.
#[test]
fn d52_other_options_add_nothing_to_a_document() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("CI", "true");
    for more in [
        &["-vvv"][..],
        &["-q"],
        &["--color", "always"],
        &["--no-input"],
    ] {
        for words in [
            &["run", "--json"][..],
            &["status", "--json"],
            &["config", "show", "--json"],
        ] {
            let run = sandbox.sk_sync(more.iter().chain(words)).success();
            assert!(
                run.stderr.is_empty() && !run.stdout.contains('\u{1b}'),
                "{more:?} {words:?} {run:#?}"
            );
            assert_eq!(run.json()["schema_version"], 1);
        }
    }
}

/// A command that fails has a document, too.
#[test]
fn d52_a_failure_is_a_document() {
    let sandbox = Sandbox::with_repo();
    sandbox.write(
        "event-sync.toml",
        "preset = \"stub\"\n[drain]\nmax_event = 3\n",
    );
    let run = sandbox.sk_sync(["run", "--json"]).code(2);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&document["ok"], &document["exit_code"]),
        (&false.into(), &2.into())
    );
    let message = document["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("event-sync.toml")
            && message.contains('3')
            && message.contains("max_events"),
        "{message}"
    );
}

/// `SK_SYNC=0` turns everything off.
#[test]
fn d53_switched_off_nothing_happens() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC", "0");
    let before = sandbox.listing();
    for command in [&["run"][..], &["status", "--json"], &["no-such-command"]] {
        let run = sandbox.sk_sync(command).success();
        assert_eq!(
            (run.stdout.as_str(), run.stderr.as_str()),
            ("", ""),
            "{command:?}"
        );
    }
    let run = sandbox.sk_sync_with(["capture"], b"{}").code(4);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    assert_eq!(sandbox.listing(), before);
}

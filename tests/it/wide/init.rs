//! `init` agrees to what it writes and lists, and to nothing else.

use serde_json::json;

use super::{PROJECT, WIDE, clone};
use crate::support::Sandbox;
use crate::support::gates::closed_gates;

/// A file that `init` writes as a whole is its user's; an existing one is not.
#[test]
fn init_agrees_to_its_own_file_alone() {
    let files = |sandbox: &Sandbox| {
        sandbox.write("openspec/project.md", "the project\n");
        sandbox.write("openspec/changes/login/proposal.md", "the proposal\n");
    };
    let own = Sandbox::with_empty_repo();
    files(&own);
    let _written = own.sk_sync(["init"]).success();
    let report = own
        .sk_sync(["run", "--preset", "stub", "--json"])
        .success()
        .json();
    assert_eq!(
        (&report["bodies"]["uploaded"], &report["warnings"]),
        (&json!(2), &json!([])),
        "{report}"
    );
    // To a server it still takes an agreement.
    let words = [
        "run",
        "--preset",
        "external-receiver",
        "--target-url",
        "https://127.0.0.1:9",
        "--json",
    ];
    own.write(
        "event-sync.toml",
        own.read("event-sync.toml") + "# changed\n",
    );
    let report = own
        .sk_sync(["run", "--preset", "stub", "--json"])
        .success()
        .json();
    assert!(
        report["warnings"]
            .to_string()
            .contains("artifacts.layouts; to use them: sk-sync allow local"),
        "{report}"
    );
    assert_eq!(
        closed_gates(&own.sk_sync(words).code(4).json()),
        ["repository_not_allowed"]
    );

    let theirs = clone(&format!("{PROJECT}{WIDE}"));
    let named = theirs.sk_sync(["init"]).success();
    assert!(
        named
            .stderr
            .contains("Next: `sk-sync allow local` to use what event-sync.toml sets"),
        "{}",
        named.stderr
    );
    let grants = theirs
        .sk_sync(["allow", "--list", "--json"])
        .success()
        .json();
    assert_eq!(grants["grants"], json!([]), "{grants}");
    assert!(
        theirs
            .sk_sync(["index"])
            .success()
            .stdout
            .contains("to use them: sk-sync allow local")
    );
}

/// `init` lists every document of the built-in layouts in a file that was there before, and then
/// agrees to use it. With any other key in it, and without the list on the screen, the file waits.
#[test]
fn init_agrees_to_layouts_that_it_lists() {
    let source = "[[artifacts.source]]\nname = 'adr'\ndocuments = ['adr/*.md']\nslug = 'adr'\nmission_type = 'adr'\n";
    for (before, after, words, is_agreed) in [
        ("", "", &["init"][..], true),
        ("", source, &["init"], false),
        ("journal.capacity = 1\n", "", &["init"], false),
        ("retention = 'off'\n", "", &["init"], false),
        ("", "", &["init", "--json"], false),
        ("", "", &["init", "--quiet"], false),
        ("", "", &["init", "--dry-run"], false),
    ] {
        let sandbox = clone(&format!(
            "{before}{PROJECT}[artifacts]\nlayouts = ['openspec']\n{after}"
        ));
        sandbox.write("openspec/project.md", "the project\n");
        sandbox.write("openspec/changes/login/proposal.md", "the proposal\n");
        sandbox.write("adr/one.md", "a decision\n");
        // Shown as if allowed, with nothing captured.
        let shown = sandbox
            .sk_sync(["index", "--dry-run", "--json"])
            .success()
            .json();
        assert!(
            shown["artifacts"].to_string().contains("proposal.md"),
            "{shown}"
        );
        assert!(
            shown["warnings"][0]
                .as_str()
                .unwrap()
                .starts_with("listed as if the file were allowed"),
            "{shown}"
        );
        let listed = sandbox.sk_sync(words).success();
        assert!(
            !is_agreed || listed.stderr.contains("sent: proposal.md"),
            "{listed:?}"
        );
        let grants = sandbox
            .sk_sync(["allow", "--list", "--json"])
            .success()
            .json()["grants"]
            .clone();
        assert_eq!(
            grants.as_array().unwrap().len(),
            usize::from(is_agreed),
            "{words:?} {before}{after}: {grants}"
        );
        let report = sandbox
            .sk_sync(["run", "--preset", "stub", "--json"])
            .success()
            .json();
        let uploaded = report["bodies"]["uploaded"].as_u64().unwrap();
        assert_eq!(
            uploaded,
            if is_agreed { 2 } else { 1 },
            "{words:?} {before}{after}: {report}"
        );
        // It agreed to use the file, and to send nothing.
        let words = [
            "run",
            "--preset",
            "external-receiver",
            "--target-url",
            "https://sync.example",
            "--json",
        ];
        let _shut = sandbox.sk_sync(words).code(4);
    }
}

/// A new file in place of one that kept files back does not undo what the agreement kept back.
#[test]
fn init_does_not_undo_what_an_agreement_kept_back() {
    let sandbox = clone(&format!(
        "{PROJECT}[artifacts]\nexclude = ['kitty-specs/001-x/research']\n"
    ));
    sandbox.write(
        ".kittify/config.yaml",
        "project:\n  uuid: 7e57ab1e-0000-4000-8000-000000000001\n  slug: s\n",
    );
    sandbox.write("kitty-specs/001-x/research/private.md", "PRIVATE\n");
    let _agreed = sandbox.sk_sync(["allow", "https://sync.example"]).success();
    std::fs::remove_file(sandbox.repo().join("event-sync.toml")).unwrap();
    let _written = sandbox.sk_sync(["init"]).success();
    let report = sandbox.sk_sync(["index", "--json"]).success().json();
    let list = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .stdout;
    assert!(!list.contains("private.md"), "{report}");
}

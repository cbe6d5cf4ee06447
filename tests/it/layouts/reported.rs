//! Places and files that are reported and not indexed: absent, refused, not configured, loose.

use serde_json::json;

use super::{agreed, listed, repository};

#[test]
fn a_configured_place_that_is_not_there_is_an_error() {
    for (artifacts, said) in [
        ("layouts = ['kiro']", "there is no directory .kiro/specs/, "),
        (
            "root = 'specz'",
            "artifacts.root = \"specz\" is configured, and there is no directory specz/",
        ),
        (
            "[[artifacts.source]]\nname = 'x'\nunits = ['packages/{name}']",
            "the source \"x\" is configured",
        ),
    ] {
        let sandbox = agreed(
            &["docs/a.md", "kitty-specs/a/spec.md"],
            &format!("[artifacts]\n{artifacts}"),
        );
        let run = sandbox.sk_sync(["index"]).code(2);
        assert!(run.stderr.contains(said), "{artifacts}: {}", run.stderr);
    }
    // The default root may be missing: there is nothing yet.
    let _nothing_yet = repository(&[], "").sk_sync(["index"]).success();
}

/// Places where tools keep secrets, and directories of git, are refused before anything is read.
#[test]
fn a_place_that_is_never_read_is_refused() {
    let source = |key: &str, pattern: &str| {
        format!("[[artifacts.source]]\nname = 'x'\nslug = 'x'\n{key} = ['{pattern}']")
    };
    for artifacts in [
        "root = '.kiro/settings'".to_owned(),
        "root = '.claude/commands'".to_owned(),
        source("documents", ".kiro/settings/*.json"),
        source("documents", ".planning/config.json"),
        source("documents", "_bmad/**/*.md"),
        source("documents", ".claude/settings.json"),
        source("units", ".claude/agents/{name}").replace("slug = 'x'\n", ""),
    ] {
        let sandbox = agreed(
            &["kitty-specs/a/spec.md", ".kiro/settings/mcp.json"],
            &format!("[artifacts]\n{artifacts}"),
        );
        let run = sandbox.sk_sync(["run", "--preset", "stub"]).code(2);
        assert!(
            run.stderr
                .contains("is never read: tools keep secrets or internal files there"),
            "{artifacts}: {}",
            run.stderr
        );
    }
    let allowed = source("units", ".claude/specs/{name}").replace("slug = 'x'\n", "");
    let sandbox = agreed(
        &[".claude/specs/a/tasks.md"],
        &format!("[artifacts]\nlayouts = []\n{allowed}"),
    );
    assert_eq!(listed(&sandbox).len(), 1);
}

/// The older form of uploads has names of Spec Kitty only.
#[test]
fn the_older_form_of_uploads_is_said_to_have_no_room_for_other_names() {
    let files = [
        "openspec/changes/001-login/proposal.md",
        "kitty-specs/My.Mission/spec.md",
        "openspec/project.md",
    ];
    let sandbox = agreed(
        &files,
        "[artifacts]\nlayouts = ['openspec', 'kitty']\n[bodies]\nwire_names = '2026-03'",
    );
    let file = sandbox.read("event-sync.toml");
    let said = |layouts: &str| {
        sandbox.own(file.replace("['openspec', 'kitty']", layouts));
        sandbox.sk_sync(["index", "--json"]).success().json()["warnings"].to_string()
    };
    let both = said("['openspec', 'kitty']");
    assert!(
        both.contains("may refuse openspec.project\"") && both.contains("2026-03"),
        "{both}"
    );
    assert!(!said("['kitty']").contains("may refuse"));
}

#[test]
fn a_layout_that_is_not_configured_is_named_and_not_indexed() {
    let sandbox = repository(
        &["openspec/project.md", "openspec/changes/a/proposal.md"],
        "",
    );
    let line = "openspec: 2 units in openspec/, not indexed: sk-sync init";
    for command in ["run", "index", "status", "preflight"] {
        let run = sandbox.sk_sync([command]).success();
        assert!(
            run.stdout.contains(line) || run.stderr.contains(line),
            "{command}: {}{}",
            run.stdout,
            run.stderr
        );
        assert!(
            !run.stdout.contains("everything is captured"),
            "{command}: {}",
            run.stdout
        );
    }
    let report = sandbox.sk_sync(["index", "--json"]).success().json();
    assert_eq!(
        report["index"]["found"],
        json!([{"layout": "openspec", "place": "openspec", "units": 2}])
    );
    assert_eq!(report["index"]["missions"], 0);
}

#[test]
fn what_is_odd_is_named_and_costs_only_itself() {
    let files = [
        "specs/001-good/spec.md",
        "specs/not safe/spec.md",
        "specs/module/.git",
        "elsewhere/spec.md",
        ".specify/specs/001-good/spec.md",
    ];
    let sandbox = agreed(&files, "[artifacts]\nlayouts = ['spec-kit']");
    let link =
        |to: &str, at: &str| std::os::unix::fs::symlink(to, sandbox.repo().join(at)).unwrap();
    link("../elsewhere", "specs/linked");
    link("../elsewhere/spec.md", "specs/notes.md");
    let report = sandbox.sk_sync(["index", "--json"]).success().json();
    assert_eq!(report["index"]["missions"], 1, "{report}");
    let warnings = report["warnings"].to_string();
    for (path, code) in [
        ("specs/not safe", "unsafe_name"),
        (".specify/specs/001-good", "slug_taken"),
        ("specs/linked", "mission_is_link"),
        ("specs/notes.md", "document_is_link"),
        ("module", "nested_repository"),
    ] {
        assert!(
            warnings.contains(path) && warnings.contains(code),
            "{code}: {warnings}"
        );
    }
}

#[test]
fn loose_files_are_counted_and_named_on_request() {
    let files = [
        "openspec/changes/a/proposal.md",
        "openspec/changes/b.txt",
        "openspec/AGENTS.md",
    ];
    let sandbox = agreed(&files, "[artifacts]\nlayouts = ['openspec']");
    let report = sandbox.sk_sync(["index", "--json"]).success().json();
    let wanted = json!([{"name": "openspec", "units": 1, "artifacts": 1, "no_unit": 1}]);
    assert_eq!(report["index"]["layouts"], wanted);
    let (short, long) = (
        sandbox.sk_sync(["index"]).success(),
        sandbox.sk_sync(["index", "-v"]).success(),
    );
    assert!(!short.stdout.contains("b.txt"), "{}", short.stdout);
    assert!(
        long.stdout
            .contains("Beside    openspec/changes/b.txt is in no unit"),
        "{}",
        long.stdout
    );
    assert!(!long.stdout.contains("AGENTS.md"), "{}", long.stdout);
}

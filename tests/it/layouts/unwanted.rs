//! Excluded files, and files that git ignores: not indexed, not sent, not reported.

use std::collections::BTreeSet;

use serde_json::json;

use super::{agreed, listed, repository, sha256};
use crate::support::Sandbox;
use crate::support::server::Server;

const FILES: &[&str] = &[
    "openspec/project.md",
    "openspec/specs/auth/spec.md",
    "openspec/specs/private/spec.md",
    "openspec/changes/login/proposal.md",
    "openspec/changes/login/notes.local.md",
    "openspec/changes/login/drafts/a.md",
    "openspec/changes/private/proposal.md",
    "openspec/changes/loose.local.txt",
    "kitty-specs/001-tides/spec.md",
    "kitty-specs/001-tides/plan.local.md",
    "kitty-specs/001-tides/checklists/deep/er.md",
    "kitty-specs/002-mine/spec.md",
    ".kiro/steering/product.md",
    ".kiro/specs/private/tasks.md",
];

const LAYOUTS: &str = "[artifacts]\nlayouts = ['openspec', 'kitty', 'kiro']\n";

const PATTERNS: &str = "*.local.*\ndrafts/\n/openspec/specs/private/\n/openspec/changes/private\nkitty-specs/002-mine/*\n\
                        **/deep/\n.kiro/specs/\n";

/// Of `FILES`, those that `PATTERNS` does not name.
fn wanted() -> BTreeSet<String> {
    let files = FILES.iter().filter(|file| {
        !["local", "drafts", "private", "mine", "deep"]
            .iter()
            .any(|w| file.contains(w))
    });
    files.map(|file| (*file).to_owned()).collect()
}

fn paths(sandbox: &Sandbox) -> BTreeSet<String> {
    let units = listed(sandbox).into_iter();
    let within = |dir: &str, file: &str| {
        let file = file.trim_start_matches('!');
        if dir.is_empty() {
            file.to_owned()
        } else {
            format!("{dir}/{file}")
        }
    };
    units
        .flat_map(|(_, (dir, files))| files.into_iter().map(move |file| within(&dir, &file)))
        .collect()
}

#[test]
fn what_git_ignores_is_not_indexed_and_not_told() {
    let sandbox = agreed(FILES, LAYOUTS);
    assert_eq!(
        paths(&sandbox).len(),
        FILES.len() - 1,
        "all but the loose one"
    );
    sandbox.write(".gitignore", PATTERNS);
    std::os::unix::fs::symlink(
        "notes.local.md",
        sandbox.repo().join("openspec/changes/login/link.md"),
    )
    .unwrap();
    assert_eq!(paths(&sandbox), wanted());

    let server = Server::honest();
    let url = server.url();
    let words = [
        "--preset",
        "external-receiver",
        "--target-url",
        &url,
        "--allow-origin",
        &url,
    ];
    let run = sandbox
        .sk_sync(["run", "-v", "--strict"].iter().chain(&words))
        .success();
    let requests: Vec<String> = server
        .requests()
        .iter()
        .map(|r| String::from_utf8_lossy(&r.body()).into_owned())
        .collect();
    let json = sandbox.sk_sync(["index", "--json", "-v"]).success();
    let shown = sandbox.sk_sync(["index", "--dry-run", "-v"]).success();
    let status = sandbox.sk_sync(["status"]).success();
    let told = [
        run.stdout,
        run.stderr,
        json.stdout,
        json.stderr,
        shown.stdout,
        shown.stderr,
        status.stdout,
        requests.concat(),
    ]
    .concat();
    assert!(
        told.contains("001-tides") && told.contains("product.md"),
        "{told}"
    );
    for file in FILES.iter().filter(|file| !wanted().contains(**file)) {
        assert!(!told.contains(&sha256(&sandbox.read(file))), "{file}");
    }
    for word in ["local", "drafts", "private", "002-mine", "deep", "link.md"] {
        assert!(!told.contains(word), "{word}: {told}");
    }
}

/// A tracked file is never ignored, even in an ignored directory, and in a linked work tree.
#[test]
fn a_tracked_file_is_sent_whatever_the_patterns_say() {
    let sandbox = agreed(FILES, LAYOUTS);
    sandbox.write(".gitignore", PATTERNS);
    sandbox.git(&[
        "add",
        "-f",
        ".gitignore",
        "openspec",
        "kitty-specs/001-tides",
        "kitty-specs/002-mine",
        ".kiro/specs",
        "event-sync.toml",
    ]);
    let all: BTreeSet<_> = FILES
        .iter()
        .filter(|f| !f.contains("loose"))
        .map(|f| (*f).to_owned())
        .collect();
    assert_eq!(paths(&sandbox), all);
    sandbox.write("openspec/changes/login/drafts/new.md", "x");
    sandbox.write("kitty-specs/002-mine/new.md", "x");
    assert_eq!(paths(&sandbox), all);

    sandbox.git(&["commit", "-q", "-m", "x"]);
    sandbox.git(&["worktree", "add", "-q", "../side"]);
    let side = sandbox.repo().with_file_name("side");
    std::fs::write(side.join("openspec/changes/login/new.local.md"), "x").unwrap();
    let report = sandbox
        .sk_sync([
            "index",
            "--dry-run",
            "--json",
            "--repo",
            side.to_str().unwrap(),
        ])
        .success()
        .json();
    let found: BTreeSet<_> = report["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["path"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        found.contains("notes.local.md")
            && found.contains("drafts/a.md")
            && !found.contains("new.local.md"),
        "{found:?}"
    );
}

#[test]
fn an_index_that_cannot_be_read_keeps_what_matches_here() {
    let sandbox = agreed(FILES, LAYOUTS);
    sandbox.write(".gitignore", PATTERNS);
    sandbox.git(&["add", "-f", "."]);
    sandbox.write(".git/index", "DIRC\0\0\0\u{9}\0\0\0\0");
    let run = sandbox.sk_sync(["index", "--dry-run", "--json"]).success();
    let report = run.json();
    let said = report["warnings"].to_string();
    assert!(
        said.contains(".git/index: ") && !said.contains("local"),
        "{said}"
    );
    assert_eq!(paths(&sandbox), wanted());
}

/// Excluded paths of every file count together: neither a person's list nor the repository's takes
/// the other's away.
#[test]
fn what_is_excluded_in_any_file_is_not_indexed() {
    let list = "exclude = ['**/*.local.*', '**/drafts', 'openspec/*/private/', '**/deep/**']\n";
    let sandbox = agreed(FILES, &format!("{LAYOUTS}{list}"));
    let repositorys = sandbox.read("event-sync.toml");
    sandbox.own("[artifacts]\nexclude = ['kitty-specs/002-mine', '.kiro/specs/private/**']\n");
    sandbox.write("event-sync.toml", repositorys);
    assert_eq!(paths(&sandbox), wanted());
    let shown = sandbox
        .sk_sync(["config", "show", "--origin", "--json"])
        .success()
        .json();
    let values = shown["values"].as_array().unwrap();
    let exclude = values
        .iter()
        .find(|value| value["key"] == "artifacts.exclude")
        .unwrap();
    assert_eq!(exclude["value"].as_array().unwrap().len(), 6, "{exclude}");
    let report = sandbox
        .sk_sync(["index", "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(report["index"]["layouts"][0]["no_unit"], json!(0));
}

/// The list holds without an agreement where something leaves, and asks for none.
#[test]
fn a_list_of_excluded_paths_needs_no_agreement() {
    let sandbox = repository(
        &["kitty-specs/001-a/spec.md", "kitty-specs/001-a/plan.md"],
        "[artifacts]\nexclude = ['**/plan.md']\n",
    );
    let server = Server::honest();
    let url = server.url();
    let run = sandbox
        .sk_sync([
            "run",
            "--json",
            "--preset",
            "external-receiver",
            "--target-url",
            &url,
        ])
        .success()
        .json();
    assert_eq!(run["bodies"]["uploaded"], json!(1), "{run}");
    assert!(
        run["gates"]
            .as_array()
            .unwrap()
            .iter()
            .all(|gate| gate["open"] == true),
        "{run}"
    );
}

/// An ignored layout is neither reported nor set up by `init`.
#[test]
fn an_ignored_layout_is_not_found() {
    let sandbox = repository(
        &[
            "openspec/project.md",
            "openspec/changes/a/proposal.md",
            ".kiro/steering/product.md",
        ],
        "",
    );
    sandbox.write(".gitignore", "/openspec/changes/\n.kiro/\n");
    let report = sandbox.sk_sync(["index", "--json"]).success().json();
    assert_eq!(
        report["index"]["found"],
        json!([{"layout": "openspec", "place": "openspec", "units": 1}])
    );
    std::fs::remove_file(sandbox.repo().join("event-sync.toml")).unwrap();
    let init = sandbox.sk_sync(["init"]).success();
    let file = sandbox.read("event-sync.toml");
    assert!(
        file.contains("layouts = [\"openspec\"]") && !file.contains("kiro"),
        "{file}"
    );
    assert!(!init.stderr.contains("kiro"), "{}", init.stderr);
}

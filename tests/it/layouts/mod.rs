//! Where units and documents are found: the built-in layouts, custom sources, and several at once.

mod recipes;
mod reported;
mod trees;
mod unwanted;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trees::{NEVER_SENT, TREES, Tree};

use crate::support::Sandbox;
use crate::support::server::Server;

/// A repository with these files and this `[artifacts]`; each file holds its own path.
fn repository(files: &[&str], artifacts: &str) -> Sandbox {
    let sandbox = Sandbox::with_empty_repo();
    for file in files {
        sandbox.write(file, format!("the text of {file}\n"));
    }
    let identity = "[project]\nuuid = '8a4a7da6-a97c-4bb4-893a-b31664abfee4'\nslug = 'demo'\n";
    sandbox.write("event-sync.toml", format!("{identity}{artifacts}"));
    sandbox
}

/// The same, with the user's consent to the file.
fn agreed(files: &[&str], artifacts: &str) -> Sandbox {
    let sandbox = repository(files, artifacts);
    sandbox.agree();
    sandbox
}

fn of_tree(tree: &Tree) -> Sandbox {
    let files = tree
        .units
        .iter()
        .flat_map(|(_, dir, files)| files.iter().map(move |file| within(dir, file)));
    let files: Vec<String> = files
        .map(|file| file.trim_start_matches('!').to_owned())
        .collect();
    let files: Vec<&str> = files
        .iter()
        .map(String::as_str)
        .chain(tree.others.iter().copied())
        .collect();
    agreed(&files, tree.artifacts)
}

/// The path of a unit's file; a leading `!` means that it is indexed and not sent.
fn within(dir: &str, file: &str) -> String {
    let (mark, file) = file
        .strip_prefix('!')
        .map_or(("", file), |file| ("!", file));
    if dir.is_empty() {
        format!("{mark}{file}")
    } else {
        format!("{mark}{dir}/{file}")
    }
}

/// Output of a dry run: each unit with its layout, its directory and its files.
fn listed(sandbox: &Sandbox) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let report = sandbox
        .sk_sync(["index", "--dry-run", "--json"])
        .success()
        .json();
    let mut units: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    for artifact in report["artifacts"].as_array().unwrap() {
        let text = |key: &str| artifact[key].as_str().unwrap().to_owned();
        let mark = if artifact["decision"] == "queued" {
            ""
        } else {
            "!"
        };
        let unit = units
            .entry(text("mission_slug"))
            .or_insert_with(|| (text("dir"), BTreeSet::new()));
        unit.1.insert(format!("{mark}{}", text("path")));
    }
    units
}

#[test]
fn every_layout_finds_its_units_and_documents_and_nothing_else() {
    for tree in TREES {
        let found = listed(&of_tree(tree));
        let wanted: BTreeMap<_, _> = tree
            .units
            .iter()
            .map(|(slug, dir, files)| {
                let files = files.iter().map(|file| (*file).to_owned()).collect();
                ((*slug).to_owned(), ((*dir).to_owned(), files))
            })
            .collect();
        assert_eq!(found, wanted, "{}", tree.name);
    }
}

/// A strict receiver accepts the names of units, and types name the layout; unwanted files are in
/// no request, not even by name or hash.
#[test]
fn everything_sent_is_accepted_and_nothing_else_is_sent() {
    for tree in TREES {
        let sandbox = of_tree(tree);
        for file in NEVER_SENT {
            sandbox.write(file, format!("secret of {file}"));
        }
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
        let report = sandbox
            .sk_sync(["run", "--json"].iter().chain(&words))
            .success()
            .json();
        let sent: usize = tree
            .units
            .iter()
            .flat_map(|unit| unit.2)
            .filter(|file| !file.starts_with('!'))
            .count();
        assert_eq!(
            report["bodies"]["uploaded"],
            json!(sent),
            "{}: {report}",
            tree.name
        );
        let texts: Vec<String> = server
            .requests()
            .iter()
            .map(|r| String::from_utf8_lossy(&r.body()).into_owned())
            .collect();
        let all = texts.join("\n");
        for file in NEVER_SENT.iter().chain(tree.others) {
            let hash = sha256(&sandbox.read(file));
            assert!(
                !all.contains(&hash) && !all.contains(&format!("{file}\"")),
                "{}: {file}",
                tree.name
            );
        }
        for slug in slugs(&all) {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            assert!(
                slug.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && slug.chars().all(is_allowed),
                "{slug}"
            );
        }
    }
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    let bytes: Vec<_> = sha2::Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    bytes.concat()
}

fn slugs(requests: &str) -> BTreeSet<&str> {
    let after = requests.split("\"mission_slug\":\"").skip(1);
    let slugs: BTreeSet<_> = after.filter_map(|rest| rest.split('"').next()).collect();
    assert!(!slugs.is_empty(), "no request names a mission");
    slugs
}

/// Two layouts with one unit name: each run after the first has nothing to capture.
#[test]
fn units_of_one_name_stay_apart() {
    let files = [
        "openspec/changes/login/proposal.md",
        "openspec/project.md",
        ".kiro/specs/login/requirements.md",
        "kitty-specs/login/spec.md",
    ];
    let sandbox = agreed(
        &files,
        "[artifacts]\nlayouts = ['openspec', 'kiro', 'kitty']",
    );
    let run = || {
        sandbox
            .sk_sync(["run", "--preset", "stub", "--json"])
            .success()
            .json()
    };
    let first = run();
    assert_eq!(first["index"]["missions"], 4);
    for _ in 0..10 {
        let again = run();
        assert_eq!(
            (&again["capture"]["captured"], &again["bodies"]["uploaded"]),
            (&json!(0), &json!(0)),
            "{again}"
        );
    }
    let slugs: Vec<_> = listed(&sandbox).into_keys().collect();
    assert_eq!(
        slugs,
        ["kiro.login", "kitty.login", "login", "openspec.project"]
    );
}

/// Archiving moves the files and keeps the mission: nothing is captured or sent again.
#[test]
fn an_archived_unit_goes_on() {
    let sandbox = agreed(
        &["openspec/changes/login/proposal.md"],
        "[artifacts]\nlayouts = ['openspec']",
    );
    let run = || {
        sandbox
            .sk_sync(["run", "--preset", "stub", "--json"])
            .success()
            .json()
    };
    assert_eq!(run()["bodies"]["uploaded"], 1);
    let at = |path: &str| sandbox.repo().join("openspec/changes").join(path);
    std::fs::create_dir_all(at("archive")).unwrap();
    std::fs::rename(at("login"), at("archive/2026-01-31-login")).unwrap();
    let report = run();
    assert_eq!(
        (
            &report["capture"]["captured"],
            &report["bodies"]["uploaded"]
        ),
        (&json!(0), &json!(0)),
        "{report}"
    );
    assert_eq!(
        listed(&sandbox)["login"].0,
        "openspec/changes/archive/2026-01-31-login"
    );
}

/// Clone, `init`, `run --preset stub`: everything is there, and no file but ours is written.
#[test]
fn the_first_minute_of_every_layout() {
    for tree in TREES {
        let sandbox = of_tree(tree);
        std::fs::remove_file(sandbox.repo().join("event-sync.toml")).unwrap();
        sandbox.write(".specify/feature.json", "{}");
        sandbox.write("openspec/project.md", "x");
        sandbox.write(".planning/PROJECT.md", "x");
        sandbox.write(".planning/STATE.md", "x");
        sandbox.write("_bmad/bmm/config.yaml", "x");
        for other in ["openspec", ".specify", ".planning", "_bmad"] {
            let is_of_tree = tree.units.iter().any(|(_, dir, files)| {
                dir.starts_with(other)
                    || (dir.is_empty() && files.iter().any(|file| file.starts_with(other)))
            });
            if !is_of_tree {
                std::fs::remove_dir_all(sandbox.repo().join(other)).unwrap();
            }
        }
        sandbox.git(&["add", "-A", "-f"]);
        sandbox.git(&["commit", "-q", "-m", "x"]);
        let before = sandbox.sk_sync(["run", "--preset", "stub"]).success();
        assert!(
            before.stdout.contains("Nothing indexed: ") && before.stdout.contains("Found "),
            "{}",
            before.stdout
        );
        assert!(
            before.stderr.contains("first commit") || before.stdout.contains("first commit"),
            "{}",
            before.stderr
        );
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "", "{}", tree.name);
        let init = sandbox.sk_sync(["init"]).success();
        assert!(
            sandbox.read("event-sync.toml").contains(tree.name),
            "{}: {}",
            tree.name,
            init.stderr
        );
        let _next = sandbox.sk_sync(["run", "--no-drain"]).success();
        let report = sandbox
            .sk_sync(["run", "--preset", "stub", "--json"])
            .success()
            .json();
        let sent: usize = tree
            .units
            .iter()
            .flat_map(|unit| unit.2)
            .filter(|file| !file.starts_with('!'))
            .count();
        assert!(
            report["bodies"]["uploaded"].as_u64().unwrap() >= sent as u64,
            "{}: {report}",
            tree.name
        );
        assert_eq!(report["index"]["found"], json!([]), "{}", tree.name);
    }
}

/// A unit inside another one is its own: its files are not also those of the outer one.
#[test]
fn a_unit_inside_two_patterns_belongs_to_the_innermost() {
    let source = "[[artifacts.source]]\nname = 'x'\nunits = ['a/{name}', 'a/{outer}/parts/{name}']\nslug = '{name}'";
    let sandbox = agreed(
        &["a/one/x.md", "a/one/parts/two/y.md"],
        &format!("[artifacts]\nlayouts = []\n{source}"),
    );
    let found: Vec<_> = listed(&sandbox)
        .into_iter()
        .map(|(slug, (_, files))| (slug, files))
        .collect();
    let set = |file: &str| BTreeSet::from([file.to_owned()]);
    assert_eq!(
        found,
        [
            ("one".to_owned(), set("x.md")),
            ("two".to_owned(), set("y.md"))
        ]
    );
}

#[test]
fn manifests_know_what_a_step_needs() {
    for (layout, file, step, missing) in [
        ("spec-kit", "specs/001-a/spec.md", "plan", Some("plan.md")),
        (
            "openspec",
            "openspec/changes/a/tasks.md",
            "propose",
            Some("proposal.md"),
        ),
        (
            "kiro",
            ".kiro/specs/a/design.md",
            "requirements",
            Some("requirements.md"),
        ),
        ("kiro", ".kiro/specs/a/bugfix.md", "requirements", None),
        ("gsd", ".planning/phases/01-a/01-01-PLAN.md", "plan", None),
        (
            "gsd",
            ".planning/phases/01-a/01-01-PLAN.md",
            "execute",
            Some("*-SUMMARY.md"),
        ),
        ("bmad", "_bmad-output/stories/1.md", "plan", None),
    ] {
        let sandbox = agreed(&[file], &format!("[artifacts]\nlayouts = ['{layout}']"));
        let report = sandbox
            .sk_sync(["index", "--dry-run", "--json", "--step", step])
            .success()
            .json();
        let absent = |a: &&Value| a["present"] == false && a["required_status"] == "required";
        let found: Vec<_> = report["artifacts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(absent)
            .map(|a| &a["path"])
            .collect();
        assert_eq!(found, missing.iter().collect::<Vec<_>>(), "{layout} {step}");
    }
}

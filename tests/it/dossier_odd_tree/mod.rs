//! Unusual trees that exist on real machines: each problem has a reason code, affects only its
//! entry, and no byte comes from outside a feature directory.

#![cfg(unix)]

mod large;
mod moving;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::rights::{as_nobody, mode};
use crate::support::wire::received;

const SECRET: &str = "what lies outside";

/// A repository with one normal mission next to an odd one, and a secret outside both.
struct Odd {
    sandbox: Sandbox,
    dir: PathBuf,
}

impl Odd {
    fn new() -> Self {
        let sandbox = Sandbox::with_empty_repo();
        sandbox.write(
            ".kittify/config.yaml",
            "project:\n  uuid: 5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60\n",
        );
        sandbox.write("event-sync.toml", "preset = 'stub'\n");
        let meta = r#"{"mission_type": "software-dev", "target_branch": "main"}"#;
        for mission in ["good", "odd"] {
            sandbox.write(&format!("kitty-specs/{mission}/meta.json"), meta);
            sandbox.write(&format!("kitty-specs/{mission}/spec.md"), mission);
        }
        sandbox.write("secret.md", SECRET);
        let dir = sandbox.repo().join("kitty-specs/odd");
        Self { sandbox, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn dry_run(&self) -> Value {
        self.sandbox
            .sk_sync(["index", "--dry-run", "--json"])
            .success()
            .json()
    }

    /// The odd mission's artifacts by path, each with the reason of its decision.
    fn artifacts(report: &Value) -> BTreeMap<String, String> {
        let text = |artifact: &Value, member: &str| artifact[member].as_str().unwrap().to_owned();
        let artifacts = report["artifacts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|a| a["mission_slug"] == "odd");
        artifacts
            .map(|a| (text(a, "path"), text(a, "reason")))
            .collect()
    }

    /// The codes in the warnings about the odd mission, by path.
    fn codes(report: &Value) -> BTreeMap<String, String> {
        let warnings = report["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|w| w.as_str().unwrap());
        let about = warnings.filter_map(|w| {
            let path = w.strip_prefix("odd/")?.split([' ', ':']).next()?;
            let code = w.rsplit_once('(')?.1.strip_suffix(')')?;
            Some((path.to_owned(), code.to_owned()))
        });
        about.collect()
    }

    /// One real run: the good mission is whole, and the secret is nowhere.
    fn assert_it_runs(&self) {
        let report = self.sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            (&report["index"]["missions"], &report["balance"]["holds"]),
            (&json!(2), &json!(true)),
            "{report}"
        );
        let received = received(&self.sandbox.store().with_file_name("stub.db"));
        let secret = sha256(SECRET);
        let events = received
            .events
            .values()
            .map(|bytes| String::from_utf8(bytes.clone()).unwrap());
        assert!(
            events.into_iter().all(|text| !text.contains(&secret)),
            "a digest from outside"
        );
        assert!(
            !format!("{:?}", received.bodies).contains(SECRET),
            "a body from outside"
        );
    }
}

/// The digest of a text according to `sha256sum`.
fn sha256(text: &str) -> String {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}

fn table(rows: &[(&str, &str)]) -> BTreeMap<String, String> {
    rows.iter()
        .map(|(path, word)| ((*path).to_owned(), (*word).to_owned()))
        .collect()
}

/// Runs a program that must succeed; if it fails, prints a notice and returns false.
#[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
fn made(program: &str, args: &[&str], path: &Path, more: &[&str]) -> bool {
    let output = Command::new(program)
        .args(args)
        .arg(path)
        .args(more)
        .output()
        .unwrap();
    let is_made = output.status.success();
    if !is_made {
        eprintln!(
            "SKIPPED: {program}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    is_made
}

#[test]
fn links_lead_nowhere_but_to_files_of_their_mission() {
    let odd = Odd::new();
    odd.sandbox
        .write("kitty-specs/good/other.md", "of another mission");
    odd.sandbox.write("kitty-specs/odd/deep/note.md", "note");
    odd.sandbox.write("kitty-specs/odd/.hidden/x.md", "hidden");
    let absolute = odd.sandbox.repo().join("secret.md");
    for (name, to) in [
        ("a-secret.md", "../../secret.md"),
        ("b-absolute.md", absolute.to_str().unwrap()),
        ("c-sibling.md", "../good/other.md"),
        ("d-chain.md", "a-secret.md"),
        ("e-proc.md", "/proc/self/environ"),
        ("f-dangling.md", "nothing"),
        ("g-loop.md", "h-loop.md"),
        ("h-loop.md", "g-loop.md"),
        ("i-self.md", "i-self.md"),
        ("j-up", ".."),
        ("k-dir", "deep"),
        ("l-root", "/"),
        ("m-through", "deep/../../good/other.md"),
        ("n-inside.md", "deep/note.md"),
        ("o-git.md", "../../.git/config"),
        ("deep/back", "../deep"),
    ] {
        symlink(to, odd.path(name)).unwrap();
    }
    let report = odd.dry_run();
    let wanted = table(&[
        ("a-secret.md", "link_outside"),
        ("b-absolute.md", "link_outside"),
        ("c-sibling.md", "link_outside"),
        ("d-chain.md", "link_outside"),
        ("e-proc.md", "link_outside"),
        ("f-dangling.md", "link_dangling"),
        ("g-loop.md", "link_loop"),
        ("h-loop.md", "link_loop"),
        ("i-self.md", "link_loop"),
        ("j-up", "link_outside"),
        ("k-dir", "link_to_directory"),
        ("l-root", "link_outside"),
        ("m-through", "link_outside"),
        ("o-git.md", "link_outside"),
        ("deep/back", "link_to_directory"),
    ]);
    assert_eq!(Odd::codes(&report), wanted);
    let paths: Vec<_> = Odd::artifacts(&report).into_keys().collect();
    assert_eq!(
        paths,
        ["deep/note.md", "meta.json", "n-inside.md", "spec.md"]
    );
    odd.assert_it_runs();
}

#[test]
fn a_hard_link_is_a_file_of_the_mission_and_said_to_be_shared() {
    let odd = Odd::new();
    odd.sandbox.write("notes.md", "shared");
    std::fs::hard_link(odd.path("spec.md"), odd.path("again.md")).unwrap();
    std::fs::hard_link(odd.sandbox.repo().join("notes.md"), odd.path("shared.md")).unwrap();
    std::fs::hard_link(odd.sandbox.repo().join("notes.md"), odd.path("twice.md")).unwrap();
    let report = odd.dry_run();
    assert_eq!(
        Odd::codes(&report),
        table(&[("shared.md", "hard_link")]),
        "{report}"
    );
    let paths: Vec<_> = Odd::artifacts(&report).into_keys().collect();
    assert_eq!(
        paths,
        ["again.md", "meta.json", "shared.md", "spec.md", "twice.md"]
    );
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("odd/shared.md (and 1 others)"),
        "{warnings}"
    );
    odd.assert_it_runs();
}

#[test]
fn pipes_sockets_and_devices_are_not_opened() {
    let odd = Odd::new();
    assert!(made("mkfifo", &[], &odd.path("pipe.md"), &[]));
    let _socket = std::os::unix::net::UnixListener::bind(odd.path("socket.md")).unwrap();
    let mut wanted = table(&[("pipe.md", "special_file"), ("socket.md", "special_file")]);
    for (name, kind, numbers) in [
        ("zero.md", "c", ["1", "5"]),
        ("disk.md", "b", ["7", "0"]),
        ("tty.md", "c", ["5", "0"]),
    ] {
        if made(
            "mknod",
            &[],
            &odd.path(name),
            &[kind, numbers[0], numbers[1]],
        ) {
            wanted.insert(name.to_owned(), "special_file".to_owned());
        }
    }
    symlink("pipe.md", odd.path("to-pipe.md")).unwrap();
    wanted.insert("to-pipe.md".to_owned(), "special_file".to_owned());
    let report = odd.dry_run();
    assert_eq!(Odd::codes(&report), wanted);
    assert_eq!(Odd::artifacts(&report).len(), 2);
    odd.assert_it_runs();
}

#[test]
fn names_break_nothing() {
    let odd = Odd::new();
    let named = |bytes: &[u8]| odd.dir.join(std::ffi::OsStr::from_bytes(bytes));
    std::fs::write(named(b"bad-\xff.md"), "x").unwrap();
    std::fs::create_dir(named(b"dir-\xfe")).unwrap();
    std::fs::write(named(b"dir-\xfe/lost.md"), "x").unwrap();
    symlink("spec.md", named(b"link-\xfd.md")).unwrap();
    for name in [
        "a(b)+c:d.md",
        "é.md",
        "new\nline.md",
        "\u{1b}[31m.md",
        "quote\".md",
        "back\\slash.md",
        "-rf",
        "~",
    ] {
        std::fs::write(odd.path(name), name).unwrap();
    }
    std::fs::write(odd.path(&"n".repeat(255)), "long").unwrap();
    let report = odd.dry_run();
    let codes: Vec<_> = Odd::codes(&report).into_values().collect();
    assert_eq!(codes, ["name_not_utf8"; 3], "{report}");
    assert_eq!(Odd::artifacts(&report).len(), 2 + 8 + 1);
    let is_allowed = |key: &str| {
        key.chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
    };
    for artifact in report["artifacts"].as_array().unwrap() {
        assert!(
            is_allowed(artifact["artifact_key"].as_str().unwrap()),
            "{artifact}"
        );
    }
    odd.assert_it_runs();
}

/// A directory that can be listed and not searched, one that can be searched and not listed, and
/// neither.
#[test]
fn directories_and_files_that_are_shut_cost_only_themselves() {
    let odd = Odd::new();
    for (dir, rights) in [("listed", 0o444), ("searched", 0o111), ("shut", 0o000)] {
        odd.sandbox
            .write(&format!("kitty-specs/odd/{dir}/deep/a.md"), "a");
        odd.sandbox
            .write(&format!("kitty-specs/odd/{dir}/b.md"), "b");
        mode(odd.path(dir), rights);
    }
    symlink("listed/b.md", odd.path("through.md")).unwrap();
    odd.sandbox.write("kitty-specs/odd/closed.md", "c");
    mode(odd.path("closed.md"), 0o000);
    std::fs::create_dir(odd.sandbox.path("theirs")).unwrap();
    mode(odd.sandbox.path("theirs"), 0o777);
    let mut words = vec!["index", "--json"];
    let run = |words: &[&str]| {
        let mut all = words.to_vec();
        all.push("--dry-run");
        as_nobody(&odd.sandbox, &all)
    };
    if let Some(run) = run(&words) {
        let report = run.success().json();
        let artifacts = Odd::artifacts(&report);
        let wanted = [
            ("closed.md", "not_present: unreadable"),
            ("listed/b.md", "not_present: unreadable"),
            ("meta.json", "unsupported_surface"),
            ("spec.md", "enqueued"),
        ];
        assert_eq!(artifacts, table(&wanted), "{report}");
        let wanted = [
            ("listed/deep", "unreadable_directory"),
            ("searched", "unreadable_directory"),
            ("shut", "unreadable_directory"),
            ("through.md", "link_unreadable"),
        ];
        assert_eq!(Odd::codes(&report), table(&wanted));
        assert_eq!(report["index"]["missions"], 2);
    }
    words.push("--no-cache");
    // The mission's own directory is shut: that mission is lost, and named, and no other.
    mode(odd.path(""), 0o000);
    if let Some(run) = run(&words) {
        let report = run.success().json();
        assert_eq!(report["index"]["missions"], 1);
        assert!(
            report["warnings"]
                .to_string()
                .contains("odd left out: the directory cannot be listed"),
            "{report}"
        );
    }
    mode(odd.path(""), 0o755);
    for dir in ["listed", "searched", "shut"] {
        mode(odd.path(dir), 0o755);
    }
}

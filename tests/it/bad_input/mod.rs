//! Bad input: one clear message or one skip with a reason, everything else continues, and the exit
//! code is the documented one.

mod stores;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::support::Sandbox;

/// The stderr of a failed command: one `error:` and usually one `hint:`; never a panic.
fn complaint(sandbox: &Sandbox, args: &[&str], code: i32) -> String {
    let run = sandbox.sk_sync(args).code(code);
    assert_eq!(run.stderr.matches("error:").count(), 1, "{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run.stderr
}

fn warnings(sandbox: &Sandbox) -> String {
    sandbox.sk_sync(["run", "--json"]).success().json()["warnings"].to_string()
}

#[test]
fn neither_a_repository_nor_a_directory_with_missions() {
    let sandbox = Sandbox::new();
    let words = complaint(&sandbox, &["run"], 2);
    assert!(
        words.contains("kitty-specs") && words.contains("--repo"),
        "{words}"
    );
    assert!(complaint(&sandbox, &["run", "--repo", "absent"], 2).contains("absent"));
}

#[test]
fn a_repository_without_missions_says_so() {
    let sandbox = Sandbox::with_empty_repo();
    sandbox.write(
        ".kittify/config.yaml",
        "project:\n  uuid: 5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60\n",
    );
    assert!(warnings(&sandbox).contains("no feature directories in kitty-specs/"));
}

/// The fix that is printed for a missing identity works.
#[test]
fn d32_a_missing_identity_has_a_fix_that_works() {
    let sandbox = Sandbox::with_repo();
    std::fs::remove_file(sandbox.repo().join(".kittify/config.yaml")).unwrap();
    // The stub needs none: nothing leaves the machine.
    let words = complaint(&sandbox, &["run", "--preset", "local-retention"], 4);
    assert!(words.contains("sk-sync init --project"), "{words}");
    let _fix = sandbox.sk_sync(["init", "--project"]).success();
    let _run = sandbox.sk_sync(["run"]).success();
    sandbox.verified();
}

#[test]
fn configuration_errors_name_file_line_and_key() {
    let sandbox = Sandbox::with_repo();
    for (text, parts) in [
        (
            "preset = \"stub\"\n[drain]\nmax_event = 1\n",
            &["event-sync.toml:3", "max_event", "max_events"][..],
        ),
        (
            "preset = \"stubb\"\n",
            &["event-sync.toml:1", "stubb", "local-retention"],
        ),
        (
            "preset = \"stub\"\n[drain]\nmax_events = 0\n",
            &["event-sync.toml:3", "max_events"],
        ),
        ("preset = \n", &["event-sync.toml:1"]),
        (
            "[artifacts]\nroot = \"../elsewhere\"\n",
            &["event-sync.toml:2", "root"],
        ),
        (
            "[external_receiver.headers]\nX-Key = { env = \"HOME\" }\n",
            &["SK_SYNC_SECRET_"],
        ),
    ] {
        sandbox.write("event-sync.toml", text);
        let words = complaint(&sandbox, &["run"], 2);
        assert!(
            parts.iter().all(|part| words.contains(part)),
            "{text}: {words}"
        );
    }
    assert!(
        !sandbox.state().join("projects").exists(),
        "nothing was opened"
    );
}

#[test]
fn a_misspelt_variable_is_an_error_that_names_it() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_DRAIN__MAX_EVENT", "3");
    let words = complaint(&sandbox, &["run"], 2);
    assert!(
        words.contains("SK_SYNC_DRAIN__MAX_EVENT") && words.contains("MAX_EVENTS"),
        "{words}"
    );
}

#[test]
fn an_identity_file_that_is_no_yaml_or_no_uuid() {
    let sandbox = Sandbox::with_repo();
    sandbox.write(".kittify/config.yaml", "project:\n  uuid: [\n");
    assert!(complaint(&sandbox, &["run"], 2).contains("config.yaml:"));
    sandbox.write(".kittify/config.yaml", "project:\n  uuid: twelve\n");
    let words = complaint(&sandbox, &["run"], 2);
    assert!(
        words.contains("config.yaml:2") && words.contains("twelve"),
        "{words}"
    );
}

#[test]
fn odd_missions_cost_only_themselves() {
    let sandbox = Sandbox::with_repo();
    let before = sandbox.sk_sync(["index", "--json"]).success().json()["index"]["missions"]
        .as_u64()
        .unwrap();
    sandbox.write("kitty-specs/broken-json/meta.json", "{");
    sandbox.write("kitty-specs/broken-json/spec.md", "text");
    sandbox.write("kitty-specs/a list/spec.md", "text");
    sandbox.write("kitty-specs/list/meta.json", "[]");
    sandbox.write("kitty-specs/nested/.git/HEAD", "ref: refs/heads/main");
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["index"]["missions"], before);
    let words = report["warnings"].to_string();
    for reason in [
        "meta_not_json",
        "unsafe_name",
        "meta_not_object",
        "nested_repository",
    ] {
        assert!(words.contains(reason), "{reason}: {words}");
    }
    let _strict = sandbox.sk_sync(["run", "--strict"]).code(5);
    sandbox.verified();
}

#[cfg(unix)]
#[test]
fn links_pipes_and_odd_names_are_skipped_with_a_reason() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let sandbox = Sandbox::with_repo();
    let mission = sandbox
        .repo()
        .join("kitty-specs/storm-surge-alerts-01KQX7M2");
    std::fs::create_dir_all(mission.join("research")).unwrap();
    std::fs::write(sandbox.path("secret.md"), "secret").unwrap();
    symlink(sandbox.path("secret.md"), mission.join("research/leak.md")).unwrap();
    symlink("nowhere", mission.join("research/dangling.md")).unwrap();
    symlink("loop.md", mission.join("loop.md")).unwrap();
    symlink("../plan.md", mission.join("research/inside.md")).unwrap();
    std::fs::write(
        mission.join(std::ffi::OsStr::from_bytes(b"bad-\xff.md")),
        "x",
    )
    .unwrap();
    std::fs::write(mission.join("research/odd (name) é.md"), "x").unwrap();
    let pipe = mission.join("research/pipe.md");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let words = report["warnings"].to_string();
    for reason in [
        "link_outside",
        "link_dangling",
        "link_loop",
        "name_not_utf8",
        "special_file",
    ] {
        assert!(words.contains(reason), "{reason}: {words}");
    }
    let events = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .stdout;
    assert!(events.contains("research/inside.md") && events.contains("research/odd (name) é.md"));
    assert!(!events.contains("leak.md"));
    sandbox.verified();
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_loses_only_itself() {
    use crate::support::rights::{as_nobody, mode};
    let sandbox = Sandbox::with_repo();
    let mission = sandbox
        .repo()
        .join("kitty-specs/storm-surge-alerts-01KQX7M2");
    mode(mission.join("spec.md"), 0o000);
    std::fs::create_dir_all(mission.join("closed")).unwrap();
    std::fs::write(mission.join("closed/x.md"), "x").unwrap();
    mode(mission.join("closed"), 0o000);
    std::os::unix::fs::chown(sandbox.state(), Some(65_534), Some(65_534)).unwrap();
    let Some(run) = as_nobody(&sandbox, &["run", "--json"]) else {
        return;
    };
    let report = run.success().json();
    assert!(
        report["warnings"]
            .to_string()
            .contains("unreadable_directory"),
        "{report}"
    );
    assert_eq!(
        report["index"]["not_present"], 2,
        "one invalid text of the fixture and the closed file"
    );
    assert!(
        report["bodies"]["outcomes"]
            .to_string()
            .contains("not_present: unreadable"),
        "{report}"
    );
    assert_eq!(
        report["balance"]["delivered"],
        report["balance"]["captured"]
    );
}

/// A receiver that accepts requests from the network without a token warns once, before the first
/// request.
#[test]
fn a_receiver_that_is_open_to_anybody_says_so() {
    let mut sandbox = Sandbox::new();
    sandbox.set("RECEIVER_TOKEN", "correct-horse");
    for (words, is_open) in [
        (&["serve", "--listen", "0.0.0.0:0"][..], true),
        (
            &[
                "serve",
                "--listen",
                "0.0.0.0:0",
                "--token-env",
                "RECEIVER_TOKEN",
            ],
            false,
        ),
        (&["serve", "--listen", "127.0.0.1:0"], false),
    ] {
        let mut command = sandbox.command(words);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let _length = BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("listening on "), "{said}");
        assert_eq!(words.contains("--token-env NAME"), is_open, "{words}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let sandbox = Sandbox::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let words = complaint(&sandbox, &["serve", "--listen", &address], 2);
    assert!(
        words.contains(&address) && words.contains("another program"),
        "{words}"
    );
}

#[test]
fn a_bare_repository_has_no_work_tree() {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet", "--bare"]);
    assert!(complaint(&sandbox, &["run"], 2).contains("no work tree"));
}

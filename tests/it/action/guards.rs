//! What the Action separates and rejects: caches, artifacts, secrets, foreign checkouts.

use std::process::Command;

use super::{Step, has, runner, step};
use crate::support::Sandbox;
use crate::support::rights::mode;
use crate::support::server::Server;
use crate::support::wire::honest;

/// The step that prepares, which succeeded.
fn prepared(sandbox: &Sandbox, inputs: &[(&str, &str)]) -> Step {
    let prepared = step(sandbox, "prepare.sh", inputs);
    assert_eq!(prepared.code, Some(0), "{}", prepared.log);
    prepared
}

/// Caches are immutable, and artifacts have one name: two jobs, legs, directories, attempts or uses
/// share none.
#[test]
fn each_use_has_a_cache_key_and_an_artifact_of_its_own() {
    let Some(sandbox) = runner() else { return };
    let mut keys = std::collections::BTreeSet::new();
    let mut artifacts = std::collections::BTreeSet::new();
    let same = [
        ("JOB", "a"),
        ("MATRIX", "null"),
        ("REF", "refs/heads/main"),
        ("RUN_ID", "7"),
        ("RUN_ATTEMPT", "1"),
    ];
    std::fs::create_dir(sandbox.repo().join("sub")).unwrap();
    let changes = [
        ("JOB", "a"),
        ("JOB", "b"),
        ("MATRIX", "{\"os\":1}"),
        ("INPUT_DIRECTORY", "sub"),
        ("RUN_ATTEMPT", "2"),
        ("JOB", "a"),
    ];
    for change in changes {
        let inputs: Vec<_> = same
            .into_iter()
            .filter(|(name, _)| *name != change.0)
            .chain([change])
            .collect();
        let prepared = prepared(&sandbox, &inputs);
        assert!(
            prepared
                .output("key")
                .starts_with(prepared.output("key-ref")),
            "{}",
            prepared.outputs
        );
        keys.insert(prepared.output("key").to_owned());
        artifacts.insert(prepared.output("artifact").to_owned());
    }
    assert_eq!(
        (keys.len(), artifacts.len()),
        (changes.len(), changes.len()),
        "{keys:?} {artifacts:?}"
    );
    let env = std::fs::read_to_string(sandbox.path("GITHUB_ENV")).unwrap();
    assert!(
        env.contains("SK_SYNC_REPOSITORY=https://forge.example/o/r\n"),
        "{env}"
    );
    // Another run of the same job uses the same key.
    let [one, two] = ["7", "8"].map(|run| prepared(&sandbox, &[("JOB", "a"), ("RUN_ID", run)]));
    assert_eq!(one.output("key-ref"), two.output("key-ref"));
}

/// With the secrets of the repository, files of a pull request are not worked on.
#[test]
fn a_pull_request_target_with_a_checkout_of_the_head_is_refused() {
    let Some(sandbox) = runner() else { return };
    let head = sandbox.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let other = "0".repeat(40);
    for (event, name, sha, is_refused) in [
        ("pull_request_target", "BASE_SHA", &head, false),
        ("pull_request_target", "GITHUB_SHA", &head, false),
        ("pull_request_target", "BASE_SHA", &other, true),
        ("pull_request", "BASE_SHA", &other, false),
        ("push", "BASE_SHA", &other, false),
    ] {
        let run = step(
            &sandbox,
            "prepare.sh",
            &[("EVENT_NAME", event), (name, sha)],
        );
        assert_eq!(
            run.code,
            Some(i32::from(is_refused)),
            "{event}: {}",
            run.log
        );
        assert_eq!(
            run.log
                .contains("::error title=sk-sync::pull_request_target"),
            is_refused,
            "{}",
            run.log
        );
    }
    for event in [
        "issue_comment",
        "issues",
        "discussion",
        "discussion_comment",
        "check_run",
        "check_suite",
    ] {
        for (sha, code) in [(&head, 0), (&other, 1)] {
            let run = step(
                &sandbox,
                "prepare.sh",
                &[
                    ("EVENT_NAME", event),
                    ("GITHUB_SHA", sha),
                    ("BASE_SHA", &head),
                ],
            );
            assert_eq!(run.code, Some(code), "{event}: {}", run.log);
        }
    }
    for (id, sha, code) in [("1", &other, 0), ("2", &head, 0), ("2", &other, 1)] {
        let inputs = [
            ("EVENT_NAME", "workflow_run"),
            ("REPOSITORY_ID", "1"),
            ("RUN_REPOSITORY_ID", id),
            ("GITHUB_SHA", sha),
        ];
        assert_eq!(
            step(&sandbox, "prepare.sh", &inputs).code,
            Some(code),
            "{id}"
        );
    }
}

/// The base's commit with a pull request's files over it, or next to it, is not the base.
#[test]
fn files_laid_over_the_base_are_refused() {
    let spec = "kitty-specs/001-harbour-tide-table/spec.md";
    for (file, is_refused) in [
        (spec, true),
        ("event-sync.toml", true),
        ("kitty-specs/new/spec.md", true),
        ("built/x.o", false),
    ] {
        let Some(sandbox) = runner() else { return };
        sandbox.write(".gitignore", "built/\n");
        sandbox.git(&["add", ".gitignore"]);
        sandbox.git(&["commit", "--quiet", "--message=ignore"]);
        let head = sandbox.git(&["rev-parse", "HEAD"]).trim().to_owned();
        sandbox.git(&["checkout", "--quiet", "-b", "fork"]);
        sandbox.write(file, "theirs\n");
        sandbox.git(&["add", "--force", file]);
        sandbox.git(&["commit", "--quiet", "--message=theirs"]);
        sandbox.git(&["checkout", "--quiet", "main"]);
        for event in ["pull_request_target", "issue_comment"] {
            let inputs = [
                ("EVENT_NAME", event),
                ("BASE_SHA", &*head),
                ("GITHUB_SHA", &head),
            ];
            assert_eq!(
                step(&sandbox, "prepare.sh", &inputs).code,
                Some(0),
                "{event}"
            );
            sandbox.git(&["checkout", "fork", "--", "."]);
            if !is_refused {
                sandbox.git(&["reset", "--quiet"]);
            }
            let run = step(&sandbox, "prepare.sh", &inputs);
            assert_eq!(
                run.code,
                Some(i32::from(is_refused)),
                "{event} {file}: {}",
                run.log
            );
            // Untracked files are rejected as well.
            sandbox.git(&["reset", "--quiet"]);
            assert_eq!(
                step(&sandbox, "prepare.sh", &inputs).code,
                Some(i32::from(is_refused)),
                "{event} {file}"
            );
            sandbox.git(&["reset", "--quiet", "--hard"]);
            sandbox.git(&["clean", "-fdq"]);
        }
    }
}

/// With a secret, a run accepts from the cache only unchanged content that was encrypted with that
/// secret.
#[test]
fn a_cache_that_was_tampered_with_is_not_unpacked() {
    let Some(mut sandbox) = runner() else { return };
    if !has("openssl") || !has("tar") {
        return;
    }
    let cache = sandbox.path("cache");
    let path = cache.to_str().unwrap().to_owned();
    let run = |sandbox: &Sandbox, secret: &str| {
        let inputs = [
            ("INPUT_PRESET", "stub"),
            ("CACHE_PATH", &*path),
            ("CACHE_SECRET", secret),
            ("SAVES", "true"),
        ];
        step(sandbox, "run.sh", &inputs)
    };
    let names = [
        "journal.tar.gz.sealed",
        "journal.tar.gz.seal",
        "journal.tar.gz",
    ];
    let _first = run(&sandbox, "right");
    let [sealed, seal] = [names[0], names[1]].map(|name| std::fs::read(cache.join(name)).unwrap());
    let link = sandbox.path("planted");
    std::os::unix::fs::symlink(sandbox.path("home"), &link).unwrap();
    let plain = sandbox.path("plain.tar.gz");
    let pack = |what: &[&str]| {
        let mut tar = Command::new("tar");
        tar.arg("-czf")
            .arg(&plain)
            .arg("-C")
            .arg(sandbox.path(""))
            .args(what);
        assert!(tar.status().unwrap().success());
        std::fs::read(&plain).unwrap()
    };
    let (links, journal) = (
        pack(&["planted", "state"]),
        pack(&["-C", sandbox.state().to_str().unwrap(), "."]),
    );
    let flipped: Vec<u8> = sealed
        .iter()
        .enumerate()
        .map(|(at, byte)| if at == 40 { byte ^ 1 } else { *byte })
        .collect();
    let cases = [
        (
            "as it was",
            "right",
            [Some(&sealed[..]), Some(&seal[..]), None],
            true,
        ),
        (
            "a bit of it",
            "right",
            [Some(&flipped[..]), Some(&seal[..]), None],
            false,
        ),
        ("no seal", "right", [Some(&sealed[..]), None, None], false),
        (
            "the end cut off",
            "right",
            [Some(&sealed[..sealed.len() - 16]), Some(&seal[..]), None],
            false,
        ),
        (
            "an unencrypted one beside a secret",
            "right",
            [None, None, Some(&journal[..])],
            false,
        ),
        (
            "an unencrypted one",
            "",
            [None, None, Some(&journal[..])],
            true,
        ),
        (
            "half of one",
            "",
            [None, None, Some(&journal[..journal.len() / 2])],
            false,
        ),
        ("links", "", [None, None, Some(&links[..])], false),
    ];
    for (at, (what, secret, files, is_restored)) in cases.into_iter().enumerate() {
        let _old = std::fs::remove_dir_all(&cache);
        std::fs::create_dir(&cache).unwrap();
        for (name, bytes) in names.iter().zip(files) {
            if let Some(bytes) = bytes {
                std::fs::write(cache.join(name), bytes).unwrap();
            }
        }
        let home = sandbox.path(&format!("fresh{at}"));
        std::fs::create_dir(&home).unwrap();
        mode(&home, 0o700);
        sandbox.change("SK_SYNC_HOME", home.to_str().unwrap());
        let ended = run(&sandbox, secret);
        assert_eq!(
            (ended.code, ended.output("restored")),
            (Some(0), if is_restored { "true" } else { "false" }),
            "{what}: {}",
            ended.log
        );
        let is_silent = is_restored || (secret == "right" && files[0].is_none());
        assert_eq!(
            ended.log.contains(": begun anew"),
            !is_silent,
            "{what}: {}",
            ended.log
        );
        assert!(
            !home.join("planted").exists() && !home.join("state").exists(),
            "{what}"
        );
    }
}

/// A journal passes from one runner to the next through the cache, and a reader of the cache
/// without the secret learns nothing from it.
#[test]
fn the_cached_journal_is_sealed_with_the_secret() {
    let Some(mut sandbox) = runner() else { return };
    if !has("openssl") {
        return;
    }
    let cache = sandbox.path("cache");
    let path = cache.to_str().unwrap().to_owned();
    let with = |sandbox: &Sandbox, secret: &str| {
        let inputs = [
            ("INPUT_PRESET", "stub"),
            ("CACHE_PATH", &*path),
            ("CACHE_SECRET", secret),
            ("SAVES", "true"),
        ];
        step(sandbox, "run.sh", &inputs)
    };
    let first = with(&sandbox, "right");
    assert_eq!(
        (first.output("saved"), first.output("restored")),
        ("true", "false"),
        "{}",
        first.log
    );
    let sealed = std::fs::read(cache.join("journal.tar.gz.sealed")).unwrap();
    assert!(sealed.starts_with(b"Salted__") && !cache.join("journal.tar.gz").exists());
    let fresh = |sandbox: &mut Sandbox, name: &str| {
        let home = sandbox.path(name);
        std::fs::create_dir(&home).unwrap();
        mode(&home, 0o700);
        sandbox.change("SK_SYNC_HOME", home.to_str().unwrap());
    };
    fresh(&mut sandbox, "next");
    let next = with(&sandbox, "right");
    assert_eq!(
        (next.output("restored"), next.output("captured")),
        ("true", "0"),
        "{}",
        next.log
    );
    fresh(&mut sandbox, "stranger");
    let stranger = with(&sandbox, "wrong");
    assert_eq!(
        (stranger.code, stranger.output("restored")),
        (Some(0), "false"),
        "{}",
        stranger.log
    );
    assert!(
        stranger.log.contains("encrypted with another secret"),
        "{}",
        stranger.log
    );
    let kinds = [("token", "false"), ("", "true"), ("", "false")].map(|(secret, is_fork)| {
        let prepared = prepared(&sandbox, &[("CACHE_SECRET", secret), ("IS_FORK", is_fork)]);
        prepared.output("key").split('-').nth(2).unwrap().to_owned()
    });
    assert_eq!(kinds, ["sealed", "fork", "plain"]);
}

/// The comment states what a server acknowledged, and nothing if none did.
#[test]
fn a_comment_tells_how_many_documents_are_on_the_server() {
    let Some(mut sandbox) = runner() else { return };
    let server = Server::answering(|request| honest(request, "success"));
    let hub = sandbox.serve(&[]);
    sandbox.target(&hub.url());
    let run = step(&sandbox, "run.sh", &[("SCOPE", "0a-1")]);
    let comment = std::fs::read_to_string(run.output("comment")).unwrap();
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let sentence = format!(
        "**14 documents are on the server as of `{}`**",
        &head.trim()[..12]
    );
    assert!(
        comment.starts_with("<!-- sk-sync:0a-1 -->\n") && comment.contains(&sentence),
        "{comment}"
    );
    assert!(
        run.summary.contains(&sentence) && run.output("documents") == "14",
        "{}",
        run.summary
    );
    let link = format!("\n[The project on the server]({}/projects/", hub.url());
    assert!(run.summary.contains(&link), "{}", run.summary);
    drop((server, hub));
    let failed = step(&sandbox, "run.sh", &[("INPUT_PRESET", "stub")]);
    let comment = std::fs::read_to_string(failed.output("comment")).unwrap();
    assert!(!comment.contains("on the server as of"), "{comment}");
}

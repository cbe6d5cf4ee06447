//! The cached journal of a runner: its key, its seal, and a cache that was tampered with.

use std::process::Command;

use super::{has, prepared, runner, step};
use crate::support::Sandbox;
use crate::support::rights::mode;

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

/// With a secret, a run accepts from the cache only unchanged content that was encrypted with that
/// secret.
#[test]
#[expect(clippy::too_many_lines, reason = "one act after another")]
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

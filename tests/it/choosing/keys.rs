//! Settings by name: `config get` and `config set`, `mode`, and many writers at once.

use std::process::Stdio;

use serde_json::json;

use super::{origin, plain, settings};
use crate::support::Sandbox;

#[test]
fn mode_is_the_preset_and_default_takes_it_back() {
    let mut sandbox = Sandbox::with_repo();
    let shown = sandbox.sk_sync(["mode", "--json"]).success().json();
    assert_eq!(
        shown["values"][0]["value"], "stub",
        "what the fixture's own file says"
    );
    let _set = sandbox
        .sk_sync(["target", "set", "--receiver", "none"])
        .success();
    let _set = sandbox.sk_sync(["mode", "LocalRetentions"]).code(2);
    for (preset, retention, delivery) in [
        ("local-retention", "on", "none"),
        ("opt-out", "off", "none"),
        ("trash", "off", "none"),
        ("stub", "on", "stub"),
        ("teamspace", "on", "teamspace"),
    ] {
        let set = sandbox.sk_sync(["mode", preset, "--json"]).success().json();
        assert_eq!(set["command"], "mode");
        let shown = sandbox.sk_sync(["mode", "--json"]).success().json();
        let values: Vec<_> = shown["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v["value"].as_str().unwrap())
            .collect();
        assert_eq!(
            values[1..],
            [retention, delivery],
            "{preset}: an axis set before does not stay"
        );
    }
    sandbox.set("SK_SYNC_PRESET", "stub");
    let warned = sandbox.sk_sync(["mode", "local-retention"]).success();
    assert!(
        warned
            .stderr
            .contains("SK_SYNC_PRESET comes before these settings"),
        "{}",
        warned.stderr
    );
    sandbox.unset("SK_SYNC_PRESET");
    let words = sandbox.sk_sync(["mode"]).success().stdout;
    assert!(
        words.contains("preset    local-retention (") && words.contains("settings.toml)"),
        "{words}"
    );
    let _back = sandbox.sk_sync(["mode", "--default"]).success();
    assert_eq!(settings(&sandbox), "");
    assert!(origin(&sandbox, "preset").ends_with("event-sync.toml"));
}

#[test]
fn no_setting_is_lost_among_many() {
    let sandbox = plain();
    let keys = [
        "--team=core",
        "--user=me@example.org",
        "--token-file=/t",
        "--receiver=teamspace",
    ];
    let mut children = Vec::new();
    for key in keys.iter().cycle().take(12) {
        let mut command = sandbox.command(["target", "set", key]);
        children.push(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
        );
    }
    for mut child in children {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let text = settings(&sandbox);
    assert_eq!(
        text.lines().filter(|line| !line.starts_with('#')).count(),
        4,
        "{text}"
    );
}

/// Any key is read and set by its name.
#[test]
fn keys_are_read_and_set_by_name() {
    let sandbox = Sandbox::with_repo();
    let get = |key: &str| sandbox.sk_sync(["config", "get", key]);
    assert_eq!(get("drain.max_time").success().stdout, "60s\n");
    let set = sandbox
        .sk_sync(["config", "set", "drain.max_time", "30s", "--json"])
        .success()
        .json();
    assert_eq!(
        (&set["command"], &set["changes"][0]["after"]),
        (&json!("config set"), &json!("30s"))
    );
    assert_eq!(get("drain.max_time").success().stdout, "30s\n");
    let shown = sandbox
        .sk_sync(["config", "get", "drain.max_time", "--json"])
        .success()
        .json();
    assert!(
        shown["origin"].as_str().unwrap().ends_with("settings.toml"),
        "{shown}"
    );
    let _set = sandbox
        .sk_sync(["config", "set", "artifacts.formats", "[\"md\"]"])
        .success();
    assert_eq!(get("artifacts.formats").success().stdout, "[\"md\"]\n");
    let _back = sandbox
        .sk_sync(["config", "unset", "drain.max_time"])
        .success();
    assert_eq!(get("drain.max_time").success().stdout, "60s\n");
    let unknown = get("drain.max_tme").code(2);
    assert!(
        unknown.stderr.contains("did you mean `drain.max_time`?"),
        "{unknown:?}"
    );
    for wrong in [
        ["drain.max_time", "soon"],
        ["nothing", "1"],
        ["teamspace.token_command", "[\"sh\"]"],
    ] {
        let _refused = sandbox
            .sk_sync([&["config", "set"], &wrong[..]].concat())
            .code(2);
    }
    let paths = sandbox.sk_sync(["config", "path"]).success().stdout;
    assert_eq!(paths.lines().count(), 3, "{paths}");
    assert!(
        paths
            .lines()
            .any(|line| line.starts_with("repository") && line.ends_with("event-sync.toml")),
        "{paths}"
    );
}

//! `target set` and `mode`: the chosen target is stored in the state directory, and is one source
//! among others.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::Server;
use crate::support::wire::honest;

fn server() -> Server {
    Server::answering(|request| honest(request, "success"))
}

/// The fixture, whose own file chooses nothing.
fn plain() -> Sandbox {
    let sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", "");
    sandbox
}

fn settings(sandbox: &Sandbox) -> String {
    let dir = sandbox.place_of("5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60");
    std::fs::read_to_string(dir.join("settings.toml")).unwrap_or_default()
}

fn origin(sandbox: &Sandbox, key: &str) -> String {
    let shown = sandbox
        .sk_sync(["config", "show", "--origin", "--json"])
        .success()
        .json();
    let value = shown["values"]
        .as_array()
        .unwrap()
        .iter()
        .find(|value| value["key"] == key)
        .unwrap();
    value["origin"].as_str().unwrap().to_owned()
}

fn shut(document: &Value) -> Vec<(&str, &str)> {
    let gates = document["gates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|gate| gate["open"] == false);
    gates
        .map(|gate| {
            (
                gate["name"].as_str().unwrap(),
                gate["fix"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn target_set_writes_settings_and_never_the_repository() {
    let server = server();
    let sandbox = plain();
    let (before, git) = (sandbox.listing(), sandbox.git(&["status", "--porcelain"]));
    let words = [
        "target",
        "set",
        "--receiver",
        "external-receiver",
        "--url",
        &server.url(),
    ];
    let tried = sandbox
        .sk_sync(words.iter().copied().chain(["--dry-run", "--json"]))
        .success()
        .json();
    assert_eq!(
        (sandbox.listing(), &tried["dry_run"]),
        (before, &json!(true))
    );
    let changes = json!([
        {"key": "delivery", "before": null, "after": "external-receiver"},
        {"key": "external_receiver.url", "before": null, "after": server.url()},
    ]);
    assert_eq!(
        (&tried["changes"], &tried["target"]["canonical_url"]),
        (&changes, &json!(server.url()))
    );
    let done = sandbox.sk_sync(words).success();
    assert!(
        done.stdout.starts_with("Wrote ") && done.stdout.contains("settings.toml\n"),
        "{}",
        done.stdout
    );
    assert_eq!(sandbox.git(&["status", "--porcelain"]), git);
    assert!(origin(&sandbox, "external_receiver.url").ends_with("/settings.toml"));
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        report["balance"]["delivered"],
        report["balance"]["captured"]
    );
    assert_eq!(report["target"]["canonical_url"], server.url());
    let again = sandbox
        .sk_sync(words.iter().copied().chain(["--json"]))
        .success()
        .json();
    assert_eq!(again["changes"], json!([]));

    let _out = sandbox
        .sk_sync(["target", "set", "--unset", "url", "--unset", "receiver"])
        .success();
    assert_eq!(settings(&sandbox), "");
    assert_eq!(
        sandbox.sk_sync(["status", "--json"]).success().json()["delivery_targets"]["current"],
        Value::Null
    );
}

#[test]
fn what_cannot_be_a_target_is_not_written() {
    let sandbox = plain();
    for (words, said) in [
        (
            &[
                "target",
                "set",
                "--receiver",
                "teamspace",
                "--url",
                "http://h.example",
            ][..],
            "--url: `http://h.example`",
        ),
        (
            &[
                "target",
                "set",
                "--receiver",
                "teamspace",
                "--url",
                "https://me:topsecret@h.example",
            ],
            "--url: `https://***@",
        ),
        (
            &["target", "set", "--url", "https://h.example"],
            "needs a kind of target",
        ),
        (
            &[
                "target",
                "set",
                "--receiver",
                "stub",
                "--url",
                "https://h.example",
            ],
            "have a URL",
        ),
        (
            &["target", "set", "--receiver", "external-receiver"],
            "no URL is configured",
        ),
        (
            &["target", "set", "--unset", "teamspace.teamslug"],
            "unknown key `teamspace.teamslug`; did you mean",
        ),
        (&["target", "set"], "required"),
        (&["mode", "external-receiver"], "no URL is configured"),
        (&["mode", "cloud"], "invalid value"),
    ] {
        let refused = sandbox.sk_sync(words).code(2);
        assert!(
            refused.stderr.contains(said) && !refused.stderr.contains("topsecret"),
            "{words:?}: {}",
            refused.stderr
        );
        assert_eq!(settings(&sandbox), "", "{words:?}");
    }
    let nobody = Sandbox::with_empty_repo();
    let refused = nobody.sk_sync(["target", "set", "--team", "core"]).code(4);
    assert!(
        refused.stderr.contains("sk-sync init --project"),
        "{}",
        refused.stderr
    );
}

/// A URL that is set here is compared like any other, and the printed command resolves the
/// disagreement.
#[test]
fn d25_two_sources_that_disagree_send_nothing() {
    let (theirs, ours) = (server(), server());
    let mut sandbox = plain();
    sandbox.write(
        "event-sync.toml",
        format!(
            "preset = 'teamspace'\nteamspace.server_url = '{}'\n",
            theirs.url()
        ),
    );
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let _agreed = sandbox.sk_sync(["allow", &theirs.url()]).success();
    let set = sandbox
        .sk_sync([
            "target",
            "set",
            "--url",
            &ours.url(),
            "--team",
            "harbour",
            "--json",
        ])
        .success()
        .json();
    assert_eq!(shut(&set)[0].0, "target_disagreement");
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    let gate = &report["gates"][1];
    let reason = gate["reason"].as_str().unwrap();
    for part in [
        "event-sync.toml says ",
        &theirs.url(),
        "settings.toml says ",
        &ours.url(),
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert_eq!(
        report["balance"]["blocked"], report["capture"]["captured"],
        "captured all the same"
    );
    assert!(theirs.requests().is_empty() && ours.requests().is_empty());
    let shown = sandbox
        .sk_sync(["target", "show", "--json"])
        .success()
        .json();
    let sources: Vec<_> = shown["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| &source["url"])
        .collect();
    assert_eq!(sources, [&json!(theirs.url()), &json!(ours.url())]);
    let fix: Vec<_> = gate["fix"].as_str().unwrap().split(' ').skip(1).collect();
    let _mended = sandbox.sk_sync(fix).success();
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&report["target"]["canonical_url"], ours.requests().len()),
        (&json!(theirs.url()), 0)
    );
}

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

/// A target chosen here needs consent like one in a file.
#[test]
fn a_choice_is_no_agreement() {
    let sandbox = plain();
    let words = [
        "target",
        "set",
        "--receiver",
        "external-receiver",
        "--url",
        "https://h.example",
        "--json",
    ];
    let set = sandbox.sk_sync(words).success().json();
    assert_eq!(
        shut(&set),
        [("missing_consent", "sk-sync allow https://h.example")]
    );
    let _shut = sandbox.sk_sync(["run"]).code(4);
}

/// A token file is stored as an absolute path, wherever the command was run.
#[cfg(unix)]
#[test]
fn a_token_file_that_is_set_is_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = server();
    let sandbox = plain();
    let token = sandbox.path("token");
    std::fs::write(&token, "of-file\n").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    let words = [
        "target",
        "set",
        "--receiver=teamspace",
        "--url",
        &server.url(),
        "--team=core",
        "--token-file=../token",
    ];
    let open = sandbox
        .sk_sync(words.iter().copied().chain(["--json"]))
        .success()
        .json();
    assert!(shut(&open)[0].1.starts_with("chmod 600 "), "{open}");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let _sent = sandbox.sk_sync(["run"]).success();
    assert!(
        server
            .requests()
            .iter()
            .all(|r| r.header("authorization") == Some("Bearer of-file"))
    );
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

/// `target set PRESET` does what `mode PRESET` does.
#[test]
fn a_preset_is_chosen_with_the_target() {
    let sandbox = Sandbox::with_repo();
    let _set = sandbox
        .sk_sync(["target", "set", "--receiver", "none"])
        .success();
    let url = "http://127.0.0.1:9";
    let set = sandbox
        .sk_sync([
            "target",
            "set",
            "teamspace",
            "--url",
            url,
            "--team",
            "t",
            "--json",
        ])
        .success()
        .json();
    assert_eq!(set["target"]["canonical_url"], url);
    assert_eq!(
        origin(&sandbox, "delivery"),
        origin(&sandbox, "preset"),
        "an axis set before does not stay"
    );
    let _back = sandbox
        .sk_sync(["target", "set", "--unset", "preset"])
        .success();
    assert!(origin(&sandbox, "preset").ends_with("event-sync.toml"));
    let _both = sandbox
        .sk_sync(["target", "set", "stub", "--receiver", "stub"])
        .code(2);
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

#[test]
fn help_has_topics() {
    let sandbox = Sandbox::with_repo();
    for (topic, words) in [
        ("exit-codes", " 75  another process is delivering"),
        ("environment", "SK_SYNC_HOME"),
        ("config", "drain.max_time"),
    ] {
        let text = sandbox.sk_sync(["help", topic]).success().stdout;
        assert!(text.contains(words), "{topic}: {text}");
    }
    assert!(
        sandbox
            .sk_sync(["help", "run"])
            .success()
            .stdout
            .contains("Usage:")
    );
    let _unknown = sandbox.sk_sync(["help", "nothing"]).code(2);
}

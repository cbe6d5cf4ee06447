//! `target set` and `mode`: the chosen target is stored in the state directory, and is one source
//! among others.

mod keys;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::gates::gates_and_fixes;
use crate::support::server::Server;

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

#[test]
fn target_set_writes_settings_and_never_the_repository() {
    let server = Server::honest();
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
    assert_eq!(sandbox.status()["delivery_targets"]["current"], Value::Null);
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
    let (theirs, ours) = (Server::honest(), Server::honest());
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
    assert_eq!(gates_and_fixes(&set)[0].0, "target_disagreement");
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
        gates_and_fixes(&set),
        [(
            "missing_consent".to_owned(),
            "sk-sync allow https://h.example".to_owned()
        )]
    );
    let _shut = sandbox.sk_sync(["run"]).code(4);
}

/// A token file is stored as an absolute path, wherever the command was run.
#[cfg(unix)]
#[test]
fn a_token_file_that_is_set_is_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::honest();
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
    assert!(
        gates_and_fixes(&open)[0].1.starts_with("chmod 600 "),
        "{open}"
    );
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let _sent = sandbox.sk_sync(["run"]).success();
    assert!(
        server
            .requests()
            .iter()
            .all(|r| r.header("authorization") == Some("Bearer of-file"))
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

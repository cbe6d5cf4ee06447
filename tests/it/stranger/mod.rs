//! A clone is untrusted: its `event-sync.toml` without consent neither destroys, nor sends, nor
//! asks for a secret; waiting keys are listed, and `allow` concerns exactly these.
#![cfg(unix)]

mod agreement;

use serde_json::{Value, json};

use crate::support::gates::closed_gates;
use crate::support::server::{Reply, Server};
use crate::support::wire::audit;
use crate::support::{Run, Sandbox};

/// The fixture repository with this file.
fn clone(text: &str) -> Sandbox {
    let sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", text);
    sandbox
}

fn gate<'a>(document: &'a Value, name: &str) -> &'a Value {
    document["gates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|gate| gate["name"] == name)
        .unwrap()
}

/// Lines for `capture`.
fn events(numbers: std::ops::Range<u32>) -> String {
    let lines: Vec<_> = numbers
        .map(|n| format!("{{\"event_id\":\"e{n}\",\"event_type\":\"WPStatusChanged\"}}"))
        .collect();
    lines.join("\n")
}

fn allow(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.sk_sync([&["allow"], words].concat()).success()
}

/// A clone whose file bounds the queue at one event evicts none, and one that opts out with an
/// audit drops nothing that is piped to `capture`. With the user's consent, the file applies.
#[test]
fn a_clone_discards_nothing() {
    let lines = events(0..3);
    for (text, waits, agreed) in [
        (
            "retention = 'off'\ndelivery = 'stub'\njournal.capacity = 1\n",
            "retention, journal.capacity",
            "evicted",
        ),
        (
            "preset = 'opt-out'\nopt_out.teamspace_bound = 'audit'\n",
            "preset, opt_out.teamspace_bound",
            "discarded",
        ),
    ] {
        let sandbox = clone(text);
        let report = sandbox.sk_sync(["index", "--json"]).success().json();
        let all = report["capture"]["captured"].clone();
        assert_eq!(
            (
                &report["balance"]["discarded"],
                &report["balance"]["blocked"]
            ),
            (&json!(0), &json!(0)),
            "{text}"
        );
        assert!(report["warnings"].to_string().contains(&format!(
            "are not used: {waits}; to use them: sk-sync allow local"
        )));
        let captured = sandbox
            .sk_sync_with(["capture", "--json"], &lines)
            .success()
            .json_lines();
        assert!(
            captured
                .iter()
                .all(|line| line["result"] == "captured" && line["blocked"].is_null()),
            "{captured:?}"
        );
        let report = sandbox
            .sk_sync(["run", "--no-drain", "--json"])
            .success()
            .json();
        assert_eq!(
            report["balance"]["captured"],
            json!(all.as_u64().unwrap() + 3)
        );
        assert_eq!(
            (
                &report["balance"]["discarded"],
                audit(&sandbox.store()).len()
            ),
            (&json!(0), 0)
        );

        let given = sandbox
            .sk_sync(["allow", "local", "--json"])
            .success()
            .json();
        let told: Vec<_> = given["config_keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|k| k["key"].as_str().unwrap())
            .collect();
        assert_eq!(told.join(", "), waits, "{given}");
        let after = events(3..6);
        let _captured = sandbox.sk_sync_with(["capture"], &after).success();
        let acts = audit(&sandbox.store());
        assert!(!acts.is_empty(), "{agreed}: an agreement holds: {acts:?}");
    }
}

/// A file that only narrows needs no agreement, with any target, and the person's own file wins
/// over it.
#[test]
fn what_only_narrows_counts_at_once() {
    let server = Server::honest();
    let mut sandbox = clone("drain.max_events = 10\nartifacts.formats = ['json']\n");
    sandbox.set("SK_SYNC_PRESET", "external-receiver");
    sandbox.set("SK_SYNC_TARGET_URL", &server.url());
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert!(
        report["drain"]["requests"].as_u64().unwrap() >= 3,
        "{report}"
    );
    let own = sandbox.path("own.toml");
    std::fs::write(
        &own,
        "drain.max_events = 500\nteamspace.team_slug = 'mine'\n",
    )
    .unwrap();
    sandbox.set("SK_SYNC_CONFIG", own.to_str().unwrap());
    let show = |key: &str| {
        let shown = sandbox
            .sk_sync(["config", "show", "--json"])
            .success()
            .json();
        shown["values"]
            .as_array()
            .unwrap()
            .iter()
            .find(|value| value["key"] == key)
            .unwrap()["value"]
            .clone()
    };
    assert_eq!(show("drain.max_events"), 500);
    sandbox.write("event-sync.toml", "teamspace.team_slug = 'theirs'\n");
    assert_eq!(show("teamspace.team_slug"), "mine");
    let shown = sandbox
        .sk_sync(["config", "show", "--json"])
        .success()
        .json();
    assert_eq!(shown["waiting"][0]["key"], "teamspace.team_slug", "{shown}");
    let words = sandbox.sk_sync(["config", "show"]).success().stdout;
    assert!(
        words.contains("# not used without `sk-sync allow`: teamspace.team_slug = \"theirs\""),
        "{words}"
    );
}

/// A loopback URL of a clone is a server like any other, with any path and query.
#[test]
fn a_clones_loopback_address_needs_consent() {
    let local = Server::answering(|_| Reply::status(204));
    let url = format!("{}/admin/restart?now=1", local.url());
    let mut sandbox = clone(&format!(
        "preset = 'external-receiver'\nexternal_receiver.events_url = '{url}'\nexternal_receiver.ack = 'status'\n"
    ));
    for words in [
        &["run", "--json"][..],
        &["drain", "--json"],
        &["run", "--json", "--preset", "external-receiver"],
    ] {
        let report = sandbox.sk_sync(words).code(4).json();
        assert_eq!(
            closed_gates(&report),
            ["missing_consent", "repository_not_allowed"],
            "{words:?}"
        );
        assert_eq!(
            gate(&report, "missing_consent")["fix"],
            format!("sk-sync allow {}", local.url())
        );
    }
    let _looked = sandbox.sk_sync(["preflight"]).code(4);
    let _hook = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    let _drained = sandbox.sk_sync(["hook", "deliver"]).code(4);
    assert_eq!(local.connections(), 0);
    // Named by a person it needs none; but the file's own keys still do.
    sandbox.set("SK_SYNC_TARGET_URL", &local.url());
    sandbox.set("SK_SYNC_PRESET", "external-receiver");
    assert_eq!(
        closed_gates(&sandbox.sk_sync(["run", "--json"]).code(4).json()),
        ["repository_not_allowed"]
    );
    sandbox.write("event-sync.toml", "");
    let _sent = sandbox.sk_sync(["run"]).code(3);
    assert!(local.connections() > 0);
}

/// A token, and the secrets of headers, are sent only where the user's own sources say, or with
/// consent for that; and no program is run to get one before that.
#[test]
fn a_token_goes_where_a_person_said() {
    let server = Server::honest();
    let mut sandbox = clone(&format!(
        "preset = 'teamspace'\nteamspace = {{ server_url = '{}', team_slug = 'harbour' }}\n",
        server.url()
    ));
    let asked = sandbox.path("asked");
    let own = sandbox.path("own.toml");
    let text = format!(
        "teamspace.token_command = ['sh', '-c', 'echo >>\"$0\"; echo of-command', '{}']\n",
        asked.display()
    );
    std::fs::write(&own, text).unwrap();
    sandbox.set("SK_SYNC_CONFIG", own.to_str().unwrap());
    for words in [&["run", "--json"][..], &["preflight", "--json"]] {
        let report = sandbox.sk_sync(words).code(4).json();
        assert_eq!(
            closed_gates(&report),
            ["missing_auth", "missing_consent", "repository_not_allowed"]
        );
        assert!(
            gate(&report, "missing_auth")["reason"]
                .as_str()
                .unwrap()
                .contains("is not asked for a token")
        );
    }
    assert!(!asked.exists());

    // A consent without the secret does not send it, whatever its source.
    let kept = allow(&sandbox, &[&server.url(), "--without-secrets"]).stdout;
    assert!(
        kept.contains(&format!(
            "Secret    bearer token does not go to {}\n",
            server.url()
        )),
        "{kept}"
    );
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(closed_gates(&report), ["missing_auth"]);
    assert_eq!(
        gate(&report, "missing_auth")["fix"],
        format!("sk-sync allow {}", server.url())
    );
    let shown = sandbox.sk_sync(["target", "show"]).success().stdout;
    assert!(
        shown.contains(&format!(
            "Secret  bearer token does not go to {}\n",
            server.url()
        )),
        "{shown}"
    );
    assert_eq!((server.connections(), asked.exists()), (0, false));

    let given = allow(&sandbox, &[&server.url()]).stdout;
    assert!(
        given.contains(&format!(
            "Secret    bearer token goes to {} with this agreement\n",
            server.url()
        )),
        "{given}"
    );
    let _sent = sandbox.sk_sync(["run"]).success();
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.header("authorization") == Some("Bearer correct-horse"))
    );
    let shown = sandbox
        .sk_sync(["target", "show", "--json"])
        .success()
        .json();
    assert_eq!(
        (
            &shown["secrets"][0]["secret"],
            &shown["secrets"][0]["allowed"]
        ),
        (&json!("bearer token"), &json!(true))
    );
    assert!(
        sandbox
            .sk_sync(["allow", "--list"])
            .success()
            .stdout
            .contains(", with the bearer token")
    );
}

/// The same for the variables that a file names for headers and signatures.
#[test]
fn secrets_of_headers_are_shown_and_bound_to_the_origin() {
    let server = Server::honest();
    let mut sandbox = clone(&format!(
        "preset = 'external-receiver'\n[external_receiver]\nurl = '{}'\nheaders = {{ X-Key = {{ env = 'SK_SYNC_SECRET_KEY' }} }}\n",
        server.url()
    ));
    sandbox.set("SK_SYNC_SECRET_KEY", "topsecret");
    let _kept = allow(&sandbox, &[&server.url(), "--without-secrets"]);
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(closed_gates(&report), ["missing_header_secret"]);
    assert_eq!(server.connections(), 0);
    let given = sandbox
        .sk_sync(["allow", &server.url(), "--json"])
        .success()
        .json();
    assert_eq!(
        given["grants"][0]["secrets"],
        json!(["SK_SYNC_SECRET_KEY"]),
        "{given}"
    );
    let _sent = sandbox.sk_sync(["run"]).success();
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.header("x-key") == Some("topsecret"))
    );
    let shown = sandbox.sk_sync(["target", "show"]).success().stdout;
    assert!(shown.contains(&format!(
        "Secret  SK_SYNC_SECRET_KEY goes to {} (allowed with the secret since ",
        server.url()
    )));
}

/// A clone cannot make the user wait a minute for a hook.
#[test]
fn a_clone_does_not_lengthen_a_hook() {
    let sandbox = clone("hook.budget = '60s'\nhook.max_time = '24h'\n");
    let shown = sandbox
        .sk_sync(["config", "show", "--json"])
        .success()
        .json();
    let value = |key: &str| {
        shown["values"]
            .as_array()
            .unwrap()
            .iter()
            .find(|value| value["key"] == key)
            .unwrap()["value"]
            .clone()
    };
    assert_eq!(
        (value("hook.budget"), value("hook.max_time")),
        (json!("250ms"), json!("30s"))
    );
}

/// What needs no consent asks no question: the fixture's file, a plain clone, a preset of the user.
#[test]
fn a_fresh_clone_works_without_a_question() {
    let sandbox =
        clone("preset = 'stub'\n[artifacts]\nformats = ['md']\nexclude = ['**/plan.md']\n");
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert!(
        report["bodies"]["uploaded"].as_u64().unwrap() > 0,
        "{report}"
    );
    assert!(
        !report["warnings"].to_string().contains("allow"),
        "{report}"
    );
    let server = Server::honest();
    let words = [
        "run",
        "--preset",
        "external-receiver",
        "--target-url",
        &server.url(),
        "--json",
    ];
    assert_eq!(
        closed_gates(&sandbox.sk_sync(words).success().json()),
        [""; 0]
    );
}

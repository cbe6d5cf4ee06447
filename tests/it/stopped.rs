//! What stops a drain is recorded with its target and time, shown, and removed by the drain that
//! passes; nothing of it is recorded for an event.
#![cfg(unix)]

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::advice::{filled, shell};
use crate::support::server::Server;
use crate::support::wire::open;

fn shut(document: &Value) -> Vec<Value> {
    document["gates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|gate| gate["open"] == false)
        .cloned()
        .collect()
}

/// Runs a printed line with `sh`, in a shell where the program is found, and then the program with
/// `words`.
fn after(sandbox: &Sandbox, fix: &str, words: &str) -> i32 {
    shell(sandbox, &format!("{fix}\nsk-sync {words} >/dev/null 2>&1"))
        .status
        .code()
        .unwrap()
}

/// The state of every event as the ledger has it.
fn rows(sandbox: &Sandbox) -> i64 {
    open(&sandbox.store())
        .query_row("SELECT COUNT(*) FROM delivery_rows", [], |r| r.get(0))
        .unwrap()
}

/// With each failed check events are still captured, the check is named, its command fixes it, and
/// the next drain delivers what was captured meanwhile.
#[test]
fn d22_behind_every_gate_is_a_way_that_a_line_opens() {
    let own = "preset = 'external-receiver'\nexternal_receiver.url = 'SERVER'\n";
    let header = format!(
        "{own}external_receiver.headers = {{ X-Key = {{ env = 'SK_SYNC_SECRET_KEY' }} }}\n"
    );
    let team = "preset = 'teamspace'\nteamspace = { server_url = 'SERVER', team_slug = 'core' }\n";
    let no_team = "preset = 'teamspace'\nteamspace = { server_url = 'SERVER' }\n";
    let no_url = "preset = 'teamspace'\nteamspace = { team_slug = 'core' }\n";
    let token = ("SK_SYNC_TOKEN", "correct-horse");
    for (config, variables, name) in [
        (
            team,
            &[token, ("SPEC_KITTY_ENABLE_SAAS_SYNC", "no")][..],
            "sync_disabled",
        ),
        (
            team,
            &[token, ("SK_SYNC_TARGET_URL", "http://127.0.0.1:9")],
            "target_disagreement",
        ),
        (no_url, &[token], "no_target_url"),
        (team, &[], "missing_auth"),
        (no_team, &[token], "missing_team"),
        (&header, &[], "missing_header_secret"),
    ] {
        let server = Server::honest();
        let mut sandbox = Sandbox::with_repo();
        sandbox.own(config.replace("SERVER", &server.url()));
        for (variable, value) in variables {
            sandbox.set(variable, value);
        }
        let token = sandbox.path("token");
        std::fs::write(&token, "of-file\n").unwrap();
        std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
        let gates = shut(&report);
        assert_eq!(
            gates.iter().map(|gate| &gate["name"]).collect::<Vec<_>>(),
            [name]
        );
        assert!(!gates[0]["reason"].as_str().unwrap().is_empty(), "{report}");
        assert_eq!(
            (
                &report["capture"]["captured"],
                &report["balance"]["blocked"]
            ),
            (&json!(23), &json!(23))
        );
        assert_eq!((rows(&sandbox), server.requests().len()), (0, 0), "{name}");
        let listed = sandbox
            .sk_sync(["events", "list", "--jsonl"])
            .success()
            .json_lines();
        assert!(
            listed
                .iter()
                .all(|e| (&e["status"], &e["error"]) == (&json!("blocked"), &json!(name))),
            "{listed:?}"
        );
        let seen = sandbox.status();
        assert!(
            shut(&seen)[0]["since"].is_string() && seen["blocked_age_seconds"].is_u64(),
            "{seen}"
        );
        let fix = filled(
            gates[0]["fix"].as_str().unwrap(),
            token.to_str().unwrap(),
            &server.url(),
        );
        assert_eq!(after(&sandbox, &fix, "drain"), 0, "{name}: {fix}");
        let left: i64 = open(&sandbox.store())
            .query_row("SELECT COUNT(*) FROM delivery_gates", [], |r| r.get(0))
            .unwrap();
        assert_eq!(left, 0, "{name}: the drain that passed forgets it");
        let delivered = open(&sandbox.store()).query_row(
            "SELECT COUNT(*) FROM delivery_rows WHERE kind = 0 AND status = 'success'",
            [],
            |r| r.get::<_, i64>(0),
        );
        assert_eq!(delivered.unwrap(), 23, "{name}");
    }
}

/// Checks are made by every run, `since` is the first of consecutive failures, and a custom or
/// embedded receiver has no checks of a Teamspace.
#[test]
fn d23_a_gate_is_shut_since_the_first_drain_that_it_stopped() {
    let server = Server::honest();
    let mut sandbox = Sandbox::with_repo();
    sandbox.own(format!(
        "preset = 'teamspace'\nteamspace.server_url = '{}'\n",
        server.url()
    ));
    let never = sandbox.status();
    assert_eq!(
        (shut(&never).len(), &shut(&never)[0]["since"]),
        (2, &Value::Null),
        "no drain was stopped yet"
    );
    let _stopped = sandbox.sk_sync(["run"]).code(4);
    let first = sandbox.status();
    let since = |document: &Value, name: &str| {
        shut(document)
            .iter()
            .find(|gate| gate["name"] == name)
            .map(|gate| gate["since"].clone())
    };
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let _stopped = sandbox.sk_sync(["drain"]).code(4);
    let second = sandbox.status();
    assert_eq!(since(&second, "missing_auth"), None);
    assert_eq!(
        since(&second, "missing_team"),
        since(&first, "missing_team")
    );
    let words = sandbox.sk_sync(["status"]).success().stdout;
    assert!(
        words.contains("23 blocked (missing_team, since "),
        "{words}"
    );
    // The team makes it another target, which nothing stopped; the record of the first target
    // stays.
    sandbox.set("SK_SYNC_TEAMSPACE__TEAM_SLUG", "core");
    let _sent = sandbox.sk_sync(["drain"]).success();
    assert_eq!(
        (
            shut(&sandbox.status()).len(),
            &sandbox.status()["blocked_age_seconds"]
        ),
        (0, &Value::Null)
    );
    // Off, logged out, no team: none of these concerns a receiver.
    let mut own = Sandbox::with_repo();
    own.set("SPEC_KITTY_ENABLE_SAAS_SYNC", "0");
    let _stub = own.sk_sync(["run", "--preset", "stub"]).success();
    let _own = own
        .sk_sync([
            "run",
            "--preset",
            "external-receiver",
            "--target-url",
            &server.url(),
        ])
        .success();
}

/// A token from a program: once it failed, `status` shows that without running it again.
#[test]
fn what_nobody_was_asked_for_is_as_the_last_drain_found_it() {
    let server = Server::honest();
    let mut sandbox = Sandbox::with_repo();
    let own = sandbox.path("own.toml");
    let (asked, works) = (sandbox.path("asked"), sandbox.path("works"));
    let text = format!(
        "preset = 'teamspace'\n[teamspace]\nserver_url = '{}'\nteam_slug = 'core'\n\
         token_command = ['sh', '-c', 'echo >>\"$1\"; test -e \"$2\" && echo of-command', 'sh', '{}', '{}']\n",
        server.url(),
        asked.display(),
        works.display()
    );
    std::fs::write(&own, text).unwrap();
    sandbox.write("event-sync.toml", "");
    sandbox.set("SK_SYNC_CONFIG", own.to_str().unwrap());
    assert!(shut(&sandbox.status()).is_empty());
    let _stopped = sandbox.sk_sync(["run"]).code(4);
    let seen = sandbox.status();
    let gate = &shut(&seen)[0];
    assert_eq!(
        (&gate["name"], &gate["known"]),
        (&json!("missing_auth"), &json!(false)),
        "{gate}"
    );
    assert!(
        gate["since"].is_string() && gate["reason"].as_str().unwrap().contains("`sh` failed"),
        "{gate}"
    );
    assert_eq!(seen["balance"]["blocked"], 23);
    let listed = sandbox
        .sk_sync(["events", "list", "--jsonl", "--status", "blocked"])
        .success()
        .json_lines();
    assert_eq!(listed.len(), 23);
    assert_eq!(std::fs::read(&asked).unwrap().len(), 1);
    std::fs::write(&works, "").unwrap();
    let _sent = sandbox.sk_sync(["drain"]).success();
    assert!(shut(&sandbox.status()).is_empty());
}

/// The last balance of a drain is stored, shown, and compared by `verify`.
#[test]
fn a_balance_is_kept_and_verified() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let first = sandbox.status()["last_run"]["balance"].clone();
    for (name, number) in report["balance"].as_object().unwrap() {
        assert_eq!(&first[name], number, "{name}");
    }
    let _again = sandbox.sk_sync(["drain"]).success();
    assert_eq!(
        sandbox.status()["last_run"]["balance"],
        first,
        "the same since then"
    );
    let conn = open(&sandbox.store());
    let more = "UPDATE delivery_balances SET captured = 24, classes = json_set(classes, '$.delivered', 24)";
    conn.execute(more, []).unwrap();
    drop(conn);
    let proof = sandbox.sk_sync(["verify", "--json"]).code(6).json();
    let found = proof["findings"].to_string();
    assert!(
        found.contains("counted 24 events, and now there are 23") && found.contains("damage"),
        "{found}"
    );
    sandbox.write("kitty-specs/002-tide-gauge-survey/plan.md", "news");
    let _mended = sandbox.sk_sync(["run"]).success();
}

/// Without an identity `run` and `preflight` exit with 4, and `status` reports a problem; its
/// command fixes all three.
#[test]
fn a_project_without_a_name_is_no_success() {
    let sandbox = Sandbox::with_empty_repo();
    std::fs::create_dir_all(sandbox.repo().join("kitty-specs/001-tide")).unwrap();
    sandbox.write("kitty-specs/001-tide/spec.md", "# Tide\n");
    let seen = sandbox.status();
    assert_eq!(
        (&seen["ok"], &seen["gates"][0]["name"]),
        (&json!(false), &json!("missing_project_identity")),
        "{seen}"
    );
    for words in [&["run"][..], &["preflight"], &["status", "--check"]] {
        let _blocked = sandbox.sk_sync(words).code(4);
    }
    let fix = seen["next_steps"][0]["run"].as_str().unwrap();
    assert_eq!(after(&sandbox, fix, "run"), 0, "{fix}");
    let seen = sandbox.status();
    assert_eq!(
        (&seen["ok"], shut(&seen).len()),
        (&json!(true), 0),
        "{seen}"
    );
}

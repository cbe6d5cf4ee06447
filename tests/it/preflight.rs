//! All failing checks at once, each with a command: after running it the check passes.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::advice::{filled, shell};
use crate::support::gates::gates_and_fixes;

const TEAM: &str =
    "preset = 'teamspace'\n[teamspace]\nserver_url = 'http://127.0.0.1:9'\nteam_slug = 'harbour'\n";

fn preflight(sandbox: &Sandbox) -> Value {
    let run = sandbox.sk_sync(["preflight", "--json"]);
    let document = run.json();
    assert_eq!(
        run.code,
        Some(if document["ok"] == true { 0 } else { 4 }),
        "{document}"
    );
    document
}

/// The checks after `sh` ran `fix`, with the user's values filled in.
fn after(sandbox: &Sandbox, fix: &str) -> Value {
    let own = filled(
        fix,
        sandbox.path("token").to_str().unwrap(),
        "http://127.0.0.1:9",
    );
    let output = shell(sandbox, &format!("{own}\nsk-sync preflight --json 2>&1"));
    let told = String::from_utf8(output.stdout).unwrap();
    let last = told.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {fix}: {told}"))
}

/// A sandbox with a token file for its owner alone.
fn sandbox(config: &str, variables: &[(&str, &str)]) -> Sandbox {
    let mut sandbox = if config.contains("# no identity") {
        Sandbox::with_empty_repo()
    } else {
        Sandbox::with_repo()
    };
    std::fs::write(sandbox.path("token"), "correct-horse\n").unwrap();
    std::fs::set_permissions(
        sandbox.path("token"),
        std::fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    match config.strip_prefix("# of the repository\n") {
        Some(config) => sandbox.write("event-sync.toml", config),
        None => sandbox.own(config),
    }
    for (name, value) in variables {
        sandbox.set(name, value);
    }
    sandbox
}

/// The printed commands fix each check separately.
#[test]
fn d31_every_line_opens_its_gate() {
    let own = "preset = 'external-receiver'\n[external_receiver]\nurl = 'http://127.0.0.1:9'\n";
    let header = format!("{own}headers = {{ X-Key = {{ env = 'SK_SYNC_SECRET_KEY' }} }}\n");
    let foreign = own.replace("http://127.0.0.1:9", "https://h.example");
    let token = ("SK_SYNC_TOKEN", "correct-horse");
    let team = ("SK_SYNC_TEAMSPACE__TEAM_SLUG", "harbour");
    let mut seen = std::collections::BTreeSet::new();
    for (config, variables, expected) in [
        (
            "# no identity\n",
            &[][..],
            &["missing_project_identity"][..],
        ),
        (
            "preset = 'teamspace'\n",
            &[],
            &["no_target_url", "missing_auth", "missing_team"],
        ),
        (TEAM, &[("SK_SYNC_TOKEN_FILE", "absent")], &["missing_auth"]),
        (
            TEAM,
            &[token, ("SPEC_KITTY_ENABLE_SAAS_SYNC", "off")],
            &["sync_disabled"],
        ),
        (
            TEAM,
            &[token, ("SK_SYNC_TARGET_URL", "http://127.0.0.1:8")],
            &["target_disagreement"],
        ),
        (&header, &[], &["missing_header_secret"]),
        (&foreign, &[], &["missing_consent"]),
        (
            &format!("# of the repository\n{own}"),
            &[],
            &["missing_consent", "repository_not_allowed"],
        ),
        (
            &format!("# of the repository\n{foreign}"),
            &[],
            &["missing_consent", "repository_not_allowed"],
        ),
        (
            "# of the repository\npreset = 'teamspace'\n",
            &[token, team],
            &["no_target_url", "repository_not_allowed"],
        ),
    ] {
        let sandbox = sandbox(config, variables);
        let before = sandbox.listing();
        let gates = gates_and_fixes(&preflight(&sandbox));
        assert_eq!(
            gates
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>(),
            expected,
            "{config}"
        );
        let words = sandbox.sk_sync(["preflight"]).code(4).stdout;
        assert_eq!(sandbox.listing(), before, "nothing is created or changed");
        for (name, fix) in gates {
            assert!(words.contains(&format!("      {fix}\n")), "{fix}: {words}");
            let now = after(&sandbox, &fix);
            let gate = now["gates"]
                .as_array()
                .unwrap()
                .iter()
                .find(|gate| gate["name"] == *name);
            assert_eq!(
                gate.map(|gate| &gate["open"]),
                Some(&json!(true)),
                "{name}: {fix}: {now}"
            );
            seen.insert(name);
        }
    }
    // None is left out: these are all gates that there are.
    let all = preflight(&sandbox(TEAM, &[token]));
    let all = all["gates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gate| gate["name"].as_str().unwrap());
    assert!(
        all.chain(["missing_header_secret"])
            .all(|name| seen.contains(name)),
        "{seen:?}"
    );
}

#[test]
fn nothing_shut_is_success() {
    let ready = sandbox(TEAM, &[("SK_SYNC_TOKEN", "correct-horse")]);
    assert_eq!(preflight(&ready)["ok"], true);
    assert!(
        ready
            .sk_sync(["preflight"])
            .success()
            .stdout
            .contains("Ready to send to http://127.0.0.1:9")
    );
    let local = sandbox("preset = 'local-retention'\n", &[]);
    assert!(
        local
            .sk_sync(["preflight"])
            .success()
            .stdout
            .contains("no target is configured")
    );
}

//! Checks that stop delivery: each with its name, all at once, with a command that fixes it.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::support::advice::{filled, shell};
use crate::support::gates::gates_and_fixes;
use crate::support::server::Server;
use crate::support::wire::assert_mirrored;
use crate::support::{Run, Sandbox};

/// Runs `fixes` like a user who fills in a file, a team and a URL, and then `sk-sync run --json`.
fn run_after(sandbox: &Sandbox, fixes: &[String], url: &str) -> Run {
    let token = sandbox.path("token");
    let own = |fix: &String| filled(fix, token.to_str().unwrap(), url) + "\n";
    let output = shell(
        sandbox,
        &format!(
            "{{\n{}}} >/dev/null\nexec sk-sync run --json",
            fixes.iter().map(own).collect::<String>()
        ),
    );
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn with_token_file(mode: u32) -> Sandbox {
    let sandbox = Sandbox::with_repo();
    let token = sandbox.path("token");
    std::fs::write(&token, "correct-horse\n").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(mode)).unwrap();
    sandbox
}

/// Every failing check that can be fixed here is listed at once, and the printed commands fix them.
#[test]
fn d32_what_is_printed_opens_the_gate() {
    let team = "preset = 'teamspace'\n[teamspace]\nserver_url = 'SERVER'\nteam_slug = 'harbour'\n";
    for (config, variables, names) in [
        (
            "preset = 'teamspace'\n",
            &[][..],
            &["no_target_url", "missing_auth", "missing_team"][..],
        ),
        (team, &[], &["missing_auth"]),
        (team, &[("SK_SYNC_TOKEN_FILE", "absent")], &["missing_auth"]),
        (team, &[("SK_SYNC_TOKEN_FILE", "TOKEN")], &[]),
        (
            team,
            &[
                ("SK_SYNC_TOKEN_FILE", "TOKEN"),
                ("SPEC_KITTY_ENABLE_SAAS_SYNC", "off"),
            ],
            &["sync_disabled"],
        ),
        (
            team,
            &[
                ("SK_SYNC_TOKEN_FILE", "TOKEN"),
                ("SK_SYNC_TARGET_URL", "http://127.0.0.1:9"),
            ],
            &["target_disagreement"],
        ),
        (
            team,
            &[
                ("SK_SYNC_TOKEN_FILE", "TOKEN"),
                ("SPEC_KITTY_SAAS_URL", "http://127.0.0.1:9"),
            ],
            &["target_disagreement"],
        ),
    ] {
        let server = Server::honest();
        let mut sandbox = with_token_file(0o600);
        sandbox.own(config.replace("SERVER", &server.url()));
        let token = sandbox.path("token").to_str().unwrap().to_owned();
        for (name, value) in variables {
            sandbox.set(name, if *value == "TOKEN" { &token } else { value });
        }
        let first = sandbox
            .sk_sync(["run", "--json"])
            .code(if names.is_empty() { 0 } else { 4 })
            .json();
        let gates = gates_and_fixes(&first);
        assert_eq!(
            gates
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>(),
            names,
            "{config}"
        );
        if names.is_empty() {
            continue;
        }
        assert_eq!(
            first["balance"]["blocked"], first["capture"]["captured"],
            "captured before any gate"
        );
        assert!(server.requests().is_empty(), "{names:?}");
        let checked = sandbox
            .sk_sync(["status", "--check", "--json"])
            .code(4)
            .json();
        assert_eq!(gates_and_fixes(&checked), gates, "status says the same");
        let fixes: Vec<_> = gates.into_iter().map(|(_, fix)| fix).collect();
        let report = run_after(&sandbox, &fixes, &server.url()).success().json();
        assert_eq!(
            report["balance"]["delivered"], first["capture"]["captured"],
            "{fixes:?}"
        );
    }
}

/// A token file that others can read is rejected; the printed `chmod` fixes that, also for a name
/// with a blank.
#[test]
fn d46_a_token_file_must_be_private() {
    let server = Server::honest();
    let mut sandbox = with_token_file(0o644);
    let odd = sandbox.path("my token");
    std::fs::rename(sandbox.path("token"), &odd).unwrap();
    sandbox.target(&server.url());
    sandbox.unset("SK_SYNC_TOKEN");
    sandbox.set("SK_SYNC_TOKEN_FILE", odd.to_str().unwrap());
    let first = sandbox.sk_sync(["run", "--json"]).code(4).json();
    let (name, fix) = gates_and_fixes(&first).remove(0);
    assert!(
        name == "missing_auth" && fix.starts_with("chmod 600 "),
        "{name}: {fix}"
    );
    let _report = run_after(&sandbox, &[fix], "").success();
    assert!(
        server
            .requests()
            .iter()
            .all(|r| r.header("authorization") == Some("Bearer correct-horse"))
    );
}

/// A wrong token halts after one request and changes nothing; with the right one everything is
/// delivered.
#[test]
fn d33_a_wrong_token_halts_and_the_right_one_delivers() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    sandbox.set("RECEIVER_TOKEN", "correct-horse");
    let served = sandbox.serve(&[
        "--token-env",
        "RECEIVER_TOKEN",
        "--store",
        file.to_str().unwrap(),
    ]);
    sandbox.target(&served.url());
    sandbox.change("SK_SYNC_TOKEN", "wrong-horse");
    let first = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert!(
        first["drain"]["halted"].as_str().unwrap().contains("401"),
        "{first}"
    );
    assert_eq!(first["balance"]["blocked"], first["capture"]["captured"]);
    let seen = served.report_for("correct-horse");
    assert_eq!(
        (&seen["requests"], &seen["events"], &seen["bodies"]),
        (&json!(1), &json!(0), &json!(0))
    );
    assert!(
        !sandbox
            .sk_sync(["run", "-vvv"])
            .code(4)
            .stderr
            .contains("horse"),
        "a token is never logged"
    );
    sandbox.change("SK_SYNC_TOKEN", "correct-horse");
    let second = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&second["drain"]["requests"], &second["drain"]["success"]),
        (&json!(1), &first["capture"]["captured"])
    );
    assert_eq!(
        served.report_for("correct-horse")["events"],
        first["capture"]["captured"]
    );
    drop(served);
    assert_mirrored(&sandbox, &file);
}

/// No secret is ever printed.
#[test]
fn secrets_are_never_shown() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.target("http://127.0.0.1:9");
    sandbox.change("SK_SYNC_TOKEN", "tell-nobody");
    sandbox.set("SK_SYNC_SECRET_KEY", "tell-nobody");
    let words = [
        &["run", "-vvv"][..],
        &["run", "--json"],
        &["status", "--json"],
        &["status", "-vvv"],
        &["config", "show", "--origin"],
        &["config", "show", "--origin", "--json"],
        &["drain", "-vvv"],
        &["run", "--target-url", "https://me:tell-nobody@h.example"],
        &[
            "run",
            "--target-url",
            "https://me:tell-nobody@h.example",
            "--json",
        ],
    ];
    for command in words {
        let run = sandbox.sk_sync(command);
        assert!(
            !run.stdout.contains("tell-nobody") && !run.stderr.contains("tell-nobody"),
            "{command:?} {run:#?}"
        );
    }
}

/// An external receiver has no team and no token: a custom header authorises it, and its deliveries
/// are recorded separately.
#[test]
fn an_external_receiver_is_entered_with_its_own_header() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    sandbox.set("RECEIVER_TOKEN", "correct-horse");
    let served = sandbox.serve(&[
        "--token-env",
        "RECEIVER_TOKEN",
        "--store",
        file.to_str().unwrap(),
    ]);
    sandbox.own(format!(
        "preset = 'external-receiver'\n[external_receiver]\nurl = '{}'\n\
             headers = {{ Authorization = {{ env = 'SK_SYNC_SECRET_AUTH' }} }}\n",
        served.url()
    ));
    sandbox.set("SK_SYNC_SECRET_AUTH", "Bearer correct-horse");
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["target"]["receiver"], "external-receiver");
    drop(served);
    assert_mirrored(&sandbox, &file);
    let status = sandbox.status();
    assert_eq!(
        status["balance"]["delivered"],
        report["capture"]["captured"]
    );
    let stub = sandbox
        .sk_sync(["status", "--json", "--preset", "stub"])
        .success()
        .json();
    assert_eq!(
        stub["balance"]["delivered"], 0,
        "another target got nothing"
    );
}

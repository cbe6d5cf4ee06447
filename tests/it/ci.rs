//! CI systems without this project's Action: runs without credentials, progress lines, and the
//! recipes of docs/ci.md, unchanged.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::programs::prefer;
use crate::support::server::{Reply, Server};
use crate::support::wire::honest;
use crate::support::{Sandbox, pause};

/// A fork's pull request has no secrets: everything works with the embedded receiver, and with a
/// target that needs a token the check is named and nothing is lost.
#[test]
fn d47_without_credentials_a_run_works_and_a_shut_gate_keeps_everything() {
    let mut sandbox = Sandbox::with_repo();
    let run = sandbox
        .sk_sync(["run", "--preset", "stub", "--json"])
        .success()
        .json();
    assert_eq!(
        (&run["balance"]["delivered"], &run["balance"]["untried"]),
        (&23.into(), &0.into()),
        "{run}"
    );
    let server = Server::honest();
    sandbox.target(&server.url());
    sandbox.unset("SK_SYNC_TOKEN");
    let shut = sandbox.sk_sync(["run", "--json"]).code(4).json();
    let gates = shut["gates"].as_array().unwrap();
    assert!(
        gates
            .iter()
            .any(|gate| gate["name"] == "missing_auth" && gate["open"] == false),
        "{shut}"
    );
    assert_eq!(
        (&shut["balance"]["blocked"], server.requests().len()),
        (&23.into(), 0),
        "{shut}"
    );
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let later = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(later["balance"]["delivered"], 23, "{later}");
}

/// A long step does not look like a hanging one: a line every ten seconds, on stderr, until its
/// end.
#[test]
fn d54_a_long_delivery_shows_a_sign_of_life_in_ci() {
    let (answer, held) = mpsc::channel::<()>();
    let server = Server::answering(move |request| {
        // If the sender is gone, nothing is held back.
        let _gone = held.recv_timeout(Duration::from_mins(1));
        honest(request, "success")
    });
    let mut sandbox = Sandbox::aimed_at(&server);
    sandbox.set("CI", "true");
    let mut command = sandbox.command(["run"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let mut lines = stderr.lines().map(|line| line.unwrap());
    let sign = lines
        .by_ref()
        .find(|line| line.starts_with("sk-sync: delivering events "));
    drop(answer);
    assert!(sign.is_some(), "stderr ended without a sign of life");
    lines.for_each(drop);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        !String::from_utf8_lossy(&output.stdout).contains("delivering events "),
        "results stay clean"
    );
}

/// The fenced block of docs/ci.md that has `mark` in it.
fn block(language: &str, mark: &str) -> String {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ci.md")).unwrap();
    let fence = format!("```{language}\n");
    let blocks = page
        .split(&fence)
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let found: Vec<_> = blocks.filter(|block| block.contains(mark)).collect();
    assert_eq!(found.len(), 1, "blocks with {mark}");
    found[0].to_owned()
}

/// A refused item is retried after a second at the latest.
const DUE: Duration = Duration::from_millis(1100);

/// Runs a script with the program on the path, as CI does: by bash, in the checkout, until
/// something fails.
fn shell(sandbox: &Sandbox, script: &str) -> (Option<i32>, String) {
    let program = sandbox.command([""; 0]);
    let mut command = Command::new("bash");
    command
        .args(["-eo", "pipefail", "-c", script])
        .env_clear()
        .current_dir(sandbox.repo())
        .stdin(Stdio::null());
    command.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    (output.status.code(), said)
}

/// A checkout with the program on the path, and a receiver that is down for its first `requests`
/// requests.
fn checkout(down_for: usize) -> (Sandbox, Server) {
    let mut left = down_for;
    let server = Server::answering(move |request| {
        if left > 0 {
            left -= 1;
            return Reply::status(503);
        }
        honest(request, "success")
    });
    let mut sandbox = Sandbox::with_repo();
    prefer(&mut sandbox, &[assert_cmd::cargo::cargo_bin!("sk-sync")]);
    sandbox.target(&server.url());
    (sandbox, server)
}

#[test]
fn the_plain_shell_recipe_tolerates_what_a_later_run_mends() {
    let script = block("sh", "sk-sync-ci");
    let (mut sandbox, _server) = checkout(1);
    let first = shell(&sandbox, &script);
    assert_eq!(first.0, Some(0), "exit code 3 is tolerated: {}", first.1);
    pause(DUE);
    let again = shell(&sandbox, &script);
    assert_eq!(again.0, Some(0), "{}", again.1);
    let state = sandbox.path("home/.cache/sk-sync-ci").display().to_string();
    sandbox.change("SK_SYNC_HOME", &state);
    // As the recipe names it.
    sandbox.set("SK_SYNC_REPOSITORY", "git.example/team/project");
    let status = sandbox.sk_sync(["status", "--json"]).json();
    assert_eq!(status["balance"]["delivered"], 23, "{status}");
    sandbox.verified();
    sandbox.unset("SK_SYNC_HOME");
    sandbox.unset("SK_SYNC_TOKEN");
    let shut = shell(&sandbox, &script);
    assert_eq!(shut.0, Some(4), "a shut gate is not: {}", shut.1);
}

/// The script lines of the GitLab recipe, and its promise: the journal survives the runner,
/// whatever the result.
#[test]
fn the_gitlab_recipe_carries_the_journal_from_runner_to_runner() {
    let recipe = block("yaml", ".sk-sync.tar");
    let lines: Vec<_> = recipe
        .lines()
        .filter_map(|line| line.strip_prefix("    - "))
        .collect();
    assert!(
        lines.len() > 2 && recipe.contains("paths: [.sk-sync.tar], when: always"),
        "{recipe}"
    );
    let script = lines.join("\n");
    let (mut sandbox, server) = checkout(1);
    // No time is left to wait for the server.
    let first = shell(
        &sandbox,
        &script.replace("--max-time 5m", "--max-time 300ms"),
    );
    assert!(
        recipe.contains("exit_codes: [3]") && first.0 == Some(3),
        "{}",
        first.1
    );
    let sent = server.requests().len();
    // The next runner has only the cache.
    let state = sandbox.path("home/sk-sync-state");
    std::fs::remove_dir_all(&state).unwrap();
    pause(DUE);
    let again = shell(&sandbox, &script);
    assert_eq!(again.0, Some(0), "{}", again.1);
    assert!(server.requests().len() > sent);
    sandbox.set("SK_SYNC_HOME", &state.display().to_string());
    let status = sandbox.sk_sync(["status", "--json"]).json();
    assert_eq!(
        (
            &status["balance"]["captured"],
            &status["balance"]["delivered"]
        ),
        (&23.into(), &23.into()),
        "{status}"
    );
    sandbox.verified();
}

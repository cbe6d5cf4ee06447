//! The GitHub Action's own steps, run here with the files and variables that a runner gives them.

mod cache;
mod guards;
mod installing;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::Sandbox;
use crate::support::programs::{prefer, skip};
use crate::support::server::{Reply, Server};
use crate::support::wire::honest;

pub(crate) const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.github/actions/sk-sync");

/// Result of a step.
struct Step {
    code: Option<i32>,
    log: String,
    summary: String,
    outputs: String,
}

impl Step {
    fn output(&self, name: &str) -> &str {
        let line = self
            .outputs
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.outputs))
    }
}

fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        skip(&format!(
            "there is no {program}: the Action's steps are not run"
        ));
    }
    found
}

/// A checkout on a runner, with sk-sync installed.
fn runner() -> Option<Sandbox> {
    if !has("bash") {
        return None;
    }
    let mut sandbox = Sandbox::with_repo();
    prefer(&mut sandbox, &[assert_cmd::cargo::cargo_bin!("sk-sync")]);
    for name in [
        "GITHUB_OUTPUT",
        "GITHUB_STEP_SUMMARY",
        "GITHUB_ENV",
        "GITHUB_PATH",
    ] {
        let file = sandbox.path(name);
        std::fs::write(&file, "").unwrap();
        sandbox.set(name, file.to_str().unwrap());
    }
    let temp = sandbox.path("runner temp");
    std::fs::create_dir(&temp).unwrap();
    sandbox.set("RUNNER_TEMP", temp.to_str().unwrap());
    sandbox.set("GITHUB_ACTION_PATH", DIR);
    sandbox.set("CI", "true");
    sandbox.set("GITHUB_SERVER_URL", "https://forge.example");
    sandbox.set("GITHUB_REPOSITORY", "o/r");
    Some(sandbox)
}

fn step(sandbox: &Sandbox, script: &str, inputs: &[(&str, &str)]) -> Step {
    let of = |name: &str| -> PathBuf { sandbox.path(name) };
    for name in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
        std::fs::write(of(name), "").unwrap();
    }
    let program = sandbox.command([""; 0]);
    let mut command = Command::new("bash");
    command
        .arg(format!("{DIR}/{script}"))
        .current_dir(sandbox.repo())
        .env_clear()
        .stdin(Stdio::null());
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let output = command.envs(inputs.iter().copied()).output().unwrap();
    let log = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    let read = |name: &str| std::fs::read_to_string(of(name)).unwrap();
    Step {
        code: output.status.code(),
        log,
        summary: read("GITHUB_STEP_SUMMARY"),
        outputs: read("GITHUB_OUTPUT"),
    }
}

/// The step that prepares, which succeeded.
fn prepared(sandbox: &Sandbox, inputs: &[(&str, &str)]) -> Step {
    let prepared = step(sandbox, "prepare.sh", inputs);
    assert_eq!(prepared.code, Some(0), "{}", prepared.log);
    prepared
}

#[test]
fn d47_a_run_without_credentials_tells_what_it_did_and_whether_a_journal_was_there() {
    let Some(sandbox) = runner() else { return };
    let first = step(&sandbox, "run.sh", &[("INPUT_PRESET", "stub")]);
    assert_eq!(first.code, Some(0), "{}", first.log);
    let said = [
        "result",
        "exit-code",
        "captured",
        "delivered",
        "owed",
        "restored",
        "has-journal",
    ]
    .map(|name| first.output(name));
    assert_eq!(
        said,
        ["success", "0", "23", "23", "0", "false", "true"],
        "{}",
        first.outputs
    );
    assert!(
        first
            .summary
            .starts_with("### sk-sync: done (exit code 0)\n"),
        "{}",
        first.summary
    );
    assert!(
        first.summary.contains("23 facts were captured again"),
        "{}",
        first.summary
    );
    assert!(
        first
            .summary
            .contains("\n| 23 | 23 | 0 | 0 | 0 | 0 | 0 |\n"),
        "{}",
        first.summary
    );
    assert!(!first.log.contains("::"), "{}", first.log);
    let again = step(&sandbox, "run.sh", &[("INPUT_PRESET", "stub")]);
    assert_eq!(
        (again.output("restored"), again.output("captured")),
        ("true", "0")
    );
    assert!(!again.summary.contains("anew"), "{}", again.summary);
    let report = std::fs::read_to_string(again.output("report")).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&report).unwrap()["command"],
        "run"
    );
}

#[test]
fn what_is_owed_is_a_notice_unless_the_workflow_is_strict() {
    let Some(mut sandbox) = runner() else { return };
    let server = Server::answering(|_| Reply::status(503));
    sandbox.target(&server.url());
    let lenient = step(&sandbox, "run.sh", &[]);
    assert_eq!(
        (
            lenient.code,
            lenient.output("result"),
            lenient.output("exit-code")
        ),
        (Some(0), "notice", "3"),
        "{}",
        lenient.log
    );
    assert!(
        lenient
            .log
            .contains("::notice title=sk-sync::not everything is delivered (exit code 3)"),
        "{}",
        lenient.log
    );
    assert_eq!(lenient.output("owed"), "23");
    let strict = step(&sandbox, "run.sh", &[("INPUT_STRICT", "true")]);
    assert_eq!(
        (strict.code, strict.output("result")),
        (Some(3), "failure"),
        "{}",
        strict.log
    );
}

/// A pull request from a fork has no secrets: captured events are kept, and the step succeeds with
/// a notice.
#[test]
fn d47_a_fork_without_a_token_succeeds_with_a_notice_and_others_fail() {
    let Some(mut sandbox) = runner() else { return };
    let server = Server::honest();
    sandbox.target(&server.url());
    sandbox.change("SK_SYNC_TOKEN", "");
    let fork = [("IS_FORK", "true")];
    let lenient = step(&sandbox, "run.sh", &fork);
    assert_eq!(
        (
            lenient.code,
            lenient.output("result"),
            lenient.output("exit-code")
        ),
        (Some(0), "notice", "4"),
        "{}",
        lenient.log
    );
    assert!(
        lenient
            .log
            .contains("::warning title=sk-sync::missing_auth: "),
        "{}",
        lenient.log
    );
    assert!(
        lenient.summary.contains("| missing&#95;auth |"),
        "{}",
        lenient.summary
    );
    assert_eq!(
        step(
            &sandbox,
            "run.sh",
            &[("IS_FORK", "true"), ("INPUT_STRICT", "true")]
        )
        .code,
        Some(4)
    );
    let own = step(&sandbox, "run.sh", &[("IS_FORK", "false")]);
    assert_eq!((own.code, own.output("result")), (Some(4), "failure"));
    assert!(
        own.log.contains("::error title=sk-sync::missing_auth: "),
        "{}",
        own.log
    );
    assert_eq!(server.requests().len(), 0);
}

/// Names of files, branches and inputs are data: they form no command, no line end, and no
/// Markdown.
#[test]
fn hostile_names_stay_names() {
    let Some(mut sandbox) = runner() else { return };
    let hostile = "a|b`c`<img src=x>\n::error::injected\n%0A@everyone $(touch pwned) ![x](y).md";
    sandbox.write(
        &format!("kitty-specs/001-harbour-tide-table/research/{hostile}"),
        "# Text\n",
    );
    sandbox.git(&[
        "switch",
        "--quiet",
        "--create",
        "$(touch${IFS}pwned);`touch${IFS}pwned`",
    ]);
    let server = Server::answering(|request| {
        if request.path.contains("push-content") {
            return Reply::json(
                422,
                &serde_json::json!({"status": "rejected", "reason": "bad\n::error::injected|<b>"}),
            );
        }
        honest(request, "success")
    });
    sandbox.target(&server.url());
    let inputs = [(
        "INPUT_MISSIONS",
        "001-harbour-tide-table\n$(touch pwned)\n--strict\n",
    )];
    let unknown = step(&sandbox, "run.sh", &inputs);
    assert_ne!(unknown.output("result"), "success", "{}", unknown.log);
    let run = step(
        &sandbox,
        "run.sh",
        &[("INPUT_MISSIONS", "001-harbour-tide-table\n")],
    );
    assert_ne!(run.output("result"), "success", "{}", run.log);
    for text in [&run.log, &run.summary, &run.outputs] {
        assert!(
            !text
                .lines()
                .any(|line| line.starts_with("::error::injected")),
            "{text}"
        );
        assert!(
            !text.contains("<img") && !text.contains("@everyone $("),
            "{text}"
        );
    }
    assert!(run.summary.contains("&#60;img src="), "{}", run.summary);
    assert!(
        run.summary
            .lines()
            .filter(|line| line.starts_with('|'))
            .all(|line| line.ends_with('|')),
        "{}",
        run.summary
    );
    assert!(!sandbox.repo().join("pwned").exists());
    assert_eq!(run.outputs.lines().count(), 12, "{}", run.outputs);
}

#[test]
fn a_long_list_is_cut() {
    let Some(mut sandbox) = runner() else { return };
    for n in 0..60 {
        sandbox.write(
            &format!("kitty-specs/001-harbour-tide-table/research/{n}.md"),
            format!("# {n}\n"),
        );
    }
    let server = Server::answering(|request| {
        // A server that accepts only some documents must not stop the request for all of them.
        let is_refused = request.path.contains("push-content")
            && request.json()["artifact_path"]
                .as_str()
                .unwrap()
                .starts_with("research/");
        if is_refused {
            Reply::status(422)
        } else {
            honest(request, "success")
        }
    });
    sandbox.target(&server.url());
    let run = step(&sandbox, "run.sh", &[]);
    assert!(
        run.summary.contains("more.\n") && run.summary.len() < 20_000,
        "{}",
        run.summary
    );
    assert!(
        run.log.matches("::error title").count() <= 10,
        "{}",
        run.log
    );
}

/// Anyone can read the artifacts of a public repository.
#[test]
fn nothing_is_uploaded_from_a_public_repository_unless_forced() {
    let Some(sandbox) = runner() else { return };
    let upload = |upload, private| {
        let inputs = [
            ("INPUT_PRESET", "stub"),
            ("INPUT_UPLOAD", upload),
            ("IS_PRIVATE", private),
        ];
        let run = step(&sandbox, "run.sh", &inputs);
        let made = PathBuf::from(run.output("artifacts"));
        let is_empty = made.as_os_str().is_empty();
        assert_eq!(
            !is_empty,
            made.join("journal.jsonl.gz").is_file() && made.join("status.html").is_file()
        );
        (
            is_empty,
            run.log.contains("everybody can read the artifacts"),
        )
    };
    assert_eq!(upload("false", "true"), (true, false));
    assert_eq!(upload("true", "false"), (true, true));
    assert_eq!(upload("true", ""), (true, true), "not known to be private");
    assert_eq!(upload("true", "true"), (false, false));
    assert_eq!(upload("force", "false"), (false, false));
}

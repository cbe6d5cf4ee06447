//! Hints about servers and targets, and of the receiver's commands.

use super::{Case, Hint, succeeds};
use crate::support::server::Server;
use crate::support::{Run, Sandbox};

const PROJECT: &str = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";

/// Runs words that are wrong, with the receiver's file `hub.db`.
fn wrong(sandbox: &Sandbox, words: &str) -> Run {
    sandbox
        .sk_sync(words.split(' ').chain(["--store", "hub.db"]))
        .code(2)
}

/// Runs words with the receiver's file `hub.db`, which must succeed.
fn right(sandbox: &Sandbox, words: &str) -> String {
    succeeds(sandbox, &format!("sk-sync {words} --store hub.db"))
}

/// A receiver's file with a token `ci` of team `north`, and a webhook `ci` of its project.
fn hub() -> Sandbox {
    let sandbox = Sandbox::with_repo();
    let _token = right(&sandbox, "serve token add ci --scope write --team north");
    let _webhook = right(&sandbox, &webhook("ci", "north"));
    sandbox
}

fn webhook(name: &str, team: &str) -> String {
    format!("serve webhook add {name} --team {team} --project {PROJECT} --url https://x.example/in")
}

fn no_token(hint: &Hint) {
    let sandbox = hub();
    let printed = hint.of(&wrong(&sandbox, "serve token revoke nothing --team north"));
    assert!(printed.contains("sk-sync serve token list"), "{printed}");
    assert!(right(&sandbox, "serve token list").contains("ci"));
}

fn no_webhook(hint: &Hint) {
    let sandbox = hub();
    let printed = hint.of(&wrong(
        &sandbox,
        "serve webhook remove nothing --team north",
    ));
    assert!(printed.contains("sk-sync serve webhook list"), "{printed}");
    assert!(right(&sandbox, "serve webhook list").contains("ci"));
}

/// Of tokens and of webhooks.
fn no_name(hint: &Hint) {
    no_token(hint);
    no_webhook(hint);
}

fn token_exists(hint: &Hint) {
    let sandbox = hub();
    let add = |name: &str| format!("serve token add {name} --scope write --team north");
    let _hint = hint.of(&wrong(&sandbox, &add("ci")));
    let _token = right(&sandbox, &add("new"));
    let _revoked = right(&sandbox, "serve token revoke ci --team north");
}

fn webhook_exists(hint: &Hint) {
    let sandbox = hub();
    let printed = hint.of(&wrong(&sandbox, &webhook("ci", "north")));
    assert!(
        printed.contains("sk-sync serve webhook remove"),
        "{printed}"
    );
    let _removed = right(&sandbox, "serve webhook remove ci --team north");
    let _added = right(&sandbox, &webhook("ci", "north"));
}

fn no_team(hint: &Hint) {
    let sandbox = hub();
    let printed = hint.of(&wrong(&sandbox, &webhook("two", "south")));
    assert!(printed.contains("sk-sync serve token add"), "{printed}");
    let _token = right(&sandbox, "serve token add ci --scope write --team south");
    let _added = right(&sandbox, &webhook("two", "south"));
}

fn no_secret(hint: &Hint) {
    let sandbox = hub();
    let add = webhook("two", "north");
    let _hint = hint.of(&wrong(&sandbox, &format!("{add} --secret-env ABSENT")));
    assert!(right(&sandbox, &add).contains("whsec_"));
}

fn no_receiver_file(hint: &Hint) {
    let sandbox = hub();
    let words = ["serve", "forget", "--project", PROJECT, "--store"];
    let run = sandbox.sk_sync(words.iter().chain(&["absent.db"])).code(2);
    let _hint = hint.of(&run);
    let _listed = right(&sandbox, "serve forget --list");
}

fn no_such_project(hint: &Hint) {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("hub.db");
    let served = sandbox.serve(&["--listen", "127.0.0.1:0", "--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    let _run = sandbox.sk_sync(["run"]).success();
    drop(served);
    let forget = |project: &str| {
        let words = ["serve", "forget", "--yes", "--project", project, "--store"];
        sandbox.sk_sync(words.iter().copied().chain([file.to_str().unwrap()]))
    };
    let _hint = hint.of(&forget("7e57ab1e-0000-4000-8000-000000000001").code(2));
    let _forgotten = forget(PROJECT).success();
}

fn no_client_token(hint: &Hint) {
    let mut sandbox = Sandbox::with_repo();
    let words = ["--listen", "127.0.0.1:0", "--token-env", "CLIENT_TOKEN"];
    let run = sandbox.sk_sync(["serve"].iter().chain(&words)).code(2);
    assert!(hint.of(&run).contains("CLIENT_TOKEN"));
    sandbox.set("CLIENT_TOKEN", "secret");
    let served = sandbox.serve(&words);
    assert_eq!(served.report_for("secret")["events"], 0);
}

fn no_server(hint: &Hint) {
    for preset in ["opt-out", "stub"] {
        let sandbox = Sandbox::with_repo();
        sandbox.own(format!("preset = '{preset}'\n"));
        let run = sandbox.sk_sync(["verify", "--target"]).code(2);
        let line = hint.of(&run);
        let line = line
            .replace("URL", "http://127.0.0.1:9")
            .replace("TEAM", "harbour");
        let _set = succeeds(&sandbox, &line);
        let said = succeeds(&sandbox, "sk-sync target show");
        assert!(said.contains("127.0.0.1:9"), "{said}");
    }
}

fn nothing_delivered(hint: &Hint) {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    sandbox.target(&served.url());
    let run = sandbox.sk_sync(["verify", "--target"]).code(2);
    let _run = hint.follow(&sandbox, &run, "sk-sync run");
    let _compared = sandbox.sk_sync(["verify", "--target"]).success();
}

/// The receiver of this version can be compared with, and another server cannot.
fn cannot_compare(hint: &Hint) {
    let other = Server::honest();
    let mut sandbox = Sandbox::aimed_at(&other);
    let _run = sandbox.sk_sync(["run"]).success();
    let _hint = hint.of(&sandbox.sk_sync(["verify", "--target"]).code(2));
    let served = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    sandbox.target(&served.url());
    let _run = sandbox.sk_sync(["run"]).success();
    let _compared = sandbox.sk_sync(["verify", "--target"]).success();
}

fn no_answer(hint: &Hint) {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    sandbox.target(&served.url());
    let _run = sandbox.sk_sync(["run"]).success();
    drop(served);
    let printed = hint.of(&sandbox.sk_sync(["verify", "--target"]).code(3));
    let output = crate::support::advice::shell(&sandbox, &printed);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("The server"), "{said}");
}

/// Two targets whose URLs begin alike.
fn several_targets(hint: &Hint) {
    let servers = [Server::honest(), Server::honest()];
    let mut sandbox = Sandbox::with_repo();
    for server in &servers {
        sandbox.target(&server.url());
        let _run = sandbox.sk_sync(["run"]).success();
    }
    sandbox.change("SK_SYNC_PRESET", "opt-out");
    sandbox.unset("SK_SYNC_TARGET_URL");
    sandbox.unset("SK_SYNC_TEAMSPACE__TEAM_SLUG");
    let forget = ["target", "forget", "http://127.0.0.1"];
    let run = sandbox.sk_sync(forget).code(2);
    let _hint = hint.of(&run);
    let id = run
        .stderr
        .split([' ', ',', '\n'])
        .find(|word| word.starts_with("tgt_"))
        .unwrap();
    let _forgotten = succeeds(&sandbox, &format!("sk-sync target forget {id}"));
}

fn current_target(hint: &Hint) {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let _run = sandbox.sk_sync(["run"]).success();
    let run = sandbox.sk_sync(["target", "forget", "current"]).code(2);
    let said = hint.follow(&sandbox, &run, "sk-sync target show");
    assert!(said.contains("SK_SYNC_TARGET_URL"), "{said}");
}

pub(super) const CASES: &[Case] = &[
    ("`{see}` of the same storage lists the names", no_name),
    (
        "choose another name; to replace a token, add the new one first, then revoke the old one",
        token_exists,
    ),
    (
        "choose another name, or remove that webhook first: sk-sync serve webhook remove",
        webhook_exists,
    ),
    (
        "the first token of a team makes it: sk-sync serve token add --team NAME",
        no_team,
    ),
    (
        "leave the option out for a new secret, which is printed once",
        no_secret,
    ),
    (
        "name the file that the receiver was started with: serve --store FILE",
        no_receiver_file,
    ),
    (
        "see the UUIDs on the receiver's pages; a project of a team needs --team",
        no_such_project,
    ),
    (
        "set {name} to the token that clients must send",
        no_client_token,
    ),
    (
        "sk-sync target set teamspace --url URL --team TEAM",
        no_server,
    ),
    ("sk-sync run", nothing_delivered),
    (
        "update the receiver; `sk-sync serve` of this version can",
        cannot_compare,
    ),
    ("sk-sync preflight --online", no_answer),
    ("name one by its ID", several_targets),
    (
        "choose another target first; `sk-sync target show` says who names this one",
        current_target,
    ),
];

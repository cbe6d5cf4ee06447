//! Every command that prints a JSON document: the members that all documents have.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::help::{Listed, commands};
use crate::support::server::{Reply, Server};
use crate::support::source::{Source, files};

/// Arguments of each command besides `--json`. `EVENT` and `FILE` stand for one of each.
const WORDS: [(&str, &str); 42] = [
    ("run", ""),
    ("index", ""),
    ("drain", ""),
    ("replay", "--to current"),
    ("status", ""),
    ("preflight", ""),
    ("events show", "EVENT"),
    ("events explain", ""),
    ("events release", "--all"),
    ("events retry", "--all"),
    ("events waive", "--all"),
    ("bodies list", ""),
    ("bodies retry", ""),
    ("migrate", ""),
    ("migrate adopt", ""),
    ("migrate release", ""),
    ("migrate conflicts", ""),
    ("migrate conflicts resolve", "--keep journal --all"),
    ("migrate cleanup", ""),
    ("gc", ""),
    ("archive", "--output FILE"),
    ("restore", "FILE"),
    ("purge", "--queue"),
    ("open", ""),
    ("target show", ""),
    ("target set", "--receiver stub"),
    ("target list", ""),
    ("verify", "--repair counters"),
    ("init", ""),
    ("config show", ""),
    ("config get", "preset"),
    ("config set", "drain.max_time 30s"),
    ("config unset", "drain.max_time"),
    ("config path", ""),
    ("hook install", ""),
    ("hook status", ""),
    ("hook uninstall", ""),
    ("allow", "local"),
    ("bench", "index --quick"),
    ("target forget", "stub"),
    ("selftest", ""),
    ("--version", ""),
];

/// Not in the list of commands.
const HIDDEN: [&str; 2] = ["--version", "selftest"];

/// These print a line of JSON for each of their lines, and no document.
const STREAMS: [&str; 2] = ["capture", "events list"];

fn check(name: &str, run: &crate::support::Run) -> Value {
    let document: Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{name}: not one document: {error}; {run:#?}"));
    assert_eq!(document["schema_version"], 1, "{name}: {document}");
    let command = document["command"]
        .as_str()
        .unwrap_or_else(|| panic!("{name}: no command: {document}"));
    let first = name.split(' ').next().unwrap().trim_start_matches('-');
    assert_eq!(command.split(' ').next(), Some(first), "{document}");
    assert_eq!(
        document["exit_code"].as_i64(),
        run.code.map(i64::from),
        "{name}: {document}"
    );
    let ok = document["ok"]
        .as_bool()
        .unwrap_or_else(|| panic!("{name}: no ok: {document}"));
    // `status` succeeds in reporting problems.
    assert!(
        ok == (run.code == Some(0)) || command == "status",
        "{name}: {document}"
    );
    let names: Vec<_> = document
        .as_object()
        .unwrap()
        .keys()
        .take(4)
        .map(String::as_str)
        .collect();
    let common = ["command", "exit_code", "ok", "schema_version"];
    assert!(
        common.iter().all(|name| document.get(*name).is_some()),
        "{names:?}"
    );
    document
}

/// A project that has delivered everything, to the server and before that to the stub.
fn sandbox(server: &Server) -> (Sandbox, String) {
    let mut sandbox = Sandbox::with_repo();
    let _sent = sandbox.sk_sync(["run", "--preset", "stub"]).success();
    sandbox.target(&server.url());
    let _sent = sandbox.sk_sync(["run"]).success();
    let events = sandbox
        .sk_sync(["events", "list", "--jsonl"])
        .success()
        .json_lines();
    let event = events[0]["event_id"].as_str().unwrap().to_owned();
    (sandbox, event)
}

#[test]
fn every_document_says_which_command_how_it_ended_and_whether_all_is_well() {
    let server = Server::honest();
    server.healthy(Reply::json(
        200,
        &json!({"status": "ok", "hub": {"pages": "/"}}),
    ));
    let (sandbox, event) = sandbox(&server);
    let file = sandbox.path("archive.gz").to_str().unwrap().to_owned();
    let listed = commands(&sandbox);
    let with_json: Vec<&Listed> = listed
        .iter()
        .filter(|command| command.has("--json"))
        .collect();
    for command in &with_json {
        let name = command.name();
        let is_known =
            WORDS.iter().any(|(known, _)| *known == name) || STREAMS.contains(&name.as_str());
        assert!(is_known, "`{name} --json` is not tried here");
    }
    for (name, more) in WORDS {
        let more = more.replace("EVENT", &event).replace("FILE", &file);
        let words: Vec<&str> = name
            .split(' ')
            .chain(more.split(' ').filter(|word| !word.is_empty()))
            .collect();
        let command = with_json.iter().find(|command| command.name() == name);
        assert!(
            command.is_some() || HIDDEN.contains(&name),
            "`{name}` has no --json"
        );
        if command.is_some_and(|command| command.has("--dry-run")) {
            let dry = [words.as_slice(), &["--json", "--dry-run"]].concat();
            let document = check(name, &sandbox.sk_sync(&dry));
            assert_eq!(document["dry_run"], json!(true), "{name}: {document}");
        }
        let run = sandbox.sk_sync([words.as_slice(), &["--json"]].concat());
        let document = check(name, &run);
        // `events show` has words of the server by this name.
        assert!(!document["error"].is_object(), "{name}: {document}");
    }
    for command in &with_json {
        // `bench` needs no project.
        if command.name() == "bench" || STREAMS.contains(&command.name().as_str()) {
            continue;
        }
        let name = command.name();
        let (_, more) = WORDS.iter().find(|(known, _)| *known == name).unwrap();
        let more = more.replace("EVENT", &event).replace("FILE", &file);
        let words = name
            .split(' ')
            .chain(more.split(' ').filter(|word| !word.is_empty()));
        let words: Vec<&str> = words
            .chain(["--json", "--repo", "/nowhere/at/all"])
            .collect();
        let failed = check(&name, &sandbox.sk_sync(words));
        assert!(failed["error"]["message"].is_string(), "{name}: {failed}");
    }
}

/// A document cannot be printed without those members: only the streams print bare lines.
#[test]
fn only_streams_print_bare_lines() {
    let bare = |source: &Source| source.code.contains(".line_of_json(");
    let mut found: Vec<_> = files("src/cli", "rs")
        .into_iter()
        .filter(bare)
        .map(|source| source.file)
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "src/cli/commands/capture.rs",
            "src/cli/commands/events/mod.rs",
            "src/cli/commands/log.rs",
            "src/cli/printer.rs"
        ]
    );
}

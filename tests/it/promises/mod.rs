//! User requests about the older tool that no other area of these tests covers: each test carries
//! the number of its request.

mod files;

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::programs::skip;
use crate::support::server::Server;
use crate::support::wire::{envelope, ids, journal};
use crate::support::{Run, Sandbox};

const MISSION: &str = "kitty-specs/storm-surge-alerts-01KQX7M2";

fn events(server: &Server) -> Vec<Value> {
    let requests = server.requests();
    let all = requests.iter().flat_map(|request| {
        request.json()["events"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    });
    all.collect()
}

/// Every text in a document, names of members included.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(list) => list.iter().for_each(|member| texts(member, found)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            found.insert(name.clone());
            texts(member, found);
        }),
        _ => {}
    }
}

/// A thousand events in one run cost a few syncs and one opened store, not a thousand of each.
#[test]
fn d02_capturing_many_events_costs_few_commits() {
    let sandbox = Sandbox::with_repo();
    let _made = sandbox
        .sk_sync_with(["capture"], envelope("first", "a", "x") + "\n")
        .success();
    let input = sandbox.path("input");
    let lines: String = (0..1000)
        .map(|n| envelope(&format!("event-{n}"), "a", "x") + "\n")
        .collect();
    std::fs::write(&input, lines).unwrap();
    let (trace, program) = (sandbox.path("trace"), sandbox.command(["capture", "-q"]));
    let mut command = Command::new("strace");
    command
        .args(["-f", "-e", "trace=fsync,fdatasync,openat", "-o"])
        .arg(&trace)
        .arg(program.get_program());
    command
        .args(program.get_args())
        .current_dir(sandbox.repo())
        .env_clear();
    command.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let Ok(output) = command.stdin(std::fs::File::open(&input).unwrap()).output() else {
        return skip("there is no strace: the syncs of a capture are not counted");
    };
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let trace = std::fs::read_to_string(trace).unwrap();
    let count = |word: &str| trace.lines().filter(|line| line.contains(word)).count();
    assert_eq!(journal(&sandbox.store()).len(), 1001);
    assert!(
        (1..=12).contains(&count("sync(")),
        "{} syncs",
        count("sync(")
    );
    assert!(
        count("store.db\"") <= 3,
        "{} times opened",
        count("store.db\"")
    );
}

/// Events left to send are the journal minus the delivered ones, so events captured while sync was
/// off are sent too.
#[test]
fn d06_what_was_captured_while_sync_was_off_is_delivered_when_it_is_on() {
    let server = Server::honest();
    let mut sandbox = Sandbox::aimed_at(&server);
    let first = sandbox.sk_sync(["run", "--json"]).success().json()["capture"]["captured"]
        .as_u64()
        .unwrap();
    sandbox.set("SPEC_KITTY_ENABLE_SAAS_SYNC", "off");
    sandbox.write(&format!("{MISSION}/spec.md"), "# While it was off\n");
    let off = sandbox.sk_sync(["run", "--json"]).code(4).json();
    let _more = sandbox
        .sk_sync_with(["capture"], envelope("while-off", "a", "x") + "\n")
        .success();
    assert_eq!(
        (&off["capture"]["captured"], events(&server).len() as u64),
        (&json!(2), first)
    );
    sandbox.unset("SPEC_KITTY_ENABLE_SAAS_SYNC");
    let on = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&on["drain"]["success"], &on["balance"]["delivered"]),
        (&json!(3), &json!(first + 3))
    );
    assert!(
        server
            .requests()
            .iter()
            .flat_map(ids)
            .any(|id| id == "while-off")
    );
}

/// Runs the program in another directory.
fn run_in(sandbox: &Sandbox, dir: &Path, args: &[&str]) -> Run {
    let output = sandbox.command(args).current_dir(dir).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Two projects on one machine deliver to one server, each its own events, in any order and
/// repeatedly.
#[test]
fn d21_a_second_project_delivers_like_the_first() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let second = sandbox.path("second");
    let copied = Command::new("cp")
        .arg("-r")
        .args([sandbox.repo(), second.clone()])
        .status()
        .unwrap();
    assert!(copied.success());
    let other = "0f000000-0000-4000-8000-00000000000f";
    std::fs::create_dir_all(second.join(".kittify")).unwrap();
    std::fs::write(
        second.join(".kittify/config.yaml"),
        format!("project:\n  uuid: {other}\n"),
    )
    .unwrap();
    for round in 0..2 {
        for dir in [sandbox.repo(), second.clone()] {
            std::fs::write(
                dir.join(MISSION).join("spec.md"),
                format!("round {round} in {}", dir.display()),
            )
            .unwrap();
            let report = run_in(&sandbox, &dir, &["run", "--json"]).success().json();
            assert_eq!(
                report["drain"]["success"],
                report["capture"]["captured"],
                "{round} {}",
                dir.display()
            );
            assert!(report["capture"]["captured"].as_u64() > Some(1), "{report}");
        }
    }
    for request in server
        .requests()
        .iter()
        .filter(|request| request.path.contains("events"))
    {
        let projects: BTreeSet<String> = request.json()["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["project_uuid"].to_string())
            .collect();
        assert_eq!(
            projects.len(),
            1,
            "a request speaks of one project: {projects:?}"
        );
    }
    let of = |project: &str| {
        events(&server)
            .iter()
            .filter(|event| event["project_uuid"] == project)
            .count()
    };
    assert_eq!(
        (
            of(other),
            of(other) + of("5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60")
        ),
        (25, 50)
    );
}

/// A `kitty-specs` that is a link to another project exposes nothing of that project, nor does a
/// link below it.
#[test]
fn d41_links_give_away_nothing_of_another_project() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let elsewhere = sandbox.path("elsewhere/kitty-specs/theirs");
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("spec.md"), "the-secret-of-theirs").unwrap();
    symlink(
        &elsewhere,
        sandbox.repo().join("kitty-specs/linked-mission"),
    )
    .unwrap();
    symlink(
        elsewhere.join("spec.md"),
        sandbox.repo().join(MISSION).join("research.md"),
    )
    .unwrap();
    let run = sandbox.sk_sync(["run", "--json"]);
    assert!(run.code == Some(0), "{run:?}");
    assert!(
        run.stdout.contains("link_outside"),
        "what was skipped is said: {}",
        run.stdout
    );
    std::fs::rename(sandbox.repo().join("kitty-specs"), sandbox.path("away")).unwrap();
    symlink(
        sandbox.path("elsewhere/kitty-specs"),
        sandbox.repo().join("kitty-specs"),
    )
    .unwrap();
    let linked = sandbox.sk_sync(["run", "--json"]);
    assert!(
        linked.code != Some(0) && linked.stdout.contains("kitty-specs"),
        "it is said: {linked:?}"
    );
    for request in server.requests() {
        let sent = String::from_utf8(request.body()).unwrap();
        for word in [
            "the-secret-of-theirs",
            "linked-mission",
            "\"theirs\"",
            "elsewhere",
        ] {
            assert!(!sent.contains(word), "{word} was sent");
        }
    }
}

/// Events of this program contain no host, user, home directory, path or mail address; events of
/// others are not edited.
#[test]
fn d43_our_own_events_name_neither_host_nor_person() {
    let server = Server::honest();
    let mut sandbox = Sandbox::aimed_at(&server);
    for name in ["USER", "LOGNAME", "USERNAME", "HOSTNAME"] {
        sandbox.set(name, "harbourmaster-jo");
    }
    sandbox.git(&[
        "remote",
        "add",
        "origin",
        "https://harbourmaster-jo@git.example.org/harbour/tides.git",
    ]);
    let _run = sandbox.sk_sync(["run"]).success();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .unwrap_or_default()
        .trim()
        .to_owned();
    let place = sandbox.path("").display().to_string();
    let (mut found, sent) = (BTreeSet::new(), events(&server));
    for event in &sent {
        texts(event, &mut found);
    }
    assert!(sent.len() > 20 && found.len() > 50);
    for text in &found {
        let is_told = text == &host || (host.len() > 5 && text.contains(&host));
        assert!(!is_told, "{text} names the host");
        for word in [
            "harbourmaster-jo",
            "tester@example.org",
            place.trim_end_matches('/'),
        ] {
            assert!(!text.contains(word), "{text} holds {word}");
        }
    }
    let theirs = envelope(
        "theirs",
        "a",
        "/home/jo/tides on harbour-pc, jo@example.org",
    );
    let _captured = sandbox
        .sk_sync_with(["capture"], theirs.clone() + "\n")
        .success();
    let _drained = sandbox.sk_sync(["drain"]).success();
    let body = server.requests().last().unwrap().body();
    assert_eq!(
        String::from_utf8(body).unwrap(),
        format!("{{\"events\":[{theirs}]}}")
    );
}

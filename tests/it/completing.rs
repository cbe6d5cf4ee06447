//! Completion of a command line in a shell, with what the repository knows.
#![cfg(unix)]

use std::process::Command;

use crate::support::Sandbox;
use crate::support::programs::skip;

/// The values offered for the last of these words.
fn offered(sandbox: &mut Sandbox, words: &[&str]) -> Vec<String> {
    sandbox.change("SK_SYNC_COMPLETE", "fish");
    let args = ["--", "sk-sync"].iter().chain(words);
    let run = sandbox.sk_sync(args).success();
    sandbox.unset("SK_SYNC_COMPLETE");
    let name = |line: &str| line.split('\t').next().unwrap().to_owned();
    run.stdout.lines().map(name).collect()
}

#[test]
fn commands_and_options_are_offered() {
    let mut sandbox = Sandbox::new();
    assert_eq!(offered(&mut sandbox, &["pre"]), ["preflight"]);
    assert_eq!(offered(&mut sandbox, &["run", "--no-d"]), ["--no-drain"]);
    let presets = offered(&mut sandbox, &["target", "set", ""]);
    assert!(presets.contains(&"stub".to_owned()), "{presets:?}");
}

#[test]
fn missions_are_offered_and_nothing_is_written() {
    let mut sandbox = Sandbox::with_repo();
    let before = sandbox.listing();
    let missions: Vec<_> = std::fs::read_dir(sandbox.repo().join("kitty-specs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for words in [
        &["run", "--mission", ""][..],
        &["index", "--mission", ""],
        &["log", "--mission", ""],
        &["bodies", "list", "--mission", ""],
        &["open", ""],
    ] {
        let found = offered(&mut sandbox, words);
        let has = |mission: &&String| found.contains(mission);
        assert_eq!(
            missions.iter().filter(has).count(),
            missions.len(),
            "{words:?}: {found:?}"
        );
    }
    let one = &missions[0];
    assert_eq!(
        offered(&mut sandbox, &["run", "--mission", one]),
        [one.as_str()]
    );
    assert_eq!(sandbox.listing(), before);
}

#[test]
fn units_of_another_layout_are_offered() {
    let mut sandbox = Sandbox::with_empty_repo();
    sandbox.write("specs/001-login/spec.md", "# Login\n");
    let init = ["init", "--project", "--layout", "spec-kit"];
    let _written = sandbox.sk_sync(init).success();
    assert_eq!(
        offered(&mut sandbox, &["run", "--mission", "0"]),
        ["001-login"]
    );
}

#[test]
fn keys_statuses_and_targets_are_offered() {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    sandbox.target(&served.url());
    assert!(sandbox.sk_sync(["run"]).success().stdout.contains("Done"));
    assert_eq!(
        offered(&mut sandbox, &["config", "get", "drain.max_ev"]),
        ["drain.max_events"]
    );
    assert_eq!(
        offered(&mut sandbox, &["events", "list", "--status", "undeliv"]),
        ["undeliverable"]
    );
    let targets = offered(&mut sandbox, &["target", "forget", "tgt"]);
    let known = sandbox.sk_sync(["target", "list", "--json"]).json();
    let known = known["targets"][0]["target_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(targets, [known]);
}

/// What a shell inserts into a command line, it also interprets.
#[test]
fn names_that_a_shell_interprets_are_not_offered() {
    let mut sandbox = Sandbox::with_empty_repo();
    for name in [
        "001-plain",
        "$(touch ran)",
        "`touch ran`",
        "a b",
        "-rf",
        "a;b",
        "a\nb",
        "a'b",
    ] {
        sandbox.write(&format!("specs/{name}/spec.md"), "# A\n");
    }
    let init = ["init", "--project", "--layout", "spec-kit"];
    let _written = sandbox.sk_sync(init).success();
    let found = offered(&mut sandbox, &["run", "--mission", ""]);
    assert!(found.contains(&"001-plain".to_owned()), "{found:?}");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+".contains(c);
    assert!(
        found.iter().all(|name| name.chars().all(is_plain)),
        "{found:?}"
    );
}

#[test]
fn outside_a_repository_nothing_is_said() {
    let mut sandbox = Sandbox::new();
    sandbox.write("event-sync.toml", "not = [toml");
    assert_eq!(offered(&mut sandbox, &["run", "--mission", "0"]), [""; 0]);
}

#[test]
fn bash_completes_with_the_printed_script() {
    let sandbox = Sandbox::with_repo();
    let script = sandbox.sk_sync(["completions", "bash"]).success().stdout;
    sandbox.write("complete.bash", script);
    let program = sandbox.command([""; 0]);
    let bin = std::path::Path::new(program.get_program())
        .parent()
        .unwrap();
    let ask = "source \"$1\"; export PATH=\"$2:$PATH\"; \
               COMP_WORDS=(sk-sync run --mission 0); COMP_CWORD=3; COMP_TYPE=9; \
               completer=$(complete -p sk-sync | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \
               $completer sk-sync 0 --mission; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let asked = Command::new("bash")
        .args(["--norc", "-c", ask, "bash"])
        .arg(sandbox.repo().join("complete.bash"))
        .arg(bin)
        .current_dir(sandbox.repo())
        .env("SK_SYNC_HOME", sandbox.state())
        .output();
    let Ok(output) = asked else {
        skip("there is no bash");
        return;
    };
    let said = String::from_utf8(output.stdout).unwrap();
    let missions = std::fs::read_dir(sandbox.repo().join("kitty-specs")).unwrap();
    for mission in missions.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        let is_offered = said.lines().any(|line| line.trim() == mission);
        assert_eq!(is_offered, mission.starts_with('0'), "{mission}: {said}");
    }
}

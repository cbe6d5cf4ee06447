//! Completion of a command line in a shell, with what the repository knows.
#![cfg(unix)]

use crate::support::Sandbox;
use crate::support::advice::shell;
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

/// A variable that stayed in an environment must not stop the work, and least of all silently.
#[test]
fn without_a_typed_line_the_command_runs() {
    let mut sandbox = Sandbox::with_repo();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell", "another"] {
        sandbox.change("SK_SYNC_COMPLETE", shell);
        sandbox.change("_CLAP_COMPLETE_INDEX", "18446744073709551615");
        let status = sandbox.sk_sync(["status", "--json"]).json();
        assert_eq!(status["command"], "status", "{shell}");
        for words in [&[][..], &["--"]] {
            let run = sandbox.sk_sync(words).code(2);
            assert!(run.stderr.contains("Usage"), "{shell}: {run:?}");
        }
        let run = sandbox.sk_sync(["--", "sk-sync", "run", "--mission", "0"]);
        assert!(matches!(run.code, Some(0 | 2)), "{shell}: {run:?}");
        assert!(!run.stderr.contains("panicked"), "{shell}: {run:?}");
    }
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
    // What bash does for a TAB after `sk-sync run --mission 0`.
    let ask = r#"
        source complete.bash
        COMP_WORDS=(sk-sync run --mission 0) COMP_CWORD=3 COMP_TYPE=9
        complete=$(complete -p sk-sync | sed 's/.*-F \([^ ]*\).*/\1/')
        $complete sk-sync 0 --mission
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    sandbox.write("ask.bash", ask);
    let output = shell(&sandbox, "command -v bash >&2 && exec bash --norc ask.bash");
    if output.stderr.is_empty() {
        skip("there is no bash");
        return;
    }
    let said = String::from_utf8(output.stdout).unwrap();
    let missions = std::fs::read_dir(sandbox.repo().join("kitty-specs")).unwrap();
    for mission in missions.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        let is_offered = said.lines().any(|line| line.trim() == mission);
        assert_eq!(is_offered, mission.starts_with('0'), "{mission}: {said}");
    }
}

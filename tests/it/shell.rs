//! The shell itself: help, usage errors, completions, closed pipes.

use std::io::Read as _;
use std::process::Stdio;

use crate::support::Sandbox;

#[test]
#[expect(clippy::too_many_lines, reason = "the help is as long as it is")]
fn help_names_commands_options_exit_codes_and_environment() {
    let run = Sandbox::new().sk_sync(["--help"]).success();
    insta::assert_snapshot!(run.stdout, @"
    Deliver the specs, plans and tasks in a git repository to a server.

    Captures events and documents in a local journal, then delivers them to the one target you chose.
    Nothing is lost, no daemon runs, and each run proves what arrived. Without configuration everything
    stays on this machine.

    Usage: sk-sync [OPTIONS] <COMMAND>

    Everyday:
      run          Index, capture and deliver: the main command
      status       Show what is delivered, what is left to send, and the next step
      log          Show what was captured, newest first
      drain        Deliver what is left to send: events, then documents
      index        Index spec directories and capture changes; send nothing
      capture      Store event envelopes from stdin, one JSON object a line

    Set up:
      init         Find the specs of this repository and write event-sync.toml
      preflight    Check everything that can stop delivery, and how to fix it
      allow        Consent to send this repository's data to a server
      target       Show and choose the target
      hook         Capture after commits with git hooks
      config       Show and change the configuration

    Fix:
      events       List, explain, retry, waive and release events
      bodies       List and retry documents that are not delivered
      replay       Send delivered events again, for example to a server that lost its data
      verify       Check every hash, count and reference in the store
      migrate      Import what older versions of Spec Kitty left in their queues

    Storage:
      gc           Delete payloads that every target already has
      archive      Write payloads to a portable, checksummed archive
      restore      Import an archive into the journal
      purge        Discard what waits, or delete everything of a project

    More:
      serve        Run a receiver, the server side
      open         Print the URL of this project's page at the target
      bench        Benchmark sk-sync against this machine's limits
      completions  Print a completion script for a shell
      man          Print the manual page
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Global options:
          --repo <DIR>
              Work on the repository in DIR instead of the current directory

          --config <FILE>
              Read FILE instead of the repository's event-sync.toml

      -q, --quiet
              Print only errors (and the --json document)

      -v, --verbose...
              Show details; repeat for debug (-vv) and trace (-vvv)

          --color <WHEN>
              When to use colors

              Possible values:
              - auto:   On a terminal, unless the environment says otherwise
              - always: Always
              - never:  Never
              
              [default: auto]

          --log-file <FILE>
              Also write a log to FILE, without secrets; rotated to FILE.1 at 8 MiB

          --log-format <FORM>
              Format of the log

              Possible values:
              - text: For people: time, level, where, what
              - json: For machines: one JSON object a line
              
              [default: text]

          --no-input
              Never prompt; use the safe answer

    Target options:
          --preset <NAME>
              What is kept and where it is sent, as one word

              Possible values:
              - teamspace:         keep everything, send to a Teamspace
              - external-receiver: keep everything, send to your own endpoint
              - local-retention:   keep everything, send nothing (what an unconfigured project does)
              - opt-out:           keep only what is bound for a Teamspace, send nothing
              - stub:              keep everything, send to a receiver inside sk-sync, for a first look

          --target-url <BASE>
              Send to the server at this base URL in this run

          --override-target
              Use the environment's target if another one is configured

          --allow-origin <ORIGIN>
              Consent to ORIGIN (scheme://host:port, or `local`) in this run

    Examples:
      sk-sync init                      find the specs and write event-sync.toml
      sk-sync run --preset stub         try the delivery with the built-in receiver
      sk-sync run                       index, capture and deliver to the configured target
      sk-sync run --json --strict       the same for a script: one JSON document, no leniency
      sk-sync status --check            report by exit code if anything is left, failed or blocked

    Exit codes:
        0  success: nothing is left to send
        1  internal or I/O error, disk full
        2  usage or configuration error
        3  something is left to send; run again
        4  delivery is blocked; the output names the check that fails
        5  an event or document failed for good, or an event ID has two contents
        6  damage, or the balance does not hold
       75  another process is delivering; what was captured is kept
      130  interrupted

    Environment variables:
      SK_SYNC
              `0`, `false`, `no` or `off` switches sk-sync off: no output, no file opened, exit 0
      SK_SYNC_HOME
              state directory (stores, grants, logs); default `$XDG_STATE_HOME/sk-sync`
      SK_SYNC_CONFIG
              user configuration file; default `$XDG_CONFIG_HOME/sk-sync/config.toml`
      SK_SYNC_REPOSITORY
              name of the repository that the store belongs to, for clones that are made for each run
              (CI)
      SK_SYNC_PRESET
              preset, as `--preset`
      SK_SYNC_TARGET_URL
              base URL of the target, as `--target-url`
      SK_SYNC_TOKEN
              bearer token for the target
      SK_SYNC_TOKEN_FILE
              file that holds the bearer token; refused when group- or world-readable
      SPEC_KITTY_HOME
              directory of older queues and journals; default `~/.spec-kitty`
      SPEC_KITTY_SAAS_URL
              older name of `SK_SYNC_TARGET_URL`
      SPEC_KITTY_ENABLE_SAAS_SYNC
              a false value blocks delivery to a Teamspace (`sync_disabled`)
      CI
              set by CI systems: a heartbeat line every 10 s instead of progress bars
      TERM
              `dumb` switches colour off
      NO_COLOR
              any value switches colour off
      CLICOLOR_FORCE
              any value but `0` switches colour on
      SK_SYNC_COMPLETE
              set by completion scripts: the shell that asks what may come next on a command line
      SUDO_UID
              set by sudo: root also works in repositories of this user, as git does
      PATH
              where git is found and, for `hook status`, sk-sync
      SSL_CERT_FILE
              PEM file of the authorities or server certificates to trust for https, instead of the
              built-in ones
      SK_SYNC_PROXY
              proxy for https (`http://host:port`), before `network.proxy`; `none` connects directly
      HTTPS_PROXY
              proxy if neither `SK_SYNC_PROXY` nor `network.proxy` is set; then `ALL_PROXY`,
              `HTTP_PROXY`; lower case comes first
      ALL_PROXY
              see `HTTPS_PROXY`
      HTTP_PROXY
              see `HTTPS_PROXY`
      NO_PROXY
              hosts, domains and IP ranges to connect to without a proxy; also `no_proxy`
      HOME
              home directory, for the defaults above
      XDG_STATE_HOME
              base of the state directory; default `~/.local/state`
      XDG_CONFIG_HOME
              base of the user configuration; default `~/.config`
      LOGNAME
              user name; the node ID holds a digest of it; then `USER`, `LNAME`, `USERNAME`
      USER
              see `LOGNAME`
      LNAME
              see `LOGNAME`
      USERNAME
              see `LOGNAME`
      SK_SYNC_<SECTION>__<KEY>
              any configuration key, as SK_SYNC_DRAIN__MAX_EVENTS=200

    More: sk-sync help exit-codes, sk-sync help environment, sk-sync help config
    ");
    assert_eq!(run.stderr, "");
}

#[test]
fn every_command_has_help() {
    let sandbox = Sandbox::new();
    let top = sandbox.sk_sync(["-h"]).success().stdout;
    let commands = top
        .lines()
        .skip_while(|l| *l != "Everyday:")
        .take_while(|l| *l != "Options:");
    let names: Vec<_> = commands
        .filter(|l| l.starts_with("  "))
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert!(
        names.contains(&"run") && names.contains(&"completions"),
        "{names:?}"
    );
    for name in names {
        assert!(
            sandbox
                .sk_sync(["help", name])
                .success()
                .stdout
                .contains("Usage: sk-sync"),
            "{name}"
        );
    }
}

#[test]
fn a_usage_error_is_exit_2_with_a_suggestion() {
    let sandbox = Sandbox::new();
    let run = sandbox.sk_sync(["run", "--dry-rum"]).code(2);
    assert_eq!(run.stdout, "");
    assert!(
        run.stderr.contains("--dry-rum") && run.stderr.contains("'--dry-run'"),
        "{}",
        run.stderr
    );
    let run = sandbox.sk_sync(["--preset", "stubb", "run"]).code(2);
    assert!(run.stderr.contains("'stub'"), "{}", run.stderr);
    let _nothing_to_do = sandbox.sk_sync([""; 0]).code(2);
}

#[test]
fn a_usage_error_is_a_document_for_scripts() {
    let document = Sandbox::new()
        .sk_sync(["drain", "--json", "--max-time", "soon"])
        .code(2)
        .json();
    assert_eq!(document["command"], "drain");
    assert_eq!(
        (&document["ok"], &document["error"]["kind"]),
        (&false.into(), &"usage".into())
    );
    assert!(
        document["error"]["message"]
            .as_str()
            .unwrap()
            .contains("soon"),
        "{document}"
    );
    let missing = Sandbox::new().sk_sync(["replay", "--json"]).code(2).json();
    assert!(
        missing["error"]["message"]
            .as_str()
            .unwrap()
            .ends_with("not provided: --to <TARGET>"),
        "{missing}"
    );
    let mistyped = Sandbox::new()
        .sk_sync(["run", "--json", "--dry-rum"])
        .code(2)
        .json();
    assert!(
        mistyped["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("'--dry-run'"),
        "{mistyped}"
    );
}

#[test]
fn a_failure_is_a_document_for_scripts() {
    let document = Sandbox::new()
        .sk_sync(["init", "--json", "--repo", "nowhere"])
        .code(2)
        .json();
    assert_eq!(document["command"], "init");
    assert_eq!(
        document["error"]["message"],
        "--repo: nowhere is not a directory"
    );
}

#[test]
fn a_completion_script_asks_the_program() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox.sk_sync(["completions", shell]).success().stdout;
        assert!(
            script.contains("sk-sync") && script.contains("SK_SYNC_COMPLETE"),
            "{shell}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["completions", "bash"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), stderr.as_str()),
        (Some(0), "")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_an_error() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let sandbox = Sandbox::new();
    let output = sandbox
        .command(["completions", "bash"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .starts_with("error: cannot write the results to stdout")
    );
}

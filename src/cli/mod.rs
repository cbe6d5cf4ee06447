//! The command line: arguments in, exit code out.
//!
//! **Invariant:** contains no SQL and no HTTP, and parses no URL. It is the only module that
//! prints, that uses exit codes, and that creates the system's clock, randomness and environment;
//! lower modules get them as values.

mod again;
mod ask;
mod commands;
mod complete;
mod context;
mod event_view;
mod exit;
mod failure;
mod globals;
mod help;
mod logging;
mod printer;
mod progress;
mod project;
mod project_status;
mod receiver;
mod render;
mod reply;
mod settings;
mod steps;
mod store;
mod table;
mod target_name;
mod unit_list;
mod values;
mod version;
mod when;

pub(crate) use context::Context;
pub(crate) use exit::Exit;
pub(crate) use failure::Failure;
pub(crate) use globals::Globals;
pub(crate) use printer::{Paint, Printer};
pub(crate) use progress::Progress;
pub(crate) use reply::Reply;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};
use log::Level;

use self::commands::Cli;
use crate::base::Env;
use crate::base::clock::is_lost;

/// Runs the command of this process.
#[must_use]
pub fn main() -> ExitCode {
    let env = Env::of_process();
    #[cfg(feature = "failpoints")]
    crate::base::failpoint::arm(&env);
    let words: Vec<OsString> = std::env::args_os().collect();
    if is_hook(&words, "deliver") {
        crate::hook::leave_session();
    }
    if env.is_switched_off() {
        return switched_off(&words).into();
    }
    if let Some(exit) = complete::answer(&env, &words, Cli::command) {
        return exit.into();
    }
    if version::is_asked(&words) {
        let printer = Printer::of_process(&env, &Globals::default(), true);
        printer.reply("version", Exit::Success, &version::Document::of_build());
        // The reader closed the pipe.
        let _closed = printer.finish();
        return Exit::Success.into();
    }
    if let Some(text) = help::topic(&words) {
        let printer = Printer::of_process(&env, &Globals::default(), false);
        text.lines().for_each(|line| printer.result(line));
        // The reader closed the pipe.
        let _closed = printer.finish();
        return Exit::Success.into();
    }
    let plain = commands::plain_hook_run(&words).map(|cli| (cli, Asked::of_hook()));
    let exit = match plain.map_or_else(|| parsed(&words), Ok) {
        Ok((cli, asked)) => run(env, cli, &asked),
        Err(error) => not_understood(&env, &words, &error),
    };
    // Git's work is done: no hook of this program may make it look like a failure.
    if is_hook(&words, "run") {
        Exit::Success.into()
    } else {
        exit.into()
    }
}

/// What the words of a command line say of the reply.
struct Asked {
    /// The name of the command in documents.
    name: String,
    /// Stdout carries JSON: one document, or one value for each line.
    is_json: bool,
}

impl Asked {
    fn of(matches: &ArgMatches) -> Self {
        Self {
            name: matches.subcommand_name().unwrap_or_default().to_owned(),
            is_json: asks_for_json(matches),
        }
    }

    fn of_hook() -> Self {
        Self {
            name: "hook".to_owned(),
            is_json: false,
        }
    }
}

/// True if the command, or one below it, has `--json` or `--jsonl`.
fn asks_for_json(matches: &ArgMatches) -> bool {
    let is_set = |flag| matches!(matches.try_get_one::<bool>(flag), Ok(Some(true)));
    is_set("json")
        || is_set("jsonl")
        || matches
            .subcommand()
            .is_some_and(|(_, below)| asks_for_json(below))
}

fn parsed(words: &[OsString]) -> Result<(Cli, Asked), clap::Error> {
    let matches = help::in_groups(Cli::command()).try_get_matches_from(words)?;
    Ok((Cli::from_arg_matches(&matches)?, Asked::of(&matches)))
}

/// True when `words` are `hook act …`, with options before them.
fn is_hook(words: &[OsString], act: &str) -> bool {
    let mut words = words.iter().skip_while(|word| *word != "hook");
    words.next().is_some() && words.next().is_some_and(|word| word == act)
}

fn run(env: Env, cli: Cli, asked: &Asked) -> Exit {
    let Cli { globals, command } = cli;
    let (name, is_json) = (asked.name.as_str(), asked.is_json);
    let printer = Printer::of_process(&env, &globals, is_json);
    let started = logging::start(&env, &globals, is_json);
    logging::keep(
        Level::Info,
        "cli",
        &format!("sk-sync {} {name} begins", env!("CARGO_PKG_VERSION")),
    );
    let outcome = started.and_then(|()| Context::new(env, globals, printer.clone())).and_then(|context| {
        if !command.is_brief() {
            if is_lost() {
                context
                    .printer
                    .warning("the clock of this machine stands before 1970: times are kept as 1970-01-01; set it");
            }
            context.listen();
        }
        command.run(&context)
    });
    let exit = match outcome {
        Ok(exit) => exit,
        Err(failure) => {
            printer.failure(Some(name), &failure);
            failure.exit
        }
    };
    logging::keep(
        Level::Info,
        "cli",
        &format!("{name} ends: exit {}, {}", exit.code(), exit.meaning()),
    );
    match printer.finish() {
        Ok(()) => exit,
        Err(error) => {
            let failure = Failure::new(
                Exit::Internal,
                "io",
                format!("cannot write the results to stdout: {error}"),
            );
            printer.failure(None, &failure);
            Exit::worst([exit, failure.exit])
        }
    }
}

/// Behaviour with `SK_SYNC=0`: nothing, silently. Only `capture`, whose input exists nowhere else,
/// must not look like a success.
fn switched_off(words: &[OsString]) -> Exit {
    match named_command(words) {
        Some(name) if name == "capture" => Exit::Gate,
        _ => Exit::Success,
    }
}

/// Help, the version, or a usage error, in clap's words; with `--json`, a usage error as a document
/// instead.
fn not_understood(env: &Env, words: &[OsString], error: &clap::Error) -> Exit {
    let is_failure = error.use_stderr();
    if is_failure && words.iter().any(|word| word == "--json") {
        let printer = Printer::of_process(env, &Globals::default(), true);
        printer.error_document(
            named_command(words).as_deref(),
            &misunderstanding(&error.to_string()),
        );
        let _closed = printer.finish();
    } else {
        // The reader closed the pipe.
        let _closed = error.print();
    }
    if is_failure {
        Exit::Usage
    } else {
        Exit::Success
    }
}

/// A usage error in clap's words, without the usage: its first paragraph, which lists what is
/// missing, and the tip as hint.
fn misunderstanding(text: &str) -> Failure {
    let paragraph: Vec<_> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let failure = Failure::usage(paragraph.join(" ").trim_start_matches("error: "));
    match text
        .lines()
        .find_map(|line| line.trim().strip_prefix("tip: "))
    {
        Some(tip) => failure.with_hint(tip),
        None => failure,
    }
}

/// The command in `words`, even if other arguments are wrong.
fn named_command(words: &[OsString]) -> Option<String> {
    let matches = Cli::command()
        .ignore_errors(true)
        .try_get_matches_from(words)
        .ok()?;
    matches.subcommand_name().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    /// The examples of `command` and its subcommands, from `sk-sync` to the explanation or
    /// redirection.
    fn examples(command: &clap::Command) -> Vec<String> {
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let line = |line: &str| {
            let from = &line[line.find("sk-sync ")?..];
            let end = ["  ", " < ", " > "]
                .iter()
                .filter_map(|mark| from.find(mark))
                .min();
            Some(from[..end.unwrap_or(from.len())].to_owned())
        };
        let own: Vec<_> = help
            .lines()
            .filter(|text| text.starts_with("  "))
            .filter_map(line)
            .collect();
        own.into_iter()
            .chain(command.get_subcommands().flat_map(examples))
            .collect()
    }

    #[test]
    fn the_examples_in_the_help_parse() {
        let all = examples(&Cli::command());
        assert!(all.len() > 12, "{all:?}");
        for example in all {
            let example = example.replace(" UUID", " 0a5d6c2e-3f1b-4c8d-9e7a-1b2c3d4e5f60");
            // Quoted text is one word.
            let parts = example.split('\'').enumerate();
            let words = parts.flat_map(|(n, part)| {
                if n % 2 == 1 {
                    vec![part]
                } else {
                    part.split_whitespace().collect()
                }
            });
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("{example}: {error}");
            }
        }
    }

    /// The fast parser for git's calls gives exactly the same result as clap.
    #[test]
    fn the_short_way_to_a_hook_leads_to_the_same_place() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (line, is_short) in [
            ("sk-sync hook run post-commit", true),
            ("/usr/bin/sk-sync hook run post-checkout 0000 1234 1", true),
            ("sk-sync hook run post-rewrite rebase", true),
            ("sk-sync hook run post-commit --strange", false),
            ("sk-sync hook run pre-push", false),
            ("sk-sync hook run", false),
            ("sk-sync hook status", false),
            ("sk-sync --repo r hook run post-commit", false),
        ] {
            let short = commands::plain_hook_run(&words(line));
            assert_eq!(short.is_some(), is_short, "{line}");
            if let Some(short) = short {
                let long = Cli::try_parse_from(words(line)).unwrap();
                assert_eq!(format!("{short:?}"), format!("{long:?}"), "{line}");
            }
        }
    }

    #[test]
    fn switched_off_only_capture_is_no_success() {
        for (line, exit) in [
            ("sk-sync", Exit::Success),
            ("sk-sync run --no-such-flag", Exit::Success),
            ("sk-sync --help", Exit::Success),
            ("sk-sync run --mission capture", Exit::Success),
            ("sk-sync capture", Exit::Gate),
            ("sk-sync --repo x capture --json", Exit::Gate),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(switched_off(&words), exit, "{line}");
        }
    }
}

//! The parts of the top-level help that are not options: commands in groups, examples, exit codes,
//! environment.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::Command;

use crate::base::env;
use crate::cli::Exit;
use crate::config::KEYS;

/// Shown by `-h` and `--help`.
pub(crate) const EXAMPLES: &str = "\
Examples:
  sk-sync init                      find the specs and write event-sync.toml
  sk-sync run --preset stub         try the delivery with the built-in receiver
  sk-sync run                       index, capture and deliver to the configured target
  sk-sync run --json --strict       the same for a script: one JSON document, no leniency
  sk-sync status --check            report by exit code if anything is left, failed or blocked";

/// The commands of the top-level help, by purpose.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "Everyday",
        &["run", "status", "log", "drain", "index", "capture"],
    ),
    (
        "Set up",
        &["init", "preflight", "allow", "target", "hook", "config"],
    ),
    ("Fix", &["events", "bodies", "replay", "verify", "migrate"]),
    ("Storage", &["gc", "archive", "restore", "purge"]),
    (
        "More",
        &["serve", "open", "bench", "completions", "man", "help"],
    ),
];

/// The command line with its subcommands listed in groups. Parses the same words as `command`.
pub(crate) fn in_groups(mut command: Command) -> Command {
    // clap has one heading for all subcommands, so that it gets the list as a text and shows none
    // itself.
    command.build();
    let about = |name: &&str| {
        let about = command.find_subcommand(name)?.get_about()?;
        Some(format!("  {name:<12} {about}\n"))
    };
    let groups = GROUPS.map(|(title, names)| {
        format!(
            "{title}:\n{}",
            names.iter().filter_map(about).collect::<String>()
        )
    });
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}\n{{all-args}}{{after-help}}",
        groups.join("\n")
    );
    let usage = "sk-sync [OPTIONS] <COMMAND>";
    command
        .mut_subcommands(|subcommand| subcommand.hide(true))
        .override_usage(usage)
        .help_template(template)
}

/// The topics of `sk-sync help TOPIC` that are not commands, each with its text.
const TOPICS: [(&str, Text); 3] = [
    ("exit-codes", exit_codes),
    ("environment", environment),
    ("config", configuration),
];
type Text = fn() -> String;

/// The text that `sk-sync help TOPIC` asks for; `None` if `words` ask for something else. `config`
/// is a command too: its options are shown by `sk-sync config --help`.
pub(crate) fn topic(words: &[OsString]) -> Option<String> {
    let [_, help, topic] = words else { return None };
    let (_, text) = TOPICS
        .iter()
        .find(|(name, _)| help == "help" && topic == name)?;
    Some(text())
}

/// Examples, exit codes and environment variables, shown by `--help`.
pub(crate) fn after_long_help() -> String {
    let topics = TOPICS
        .map(|(name, _)| format!("sk-sync help {name}"))
        .join(", ");
    format!(
        "{EXAMPLES}\n\nExit codes:\n{}\nEnvironment variables:\n{}\n\nMore: {topics}",
        exit_codes(),
        environment()
    )
}

fn exit_codes() -> String {
    let mut text = String::new();
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "  {:>3}  {}", exit.code(), exit.meaning());
    }
    text
}

/// Every configuration key with its default and meaning.
fn configuration() -> String {
    let mut text = String::from(
        "Usage: sk-sync config <show|get|set|unset|path>   (options: sk-sync config --help)\n\n\
         Keys of event-sync.toml, the user's file and `sk-sync config set`:\n",
    );
    for key in KEYS {
        let default = key
            .default
            .unwrap_or("unset")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let _infallible = write!(
            text,
            "\n  {}\n      {}\n      default: {default}\n",
            key.name, key.meaning
        );
    }
    text
}

fn environment() -> String {
    let mut text = String::new();
    for variable in env::ALL {
        let _infallible = writeln!(text, "  {}\n          {}", variable.name, variable.meaning);
    }
    let _infallible = write!(
        text,
        "  {}<SECTION>__<KEY>\n          any configuration key, as {}DRAIN__MAX_EVENTS=200",
        env::KEY_PREFIX,
        env::KEY_PREFIX
    );
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::commands::Cli;

    #[test]
    fn every_command_is_in_one_group() {
        let mut command = Cli::command();
        command.build();
        let mut shown: Vec<_> = command
            .get_subcommands()
            .filter(|sub| !sub.is_hide_set())
            .map(Command::get_name)
            .collect();
        let mut listed: Vec<_> = GROUPS
            .iter()
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        shown.sort_unstable();
        listed.sort_unstable();
        assert_eq!(shown, listed);
    }
}

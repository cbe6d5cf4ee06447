//! The parts of the top-level help that are not options: commands in groups, examples, exit codes, environment.

use std::fmt::Write as _;

use clap::Command;

use crate::base::env;
use crate::cli::Exit;

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
    ("Everyday", &["run", "status", "drain", "index", "capture"]),
    ("Set up", &["init", "preflight", "allow", "target", "mode", "hook", "config"]),
    ("Fix", &["events", "bodies", "replay", "verify", "migrate"]),
    ("Storage", &["gc", "archive", "restore", "purge"]),
    ("More", &["serve", "bench", "completions", "man", "help"]),
];

/// The command line with its subcommands listed in groups. Parses the same words as `command`.
pub(crate) fn in_groups(mut command: Command) -> Command {
    // clap has one heading for all subcommands, so that it gets the list as a text and shows none itself.
    command.build();
    let about = |name: &&str| {
        let about = command.find_subcommand(name)?.get_about()?;
        Some(format!("  {name:<12} {about}\n"))
    };
    let groups =
        GROUPS.map(|(title, names)| format!("{title}:\n{}", names.iter().filter_map(about).collect::<String>()));
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}\n{{all-args}}{{after-help}}",
        groups.join("\n")
    );
    let usage = "sk-sync [OPTIONS] <COMMAND>";
    command.mut_subcommands(|subcommand| subcommand.hide(true)).override_usage(usage).help_template(template)
}

/// Examples, exit codes and environment variables, shown by `--help`.
pub(crate) fn after_long_help() -> String {
    let mut text = format!("{EXAMPLES}\n\nExit codes:\n");
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "  {:>3}  {}", exit.code(), exit.meaning());
    }
    text.push_str("\nEnvironment variables:\n");
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
    use crate::cli::args::Cli;

    #[test]
    fn every_command_is_in_one_group() {
        let mut command = Cli::command();
        command.build();
        let mut shown: Vec<_> =
            command.get_subcommands().filter(|sub| !sub.is_hide_set()).map(Command::get_name).collect();
        let mut listed: Vec<_> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        shown.sort_unstable();
        listed.sort_unstable();
        assert_eq!(shown, listed);
    }
}

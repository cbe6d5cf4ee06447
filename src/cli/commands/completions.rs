//! `sk-sync completions`: prints shell completions.

use clap::Command;
use clap_complete::Shell;

use crate::cli::{Context, Exit};

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync completions bash > ~/.local/share/bash-completion/completions/sk-sync
  sk-sync completions fish > ~/.config/fish/completions/sk-sync.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

pub(super) fn run(context: &Context, args: &Args, mut line: Command) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut line, "sk-sync", &mut script);
    context
        .printer
        .result(String::from_utf8_lossy(&script).trim_end());
    Exit::Success
}

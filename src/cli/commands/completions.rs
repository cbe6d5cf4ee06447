//! `sk-sync completions`: prints shell completions.

use clap_complete::Shell;
use clap_complete::env::Shells;

use crate::base::env::COMPLETE;
use crate::cli::{Context, Exit};

/// The name of the program in completion scripts.
const PROGRAM: &str = "sk-sync";

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync completions bash > ~/.local/share/bash-completion/completions/sk-sync
  sk-sync completions fish > ~/.config/fish/completions/sk-sync.fish")]
pub(crate) struct Args {
    /// Shell to complete for
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

pub(super) fn run(context: &Context, args: &Args) -> Exit {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&args.shell.to_string()) {
        // Writing to a vector cannot fail.
        let _infallible =
            shell.write_registration(COMPLETE, PROGRAM, PROGRAM, PROGRAM, &mut script);
    }
    context
        .printer
        .result(String::from_utf8_lossy(&script).trim_end());
    Exit::Success
}

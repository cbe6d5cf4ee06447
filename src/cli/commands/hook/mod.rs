//! `sk-sync hook`: git hooks that capture, and the background drain that they start.

mod called;
mod capture;
mod change;
mod deliver;
mod handover;
mod run;
mod status;
mod watchdog;

use std::ffi::OsString;

use clap::Subcommand;

use crate::cli::{Context, Exit, Failure};

/// Capture after commits with git hooks.
///
/// A hook captures what changed in the spec directories: no socket, at most a quarter of a second,
/// and git's command never fails because of it. Unless `hook.drain` is "none", a background process
/// then delivers.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync hook install --dry-run  show what would be changed
  sk-sync hook install            have git call sk-sync after commits, merges and rebases
  sk-sync hook status             which hooks call sk-sync, and by what
  sk-sync hook uninstall          take it all back")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Hook,
}

/// What to do with hooks.
#[derive(Debug, Subcommand)]
pub(crate) enum Hook {
    Install(change::InstallArgs),
    Uninstall(change::UninstallArgs),
    Status(status::Args),
    Run(run::Args),
    #[command(hide = true)]
    Deliver(deliver::Args),
}

/// Parses the command line `sk-sync hook run HOOK ARG…` as git calls it, without options. Handled
/// here because building the arguments of every command takes longer than a hook that has nothing
/// to do.
pub(crate) fn plain_run(words: &[OsString]) -> Option<Args> {
    let [_, hook, run, name, args @ ..] = words else {
        return None;
    };
    if hook != "hook" || run != "run" {
        return None;
    }
    let name = crate::hook::Hook::ALL
        .into_iter()
        .map(crate::hook::Hook::name)
        .find(|known| name == known)?;
    let plain = |word: &OsString| {
        word.to_str()
            .filter(|word| !word.starts_with('-'))
            .map(str::to_owned)
    };
    let args = run::Args {
        hook: name.to_owned(),
        args: args.iter().map(plain).collect::<Option<_>>()?,
    };
    Some(Args {
        command: Hook::Run(args),
    })
}

impl Args {
    /// True for the commands that git calls.
    pub(super) const fn is_run(&self) -> bool {
        matches!(self.command, Hook::Run(_))
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Hook::Install(args) => change::install(context, args),
        Hook::Uninstall(args) => change::uninstall(context, args),
        Hook::Status(args) => status::run(context, args),
        Hook::Run(args) => Ok(run::run(context, args)),
        Hook::Deliver(args) => deliver::run(context, args),
    }
}

//! The commands, one file each: arguments and output. This file leads to them, so it is above all of
//! `cli` but its `mod.rs`.

mod action;
mod allow;
mod archive;
mod bench;
mod bodies;
mod capture;
mod completions;
mod config;
mod drain;
mod events;
mod gc;
mod hook;
mod index;
mod init;
mod init_plan;
mod log;
mod man;
mod migrate;
mod mode;
mod open;
mod preflight;
mod purge;
mod replay;
mod restore;
mod run;
mod selftest;
mod serve;
mod status;
mod status_all;
mod target;
mod target_set;
mod verify;
mod verify_target;

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::cli::{Context, Exit, Failure, Globals, help};

/// Deliver the specs, plans and tasks in a git repository to a server.
///
/// Captures events and documents in a local journal, then delivers them to the one target you
/// chose. Nothing is lost, no daemon runs, and each run proves what arrived. Without configuration
/// everything stays on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "sk-sync",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(after_help = help::EXAMPLES, after_long_help = help::after_long_help())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Parses `sk-sync hook run HOOK ARG…` as git calls it; `None` for any other line.
pub(crate) fn plain_hook_run(words: &[OsString]) -> Option<Cli> {
    Some(Cli {
        globals: Globals::default(),
        command: Command::Hook(hook::plain_run(words)?),
    })
}

/// What to do. Each command's help is the text above its `Args`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(alias = "sync")]
    Run(run::Args),
    Index(index::Args),
    Capture(capture::Args),
    #[command(visible_alias = "now", alias = "push")]
    Drain(drain::Args),
    Replay(replay::Args),
    Status(status::Args),
    Log(log::Args),
    #[command(alias = "doctor")]
    Preflight(preflight::Args),
    Events(events::Args),
    Bodies(bodies::Args),
    Migrate(migrate::Args),
    Gc(gc::Args),
    Archive(archive::Args),
    Restore(restore::Args),
    Purge(purge::Args),
    Target(target::Args),
    #[command(hide = true)]
    Mode(mode::Args),
    #[command(hide = true)]
    Selftest(selftest::Args),
    Verify(verify::Args),
    Init(init::Args),
    Config(config::Args),
    Hook(hook::Args),
    Serve(serve::Args),
    Open(open::Args),
    Action(action::Args),
    Allow(allow::Args),
    Bench(bench::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// True if the command is so short that Ctrl-C may end it at once: committed changes stay.
    pub(crate) const fn is_brief(&self) -> bool {
        matches!(self, Self::Hook(args) if args.is_run())
    }

    /// Runs it.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Run(args) => run::run(context, args),
            Self::Index(args) => index::run(context, args),
            Self::Capture(args) => capture::run(context, args),
            Self::Drain(args) => drain::run(context, args),
            Self::Replay(args) => replay::run(context, args),
            Self::Status(args) => status::run(context, args),
            Self::Log(args) => log::run(context, args),
            Self::Preflight(args) => preflight::run(context, args),
            Self::Events(args) => events::run(context, args),
            Self::Bodies(args) => bodies::run(context, args),
            Self::Migrate(args) => migrate::run(context, args),
            Self::Gc(args) => gc::run(context, args),
            Self::Archive(args) => archive::run(context, args),
            Self::Restore(args) => restore::run(context, args),
            Self::Purge(args) => purge::run(context, args),
            Self::Target(args) => target::run(context, args),
            Self::Mode(args) => mode::run(context, args),
            Self::Selftest(args) => selftest::run(context, args),
            Self::Verify(args) => verify::run(context, args),
            Self::Init(args) => init::run(context, args),
            Self::Config(args) => config::run(context, args),
            Self::Hook(args) => hook::run(context, args),
            Self::Serve(args) => serve::run(context, args),
            Self::Open(args) => open::run(context, args),
            Self::Action(args) => action::run(context, args),
            Self::Allow(args) => allow::run(context, args),
            Self::Bench(args) => bench::run(context, args),
            Self::Completions(args) => Ok(completions::run(context, args)),
            Self::Man(args) => man::run(context, args, Cli::command()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for line in [
            "sk-sync --preset stub --repo r run",
            "sk-sync run --repo r --preset stub",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.globals.preset.as_deref(), Some("stub"), "{line}");
            assert_eq!(cli.globals.repo, Some(PathBuf::from("r")), "{line}");
        }
    }
}

//! The commands, one file each: arguments and output.

mod action;
mod allow;
mod allow_offer;
mod archive;
mod bench;
mod bodies;
mod capture;
mod completions;
mod config;
mod drain;
mod events;
mod explain;
mod gc;
mod hook;
mod index;
mod init;
mod init_plan;
mod log;
mod man;
mod migrate;
mod migrate_conflicts;
mod migrate_store;
mod mode;
mod open;
mod preflight;
mod purge;
mod release;
mod replay;
mod restore;
mod run;
mod selftest;
mod serve;
mod serve_forget;
mod serve_token;
mod serve_webhook;
mod settings;
mod status;
mod status_all;
mod target;
mod target_name;
mod target_set;
mod unit_list;
mod verify;
mod verify_target;
mod waive;

pub(crate) use hook::plain_run as plain_hook_run;

use clap::Subcommand;

use crate::cli::{Context, Exit, Failure};

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
    /// Its name in documents.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Index(_) => "index",
            Self::Capture(_) => "capture",
            Self::Drain(_) => "drain",
            Self::Replay(_) => "replay",
            Self::Status(_) => "status",
            Self::Log(_) => "log",
            Self::Preflight(_) => "preflight",
            Self::Events(_) => "events",
            Self::Bodies(_) => "bodies",
            Self::Migrate(_) => "migrate",
            Self::Gc(_) => "gc",
            Self::Archive(_) => "archive",
            Self::Restore(_) => "restore",
            Self::Purge(_) => "purge",
            Self::Target(_) => "target",
            Self::Mode(_) => "mode",
            Self::Selftest(_) => "selftest",
            Self::Verify(_) => "verify",
            Self::Init(_) => "init",
            Self::Config(_) => "config",
            Self::Hook(_) => "hook",
            Self::Serve(_) => "serve",
            Self::Open(_) => "open",
            Self::Action(_) => "action",
            Self::Allow(_) => "allow",
            Self::Bench(_) => "bench",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }

    /// True if stdout carries exactly one JSON document, or for `capture` one for each line of
    /// input.
    pub(crate) const fn is_json(&self) -> bool {
        match self {
            Self::Run(args) => args.json,
            Self::Index(args) => args.json,
            Self::Capture(args) => args.json,
            Self::Drain(args) => args.json,
            Self::Replay(args) => args.json,
            Self::Status(args) => args.json,
            Self::Log(args) => args.jsonl,
            Self::Preflight(args) => args.json,
            Self::Events(args) => args.is_json(),
            Self::Bodies(args) => args.is_json(),
            Self::Migrate(args) => args.is_json(),
            Self::Gc(args) => args.json,
            Self::Archive(args) => args.json,
            Self::Restore(args) => args.json,
            Self::Purge(args) => args.json,
            Self::Target(args) => args.is_json(),
            Self::Mode(args) => args.json,
            Self::Selftest(args) => args.json,
            Self::Verify(args) => args.json,
            Self::Init(args) => args.json,
            Self::Config(args) => args.is_json(),
            Self::Hook(args) => args.is_json(),
            Self::Allow(args) => args.json,
            Self::Bench(args) => args.json,
            Self::Open(args) => args.json,
            Self::Action(_) | Self::Serve(_) | Self::Completions(_) | Self::Man(_) => false,
        }
    }

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
            Self::Man(args) => man::run(context, args),
        }
    }
}

//! `sk-sync man`: manual pages, generated from the command line.

use std::path::PathBuf;

use clap::Command;

use crate::base::files;
use crate::cli::{Context, Exit, Failure};

/// Print the manual page.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync man > sk-sync.1
  sk-sync man --output ~/.local/share/man/man1  one page for each command")]
pub(crate) struct Args {
    /// Write a page for each command into DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

pub(super) fn run(context: &Context, args: &Args, line: Command) -> Result<Exit, Failure> {
    let Some(dir) = &args.output else {
        let mut page = Vec::new();
        clap_mangen::Man::new(line)
            .render(&mut page)
            .map_err(|error| Failure::io(&error))?;
        context
            .printer
            .result(String::from_utf8_lossy(&page).trim_end());
        return Ok(Exit::Success);
    };
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(line.disable_help_subcommand(true), dir))
        .map_err(|error| Failure::io(&files::named(&error, "cannot write the pages into", dir)))?;
    Ok(Exit::Success)
}

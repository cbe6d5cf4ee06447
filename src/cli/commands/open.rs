//! `sk-sync open`: the page of this project at its target.

use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::base::child;
use crate::base::text::printable;
use crate::cli::project::{resolved, workspace, world};
use crate::cli::{Context, Exit, Failure};
use crate::delivery::project_page;
use crate::endpoint::Credentials;
use crate::ops;

/// How long the program that opens a browser may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Print the URL of this project's page at the target.
///
/// Asks the target's health endpoint whether it has pages, as `sk-sync serve` does. With
/// MISSION, prints the URL of its page.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync open                                  the project
  sk-sync open 001-harbour-tide-table           a mission
  sk-sync open --browser                        in a browser")]
pub(crate) struct Args {
    /// Mission: the name of its feature directory
    #[arg(value_name = "MISSION")]
    pub(crate) mission: Option<String>,
    /// Open the page in a browser
    #[arg(long, conflicts_with = "json")]
    pub(crate) browser: bool,
    /// Print the URL in a JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let project = workspace.project_uuid()?;
    let resolved = resolved(context, &workspace)?;
    let credentials = Credentials::new(&resolved, &workspace.loaded.config, &context.env);
    let no_pages = |reason: String| {
        Failure::new(
            Exit::Gate,
            "no_pages",
            format!("cannot open a page of the target: {}", printable(&reason)),
        )
        .with_hint("pages are part of sk-sync serve; see sk-sync target show")
    };
    let target = resolved
        .identity
        .as_ref()
        .ok_or_else(|| no_pages("there is none".to_owned()))?;
    let root = ops::pages(&world(context), &credentials).map_err(no_pages)?;
    let mission = args
        .mission
        .as_ref()
        .map(|mission| format!("/mission?slug={}", encoded(mission)))
        .unwrap_or_default();
    let page = project_page(&target.canonical_url, &root, project);
    let url = format!("{page}{mission}");
    if context.printer.is_json() {
        let document = Document {
            project_uuid: project,
            mission_slug: args.mission.as_deref(),
            url: &url,
        };
        context.printer.reply("open", Exit::Success, &document);
        return Ok(Exit::Success);
    }
    context.printer.result(&printable(&url));
    if args.browser {
        let program = if cfg!(target_os = "macos") {
            "open"
        } else {
            "xdg-open"
        };
        let mut command = Command::new(program);
        command.arg(&url);
        let opened = child::ask(command, b"", PATIENCE);
        let reason = match opened {
            Ok(answer) if answer.is_success => return Ok(Exit::Success),
            Ok(answer) => answer.stderr,
            Err(failure) => failure.to_string(),
        };
        return Err(Failure::new(
            Exit::Internal,
            "browser",
            format!("cannot open a browser: {program}: {reason}"),
        )
        .with_hint("open the URL above by hand"));
    }
    Ok(Exit::Success)
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    project_uuid: &'a str,
    mission_slug: Option<&'a str>,
    url: &'a str,
}

/// A text as a value in a query.
fn encoded(text: &str) -> String {
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
    text.bytes()
        .map(|b| {
            if is_plain(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mission_is_one_value_of_the_query() {
        assert_eq!(encoded("001-a b&c/é"), "001-a%20b%26c%2F%C3%A9");
    }
}

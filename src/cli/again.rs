//! Requeues settled events, for `replay` and `events retry`.

use std::path::Path;

use serde::Serialize;

use super::store::open_store;
use super::when::{When, when};
use crate::base::text::printable;
use crate::cli::{Context, Exit, Failure};
use crate::delivery::{Among, Settled};
use crate::ops::{Workspace, owe_again};
use crate::upkeep::known_targets;

/// Which events.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct AmongArgs {
    /// Only events captured at TIME or later (2d, 90m, 2026-11-29)
    #[arg(long, value_name = "TIME", value_parser = when)]
    pub(crate) since: Option<When>,

    /// Only events of these types
    #[arg(long = "type", value_name = "TYPE", num_args = 1..)]
    pub(crate) types: Vec<String>,

    /// Only the events with these IDs
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub(crate) ids: Vec<String>,
}

impl AmongArgs {
    /// The events, by what the context takes for now.
    pub(crate) fn of(&self, context: &Context) -> Among {
        let since = self.since.map(|since| since.resolve(context.clock.now()));
        Among {
            since,
            types: self.types.clone(),
            ids: self.ids.clone(),
            reason: None,
        }
    }
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    dry_run: bool,
    target_id: &'a str,
    owed_again: u64,
}

/// Fails if nothing was ever sent to the target.
pub(crate) fn must_be_known(store: &Path, target_id: &str) -> Result<(), Failure> {
    let known = known_targets(store)?;
    if known.iter().any(|known| known == target_id) {
        return Ok(());
    }
    let known = if known.is_empty() {
        "none yet".to_owned()
    } else {
        known.join(", ")
    };
    let message = format!("nothing was ever sent to a target {}", printable(target_id));
    Err(Failure::usage(message).with_hint(format!("known: {known}")))
}

/// Requeues events of a target, and shows how many.
pub(crate) fn put_back(
    context: &Context,
    workspace: &Workspace,
    command: &'static str,
    target_id: &str,
    which: Settled,
    among: &Among,
    is_dry: bool,
) -> Result<Exit, Failure> {
    let path = workspace.place.store();
    must_be_known(&path, target_id)?;
    let mut store = open_store(context, workspace)?;
    let done = owe_again(
        &mut store,
        target_id,
        which,
        among,
        context.clock.now(),
        is_dry,
    )?;
    let Some((target, owed_again)) = done else {
        return Ok(Exit::Success);
    };
    if context.printer.is_json() {
        context.printer.reply(
            command,
            Exit::Success,
            &Document {
                dry_run: is_dry,
                target_id,
                owed_again,
            },
        );
        return Ok(Exit::Success);
    }
    let events = if owed_again == 1 {
        "event".to_owned()
    } else {
        "events".to_owned()
    };
    let would = if is_dry { "would be" } else { "will be" };
    let what = printable(&target.identity.canonical_url);
    context.printer.result(&format!(
        "{owed_again} {events} {would} sent to {what} again"
    ));
    if !is_dry && owed_again > 0 {
        context
            .printer
            .note("`sk-sync drain` sends them, when that is the target");
    }
    Ok(Exit::Success)
}

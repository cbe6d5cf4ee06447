//! `sk-sync events`: shows the journal.

use clap::Subcommand;

use super::explain::{self, ExplainArgs};
use super::release::{self, ReleaseArgs};
use super::replay::{self, RetryArgs};
use super::waive::{self, WaiveArgs};
use crate::base::text::{path, printable};
use crate::cli::journey::{resolved, workspace};
use crate::cli::render::event::described;
use crate::cli::{Context, Exit, Failure};
use crate::endpoint::Credentials;
use crate::ops::Workspace;
use crate::upkeep::{ListRequest, View, Wanted, known_targets, list, recorded_gates, show};

/// List, explain, retry, waive and release events.
///
/// `list`, `show` and `explain` change nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Events,
}

/// What to show.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    List(ListArgs),
    Show(ShowArgs),
    Explain(ExplainArgs),
    Release(ReleaseArgs),
    Retry(RetryArgs),
    Waive(WaiveArgs),
}

/// List events in the order of the journal.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Print one JSON object for each event
    #[arg(long)]
    pub(crate) jsonl: bool,

    /// Only events of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) event_type: Option<String>,

    /// Only events with this status at the target (delivered, untried, undeliverable, …)
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,

    /// Statuses at the target with this id, instead of the configured one
    #[arg(long, value_name = "ID")]
    pub(crate) target: Option<String>,

    /// Add each envelope
    #[arg(long, requires = "jsonl")]
    pub(crate) envelope: bool,
}

/// Show one event: its envelope and its state at each target.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The event's id
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    pub(super) const fn is_json(&self) -> bool {
        match &self.command {
            Events::List(args) => args.jsonl,
            Events::Show(args) => args.json,
            Events::Explain(args) => args.json,
            Events::Release(args) => args.json,
            Events::Retry(args) => args.json,
            Events::Waive(args) => args.json,
        }
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Events::List(args) => list_events(context, args),
        Events::Show(args) => show_event(context, args),
        Events::Explain(args) => explain::run(context, args),
        Events::Release(args) => release::run(context, args),
        Events::Retry(args) => replay::retry(context, args),
        Events::Waive(args) => waive::run(context, args),
    }
}

/// The target whose delivery state is shown: the configured one, or the one with this id.
pub(super) fn view(
    context: &Context,
    workspace: &Workspace,
    asked: Option<&str>,
) -> Result<View, Failure> {
    let resolved = resolved(context, workspace)?;
    let configured = resolved
        .identity
        .as_ref()
        .map(|identity| identity.target_id.as_str());
    match asked {
        Some(id) if configured != Some(id) => {
            let known = known_targets(&workspace.place.store())?;
            if known.iter().any(|other| other == id) {
                return Ok(View {
                    target_id: Some(id.to_owned()),
                    shut: Vec::new(),
                });
            }
            let known = if known.is_empty() {
                "none yet".to_owned()
            } else {
                known.join(", ")
            };
            Err(
                Failure::usage(format!("--target: no target {}", printable(id)))
                    .with_hint(format!("known: {known}")),
            )
        }
        _ => {
            let gates = Credentials::new(&resolved, &workspace.loaded.config, &context.env).gates();
            let gates = recorded_gates(&workspace.place.store(), configured, &gates)?;
            let shut = gates
                .iter()
                .filter(|gate| !gate.is_open)
                .map(|gate| gate.name)
                .collect();
            Ok(View {
                target_id: configured.map(str::to_owned),
                shut,
            })
        }
    }
}

fn list_events(context: &Context, args: &ListArgs) -> Result<Exit, Failure> {
    let wanted = args.status.as_deref().map(Wanted::parse).transpose();
    let wanted = wanted.map_err(|words| Failure::usage(format!("--status: {words}")))?;
    let workspace = workspace(context)?;
    let request = ListRequest {
        event_type: args.event_type.clone(),
        wanted,
        view: view(context, &workspace, args.target.as_deref())?,
        with_envelope: args.envelope,
    };
    let (store, printer) = (workspace.place.store(), &context.printer);
    if args.jsonl {
        list(&store, &request, &mut |item| {
            printer.line_of_json(item);
            !printer.is_closed()
        })?;
        return Ok(Exit::Success);
    }
    let mut shown = 0_u64;
    list(&store, &request, &mut |item| {
        if shown == 0 {
            printer.result(&line("SEQ", "CAPTURED", "STATUS", "TYPE", "EVENT"));
        }
        shown += 1;
        let captured = item
            .captured_at
            .get(..19)
            .unwrap_or(&item.captured_at)
            .replace('T', " ");
        let words = line(
            &item.seq.to_string(),
            &captured,
            item.status,
            &item.event_type,
            &item.event_id,
        );
        printer.result(&printable(&words));
        if let Some(error) = &item.error {
            printer.result(&format!("{:9}{}", "", printable(error)));
        }
        !printer.is_closed()
    })?;
    if shown == 0 {
        let asked = args.status.is_some() || args.event_type.is_some();
        printer.note(if asked {
            "no matching events"
        } else {
            "nothing was captured here yet: `sk-sync run`"
        });
    }
    Ok(Exit::Success)
}

/// One row of the table; fixed widths, so that a listing of any length needs little memory.
fn line(seq: &str, captured: &str, status: &str, event_type: &str, id: &str) -> String {
    format!("{seq:>7}  {captured:<19}  {status:<15}  {event_type:<32}  {id}")
}

fn show_event(context: &Context, args: &ShowArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let store = workspace.place.store();
    let view = view(context, &workspace, None)?;
    let Some(shown) = show(&store, &args.id, &view)? else {
        return Err(no_event(&args.id, &store));
    };
    let printer = &context.printer;
    if args.json {
        printer.reply("events", Exit::Success, &shown);
        return Ok(Exit::Success);
    }
    for words in described(&shown) {
        printer.result(&words);
    }
    Ok(Exit::Success)
}

/// The failure for an unknown event id.
pub(super) fn no_event(id: &str, store: &std::path::Path) -> Failure {
    let message = format!("no event {} in {}", printable(id), path(store));
    Failure::usage(message).with_hint("`sk-sync events list` lists every event")
}

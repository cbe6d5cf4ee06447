//! `sk-sync events`: shows the journal.

mod explain;
mod release;
mod retry;
mod waive;

use clap::Subcommand;

use self::explain::ExplainArgs;
use self::release::ReleaseArgs;
use self::retry::RetryArgs;
use self::waive::WaiveArgs;
use crate::base::text::printable;
use crate::cli::event_view::{no_event, view};
use crate::cli::project::workspace;
use crate::cli::render::event::described;
use crate::cli::{Context, Exit, Failure};
use crate::upkeep::{ListRequest, Wanted, list, show};

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

    /// Statuses at the target with this ID, instead of the configured one
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

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Events::List(args) => list_events(context, args),
        Events::Show(args) => show_event(context, args),
        Events::Explain(args) => explain::run(context, args),
        Events::Release(args) => release::run(context, args),
        Events::Retry(args) => retry::run(context, args),
        Events::Waive(args) => waive::run(context, args),
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

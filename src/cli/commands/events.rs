//! `sk-sync events`: the journal, looked at.

use clap::Subcommand;

use crate::base::text::{path, printable};
use crate::books;
use crate::cli::journey::{resolved, workspace};
use crate::cli::{Context, Exit, Failure};
use crate::upkeep::{ListRequest, Shown, list, show};

/// Inspect the events in the journal.
///
/// As the journal and the ledger know them. Creates nothing and changes nothing.
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
    /// Lift the hold of an event: it is owed from now on
    Release(ReleaseArgs),
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

    /// Add each envelope, byte for byte
    #[arg(long, requires = "jsonl")]
    pub(crate) envelope: bool,
}

/// Show one event: its envelope, and what became of it at each target.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The event's id
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Lifts the hold of an event.
///
/// Events are held when they were captured under `opt-out`, or belong to a local-only family. A released event is owed
/// to the target like any other; the release is audited.
#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseArgs {
    /// The event's id
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// Show what would be released; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    pub(super) const fn is_json(&self) -> bool {
        match &self.command {
            Events::List(args) => args.jsonl,
            Events::Show(args) => args.json,
            Events::Release(args) => args.json,
        }
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Events::List(args) => list_events(context, args),
        Events::Show(args) => show_event(context, args),
        Events::Release(args) => release_event(context, args),
    }
}

fn list_events(context: &Context, args: &ListArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let target_id = match &args.target {
        Some(id) => Some(id.clone()),
        None => resolved(context, &workspace)?.identity.map(|identity| identity.target_id),
    };
    let request = ListRequest {
        event_type: args.event_type.clone(),
        status: args.status.clone(),
        target_id,
        with_envelope: args.envelope,
    };
    let printer = &context.printer;
    if args.jsonl {
        list(&workspace.place.store(), &request, &mut |item| {
            printer.document(item);
            !printer.is_closed()
        })?;
        return Ok(Exit::Success);
    }
    printer.result(&line("SEQ", "CAPTURED", "STATUS", "TYPE", "EVENT"));
    list(&workspace.place.store(), &request, &mut |item| {
        let captured = item.captured_at.get(..19).unwrap_or(&item.captured_at).replace('T', " ");
        let words = line(&item.seq.to_string(), &captured, item.status, &item.event_type, &item.event_id);
        printer.result(&printable(&words));
        if let Some(error) = &item.error {
            printer.result(&format!("{:9}{}", "", printable(error)));
        }
        !printer.is_closed()
    })?;
    Ok(Exit::Success)
}

/// One row of the table; fixed widths, so that a listing of any length needs no memory.
fn line(seq: &str, captured: &str, status: &str, event_type: &str, id: &str) -> String {
    format!("{seq:>7}  {captured:<19}  {status:<15}  {event_type:<32}  {id}")
}

fn show_event(context: &Context, args: &ShowArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let store = workspace.place.store();
    let Some(shown) = show(&store, &args.id)? else { return Err(no_event(&args.id, &store)) };
    let printer = &context.printer;
    if args.json {
        printer.document(&shown);
        return Ok(Exit::Success);
    }
    for words in described(&shown) {
        printer.result(&printable(&words));
    }
    if let Some(envelope) = &shown.item.envelope {
        let value: serde_json::Value = serde_json::from_str(envelope.get()).unwrap_or_default();
        let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
        pretty.lines().for_each(|line| printer.result(&printable(line)));
    }
    Ok(Exit::Success)
}

fn release_event(context: &Context, args: &ReleaseArgs) -> Result<Exit, Failure> {
    let store = workspace(context)?.place.store();
    let Some(shown) = show(&store, &args.id)? else { return Err(no_event(&args.id, &store)) };
    let was_held = shown.item.status == "blocked";
    if was_held && !args.dry_run {
        let (now, seq) = (context.clock.now(), shown.item.seq);
        books::open(&store)?.write(|tx| books::release(tx, now, seq))?;
    }
    if context.printer.is_json() {
        context.printer.document(&Released { schema_version: 1, event_id: &shown.item.event_id, was_held });
    } else {
        let did = match (was_held, args.dry_run) {
            (false, _) => "is not held; nothing to release",
            (true, true) => "would be released",
            (true, false) => "is released and owed to the target",
        };
        context.printer.result(&format!("{} {did}", printable(&shown.item.event_id)));
    }
    Ok(Exit::Success)
}

#[derive(Debug, serde::Serialize)]
struct Released<'a> {
    schema_version: u32,
    event_id: &'a str,
    #[serde(rename = "released")]
    was_held: bool,
}

fn no_event(id: &str, store: &std::path::Path) -> Failure {
    let message = format!("no event {} in {}", printable(id), path(store));
    Failure::usage(message).with_hint("`sk-sync events list` names them all")
}

/// An event in lines for a person.
fn described(shown: &Shown) -> Vec<String> {
    let item = &shown.item;
    let mut lines = vec![
        format!("Event     {} ({})", item.event_id, item.event_type),
        format!("Journal   row {}, captured {} by {}, {} bytes", item.seq, item.captured_at, shown.origin, item.size),
        format!("Payload   sha256 {}", item.payload_sha256),
        format!("Chain     {}", shown.chain),
        format!("Status    {}", item.status),
    ];
    let mut mark = |label: &str, words: Option<String>| lines.extend(words.map(|words| format!("{label:<9} {words}")));
    mark("Replaced", item.superseded_by.map(|seq| format!("by row {seq}, before it was sent")));
    mark("Follows", shown.follows.map(|seq| format!("row {seq}, which is owed as well")));
    mark("Discarded", shown.discarded.clone());
    mark("Gone", shown.gone.clone());
    for at in &shown.targets {
        let mut words = format!("At        {}: {} after {} attempts", at.canonical_url, at.status, at.attempts);
        for more in [
            at.http_status.map(|s| format!("HTTP {s}")),
            at.error.clone(),
            at.due_at.clone().map(|d| format!("again {d}")),
        ] {
            words.extend(more.map(|m| format!(", {m}")));
        }
        lines.push(words);
    }
    lines
}

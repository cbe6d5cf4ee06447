//! `sk-sync allow`: agree to sending, see what was agreed to, and take it back.
//!
//! An agreement is never given by accident: the origin is named on the command line, or a person says yes to what was
//! shown. No file and no variable can give one.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use serde::Serialize;

use super::status::look;
use crate::base::text::{path, printable};
use crate::cli::journey::{resolved, workspace_to_write};
use crate::cli::table::count;
use crate::cli::{Context, Exit, Failure};
use crate::endpoint::{Grant, Resolved, grants, read_origin, record, revoke};
use crate::git::work_trees;
use crate::ops::{self, Workspace};

/// Agree to sending what is in this repository to an origin.
///
/// Shows what the agreement releases, and records it in the state directory, never in the repository: for this
/// project, this repository with all its checkouts, and this origin. Where the repository's event-sync.toml decides
/// what is sent or where to, the agreement holds for that file as it is now. Without ORIGIN it asks on a terminal.
/// Loopback addresses and the embedded receiver need no agreement.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync allow                          show what would go where, and ask
  sk-sync allow https://sync.example     agree to this origin
  sk-sync allow --list                   what was agreed to
  sk-sync allow --revoke https://sync.example
  sk-sync run --allow-origin https://sync.example   for one run only, as CI does")]
pub(crate) struct Args {
    /// Origins (scheme://host:port) that data may go to; without any, those of the configured target
    #[arg(value_name = "ORIGIN", conflicts_with_all = ["list", "revoke"])]
    pub(crate) origins: Vec<String>,

    /// List what was agreed to for this project
    #[arg(long, conflicts_with = "revoke")]
    pub(crate) list: bool,

    /// Take the agreement for ORIGIN back
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) revoke: Option<String>,

    /// Show what would be released; record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema_version: u32,
    command: &'static str,
    ok: bool,
    exit_code: u8,
    dry_run: bool,
    /// What is on record for the project after this command.
    grants: Vec<Grant>,
    #[serde(flatten)]
    offer: Option<Offer>,
}

/// What an agreement releases.
#[derive(Debug, Serialize)]
struct Offer {
    origins: Vec<String>,
    /// Those among them that nobody agreed to yet.
    missing: Vec<String>,
    events: u64,
    bodies: u64,
    checkouts: Vec<String>,
    /// The file that the agreement is bound to.
    config_file: Option<String>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let is_dry = args.dry_run || args.list;
    let workspace = workspace_to_write(context, is_dry)?;
    let _uuid = workspace.project_uuid()?;
    if args.list {
        return conclude(context, &workspace, args, None);
    }
    if let Some(origin) = &args.revoke {
        return take_back(context, &workspace, args, origin);
    }
    let resolved = resolved(context, &workspace)?;
    let named = args.origins.iter().map(|o| read_origin(o, "ORIGIN")).collect::<Result<Vec<_>, _>>();
    let named = named.map_err(ops::Error::from)?;
    let offer = offer(context, &workspace, &resolved, &named)?;
    if !context.printer.is_json() {
        show(context, &workspace, &resolved, &offer);
    }
    let wanted = if named.is_empty() { offer.missing.clone() } else { named };
    if !args.dry_run && !wanted.is_empty() {
        if args.origins.is_empty() {
            ask(context, &wanted)?;
        }
        let now = context.clock.now().to_string();
        for origin in &wanted {
            let grant = resolved.consent.grant(origin, &now);
            record(&workspace.place.grants(), grant, context.clock.as_ref(), &context.interrupt)
                .map_err(ops::Error::from)?;
        }
        context.printer.note(&format!(
            "Agreed: what is in this repository may go to {}. Take it back with: sk-sync allow --revoke {}",
            wanted.join(" and "),
            wanted.first().map_or("ORIGIN", String::as_str)
        ));
    }
    conclude(context, &workspace, args, Some(offer))
}

/// What an agreement releases: the origins named, else the target's, and what waits.
fn offer(context: &Context, workspace: &Workspace, resolved: &Resolved, named: &[String]) -> Result<Offer, Failure> {
    let target = resolved.origins();
    if let Some(other) = named.iter().find(|origin| !target.contains(origin)) {
        let now = if target.is_empty() { "nowhere".to_owned() } else { format!("to {}", target.join(" and ")) };
        context
            .printer
            .warning(&format!("as configured here, this project sends {now}; {other} is for a later target"));
    }
    let origins = if named.is_empty() { target } else { named.to_vec() };
    if origins.is_empty() {
        let why = match &resolved.disagreement {
            Some(disagreement) => disagreement.to_string(),
            None => "no server is configured, so there is nothing to agree to".to_owned(),
        };
        return Err(Failure::usage(why).with_hint(
            "name the target first: --target-url BASE, SK_SYNC_TARGET_URL, or event-sync.toml; see `sk-sync status`",
        ));
    }
    let document = look(context, workspace, resolved)?;
    let all = &document.balance;
    let is_now = origins.iter().all(|origin| resolved.origins().contains(origin));
    Ok(Offer {
        missing: origins.iter().filter(|origin| !resolved.is_permitted(origin)).cloned().collect(),
        origins,
        // A later target has nothing yet: it is owed all that is kept.
        events: if is_now {
            document.active_queue.event_count
        } else {
            all.captured.saturating_sub(all.superseded + all.discarded + all.purged)
        },
        bodies: document.bodies.queued,
        checkouts: work_trees(&workspace.checkout).iter().map(|tree| path(tree)).collect(),
        config_file: resolved.consent.pinned().map(|file| path(&file.path)),
    })
}

fn show(context: &Context, workspace: &Workspace, resolved: &Resolved, offer: &Offer) {
    let line = |name: &str, words: &str| context.printer.result(&format!("{name:<10}{words}"));
    let name = workspace.identity.project_slug.as_deref().unwrap_or("this project");
    let team = resolved.identity.as_ref().map(|i| i.team_slug.as_str()).filter(|t| !t.is_empty());
    let team = team.map(|t| format!(", team {}", printable(t))).unwrap_or_default();
    line("Target", &format!("{}{team}", offer.origins.join(" and ")));
    line(
        "Releases",
        &format!(
            "{} events and {} bodies of {} that wait now, and all that come",
            count(offer.events),
            count(offer.bodies),
            printable(name)
        ),
    );
    for (at, checkout) in offer.checkouts.iter().enumerate() {
        line(if at == 0 { "Checkouts" } else { "" }, checkout);
    }
    if let Some(file) = &offer.config_file {
        line("Bound to", &format!("{file} as it is now; when it changes, it takes a new agreement"));
    }
    if offer.missing.is_empty() {
        line("Agreed", "already, or not needed for this address");
    }
}

/// Asks on a terminal; anywhere else the origin has to be named.
fn ask(context: &Context, wanted: &[String]) -> Result<(), Failure> {
    let line = format!("sk-sync allow {}", wanted.join(" "));
    if context.globals.no_input || !std::io::stdin().is_terminal() || context.printer.is_json() {
        return Err(Failure::usage("nobody is here to say yes, so the origin has to be named")
            .with_hint(format!("to agree: {line}")));
    }
    let failed = |e: std::io::Error| Failure::new(Exit::Internal, "io", format!("cannot ask: {e}"));
    let mut err = std::io::stderr();
    write!(err, "Agree to sending this to {}? [y/N] ", wanted.join(" and "))
        .and_then(|()| err.flush())
        .map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::usage("not agreed; nothing was recorded and nothing is sent")),
    }
}

fn take_back(context: &Context, workspace: &Workspace, args: &Args, origin: &str) -> Result<Exit, Failure> {
    let origin = read_origin(origin, "--revoke").map_err(ops::Error::from)?;
    let file = workspace.place.grants();
    let is_on_record = grants(&file).map_err(ops::Error::from)?.iter().any(|grant| grant.origin == origin);
    if !is_on_record {
        return Err(Failure::usage(format!("there is no agreement for {origin} from this repository"))
            .with_hint("`sk-sync allow --list` shows what was agreed to"));
    }
    if !args.dry_run {
        let _was_there =
            revoke(&file, &origin, context.clock.as_ref(), &context.interrupt).map_err(ops::Error::from)?;
        context.printer.note(&format!("Taken back: nothing of this repository goes to {origin} any more"));
    }
    conclude(context, workspace, args, None)
}

fn conclude(context: &Context, workspace: &Workspace, args: &Args, offer: Option<Offer>) -> Result<Exit, Failure> {
    let grants = grants(&workspace.place.grants()).map_err(ops::Error::from)?;
    if context.printer.is_json() {
        context.printer.document(&Document {
            schema_version: ops::report::SCHEMA_VERSION,
            command: "allow",
            ok: true,
            exit_code: Exit::Success.code(),
            dry_run: args.dry_run,
            grants,
            offer,
        });
    } else if args.list {
        for grant in &grants {
            let bound = grant
                .config_sha256
                .as_deref()
                .map(|sha| format!(", bound to event-sync.toml {}", sha.get(..12).unwrap_or(sha)));
            context.printer.result(&format!(
                "{}  since {}{}",
                printable(&grant.origin),
                printable(&grant.granted_at),
                bound.unwrap_or_default()
            ));
        }
        if grants.is_empty() {
            context.printer.note("Nothing was agreed to: data of this project goes to loopback addresses only");
        }
    }
    Ok(Exit::Success)
}

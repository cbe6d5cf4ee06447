//! `sk-sync allow`: agree to sending, see list the agreements, and take it back.
//!
//! An agreement is never given by accident: the origin is named on the command line, or a person
//! says yes to what was shown. No file and no variable can give one.

mod listed;
mod offer;

use serde::Serialize;

use self::listed::{Listed, list};
use self::offer::Offer;
use crate::base::shell;
use crate::base::text::printable;
use crate::cli::ask::Question;
use crate::cli::project::{resolved, workspace_to_write, world};
use crate::cli::render::plural;
use crate::cli::store::open_store;
use crate::cli::{Context, Exit, Failure};
use crate::endpoint::{Grant, Granting, LOCAL, Resolved, grants, read_origin, record, revoke};
use crate::ops::{self, KeptBack, Workspace, hold_captured, kept_back, release_captured};

/// Consent to send this repository's data to a server.
///
/// Lists what would be sent, then records your consent for this project, this repository with all
/// its work trees, and this origin. Consent is stored in the state directory, never in the
/// repository. If the repository's event-sync.toml sets keys that need consent, it covers those
/// keys as well, for the file as it is now. The ORIGIN `local` covers only the file; nothing is
/// sent. Without ORIGIN, sk-sync asks on a terminal. The built-in receiver, and loopback addresses
/// that you name yourself, need no consent. What older stores hold of the project is listed with
/// its files, and imported by the following runs.
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync allow                          show what would be sent where, and ask
  sk-sync allow --show                   show every document; ask and record nothing
  sk-sync allow https://sync.example     agree to this origin
  sk-sync allow --from-now https://sync.example   keep on hold what was captured before
  sk-sync allow local                    use this repository's event-sync.toml; nothing leaves
  sk-sync allow --list                   list the agreements
  sk-sync allow --revoke https://sync.example
  sk-sync run --allow-origin https://sync.example   for one run only, as CI does")]
pub(crate) struct Args {
    /// Origins (scheme://host:port) that data may go to, or `local`; without any, those of the
    /// target
    #[arg(value_name = "ORIGIN", conflicts_with_all = ["list", "revoke"])]
    pub(crate) origins: Vec<String>,

    /// List recorded consents of this project
    #[arg(long, conflicts_with = "revoke")]
    pub(crate) list: bool,

    /// Withdraw the consent for ORIGIN
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) revoke: Option<String>,

    /// Show what would be sent, with every document; record nothing
    #[arg(long, conflicts_with_all = ["list", "revoke"])]
    pub(crate) show: bool,

    /// Keep what was captured before on hold, until an `allow` without this option
    #[arg(long, conflicts_with_all = ["list", "revoke"])]
    pub(crate) from_now: bool,

    /// Do not send tokens or header secrets to the origin
    #[arg(long, conflicts_with_all = ["list", "revoke"])]
    pub(crate) without_secrets: bool,

    /// Do not import what older stores hold of the project
    #[arg(long, conflicts_with_all = ["list", "revoke"])]
    pub(crate) without_older: bool,

    /// Show what would be released; record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    dry_run: bool,
    /// What is on record for the project after this command.
    grants: Vec<Grant>,
    #[serde(flatten)]
    offer: Option<Offer>,
    #[serde(flatten)]
    listed: Listed,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let is_dry = args.dry_run || args.show || args.list;
    let workspace = workspace_to_write(context, is_dry)?;
    let _uuid = workspace.project_uuid()?;
    if args.list {
        return conclude(context, &workspace, args, None, Listed::default());
    }
    if let Some(origin) = &args.revoke {
        return take_back(context, &workspace, args, origin);
    }
    let resolved = resolved(context, &workspace)?;
    let named = args
        .origins
        .iter()
        .map(|o| read_grantee(o, "ORIGIN"))
        .collect::<Result<Vec<_>, _>>()?;
    let listed = list(context, &workspace, args.show, &resolved)?;
    if args.show
        && named.is_empty()
        && resolved.origins().is_empty()
        && resolved.consent.pinned().is_none()
    {
        context
            .printer
            .note("No server is configured, so nothing leaves this machine");
        return conclude(context, &workspace, args, None, listed);
    }
    let granting = if args.without_secrets {
        Granting::Withheld
    } else {
        Granting::Given
    };
    let takes_older = !args.without_older && !args.from_now;
    let mut offer = Offer::of(
        context,
        &workspace,
        &resolved,
        (&named, granting, takes_older),
    )?;
    offer.from_now = args.from_now;
    if !context.printer.is_json() {
        offer.show(context, &workspace, &resolved);
    }
    let mut wanted = if named.is_empty() {
        offer.missing.clone()
    } else {
        named
    };
    if wanted.is_empty() && (args.from_now || !offer.on_hold.is_none()) {
        wanted.clone_from(&offer.origins);
    }
    let takes_older = !offer.older.is_empty();
    if !is_dry && (takes_older || !wanted.is_empty()) {
        if args.origins.is_empty() {
            ask(
                context,
                if wanted.is_empty() {
                    &offer.origins
                } else {
                    &wanted
                },
            )?;
        }
        settle_holds(context, &workspace, &resolved, args, &wanted)?;
        let now = context.clock.now().to_string();
        for origin in &wanted {
            let secrets = if args.without_secrets || origin == LOCAL {
                &[][..]
            } else {
                &resolved.secrets
            };
            let grant = resolved.consent.grant(origin, secrets, &now);
            record(
                &workspace.place.grants(),
                grant,
                context.clock.as_ref(),
                &context.interrupt,
            )
            .map_err(ops::Error::from)?;
        }
        if takes_older {
            ops::adopt_older(&world(context), &workspace)?;
        }
        if !wanted.is_empty() {
            context.printer.note(&agreed_words(&wanted));
        }
        if takes_older {
            context.printer.note(
                "Agreed: every run imports what older stores have of this project, from now on",
            );
        }
    }
    conclude(context, &workspace, args, Some(offer), listed)
}

/// Before anything may leave: puts on hold what was captured so far, or releases what was put on
/// hold so.
fn settle_holds(
    context: &Context,
    workspace: &Workspace,
    resolved: &Resolved,
    args: &Args,
    wanted: &[String],
) -> Result<(), Failure> {
    if wanted == [LOCAL] || !workspace.place.store().exists() {
        return Ok(());
    }
    let now = context.clock.now();
    let words = |kept: KeptBack| {
        format!(
            "{} and {}",
            plural(kept.events, "event"),
            plural(kept.documents, "document")
        )
    };
    if args.from_now {
        let target_id = resolved.target_id();
        let kept = hold_captured(&mut open_store(context, workspace)?, target_id, now)?;
        let line = shell::line("sk-sync allow", wanted);
        context.printer.note(&format!(
            "On hold: {} captured before; to release them: {line}",
            words(kept)
        ));
    } else if !kept_back(&workspace.place.store())?.is_none() {
        let released = release_captured(&mut open_store(context, workspace)?, now)?;
        context
            .printer
            .note(&format!("Released: {} that were on hold", words(released)));
    }
    Ok(())
}

fn agreed_words(wanted: &[String]) -> String {
    let back = shell::line("sk-sync allow --revoke", wanted.iter().take(1));
    if wanted == [LOCAL] {
        return format!(
            "Agreed: what event-sync.toml says counts on this machine. Take it back with: {back}"
        );
    }
    format!(
        "Agreed: what is in this repository may go to {}. Take it back with: {back}",
        wanted.join(" and ")
    )
}

/// Whom an agreement names: an origin, or this machine.
fn read_grantee(text: &str, from: &'static str) -> Result<String, Failure> {
    if text == LOCAL {
        return Ok(LOCAL.to_owned());
    }
    Ok(read_origin(text, from).map_err(ops::Error::from)?)
}

/// Asks on a terminal; anywhere else the origin has to be named.
fn ask(context: &Context, wanted: &[String]) -> Result<(), Failure> {
    let words = match wanted {
        [local] if local == LOCAL => "Agree to what this file says?".to_owned(),
        _ => format!("Agree to sending this to {}?", wanted.join(" and ")),
    };
    Question {
        words: &words,
        cannot: "cannot ask for consent: stdin is not a terminal; name the origin",
        agreeing: &shell::line("sk-sync allow", wanted),
        refused: "not agreed; nothing was recorded and nothing is sent",
    }
    .ask(context)
}

fn take_back(
    context: &Context,
    workspace: &Workspace,
    args: &Args,
    origin: &str,
) -> Result<Exit, Failure> {
    let origin = read_grantee(origin, "--revoke")?;
    let file = workspace.place.grants();
    let is_on_record = grants(&file)
        .map_err(ops::Error::from)?
        .iter()
        .any(|grant| grant.origin == origin);
    if !is_on_record {
        return Err(Failure::usage(format!(
            "there is no agreement for {origin} from this repository"
        ))
        .with_hint("`sk-sync allow --list` lists the agreements"));
    }
    if !args.dry_run {
        let _was_there = revoke(&file, &origin, context.clock.as_ref(), &context.interrupt)
            .map_err(ops::Error::from)?;
        context.printer.note(&format!(
            "Taken back: nothing of this repository goes to {origin} any more"
        ));
    }
    conclude(context, workspace, args, None, Listed::default())
}

fn conclude(
    context: &Context,
    workspace: &Workspace,
    args: &Args,
    offer: Option<Offer>,
    listed: Listed,
) -> Result<Exit, Failure> {
    let grants = grants(&workspace.place.grants()).map_err(ops::Error::from)?;
    if context.printer.is_json() {
        let dry_run = args.dry_run || args.show;
        context.printer.reply(
            "allow",
            Exit::Success,
            &Document {
                dry_run,
                grants,
                offer,
                listed,
            },
        );
    } else if args.list {
        for grant in &grants {
            let bound = grant.config_sha256.as_deref().map(|sha| {
                format!(
                    ", bound to event-sync.toml {}",
                    sha.get(..12).unwrap_or(sha)
                )
            });
            let secrets = if grant.secrets.is_empty() {
                String::new()
            } else {
                format!(", with the {}", grant.secrets.join(", "))
            };
            context.printer.result(&printable(&format!(
                "{}  since {}{secrets}{}",
                grant.origin,
                grant.granted_at,
                bound.unwrap_or_default()
            )));
        }
        if grants.is_empty() {
            context.printer.note(
                "Nothing to agree to: data of this project is sent to loopback addresses only",
            );
        }
    }
    Ok(Exit::Success)
}

//! `sk-sync target`: the target, and earlier ones.

use clap::Subcommand;
use serde::Serialize;

use super::target_set::{self, SetArgs};
use crate::base::lock::Lock;
use crate::base::text::printable;
use crate::cli::project::{resolved, workspace};
use crate::cli::render::plural;
use crate::cli::target_name::target_id;
use crate::cli::{Context, Exit, Failure};
use crate::config::Access;
use crate::endpoint::{
    Authority, Credentials, Gate, Granting, Identity, Named, ProxyUse, Resolved, Route, proxy_use,
};
use crate::ops;
use crate::ops::Workspace;
use crate::upkeep::{TargetList, forget_target, list_targets, recorded_gates};

/// Show and choose the target.
///
/// There is one target at a time. The ledger keeps what each target has. Payloads are not kept for
/// a forgotten target.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Targets,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Targets {
    /// Show the effective target and its source
    Show(ShowArgs),
    Set(SetArgs),
    /// List every target that was ever used
    List(ShowArgs),
    Forget(ForgetArgs),
}

/// Options of what only shows.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Forget a target: payloads are no longer kept for it.
///
/// What it has stays on record. Events in flight there have no known outcome, and are sent again if
/// the target comes back.
#[derive(Debug, clap::Args)]
pub(crate) struct ForgetArgs {
    /// Target: ID, URL, or a unique prefix
    #[arg(value_name = "TARGET")]
    pub(crate) id: String,

    /// Show what would be forgotten; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Targets::Show(_) => show(context),
        Targets::Set(args) => target_set::run(context, args),
        Targets::List(_) => list(context),
        Targets::Forget(args) => forget(context, args),
    }
}

fn print(context: &Context, members: &impl Serialize) {
    context.printer.reply("target", Exit::Success, members);
}

/// Fields that `target show --json` adds.
#[derive(Debug, Serialize)]
struct InForce<'a> {
    target: Option<&'a Identity>,
    target_authority: &'a Authority,
    /// Every source that names a URL, lowest layer first.
    sources: &'a [Named],
    /// Source of the token; null for a receiver without one.
    token_source: Option<String>,
    /// Where the token and the secrets of headers would be sent, and why.
    secrets: &'a [Route],
    /// Source of the team; null without a team.
    team_source: Option<String>,
    /// How the target is reached; null if nothing is sent.
    network: Option<&'a ProxyUse>,
    gates: &'a [Gate],
}

fn show(context: &Context) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let resolved = resolved(context, &workspace)?;
    let credentials = Credentials::new(&resolved, &workspace.loaded.config, &context.env);
    let target_id = resolved.target_id();
    let gates = recorded_gates(&workspace.place.store(), target_id, &credentials.gates())?;
    let token_source = credentials.token_place();
    let team_source = team_source(&workspace, &resolved);
    let sources = &resolved.sources;
    let routes = resolved.routes(&resolved.origins(), Granting::Nothing);
    let network = proxy_use(&resolved, &workspace.loaded.config, &context.env);
    if context.printer.is_json() {
        let (target, target_authority) = (resolved.identity.as_ref(), &resolved.authority);
        let (gates, secrets, network) = (&gates[..], &routes[..], network.as_ref());
        let members = InForce {
            target,
            target_authority,
            sources,
            token_source,
            secrets,
            team_source,
            network,
            gates,
        };
        print(context, &members);
        return Ok(Exit::Success);
    }
    let say = |words: &str| context.printer.result(&printable(words));
    match &resolved.identity {
        Some(identity) => {
            say(&format!("Target  {}", identity.canonical_url));
            say(&format!("ID      {}", identity.target_id));
            let by = team_source.map_or_else(String::new, |source| format!(" ({source})"));
            for (label, value, by) in [
                ("Team    ", &identity.team_slug, by.as_str()),
                ("User    ", &identity.user_email, ""),
            ] {
                if !value.is_empty() {
                    say(&format!("{label}{value}{by}"));
                }
            }
        }
        None => say("Target  none; nothing leaves this machine"),
    }
    for source in sources {
        let key = if source.key.is_empty() {
            String::new()
        } else {
            format!(": {}", source.key)
        };
        say(&format!("Source  {}{key} = {}", source.origin, source.url));
    }
    if let Some(place) = token_source {
        say(&format!("Token   {place}"));
    }
    for route in &routes {
        say(&format!("Secret  {route}"));
    }
    if let Some(words) = network.as_ref().and_then(ProxyUse::words) {
        say(&format!("Proxy   {words}"));
    }
    for gate in gates.iter().filter(|gate| !gate.is_open) {
        say(&format!("Blocked {}: {}", gate.name, gate.reason));
    }
    Ok(Exit::Success)
}

/// Source of the team: a key's source, or an older login.
fn team_source(workspace: &Workspace, resolved: &Resolved) -> Option<String> {
    let setting = workspace
        .loaded
        .values
        .iter()
        .find(|v| v.key == "teamspace.team_slug" && !v.value.is_null());
    let login = resolved
        .login
        .as_ref()
        .filter(|_| resolved.authority.team_slug.is_some());
    let named = setting
        .map(|setting| setting.origin.to_string())
        .or_else(|| Some(login?.place()));
    named.filter(|_| resolved.access() == Some(Access::Token))
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let identity = resolved(context, &workspace)?.identity;
    let known = list_targets(
        &workspace.place.store(),
        identity.as_ref().map(|i| i.target_id.as_str()),
    )?;
    if context.printer.is_json() {
        print(context, &known);
        return Ok(Exit::Success);
    }
    context
        .printer
        .results(lines(&known).iter().map(|line| printable(line)));
    if known.targets.is_empty() {
        context.printer.note("nothing was delivered anywhere yet");
    }
    Ok(Exit::Success)
}

fn lines(known: &TargetList) -> Vec<String> {
    let line = |row: &crate::upkeep::TargetRow| {
        let state = match (row.is_current, row.is_live) {
            (true, _) => ", effective",
            (false, true) => "",
            (false, false) => ", forgotten",
        };
        let team = if row.team_slug.is_empty() {
            String::new()
        } else {
            format!(", team {}", row.team_slug)
        };
        let owed = row.in_flight + row.retryable + row.untried;
        let head = format!("{}  {}{team}{state}", row.target_id, row.canonical_url);
        [
            head,
            format!(
                "    {} delivered, {owed} left to send, {} failed",
                row.delivered, row.undeliverable
            ),
        ]
    };
    known.targets.iter().flat_map(line).collect()
}

/// Fields that `target forget --json` adds.
#[derive(Debug, Serialize)]
struct Retirement<'a> {
    dry_run: bool,
    target_id: &'a str,
    /// Number of events in flight there, whose end is unknown.
    in_flight: i64,
    forgotten: bool,
}

fn forget(context: &Context, args: &ForgetArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let store = workspace.place.store();
    let current = resolved(context, &workspace)?.identity;
    let id = target_id(context, &workspace, &args.id)?;
    let known = list_targets(&store, current.as_ref().map(|i| i.target_id.as_str()))?.targets;
    let Some(row) = known.iter().find(|row| row.target_id == id) else {
        let message = format!("no target {}", printable(&args.id));
        return Err(Failure::usage(message).with_hint("`sk-sync target list` lists every target"));
    };
    if row.is_current {
        let message = format!(
            "{} is the configured target: the next run would add it again",
            printable(&args.id)
        );
        return Err(Failure::usage(message).with_hint(
            "choose another target first; `sk-sync target show` says who names this one",
        ));
    }
    let mut in_flight = row.in_flight;
    let is_done = row.is_live && !args.dry_run;
    if is_done {
        let patience = workspace.loaded.config.drain.lock_wait;
        let lock = workspace.place.drain_lock();
        let _alone = Lock::take(
            &lock,
            "target forget",
            patience,
            context.clock.as_ref(),
            &context.interrupt,
        )
        .map_err(ops::Error::from)?;
        in_flight = forget_target(&store, &id, context.clock.now())?.unwrap_or(0);
    }
    if context.printer.is_json() {
        print(
            context,
            &Retirement {
                dry_run: args.dry_run,
                target_id: &id,
                in_flight,
                forgotten: is_done,
            },
        );
    } else if !context.globals.quiet {
        let did = match (row.is_live, args.dry_run) {
            (false, _) => "was forgotten already",
            (true, true) => "would be forgotten",
            (true, false) => "is forgotten: it holds no payload back any more",
        };
        let doubt = match u64::try_from(in_flight).unwrap_or(0) {
            0 => String::new(),
            events => format!(
                "; whether it has {} that were in flight is not known",
                plural(events, "event")
            ),
        };
        context
            .printer
            .result(&format!("{} {did}{doubt}", printable(&args.id)));
    }
    Ok(Exit::Success)
}

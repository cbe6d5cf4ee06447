//! `sk-sync serve webhook`: where a receiver sends a project's events.

use secrecy::SecretString;

use super::place::{Place, unknown};
use crate::base::text::printable;
use crate::base::{Clock as _, Timestamp, clock::SystemClock};
use crate::cli::table::Table;
use crate::cli::{Context, Exit, Failure};
use crate::endpoint::Address;
use crate::http::SigningKeys;
use crate::serve::{Added, Webhook, add_webhook, list_webhooks, new_secret, remove_webhook};

/// Add, list or remove webhooks, which get a project's events.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add a webhook and print its secret, once
    #[command(after_help = "\
Example:
  sk-sync serve webhook add chat --project UUID --url https://chat.example/in --store got.db")]
    Add {
        /// Name of the webhook, unique within its team
        name: String,
        /// Project with this UUID
        #[arg(long, value_parser = uuid::Uuid::parse_str, value_name = "UUID")]
        project: uuid::Uuid,
        /// URL that gets the events, as CloudEvents
        #[arg(long, value_name = "URL")]
        url: String,
        /// Team whose project it is
        #[arg(
            long,
            default_value = "",
            hide_default_value = true,
            value_name = "NAME"
        )]
        team: String,
        /// Use the secret in the environment variable NAME
        #[arg(long, value_name = "NAME")]
        secret_env: Option<String>,
        /// Allow a host with a private address
        #[arg(long)]
        allow_private: bool,
        /// Begin with the first event, not with the next one
        #[arg(long)]
        from_start: bool,
        #[command(flatten)]
        place: Place,
    },
    /// List all webhooks, without their secrets
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Remove a webhook
    Remove {
        /// Name of the webhook
        name: String,
        /// Team of the webhook
        #[arg(
            long,
            default_value = "",
            hide_default_value = true,
            value_name = "NAME"
        )]
        team: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Maximum characters of a name.
const LONGEST_NAME: usize = 100;

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let options = |place: &Place| place.options(context, None);
    match &args.command {
        Command::Add {
            name,
            project,
            url,
            team,
            secret_env,
            allow_private,
            from_start,
            place,
        } => {
            let is_name = name.chars().count() <= LONGEST_NAME
                && *name == printable(name)
                && !name.trim().is_empty();
            if !is_name {
                return Err(Failure::usage(format!(
                    "a name has 1 to {LONGEST_NAME} printable characters"
                )));
            }
            let address =
                Address::read(url).map_err(|flaw| Failure::usage(format!("--url: {flaw}")))?;
            let options = options(place)?;
            let (secret, is_new) = match secret_env {
                Some(variable) => (secret_of(context, variable)?, false),
                None => (new_secret(options.ids.as_ref()), true),
            };
            let webhook = Webhook {
                id: options.ids.uuid(),
                team: team.clone(),
                name: name.clone(),
                project_uuid: project.to_string(),
                url: address.verbatim().to_owned(),
                secret: SecretString::from(secret.clone()),
                may_be_private: *allow_private,
                created_at: SystemClock.now(),
                failures: 0,
                due_at: Timestamp::from_micros(0),
                failure: String::new(),
            };
            added(name, team, add_webhook(&options, webhook, *from_start)?)?;
            context.printer.result(&if is_new {
                secret
            } else {
                format!("added {}", printable(name))
            });
        }
        Command::List { place } => list(context, &list_webhooks(&options(place)?)?),
        Command::Remove { name, team, place } => {
            if !remove_webhook(&options(place)?, team, name)? {
                let see = "sk-sync serve webhook list";
                return Err(unknown("remove", name, "no webhook", see));
            }
            context
                .printer
                .result(&format!("removed {}", printable(name)));
        }
    }
    Ok(Exit::Success)
}

fn secret_of(context: &Context, variable: &str) -> Result<String, Failure> {
    let usage = |flaw: &str| {
        Failure::usage(format!("--secret-env: the variable {variable} {flaw}"))
            .with_hint("leave the option out for a new secret, which is printed once")
    };
    let secret = context
        .env
        .text(variable)
        .ok_or_else(|| usage("is not set"))?;
    SigningKeys::read(secret).map_err(usage)?;
    Ok(secret.to_owned())
}

fn added(name: &str, team: &str, added: Added) -> Result<(), Failure> {
    match added {
        Added::Yes => Ok(()),
        Added::NameTaken => Err(Failure::usage(format!(
            "cannot add {}: a webhook has this name",
            printable(name)
        ))
        .with_hint(
            "choose another name, or remove that webhook first: sk-sync serve webhook remove",
        )),
        Added::NoTeam => Err(Failure::usage(format!(
            "cannot add {}: no team is named {}",
            printable(name),
            printable(team)
        ))
        .with_hint("the first token of a team makes it: sk-sync serve token add --team NAME")),
    }
}

fn list(context: &Context, webhooks: &[Webhook]) {
    let now = SystemClock.now();
    let mut table = Table::new(&["TEAM", "NAME", "PROJECT", "URL", "STATE"]);
    for webhook in webhooks {
        let url = Address::read(&webhook.url)
            .map_or_else(|flaw| flaw.to_string(), |address| address.shown());
        table.row([
            printable(&webhook.team),
            printable(&webhook.name),
            webhook.project_uuid.clone(),
            printable(&url),
            state(webhook, now),
        ]);
    }
    context.printer.table(&table);
}

fn state(webhook: &Webhook, now: Timestamp) -> String {
    if webhook.failures == 0 {
        return "active".to_owned();
    }
    let wait = if webhook.due_at > now {
        webhook.due_at.since(now).as_secs()
    } else {
        0
    };
    format!(
        "failed {} times, again in {wait} s: {}",
        webhook.failures,
        printable(&webhook.failure)
    )
}

//! `sk-sync serve token`: tokens for sending to a receiver, and for reading.

use std::time::Duration;

use super::place::{Place, unknown};
use crate::base::text::printable;
use crate::base::{Clock as _, Sha256, clock::SystemClock};
use crate::cli::table::Table;
use crate::cli::values::age;
use crate::cli::{Context, Exit, Failure};
use crate::serve::{Scope, Token, add_token, list_tokens, revoke_token};

/// Add, list or revoke the tokens of a receiver's storage.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add a token and print it, once
    #[command(after_help = "\
Example:
  sk-sync serve token add ci --scope write --expires 90d --store got.db")]
    Add {
        /// Name of the token, unique within its team
        name: String,
        /// What it allows
        #[arg(long, value_parser = scope, value_name = "write|read|admin")]
        scope: Scope,
        /// Only for the project with this UUID
        #[arg(long, value_parser = uuid::Uuid::parse_str, value_name = "UUID")]
        project: Option<uuid::Uuid>,
        /// Team whose data it is for
        #[arg(
            long,
            default_value = "",
            hide_default_value = true,
            value_name = "NAME"
        )]
        team: String,
        /// Time until it expires, such as 90d
        #[arg(long, value_parser = age, value_name = "TIME")]
        expires: Option<Duration>,
        #[command(flatten)]
        place: Place,
    },
    /// List all tokens, without their secrets
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Revoke a token; receivers refuse it after 5 seconds
    Revoke {
        /// Name of the token
        name: String,
        /// Team of the token
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

fn scope(text: &str) -> Result<Scope, String> {
    Scope::of_name(text).ok_or_else(|| "expected write, read or admin".to_owned())
}

/// Maximum characters of a name.
const LONGEST_NAME: usize = 100;

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let options = |place: &Place| place.options(context, None);
    match &args.command {
        Command::Add {
            name,
            scope,
            project,
            team,
            expires,
            place,
        } => {
            for name in [name, team] {
                if name.chars().count() > LONGEST_NAME || *name != printable(name) {
                    return Err(Failure::usage(format!(
                        "a name has at most {LONGEST_NAME} printable characters"
                    )));
                }
            }
            if name.trim().is_empty() {
                return Err(Failure::usage("a token needs a name".to_owned()));
            }
            let now = SystemClock.now();
            let token = Token {
                digest: Sha256::of(b""),
                team: team.clone(),
                name: name.clone(),
                scope: *scope,
                project: project.map(|uuid| uuid.to_string()),
                created_at: now,
                expires_at: expires.map(|age| now.after(age)),
                revoked_at: None,
            };
            match add_token(&options(place)?, token)? {
                Some(text) => context.printer.result(&text),
                None => return Err(taken(name)),
            }
        }
        Command::List { place } => {
            let now = SystemClock.now();
            let mut table = Table::new(&[
                "TEAM", "NAME", "SCOPE", "PROJECT", "CREATED", "EXPIRES", "STATE",
            ]);
            for token in list_tokens(&options(place)?)? {
                let state = match (token.revoked_at, token.is_valid(now)) {
                    (Some(_), _) => "revoked",
                    (None, true) => "valid",
                    (None, false) => "expired",
                };
                table.row([
                    printable(&token.team),
                    printable(&token.name),
                    token.scope.name().to_owned(),
                    token.project.unwrap_or_else(|| "all".to_owned()),
                    day(&token.created_at.to_string()),
                    token
                        .expires_at
                        .map_or_else(|| "never".to_owned(), |at| day(&at.to_string())),
                    state.to_owned(),
                ]);
            }
            context.printer.table(&table);
        }
        Command::Revoke { name, team, place } => {
            if !revoke_token(&options(place)?, team, name, SystemClock.now())? {
                let see = "sk-sync serve token list";
                return Err(unknown("revoke", name, "no valid token", see));
            }
            context
                .printer
                .result(&format!("revoked {}", printable(name)));
        }
    }
    Ok(Exit::Success)
}

fn taken(name: &str) -> Failure {
    Failure::usage(format!(
        "cannot add {}: a token has this name",
        printable(name)
    ))
    .with_hint(
        "choose another name; to replace a token, add the new one first, then revoke the old one",
    )
}

/// The day of a time.
fn day(time: &str) -> String {
    time.chars().take(10).collect()
}

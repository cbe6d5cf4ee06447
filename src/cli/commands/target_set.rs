//! `sk-sync target set`: chooses the target of a project without editing a file.

use clap::builder::PossibleValuesParser;

use crate::cli::project::workspace;
use crate::cli::settings::{self, PRESET, preset};
use crate::cli::values::presets;
use crate::cli::{Context, Exit, Failure};
use crate::config::{Change, Origin, ReceiverKind};
use crate::endpoint::check_address;
use crate::ops;

const SERVER: &str = "teamspace.server_url";
const RECEIVER: &str = "external_receiver.url";

/// The words of `--unset` that stand for keys.
const SHORT: [(&str, &[&str]); 8] = [
    ("preset", &PRESET),
    ("receiver", &["delivery"]),
    ("url", &[SERVER, RECEIVER]),
    ("events-url", &["external_receiver.events_url"]),
    ("bodies-url", &["external_receiver.bodies_url"]),
    ("team", &["teamspace.team_slug"]),
    ("user", &["teamspace.user_email"]),
    ("token-file", &["teamspace.token_file"]),
];

/// Choose the target of this project.
///
/// Writes the project's settings in the state directory, never the repository's file. If another
/// source names a different target, nothing is sent until they agree. Sending beyond loopback needs
/// `sk-sync allow` as before.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync target set teamspace --url https://sync.example --team core
  sk-sync target set --token-file ~/.config/sync-token
  sk-sync target set external-receiver --url http://127.0.0.1:8400
  sk-sync target set stub
  sk-sync target set --unset url")]
#[group(id = "what", required = true, multiple = true, args = ["name", "receiver", "url", "events_url", "bodies_url", "team", "user", "token_file", "unset"])]
pub(crate) struct SetArgs {
    /// What is kept and where it is sent, as one word
    // Not called `preset`: that is the option of every command.
    #[arg(value_name = "PRESET", value_parser = presets(), ignore_case = true, conflicts_with = "receiver")]
    pub(crate) name: Option<String>,

    /// Kind of receiver; keeps the retention of the preset
    #[arg(long, value_name = "KIND", value_parser = receivers())]
    pub(crate) receiver: Option<String>,

    /// Base URL of the Teamspace, or of your own receiver
    #[arg(long, value_name = "BASE")]
    pub(crate) url: Option<String>,

    /// Events URL of your own receiver, used as it is
    #[arg(long, value_name = "URL")]
    pub(crate) events_url: Option<String>,

    /// Documents URL of your own receiver, used as it is
    #[arg(long, value_name = "URL")]
    pub(crate) bodies_url: Option<String>,

    /// Team at the Teamspace
    #[arg(long, value_name = "SLUG")]
    pub(crate) team: Option<String>,

    /// User, as part of the target's identity
    #[arg(long, value_name = "EMAIL")]
    pub(crate) user: Option<String>,

    /// File with the bearer token, readable only by you
    #[arg(long, value_name = "PATH")]
    pub(crate) token_file: Option<String>,

    /// Remove a setting: receiver, url, team, … or any key
    #[arg(long, value_name = "KEY")]
    pub(crate) unset: Vec<String>,

    /// Show what would be written; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

fn receivers() -> PossibleValuesParser {
    PossibleValuesParser::new(
        ReceiverKind::ALL
            .iter()
            .map(|kind| kind.word())
            .chain(["none"]),
    )
}

pub(super) fn run(context: &Context, args: &SetArgs) -> Result<Exit, Failure> {
    for (url, flag) in [
        (&args.url, "--url"),
        (&args.events_url, "--events-url"),
        (&args.bodies_url, "--bodies-url"),
    ] {
        if let Some(url) = url {
            check_address(url, &Origin::Flag(flag), flag == "--url").map_err(ops::Error::from)?;
        }
    }
    let url_key = match &args.url {
        Some(_) => url_key(context, args)?,
        None => SERVER,
    };
    // Stored as an absolute path, because settings are read from any directory.
    let whole = |file: &String| {
        let is_whole = file.starts_with("~/");
        if is_whole {
            file.clone()
        } else {
            context.cwd.join(file).to_string_lossy().into_owned()
        }
    };
    let token_file = args.token_file.as_ref().map(whole);
    let mut changes: Vec<_> = args.unset.iter().flat_map(|word| unset(word)).collect();
    if args.name.is_some() {
        changes.extend(preset(args.name.as_deref(), "PRESET"));
    }
    let values = [
        ("delivery", &args.receiver, "--receiver"),
        (url_key, &args.url, "--url"),
        (
            "external_receiver.events_url",
            &args.events_url,
            "--events-url",
        ),
        (
            "external_receiver.bodies_url",
            &args.bodies_url,
            "--bodies-url",
        ),
        ("teamspace.team_slug", &args.team, "--team"),
        ("teamspace.user_email", &args.user, "--user"),
        ("teamspace.token_file", &token_file, "--token-file"),
    ];
    changes.extend(values.into_iter().filter_map(|(key, value, from)| {
        Some(Change {
            key,
            value: Some(value.as_deref()?),
            from,
        })
    }));
    settings::change(context, "target", &changes, args.dry_run)
}

/// The key that `--url` sets.
fn url_key(context: &Context, args: &SetArgs) -> Result<&'static str, Failure> {
    let delivery = workspace(context)?.loaded.config.delivery;
    let asked = args.receiver.as_deref().or(args.name.as_deref());
    let kind = asked.map_or(delivery.receiver(), ReceiverKind::of_word);
    match kind.filter(|kind| kind.is_server()) {
        Some(kind) => Ok(kind.url_keys().base),
        None if asked.is_some() => Err(Failure::usage(
            "only a Teamspace and your own receiver have a URL",
        )
        .with_hint("name the receiver: --receiver teamspace, or --receiver external-receiver")),
        None if args.team.is_some() => Ok(SERVER),
        None => Err(
            Failure::usage("--url needs a kind of target: teamspace or external-receiver")
                .with_hint(
                    "name the receiver: --receiver teamspace, or --receiver external-receiver",
                ),
        ),
    }
}

/// The changes for a word of `--unset`.
fn unset(word: &str) -> Vec<Change<'_>> {
    let out = |key| Change {
        key,
        value: None,
        from: "--unset",
    };
    match SHORT.iter().find(|(short, _)| *short == word) {
        Some((_, keys)) => keys.iter().map(|key| out(*key)).collect(),
        None => vec![out(word)],
    }
}

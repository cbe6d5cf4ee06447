//! `sk-sync serve forget`: deletes received data, with an audit row.

use super::place::Place;
use crate::base::text::{path, printable};
use crate::base::{Clock as _, clock::SystemClock};
use crate::cli::render::plural;
use crate::cli::table::{Table, size};
use crate::cli::{Context, Exit, Failure};
use crate::serve::{Amount, Forgot, Part, Removal, forget, list_removals};

/// Delete a project, mission or document from a receiver's storage.
///
/// Shows what would be deleted; `--yes` deletes it. The receiver then refuses it when a client
/// sends it again, and every removal stays listed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync serve forget --project UUID --store got.db                    what would be deleted
  sk-sync serve forget --project UUID --mission SLUG --store got.db --yes
  sk-sync serve forget --list --store got.db                            every removal")]
pub(crate) struct Args {
    /// Project with this UUID
    #[arg(long, value_parser = uuid::Uuid::parse_str, value_name = "UUID", required_unless_present = "list")]
    project: Option<uuid::Uuid>,
    /// Only this mission of the project
    #[arg(long, value_name = "SLUG", requires = "project")]
    mission: Option<String>,
    /// Only the document at this path of the mission
    #[arg(long, value_name = "PATH", requires = "mission")]
    document: Option<String>,
    /// Team whose project it is
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "NAME"
    )]
    team: String,
    /// Reason, for the audit row
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    reason: String,
    /// Accept it if a client sends it again
    #[arg(long, requires = "project")]
    accept_again: bool,
    /// Delete it, instead of showing what would be deleted
    #[arg(long, requires = "project")]
    yes: bool,
    /// List all removals
    #[arg(long, conflicts_with_all = ["project", "mission", "document", "reason", "accept_again", "yes"])]
    list: bool,
    #[command(flatten)]
    place: Place,
    /// S3 store of long documents: `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "URL", requires = "store_env")]
    bodies: Option<String>,
}

/// Maximum characters of a reason.
const LONGEST_REASON: usize = 500;

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    if let Some(file) = args
        .place
        .store
        .as_ref()
        .filter(|file| !context.cwd.join(file).is_file())
    {
        return Err(
            Failure::usage(format!("cannot read {}: there is no such file", path(file)))
                .with_hint("name the file that the receiver was started with: serve --store FILE"),
        );
    }
    let options = args.place.options(context, args.bodies.as_deref())?;
    let Some(project) = args.project else {
        list(context, &list_removals(&options)?);
        return Ok(Exit::Success);
    };
    if args.reason.chars().count() > LONGEST_REASON {
        return Err(Failure::usage(format!(
            "--reason has at most {LONGEST_REASON} characters"
        )));
    }
    let part = Part {
        project_uuid: project.to_string(),
        mission: args.mission.clone(),
        path: args.document.clone(),
    };
    let order = Removal {
        team: args.team.clone(),
        part,
        at: SystemClock.now(),
        reason: args.reason.clone(),
        is_accepted_again: args.accept_again,
        amount: Amount::default(),
    };
    let what = words(&order.part);
    let amount = match forget(&options, order, !args.yes)? {
        Forgot::Gone(amount) => amount,
        Forgot::NoProject => {
            return Err(Failure::usage(format!(
                "cannot delete {what}: this storage has no such project"
            ))
            .with_hint("see the UUIDs on the receiver's pages; a project of a team needs --team"));
        }
        Forgot::TextsElsewhere => {
            return Err(Failure::usage(format!(
                "cannot delete {what}: some of its texts are in an object store"
            ))
            .with_hint("name it as for the receiver: --bodies s3://BUCKET/PREFIX"));
        }
    };
    let then = if args.accept_again {
        "accepted"
    } else {
        "refused"
    };
    let lines = if args.yes {
        [
            format!("Deleted:  {what}: {}", sizes(amount)),
            format!(
                "From now: {then} if a client sends it again; listed by sk-sync serve forget --list"
            ),
        ]
    } else {
        [
            format!("Would go: {what}: {}", sizes(amount)),
            format!("Confirm:  --yes; then it is {then} if a client sends it again"),
        ]
    };
    context.printer.results(lines);
    Ok(Exit::Success)
}

/// The part, for people.
fn words(part: &Part) -> String {
    let project = format!("project {}", part.project_uuid);
    printable(&match (&part.mission, &part.path) {
        (None, _) => project,
        (Some(mission), None) => format!("mission {mission} of {project}"),
        (Some(mission), Some(path)) => format!("document {path} of mission {mission} of {project}"),
    })
}

fn sizes(amount: Amount) -> String {
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    let Amount {
        events,
        documents,
        texts,
        bytes,
    } = amount;
    format!(
        "{}, {}, {}, {}",
        plural(unsigned(events), "event"),
        plural(unsigned(documents), "document"),
        plural(unsigned(texts), "text"),
        size(unsigned(bytes))
    )
}

fn list(context: &Context, removals: &[Removal]) {
    let mut table = Table::new(&["AT", "TEAM", "DELETED", "AMOUNT", "AGAIN", "REASON"]);
    for removal in removals {
        table.row([
            removal.at.to_string().chars().take(19).collect(),
            printable(&removal.team),
            words(&removal.part),
            sizes(removal.amount),
            if removal.is_accepted_again {
                "accepted"
            } else {
                "refused"
            }
            .to_owned(),
            printable(&removal.reason),
        ]);
    }
    context.printer.table(&table);
}

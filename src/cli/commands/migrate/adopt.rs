//! `sk-sync migrate adopt`: imports the older stores of a project, after the user's confirmation.

use super::adopt_store::{self, Consent, confirm};
use crate::base::text::printable;
use crate::cli::project::{resolved, workspace_to_write, world};
use crate::cli::render::{conclude, plural};
use crate::cli::{Context, Exit, Failure};
use crate::endpoint::Resolved;
use crate::legacy::Waiting;
use crate::ops::{self, adopt_older, migrate, waiting_older};

/// Import what older stores hold for this project.
///
/// A project's ID is a claim that any clone can make, so what older queues hold for it stays there
/// until you say that it belongs to this repository. Shows first how much there is, where it is,
/// and where it would be sent.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct AdoptArgs {
    /// Also import events that name no project: they become this project's
    #[arg(long)]
    pub(crate) unassigned: bool,

    /// Import the store of a deleted repository; ID is the start of its ID in `status --all`
    #[arg(long, value_name = "ID", conflicts_with = "unassigned")]
    pub(crate) store: Option<String>,

    /// Do not prompt
    #[arg(long)]
    pub(crate) yes: bool,

    /// Show what would be imported; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the report as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Imports older stores of the project, after the user's confirmation.
pub(super) fn run(context: &Context, args: &AdoptArgs) -> Result<Exit, Failure> {
    if let Some(prefix) = &args.store {
        let consent = Consent {
            dry_run: args.dry_run,
            is_given: args.yes,
        };
        return adopt_store::adopt(context, prefix, consent);
    }
    let workspace = workspace_to_write(context, args.dry_run)?;
    let _uuid = workspace.project_uuid()?;
    let resolved = resolved(context, &workspace)?;
    let world = world(context);
    let waiting = Offered::of(&world, &workspace, &resolved, args.unassigned)?;
    if !context.printer.is_json() && !context.globals.quiet {
        waiting.show(context, &resolved.origins());
    }
    if !args.dry_run {
        if !waiting.is_empty() && !args.yes {
            let line = if args.unassigned {
                "adopt --unassigned --yes"
            } else {
                "adopt --yes"
            };
            confirm(context, &format!("sk-sync migrate {line}"))?;
        }
        adopt_older(&world, &workspace)?;
    }
    let mut report = migrate(&world, &workspace, &resolved, (args.dry_run, true))?;
    if args.unassigned && !args.dry_run {
        ops::adopt_unassigned(&world, &workspace, &mut report)?;
    }
    Ok(conclude(context, report, false))
}

/// Rows that `migrate adopt` would import.
struct Offered {
    /// Rows of the project.
    own: Waiting,
    /// Number of events that name no project.
    unassigned: u64,
    /// True if those are requested.
    takes_unassigned: bool,
    /// Files with any of them.
    files: Vec<String>,
}

impl Offered {
    fn of(
        world: &ops::World<'_>,
        workspace: &ops::Workspace,
        resolved: &Resolved,
        takes_unassigned: bool,
    ) -> Result<Self, Failure> {
        let (own, ahead) = waiting_older(world, workspace, resolved)?;
        let here = ops::unassigned(workspace);
        let mut files = own.files.clone();
        if takes_unassigned {
            files.extend(here.files.iter().chain(&ahead.files).cloned());
        }
        files.sort();
        files.dedup();
        Ok(Self {
            own,
            unassigned: here.events + ahead.events,
            takes_unassigned,
            files,
        })
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty() && (self.unassigned == 0 || !self.takes_unassigned)
    }

    fn show(&self, context: &Context, origins: &[String]) {
        let line = |name: &str, words: &str| {
            context
                .printer
                .result(&printable(&format!("{name:<10}{words}")));
        };
        let nameless = plural(self.unassigned, "event");
        if self.unassigned > 0 && !self.takes_unassigned {
            context.printer.note(&format!(
                "{nameless} of older stores name no project; to take them over as well: sk-sync migrate adopt --unassigned"
            ));
        }
        if self.is_empty() {
            context
                .printer
                .note("older stores have nothing of this project left to import");
            return;
        }
        let (events, bodies) = (
            plural(self.own.events, "event"),
            plural(self.own.bodies, "document"),
        );
        line(
            "Waiting",
            &format!("{events} and {bodies} of this project in older stores"),
        );
        if self.unassigned > 0 && self.takes_unassigned {
            line(
                "",
                &format!("{nameless} that name no project, which become this one's"),
            );
        }
        self.files.iter().for_each(|file| line("From", file));
        let to = if origins.is_empty() {
            "nowhere as configured now".to_owned()
        } else {
            origins.join(" and ")
        };
        line("Goes to", &to);
    }
}

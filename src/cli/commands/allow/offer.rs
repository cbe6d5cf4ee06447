//! What an agreement is about: where data would go, how much waits, which secrets go along, and
//! what the repository's file says.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::base::text::{path, printable};
use crate::cli::project::world;
use crate::cli::project_status::look;
use crate::cli::table::count;
use crate::cli::{Context, Failure};
use crate::config::PersonalData;
use crate::endpoint::{Granting, LOCAL, Resolved, Route};
use crate::git::work_trees;
use crate::journal::Sensitive;
use crate::legacy::Waiting;
use crate::ops::{KeptBack, Workspace, kept_back, waiting_older};
use crate::upkeep::sensitive;

/// What an agreement releases.
#[derive(Debug, Serialize)]
pub(super) struct Offer {
    pub(super) origins: Vec<String>,
    /// Those of them without consent.
    pub(super) missing: Vec<String>,
    events: u64,
    /// Those of them that are lines of missions' logs.
    log_events: u64,
    /// Imported events that name a person or a machine.
    personal_events: u64,
    /// What happens to those names: `strip` or `send`.
    personal_data: &'static str,
    bodies: u64,
    /// Rows of the project in older stores, which the following runs import.
    pub(super) older: Waiting,
    /// What an earlier `--from-now` keeps on hold.
    pub(super) on_hold: KeptBack,
    /// What waits now stays here.
    pub(super) from_now: bool,
    checkouts: Vec<String>,
    /// The file that the agreement is bound to.
    config_file: Option<String>,
    /// What that file says that takes an agreement.
    config_keys: Vec<Said>,
    /// The secrets that would go with each request, and those that would not.
    secrets: Vec<Route>,
}

/// A key of the repository's file, now and as the last agreement found it.
#[derive(Debug, Serialize)]
struct Said {
    key: String,
    /// The value; null where the file no longer sets the key.
    value: Value,
    /// The value that was agreed to last; null where the key was not set.
    agreed: Value,
    /// False until an agreement holds for the file as it is.
    applies: bool,
}

impl Offer {
    /// What an agreement to the origins `named` releases, or, without any, one to those of the
    /// target.
    pub(super) fn of(
        context: &Context,
        workspace: &Workspace,
        resolved: &Resolved,
        (named, granting, takes_older): (&[String], Granting, bool),
    ) -> Result<Self, Failure> {
        let target = resolved.origins();
        if let Some(other) = named
            .iter()
            .find(|origin| !target.contains(origin) && *origin != LOCAL)
        {
            let now = if target.is_empty() {
                "nowhere".to_owned()
            } else {
                format!("to {}", target.join(" and "))
            };
            context.printer.warning(&format!(
                "as configured here, this project sends {now}; {other} is for a later target"
            ));
        }
        let pinned = resolved.consent.pinned();
        let origins = match (named, target.as_slice()) {
            ([], []) if pinned.is_some() => vec![LOCAL.to_owned()],
            ([], _) => target,
            (named, _) => named.to_vec(),
        };
        if origins.is_empty() {
            return Err(nothing_to_agree_to(resolved));
        }
        let document = look(context, workspace, resolved)?;
        let all = &document.balance;
        let is_local = origins == [LOCAL];
        let is_adopted = workspace.place.adopted().is_file();
        let older = if is_local || is_adopted || !takes_older {
            Waiting::default()
        } else {
            waiting_older(&world(context), workspace, resolved)?.0
        };
        let sensitive = if is_local {
            Sensitive::default()
        } else {
            sensitive(&workspace.place.store())?
        };
        let is_now = origins
            .iter()
            .all(|origin| resolved.origins().contains(origin));
        let routes = resolved.routes(&origins, granting);
        let lacks = |origin: &&String| {
            let is_open = if *origin == LOCAL {
                resolved.waiting.is_empty()
            } else {
                resolved.is_permitted(origin)
            };
            !is_open
                || !resolved.waiting.is_empty()
                || routes
                    .iter()
                    .any(|route| route.origin == **origin && !route.is_covered && route.goes)
        };
        Ok(Self {
            missing: origins.iter().filter(lacks).cloned().collect(),
            // A later target has nothing yet: all that is kept is left to send to it.
            events: match (is_local, is_now) {
                (true, _) => 0,
                (false, true) => document.active_queue.event_count,
                (false, false) => all
                    .captured
                    .saturating_sub(all.superseded + all.discarded + all.purged),
            },
            log_events: sensitive.log_events,
            personal_events: sensitive.personal_events,
            personal_data: match workspace.loaded.config.migrate.personal_data {
                PersonalData::Strip => "strip",
                PersonalData::Send => "send",
            },
            older,
            on_hold: if is_local {
                KeptBack::default()
            } else {
                kept_back(&workspace.place.store())?
            },
            from_now: false,
            bodies: if is_local { 0 } else { document.bodies.queued },
            checkouts: work_trees(&workspace.checkout)
                .iter()
                .map(|tree| path(tree))
                .collect(),
            config_file: pinned.map(|file| path(&file.path)),
            config_keys: said(resolved),
            secrets: routes,
            origins,
        })
    }

    /// Shows it to a person.
    pub(super) fn show(&self, context: &Context, workspace: &Workspace, resolved: &Resolved) {
        let line = |name: &str, words: &str| {
            context
                .printer
                .result(&printable(&format!("{name:<10}{words}")));
        };
        let name = workspace
            .identity
            .project_slug
            .as_deref()
            .unwrap_or("this project");
        if self.origins == [LOCAL] {
            line(
                "Target",
                "none by this agreement; nothing leaves this machine",
            );
        } else {
            self.show_release(&line, name, resolved);
        }
        if !self.older.is_empty() {
            let (events, bodies) = (count(self.older.events), count(self.older.bodies));
            line(
                "Older",
                &format!(
                    "{events} events and {bodies} documents of {name} in older stores, imported by the next run"
                ),
            );
            self.older
                .files
                .iter()
                .for_each(|file| line("", &format!("from {file}")));
        }
        for route in &self.secrets {
            line("Secret", &route.to_string());
        }
        for (at, checkout) in self.checkouts.iter().enumerate() {
            line(if at == 0 { "Checkouts" } else { "" }, checkout);
        }
        if let Some(file) = &self.config_file {
            line(
                "Bound to",
                &format!("{file} as it is now; a change needs a new agreement"),
            );
        }
        for said in &self.config_keys {
            line("", &said.words());
        }
        if self.missing.is_empty() {
            line("Agreed", "already given, or not needed for this URL");
        }
    }

    /// Shows what goes to the target, and what stays.
    fn show_release(&self, line: &dyn Fn(&str, &str), name: &str, resolved: &Resolved) {
        let team = resolved
            .identity
            .as_ref()
            .map(|i| i.team_slug.as_str())
            .filter(|t| !t.is_empty());
        let team = team.map(|t| format!(", team {t}")).unwrap_or_default();
        line("Target", &format!("{}{team}", self.origins.join(" and ")));
        let (events, bodies) = (count(self.events), count(self.bodies));
        if self.from_now {
            line(
                "Releases",
                &format!("what is captured of {name} from now on"),
            );
            line(
                "On hold",
                &format!(
                    "{events} events and {bodies} documents that wait now, until they are allowed"
                ),
            );
        } else {
            line(
                "Releases",
                &format!(
                    "{events} events and {bodies} documents of {name} that wait now, and all later ones"
                ),
            );
        }
        if !self.on_hold.is_none() {
            let (events, documents) = (count(self.on_hold.events), count(self.on_hold.documents));
            let stay = if self.from_now {
                "stay on hold"
            } else {
                "are released as well"
            };
            line(
                "",
                &format!(
                    "{events} events and {documents} documents that `--from-now` put on hold {stay}"
                ),
            );
        }
        if self.log_events > 0 {
            let log_events = count(self.log_events);
            line(
                "",
                &format!(
                    "among them {log_events} lines of mission logs: who did what, names, free text"
                ),
            );
        }
        if self.personal_events > 0 {
            let what = if self.personal_data == "send" {
                "sent with them"
            } else {
                "left out"
            };
            let names = count(self.personal_events);
            line(
                "",
                &format!(
                    "{names} imported events name a person or machine: {what} (migrate.personal_data)"
                ),
            );
        }
    }
}

impl Said {
    fn words(&self) -> String {
        let Self {
            key, value, agreed, ..
        } = self;
        match (value.is_null(), agreed.is_null()) {
            (true, _) => format!("{key} is no longer set (was {agreed})"),
            (false, true) => format!("{key} = {value}"),
            (false, false) if value == agreed => format!("{key} = {value} (as agreed before)"),
            (false, false) => format!("{key} = {value} (was {agreed})"),
        }
    }
}

/// What the repository's file says that takes an agreement, and what of the last agreement it no
/// longer says.
fn said(resolved: &Resolved) -> Vec<Said> {
    let Some(file) = resolved.consent.pinned() else {
        return Vec::new();
    };
    let nothing = BTreeMap::new();
    let before = resolved.consent.last_keys().unwrap_or(&nothing);
    let kept_back = resolved.consent.last_narrowing();
    let waits = |key: &str| resolved.waiting.iter().any(|asked| asked.key == key);
    let now = file.asks.iter().map(|asked| Said {
        key: asked.key.to_owned(),
        value: asked.value.clone(),
        agreed: before
            .get(asked.key)
            .or_else(|| kept_back?.get(asked.key))
            .cloned()
            .unwrap_or_default(),
        applies: !waits(asked.key),
    });
    let is_gone = |key: &str| file.asks.iter().all(|asked| asked.key != key);
    let gone = before
        .iter()
        .filter(|(key, _)| is_gone(key))
        .map(|(key, agreed)| Said {
            key: key.clone(),
            value: Value::Null,
            agreed: agreed.clone(),
            applies: false,
        });
    now.chain(gone).collect()
}

fn nothing_to_agree_to(resolved: &Resolved) -> Failure {
    let why = match &resolved.disagreement {
        Some(disagreement) => disagreement.to_string(),
        None => "no server is configured, so there is nothing to agree to".to_owned(),
    };
    Failure::usage(why).with_hint(
        "name the target first: --target-url BASE, SK_SYNC_TARGET_URL, or event-sync.toml; see `sk-sync status`",
    )
}

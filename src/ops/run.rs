//! `run`, `index` and `drain`: the same steps, as far as they apply.
//!
//! The order is a promise: index, capture (durable, whatever follows), deliver events, then the
//! documents they announce, balance. A failed check or an unreachable target affects only delivery.

use std::time::Duration;

use super::bodies::{Disk, Filters, NoUpload};
use super::documents::{Captured, ReadIt};
use super::dossier::{self, CaptureOptions, Indexed, Selection};
use super::drain::{self, StartStub, TargetConnection};
use super::memory::Memory;
use super::mission_log::LogTally;
use super::opening::Absorbed;
use super::report::{Balance, Capture, Gate, Project, Report, Spool};
use super::rule::{self, dropped_words, evicted_words};
use super::sending::Sending;
use super::tally::Tally;
use super::{Error, Step, Workspace, World, migrate, opening, origin, preview};
use crate::base::lock;
use crate::base::text::{path, printable};
use crate::delivery::{self, Class};
use crate::dossier::Edition;
use crate::endpoint::{self, Choice, Credentials, Resolved, ServerStand};
use crate::journal::Receipt;
use crate::store::Store;

/// The steps of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct Scope {
    /// The command's name in the report.
    pub(crate) command: &'static str,
    /// Import older stores.
    pub(crate) migrates: bool,
    /// Index and capture.
    pub(crate) indexes: bool,
    /// Report the state of each document, and store the texts of those that are not sent now.
    pub(crate) offers_bodies: bool,
    /// Deliver.
    pub(crate) drains: bool,
}

/// Options of a run.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct Request<'a> {
    /// The steps.
    pub(crate) scope: Scope,
    /// Only these missions.
    pub(crate) missions: Option<&'a [String]>,
    /// Only missions that changed since these steps were last done for them in this checkout.
    pub(crate) only_changed: bool,
    /// Use the cache of the checkout.
    pub(crate) uses_memory: bool,
    /// The step whose missing artifacts are reported.
    pub(crate) step: Option<&'a str>,
    /// Edition of the manifests.
    pub(crate) edition: Edition,
    /// Time limit of delivery; `None` for the configured one.
    pub(crate) max_time: Option<Duration>,
    /// Send documents again that the target acknowledged.
    pub(crate) resubmits: bool,
    /// List each line of the mission logs.
    pub(crate) lists_lines: bool,
    /// Change nothing.
    pub(crate) dry_run: bool,
    /// The target options of the command line.
    pub(crate) choice: Choice<'a>,
}

/// Runs the steps, and returns the report.
pub(crate) fn run(
    world: &World<'_>,
    workspace: &Workspace,
    request: &Request<'_>,
    start_stub: StartStub<'_>,
    progress: &(dyn Fn(Step) + Sync),
) -> Result<Report, Error> {
    let resolved = endpoint::resolve(&workspace.loaded, world.env, &request.choice)?;
    let credentials = Credentials::new(&resolved, &workspace.loaded.config, world.env);
    let mut journey = Journey {
        world,
        workspace,
        request,
        resolved: &resolved,
        credentials: &credentials,
        memory: Memory::of(workspace, request.uses_memory && request.scope.indexes),
        tally: Tally::default(),
        captured_documents: Captured::default(),
        is_settled: true,
        server: ServerStand::default(),
        health_asked: false,
        start_stub,
        progress,
        report: Report::new(request.scope.command),
    };
    journey.begin();
    let indexed = if request.scope.indexes {
        Some(journey.index()?)
    } else {
        None
    };
    if request.dry_run {
        preview::preview(&mut journey, indexed.as_ref())?;
        return Ok(journey.report);
    }
    if indexed.is_some() {
        workspace.project_uuid()?;
    }
    if request.scope.migrates {
        // Spooled lines of this repository are absorbed before older stores are imported.
        let absorbed = opening::absorb_waiting(world, workspace)?;
        journey.took_over(absorbed);
        migrate::on_the_way(world, workspace, &resolved, &mut journey.report)?;
    }
    if let Some(indexed) = &indexed
        && journey.is_unchanged(indexed)?
    {
        return Ok(journey.report);
    }
    let (mut store, absorbed) = opening::open(world, workspace)?;
    journey.took_over(absorbed);
    if let Some(indexed) = &indexed {
        let served = journey.ask_what_is_served(&mut store)?;
        let options = CaptureOptions {
            keeps_texts: false,
            lists_lines: request.lists_lines,
            served: served.as_ref(),
        };
        let captured = dossier::capture(
            world,
            workspace,
            &mut store,
            &mut journey.memory,
            indexed,
            options,
        )?;
        journey.captured_documents = captured.documents;
        journey.is_settled = captured.skipped == 0;
        if captured.evicted > 0 {
            journey
                .report
                .warnings
                .push(evicted_words(captured.evicted));
        }
        if captured.dropped > 0 {
            journey
                .report
                .warnings
                .push(dropped_words(captured.dropped));
        }
        journey.report.capture = Some(capture_section(&captured.receipt));
        journey.took_logs(captured.logs);
    }
    if world.interrupt.is_requested() {
        journey.report.standing.was_interrupted = true;
    } else if request.scope.offers_bodies || request.scope.drains {
        journey.deliver(&mut store, indexed.as_ref())?;
    }
    if let Some(indexed) = &indexed {
        journey.remember(indexed);
    }
    let balance = store.read(|tx| books_of(tx, journey.target_id()))?;
    journey.keep_balance(&mut store, &balance.0)?;
    journey.balance(balance);
    Ok(journey.report)
}

/// A run in progress.
pub(super) struct Journey<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) workspace: &'a Workspace,
    pub(super) request: &'a Request<'a>,
    pub(super) resolved: &'a Resolved,
    pub(super) credentials: &'a Credentials<'a>,
    pub(super) memory: Memory,
    pub(super) tally: Tally,
    /// The documents that this run captured.
    pub(super) captured_documents: Captured,
    /// The index and the journal agree: no other checkout has stated anything newer.
    pub(super) is_settled: bool,
    /// Whether the server accepts requests, as far as this run used it.
    pub(super) server: ServerStand,
    /// The target was asked for its health by this run already.
    pub(super) health_asked: bool,
    pub(super) start_stub: StartStub<'a>,
    pub(super) progress: &'a (dyn Fn(Step) + Sync),
    pub(super) report: Report,
}

impl Journey<'_> {
    /// Fills the parts of the report that are known at the beginning.
    fn begin(&mut self) {
        let (report, workspace) = (&mut self.report, self.workspace);
        report.dry_run = self.request.dry_run;
        report.project = Some(Project {
            project_uuid: workspace.identity.project_uuid.clone(),
            project_slug: workspace.identity.project_slug.clone(),
            repo: path(&workspace.root),
            store: path(&workspace.place.store()),
        });
        report.target.clone_from(&self.resolved.identity);
        report
            .warnings
            .extend(workspace.loaded.warnings.iter().cloned());
        report
            .warnings
            .extend(self.resolved.warnings.iter().cloned());
        // If something is sent, a check reports it.
        if !self.request.scope.drains || !self.resolved.is_server() {
            report.warnings.extend(self.resolved.not_used());
        }
        if workspace.identity.is_derived {
            report.warnings.push(
                "this project has no ID; for the stub it is made from the first commit; `sk-sync init` gives it one"
                    .to_owned(),
            );
        }
        if self.request.scope.drains {
            report.gates = self.credentials.gates().into_iter().map(shown).collect();
        }
    }

    fn index(&mut self) -> Result<Indexed, Error> {
        if self.request.only_changed && !self.is_same_store() {
            self.memory.forget_deeds();
        }
        let rule = rule::fingerprint(self.workspace);
        let selection = Selection {
            missions: self.request.missions,
            not_yet: self.request.only_changed.then_some(rule.as_str()),
            step: self.request.step,
            edition: self.request.edition,
        };
        let indexed = dossier::index(
            self.world,
            self.workspace,
            &self.memory,
            selection,
            self.progress,
        )?;
        let report = &mut self.report;
        if let Some(project) = &mut report.project {
            project.project_slug = Some(origin::project_slug(self.workspace, &indexed.git));
        }
        report.index = Some(indexed.report.clone());
        report.warnings.extend(indexed.warnings.iter().cloned());
        report.standing.strict_findings += indexed.unreadable;
        report.standing.is_empty = indexed.is_empty;
        Ok(indexed)
    }

    /// Adds the totals of mission logs to the report.
    pub(super) fn took_logs(&mut self, logs: Option<LogTally>) {
        let Some(mut logs) = logs else { return };
        logs.name_lanes_on_hold();
        let LogTally {
            section,
            listed,
            warnings,
            unreadable,
            ..
        } = logs;
        self.report.standing.strict_findings += section.rewritten + unreadable;
        self.report.warnings.extend(warnings);
        self.report.mission_log = Some(section);
        self.report.mission_log_lines = listed;
    }

    /// Adds the absorbed lines of the spool to the report.
    fn took_over(&mut self, absorbed: Absorbed) {
        if absorbed == Absorbed::default() {
            return;
        }
        if absorbed.evicted > 0 {
            self.report.warnings.push(evicted_words(absorbed.evicted));
        }
        let Absorbed {
            captured,
            unchanged,
            conflicts,
            discarded,
            unreadable,
            warnings,
            ..
        } = absorbed;
        self.report.spool = Some(Spool {
            captured,
            unchanged,
            conflicts,
            discarded,
            unreadable,
        });
        self.report.warnings.extend(warnings);
    }

    /// Delivers, if the checks pass, and stores the texts of documents that are not delivered.
    fn deliver(&mut self, store: &mut Store, indexed: Option<&Indexed>) -> Result<(), Error> {
        let filter = Filters::of(self.workspace)?;
        let uuid = self
            .workspace
            .identity
            .project_uuid
            .as_deref()
            .unwrap_or_default();
        let indexed_here =
            indexed.filter(|_| self.request.scope.offers_bodies || self.request.scope.drains);
        let disk = indexed_here.map(|indexed| Disk::of(&indexed.index.missions, uuid, &filter));
        let is_shut = self.report.gates.iter().any(|gate| !gate.open);
        let drains = self.request.scope.drains && !is_shut && self.resolved.receiver.is_some();
        if drains {
            self.resubmit(store, disk.as_ref())?;
            self.drain(store, disk.as_ref())?;
        } else {
            self.note_gates(store)?;
        }
        self.keep_texts(store, disk.as_ref())?;
        self.tell_documents(
            &ReadIt::Write(store),
            indexed.filter(|_| self.request.scope.offers_bodies),
        )
    }

    fn drain(&mut self, store: &mut Store, disk: Option<&Disk<'_>>) -> Result<(), Error> {
        let config = &self.workspace.loaded.config.drain;
        let deadline = self
            .world
            .clock
            .now()
            .after(self.request.max_time.unwrap_or(config.max_time));
        let held = match drain::lock(self.world, self.workspace, config.lock_wait) {
            Ok(held) => held,
            Err(error) => return self.locked_out(error),
        };
        let mut connection = TargetConnection::new(
            self.workspace,
            self.resolved,
            self.credentials,
            self.start_stub,
        );
        let mut sending = Sending::new(self, &mut connection, deadline);
        sending.events(store)?;
        sending.documents(store, disk)?;
        drop(held);
        sending.latecomers(store)?;
        self.note_gates(store)
    }

    /// Why no document is sent; `None` if they are.
    pub(super) fn no_upload(&self) -> Option<NoUpload> {
        match (self.resolved.receiver, &self.resolved.endpoints) {
            (None, _) => Some(NoUpload::NoTarget),
            (Some(_), Some(endpoints)) if endpoints.bodies.is_none() => Some(NoUpload::NoEndpoint),
            (Some(_), _) => None,
        }
    }

    /// Another process drains: captured rows stay, and the report says so.
    fn locked_out(&mut self, error: lock::Error) -> Result<(), Error> {
        match error {
            lock::Error::Held { path, holder } => {
                self.report.standing.is_locked_out = true;
                let who = holder.map_or_else(String::new, |h| {
                    format!(": process {} since {}", h.pid, printable(&h.since))
                });
                self.report
                    .warnings
                    .push(format!("another drain holds {path}{who}"));
            }
            lock::Error::Interrupted { .. } => self.report.standing.was_interrupted = true,
            error @ (lock::Error::Io(_) | lock::Error::Unsupported { .. }) => {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Adds the balance, read again from the counters.
    pub(super) fn balance(&mut self, (balance, open): (delivery::Balance, i64)) {
        let is_shut = self.report.gates.iter().any(|gate| !gate.open);
        let owed = balance.of(Class::Untried) + balance.of(Class::Retryable) + open;
        self.report.balance = Some(Balance::of(&balance, is_shut));
        if self.request.scope.drains && self.resolved.receiver.is_some() && !is_shut {
            self.report.standing.owed_events = u64::try_from(owed).unwrap_or(0);
        }
    }
}

/// The balance of a target, and the number of its events in open attempts.
pub(super) fn books_of(
    tx: &crate::store::ReadTx<'_>,
    target_id: Option<&str>,
) -> Result<(delivery::Balance, i64), delivery::Error> {
    let target = match target_id {
        Some(id) => delivery::current(tx, id)?,
        None => None,
    };
    let open = target
        .as_ref()
        .map_or(Ok(0), |t| delivery::in_open_attempts(tx, t.id))?;
    Ok((delivery::balance(tx, target.as_ref())?, open))
}

/// A check in the form of the report.
pub(super) fn shown(gate: endpoint::Gate) -> Gate {
    Gate {
        name: gate.name.to_owned(),
        open: gate.is_open,
        known: gate.is_known,
        reason: gate.reason,
        fix: gate.fix,
    }
}

/// Report section of a capture.
pub(super) fn capture_section(receipt: &Receipt) -> Capture {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Capture {
        captured: count(receipt.captured),
        unchanged: count(receipt.unchanged),
        superseded: count(receipt.superseded),
        conflicts: count(receipt.conflicts),
    }
}

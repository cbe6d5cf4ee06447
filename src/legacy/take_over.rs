//! Imports every older store that is new or changed; unchanged ones are not read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::audit::Audit;
use super::catalog::{Catalog, Known};
use super::cleanup::lock_sources;
use super::import::{Job, Tally, Trouble, import};
use super::marks::Provenance;
use super::report::{SourceReport, Taken};
use super::scopes::Scopes;
use super::share::plan;
use super::source::Source;
use super::todo::{Todo, look, place, settled};
use super::{Destination, Error, Found, Kind, Policy, Request, audit, ledger, targets};
use crate::base::lock;
use crate::base::{failpoint, files};
use crate::books;
use crate::store::{ForeignError, Stamp};

/// Imports what is new. An unreadable source is reported and does not stop the others.
pub(crate) fn take_over(request: &Request<'_>) -> Result<Taken, Error> {
    let (todo, _) = look(request);
    let is_idle = todo
        .iter()
        .all(|(_, todo)| matches!(todo, Todo::Settled(_)));
    let ledger = ledger::found(request.home.legacy.as_deref());
    let mut taken = Taken::default();
    if is_idle && (ledger.is_none() || request.target.is_none()) {
        taken.sources = todo
            .into_iter()
            .map(|(found, todo)| settled(&found, todo))
            .collect();
        return Ok(taken);
    }
    let state = &request.home.state;
    let _held = match lock_sources(
        request.home,
        "migrate",
        request.patience,
        request.clock,
        request.interrupt,
    ) {
        Ok(held) => held,
        Err(error @ Error::Lock(lock::Error::Held { .. })) => {
            taken.is_busy = true;
            taken.sources = todo
                .into_iter()
                .map(|(found, todo)| settled(&found, todo))
                .collect();
            log::info!("{error}");
            return Ok(taken);
        }
        Err(error) => return Err(error),
    };
    // The process that held the lock may have imported everything.
    let (todo, catalog) = look(request);
    let is_idle = todo
        .iter()
        .all(|(_, todo)| matches!(todo, Todo::Settled(_)));
    let scratch = scratch(state).map_err(Error::Io)?;
    let scopes = scopes(request, &scratch, &mut taken);
    let mut work = Work {
        request,
        scratch,
        scopes,
        catalog,
    };
    for (found, todo) in todo {
        let report = match todo {
            Todo::Read if !request.interrupt.is_requested() => work.read(&found),
            Todo::Read => {
                taken.was_interrupted = true;
                SourceReport::failed(&found, &ForeignError::Interrupted)
            }
            todo => settled(&found, todo),
        };
        taken.store_errors += report.store_errors;
        taken.sources.push(report);
    }
    if !is_idle && let Err(error) = work.catalog.save(state) {
        // The next run reads everything again, and finds nothing new.
        log::warn!("cannot record what was imported: {error}");
    }
    if let Some(found) = ledger {
        work.believe(&found, &mut taken)?;
    }
    taken.was_interrupted |= request.interrupt.is_requested();
    let _gone = std::fs::remove_dir_all(&work.scratch);
    Ok(taken)
}

/// The known scopes; an unreadable registry of targets adds none and is reported.
pub(super) fn scopes(request: &Request<'_>, scratch: &Path, taken: &mut Taken) -> Scopes {
    let home = request.home.legacy.as_deref();
    let targets = home.map_or(Ok(Vec::new()), |home| {
        targets::targets(home, scratch, request.interrupt)
    });
    let targets = targets.unwrap_or_else(|error| {
        taken.warnings.push(format!(
            "the older registry delivery/targets.db makes no queue known: {error}"
        ));
        Vec::new()
    });
    Scopes::gather(&request.names, home, &targets)
}

/// A directory for private copies, without remains of a killed run. Only the holder of the lock
/// uses it.
fn scratch(state: &Path) -> std::io::Result<PathBuf> {
    let dir = state.join("migrate");
    match std::fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    files::create_private_dir(&dir)?;
    Ok(dir)
}

/// The sources being imported, under the lock.
struct Work<'a> {
    request: &'a Request<'a>,
    scratch: PathBuf,
    scopes: Scopes,
    catalog: Catalog,
}

impl Work<'_> {
    /// Imports one source into every store that has a share in it.
    fn read(&mut self, found: &Found) -> SourceReport {
        let provenance = self.scopes.provenance(found);
        if found.kind == Kind::Audit {
            return match self.adopt(found, &provenance) {
                Ok(report) => report,
                Err(error) => self.failed(found, &provenance, &error),
            };
        }
        let source = match Source::open(found, &self.scratch, self.request.interrupt) {
            Ok(source) => source,
            Err(error) => return self.failed(found, &provenance, &error),
        };
        let plan = match plan(&source) {
            Ok(plan) => plan,
            Err(error) => return self.failed(found, &provenance, &error),
        };
        let stamp = source.stamp().to_string();
        let is_fresh = source.stamp().is_fresh(self.request.clock.now());
        let bodies_wait = self.request.policy.is_held && plan.body_rows > 0;
        // Without the documents the source is not done: another mark shows that they are still
        // missing.
        let mark = if bodies_wait {
            format!("{stamp} without documents")
        } else {
            stamp
        };
        let mut tally = Tally::default();
        if bodies_wait {
            tally.note(format!(
                "its documents ({}) stay there while migrate.imported is \"held\"",
                plan.body_rows
            ));
        }
        source
            .note()
            .into_iter()
            .for_each(|note| tally.note(note.to_owned()));
        plan.unusable.iter().for_each(|why| tally.refuse(why));
        let (mut error, mut store_errors) = (None, 0);
        let mut taken_by = self.taken_before(found, source.stamp());
        for (destination, share) in &plan.shares {
            if !self.request.may_take(found.kind, destination) && found.kind == Kind::Overflow {
                tally.refuse_all(
                    share.events.len(),
                    "a file in a repository can only have events of its own project",
                );
            }
            if !self.request.takes(found.kind, destination) {
                continue;
            }
            let job = Job {
                found,
                source: &source,
                share,
                provenance: &provenance,
                stamp: (!is_fresh).then_some(mark.as_str()),
                policy: &self.policy(destination),
                now: self.request.clock.now(),
            };
            match self.import(destination, &job) {
                Ok(taken) => {
                    tally.add(taken.unwrap_or_default().of(destination));
                    taken_by.insert(self.request.taker(destination));
                }
                Err(Trouble::Source(why)) => error = Some(why.to_string()),
                Err(Trouble::Store(why)) => {
                    store_errors += 1;
                    error = Some(format!("the store of {}: {why}", destination.name()));
                }
            }
        }
        let mut plan = plan;
        plan.shares.retain(|destination, _| {
            found.kind != Kind::Overflow || self.request.may_take(found.kind, destination)
        });
        let known = Known {
            is_settled: !is_fresh && error.is_none(),
            taken_by,
            provenance: provenance.word.clone(),
            error: error.clone(),
            bodies_wait,
            ..plan.known(&source, tally.refused)
        };
        let report = SourceReport::taken(found, &known, provenance, tally, error);
        let report = SourceReport {
            store_errors,
            ..report
        };
        self.catalog.set(&found.path, known);
        report
    }

    /// Imports the record of an older migration into every store with imported events.
    fn adopt(
        &mut self,
        found: &Found,
        provenance: &Provenance,
    ) -> Result<SourceReport, ForeignError> {
        let audit = Audit::open(found, &self.scratch, self.request.interrupt)?;
        let mut destinations = audit.destinations()?;
        destinations.extend(self.request.project.map(Destination::named));
        if self.catalog.has_unassigned() {
            destinations.push(Destination::Unassigned);
        }
        destinations.sort();
        destinations.dedup();
        let (stamp, now) = (audit.stamp().to_string(), self.request.clock.now());
        let is_fresh = audit.stamp().is_fresh(now);
        let (mut tally, mut error, mut store_errors) = (Tally::default(), None, 0);
        let mut taken_by = self.taken_before(found, audit.stamp());
        for destination in destinations
            .iter()
            .filter(|destination| self.request.takes(found.kind, destination))
        {
            let adopted = place(self.request.home, self.request.repository, destination)
                .map_err(Trouble::Store)
                .and_then(|path| {
                    let mut store = books::open(&path)?;
                    audit::adopt(
                        &mut store,
                        &audit,
                        found,
                        destination,
                        (!is_fresh).then_some(&stamp),
                        now,
                    )
                });
            match adopted {
                Ok(adopted) => {
                    tally.add(adopted.unwrap_or_default());
                    taken_by.insert(self.request.taker(destination));
                }
                Err(Trouble::Source(why)) => return Err(why),
                Err(Trouble::Store(why)) => {
                    store_errors += 1;
                    error = Some(format!("the store of {}: {why}", destination.name()));
                }
            }
        }
        let stores = destinations
            .iter()
            .map(|destination| destination.name().to_owned())
            .collect();
        let is_settled = !is_fresh && error.is_none();
        let word = provenance.word.clone();
        let known = Known {
            stamp,
            is_settled,
            error: error.clone(),
            provenance: word,
            stores,
            taken_by,
            ..Known::default()
        };
        let report = SourceReport::taken(found, &known, provenance.clone(), tally, error);
        let report = SourceReport {
            store_errors,
            ..report
        };
        self.catalog.set(&found.path, known);
        Ok(report)
    }

    /// The stores that imported their rows of a file that has not changed since.
    fn taken_before(&self, found: &Found, stamp: &Stamp) -> BTreeSet<String> {
        let known = self
            .catalog
            .get(&found.path)
            .filter(|known| known.stamp == stamp.to_string());
        known
            .map(|known| known.taken_by.clone())
            .unwrap_or_default()
    }

    fn import(&self, destination: &Destination, job: &Job<'_>) -> Result<Option<Tally>, Trouble> {
        let mut store = books::open(&place(
            self.request.home,
            self.request.repository,
            destination,
        )?)?;
        let imported = import(&mut store, job)?;
        failpoint::at(failpoint::IMPORTED);
        Ok(imported)
    }

    /// The policy for a destination: opting out applies only to events of the current project.
    fn policy(&self, destination: &Destination) -> Policy {
        let policy = &self.request.policy;
        match destination {
            Destination::Project(uuid) if self.request.project == Some(uuid) => policy.clone(),
            _ => Policy {
                is_opted_out: false,
                ..policy.clone()
            },
        }
    }

    fn failed(
        &mut self,
        found: &Found,
        provenance: &Provenance,
        error: &ForeignError,
    ) -> SourceReport {
        let stamp = Stamp::of(&found.path).ok().flatten();
        let is_fresh = stamp
            .as_ref()
            .is_none_or(|stamp| stamp.is_fresh(self.request.clock.now()));
        self.catalog.set(
            &found.path,
            Known {
                stamp: stamp.map(|stamp| stamp.to_string()).unwrap_or_default(),
                is_settled: error.is_lasting() && !is_fresh,
                error: Some(error.to_string()),
                provenance: provenance.word.clone(),
                ..Known::default()
            },
        );
        SourceReport::failed(found, error)
    }

    /// Reads the older ledger for the current project's target.
    fn believe(&self, found: &ledger::Ledger, taken: &mut Taken) -> Result<(), Error> {
        let (Some(target), Some(project)) = (self.request.target, self.request.project) else {
            return Ok(());
        };
        if !self.request.is_adopted {
            return Ok(());
        }
        let store = place(
            self.request.home,
            self.request.repository,
            &Destination::named(project),
        )?;
        if !store.exists() || self.request.interrupt.is_requested() {
            return Ok(());
        }
        let home = self.request.home.legacy.as_deref().unwrap_or(Path::new(""));
        let asked = ledger::Question {
            home,
            scratch: &self.scratch,
            target,
            now: self.request.clock.now(),
        };
        let mut store = books::open(&store)?;
        match ledger::believe(&mut store, found, &asked, self.request.interrupt) {
            Ok(answer) => taken.ledger = answer,
            Err(Trouble::Source(error)) => {
                taken.warnings.push(format!("{}: {error}", found.name()));
            }
            Err(Trouble::Store(error)) => return Err(error),
        }
        Ok(())
    }
}

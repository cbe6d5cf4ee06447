//! Which older stores must be read: those that are new or changed, or whose rows a store lacks.

use std::path::PathBuf;

use super::catalog::{Catalog, Known};
use super::report::SourceReport;
use super::{Destination, Error, Found, Kind, Request, discover};
use crate::base::RepositoryId;
use crate::config::Home;
use crate::store::{ForeignError, Stamp};

/// Action for an older store.
pub(super) enum Todo {
    /// Nothing: it is unchanged.
    Settled(Known),
    /// Read it.
    Read,
    /// Its file state could not be read.
    Failed(ForeignError),
}

/// The existing older stores, and which of them must be read.
pub(super) fn look(request: &Request<'_>) -> (Vec<(Found, Todo)>, Catalog) {
    let home = request.home;
    let found = discover(home.legacy.as_deref(), request.roots);
    let catalog = Catalog::load(&home.state);
    let todo = |found: &Found| match Stamp::of(&found.path) {
        Ok(Some(_)) if found.leads_out() => Todo::Failed(ForeignError::LeadsOut),
        Ok(Some(_)) if request.tracked.contains(&found.path) => Todo::Failed(ForeignError::Tracked),
        Ok(Some(stamp)) => match catalog.get(&found.path) {
            Some(known) if is_settled(request, found.kind, known, &stamp) => {
                Todo::Settled(known.clone())
            }
            _ => Todo::Read,
        },
        Ok(None) => Todo::Failed(ForeignError::Missing),
        Err(error) => Todo::Failed(ForeignError::Unreadable(error)),
    };
    let todo = found
        .into_iter()
        .map(|found| (todo(&found), found))
        .map(|(todo, found)| (found, todo))
        .collect();
    (todo, catalog)
}

/// True if the file need not be read: it is unchanged, and so are the stores that imported it.
fn is_settled(request: &Request<'_>, kind: Kind, known: &Known, stamp: &Stamp) -> bool {
    let home = request.home;
    let mut wanted = known
        .stores
        .iter()
        .map(|name| Destination::named(name))
        .filter(|destination| request.takes(kind, destination));
    known.is_settled
        && known.stamp == stamp.to_string()
        && !(request.retries && known.error.is_some())
        && (request.policy.is_held || !known.bodies_wait)
        && wanted.all(|destination| {
            known.taken_by.contains(&request.taker(&destination))
                && place(home, request.repository, &destination).is_ok_and(|store| store.exists())
        })
}

/// The report about a store that is not read now.
pub(super) fn settled(found: &Found, todo: Todo) -> SourceReport {
    match todo {
        Todo::Settled(known) => SourceReport::known(found, &known),
        Todo::Read => SourceReport::waiting(found),
        Todo::Failed(error) => SourceReport::failed(found, &error),
    }
}

/// The store of a destination.
pub(super) fn place(
    home: &Home,
    repository: &RepositoryId,
    destination: &Destination,
) -> Result<PathBuf, Error> {
    Ok(match destination {
        Destination::Project(uuid) => home
            .project(uuid, repository)
            .map_err(Error::Config)?
            .store(),
        Destination::Unassigned => home.unassigned_imports().store(),
    })
}

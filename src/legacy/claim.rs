//! Which rows of older stores a repository imports: those of its own project, once a user has
//! confirmed it, and those that name no project. The id of a project is a claim that any clone can
//! make. Pure.

use super::{Destination, Kind, Request};
use crate::base::RepositoryId;

impl Request<'_> {
    /// True if rows of this destination, in a source of this kind, are imported here. A source
    /// inside a repository counts only for the repository's project.
    pub(super) fn takes(&self, kind: Kind, destination: &Destination) -> bool {
        self.may_take(kind, destination)
            && (self.is_adopted || *destination == Destination::Unassigned)
    }

    /// The same, assuming the user's confirmation.
    pub(super) fn may_take(&self, kind: Kind, destination: &Destination) -> bool {
        match destination {
            Destination::Project(uuid) => self.project == Some(uuid),
            Destination::Unassigned => kind != Kind::Overflow,
        }
    }

    /// Name of the store of a destination in the catalog.
    pub(super) fn taker(&self, destination: &Destination) -> String {
        match destination {
            Destination::Project(uuid) => taker(uuid, self.repository),
            Destination::Unassigned => destination.name().to_owned(),
        }
    }
}

/// Name of the store of a project in a repository, in the catalog.
pub(crate) fn taker(project_uuid: &str, repository: &RepositoryId) -> String {
    format!("{project_uuid}/{}", repository.as_str())
}

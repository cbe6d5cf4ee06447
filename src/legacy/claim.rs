//! Which rows of older stores a repository takes over: those of its own project, once a person has said so, and those
//! that name no project. The id of a project is a claim that any clone can make. Pure.

use super::{Destination, Kind, Request};
use crate::base::RepositoryId;

impl Request<'_> {
    /// True when rows of this destination, in a source of this kind, are taken over here. What lies in a repository
    /// speaks of its own project only.
    pub(super) fn takes(&self, kind: Kind, destination: &Destination) -> bool {
        self.may_take(kind, destination) && (self.is_adopted || *destination == Destination::Unassigned)
    }

    /// The same once a person has said so.
    pub(super) fn may_take(&self, kind: Kind, destination: &Destination) -> bool {
        match destination {
            Destination::Project(uuid) => self.project == Some(uuid),
            Destination::Unassigned => kind != Kind::Overflow,
        }
    }

    /// How the catalog calls the store of a destination.
    pub(super) fn taker(&self, destination: &Destination) -> String {
        match destination {
            Destination::Project(uuid) => taker(uuid, self.repository),
            Destination::Unassigned => destination.name().to_owned(),
        }
    }
}

/// How the catalog calls the store of a project in a repository.
pub(crate) fn taker(project_uuid: &str, repository: &RepositoryId) -> String {
    format!("{project_uuid}/{}", repository.as_str())
}

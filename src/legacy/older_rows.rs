//! Rows of older stores whose projects' repositories did not import them, as counted by the last
//! imports.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::Destination;
use super::catalog::Catalog;
use crate::config::Home;

/// Rows of one project that wait for `migrate adopt` in a repository of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct OlderRows {
    /// The project.
    pub(crate) project_uuid: String,
    /// Events.
    pub(crate) events: u64,
    /// Queued documents.
    pub(crate) documents: u64,
    /// Entries of failure logs.
    pub(crate) failures: u64,
    /// The files they are in.
    pub(crate) files: Vec<String>,
}

/// The rows that no repository imported, ordered by project. Opens no older store.
pub(crate) fn older_rows(home: &Home) -> Vec<OlderRows> {
    let mut found: BTreeMap<String, OlderRows> = BTreeMap::new();
    for (file, known) in Catalog::load(&home.state).sources() {
        if Path::new(file).symlink_metadata().is_err() {
            continue;
        }
        let is_taken = |project: &str| {
            known
                .taken_by
                .iter()
                .any(|taker| taker.split('/').next() == Some(project))
        };
        let shares = known
            .shares
            .iter()
            .filter(|share| Destination::named(&share.store) != Destination::Unassigned);
        for share in shares.filter(|share| !is_taken(&share.store)) {
            let rows = found.entry(share.store.clone()).or_default();
            rows.project_uuid.clone_from(&share.store);
            rows.events += share.events;
            rows.documents += share.bodies;
            rows.failures += share.failures;
            rows.files.push(file.clone());
        }
    }
    found.into_values().collect()
}

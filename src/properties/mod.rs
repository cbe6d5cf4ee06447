//! Properties of the readers of untrusted bytes: what must hold for any input, not only that
//! nothing panics.
//!
//! Each module states its own in `properties.rs`; here is the list. The ordinary tests try the
//! inputs in `fuzz/seeds` and random changes of them; fuzzing (`.ci/fuzz`, see `docs/fuzzing.md`)
//! searches for more.
//!
//! **Invariant:** a property is a function of the bytes alone: no file, no network, no clock. It
//! panics if it does not hold. Nothing here is part of a build for people.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::{
    bodies, config, delivery, dossier, endpoint, event, git, hook, http, legacy, serve, spool,
    upkeep,
};

/// A property, under the name of its directory of inputs.
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// Panics if the property does not hold for these bytes.
    pub check: fn(&[u8]),
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All properties.
pub static PROPERTIES: [Property; 25] = [
    Property {
        name: "answer",
        check: http::properties::answer,
    },
    Property {
        name: "answer-heads",
        check: http::properties::answer_heads,
    },
    Property {
        name: "answer-to-documents",
        check: bodies::properties::documents_answer,
    },
    Property {
        name: "answer-to-events",
        check: delivery::properties::events_answer,
    },
    Property {
        name: "answer-to-inventory",
        check: delivery::properties::inventory,
    },
    Property {
        name: "archive",
        check: upkeep::properties::archive,
    },
    Property {
        name: "cache-file",
        check: dossier::properties::cache_file,
    },
    Property {
        name: "config-file",
        check: config::properties::config_file,
    },
    Property {
        name: "document-request",
        check: serve::properties::document_request,
    },
    Property {
        name: "envelope",
        check: event::properties::envelope,
    },
    Property {
        name: "events-request",
        check: serve::properties::events_request,
    },
    Property {
        name: "git-index",
        check: git::properties::git_index,
    },
    Property {
        name: "git-text",
        check: git::properties::git_text,
    },
    Property {
        name: "health",
        check: delivery::properties::health,
    },
    Property {
        name: "grants-file",
        check: endpoint::properties::grants_file,
    },
    Property {
        name: "hook-stamp",
        check: hook::properties::hook_stamp,
    },
    Property {
        name: "mission-log",
        check: event::properties::log,
    },
    Property {
        name: "mission-meta",
        check: dossier::properties::mission_meta,
    },
    Property {
        name: "older-record",
        check: legacy::properties::older_record,
    },
    Property {
        name: "older-row",
        check: legacy::properties::older_row,
    },
    Property {
        name: "page",
        check: serve::properties::page,
    },
    Property {
        name: "project-identity",
        check: dossier::properties::project_identity,
    },
    Property {
        name: "removal",
        check: serve::properties::removal,
    },
    Property {
        name: "spool-line",
        check: spool::properties::spool_line,
    },
    Property {
        name: "webhook",
        check: serve::properties::webhook,
    },
];

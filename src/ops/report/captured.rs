//! What was found on disk and entered the journal.

use serde::Serialize;

/// Lines absorbed from the spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Spool {
    /// New events.
    pub(crate) captured: u64,
    /// Events that were here already.
    pub(crate) unchanged: u64,
    /// Ids with two different contents.
    pub(crate) conflicts: u64,
    /// Discarded: opted out, or purged here before.
    pub(crate) discarded: u64,
    /// Truncated or damaged; kept in a separate file.
    pub(crate) unreadable: u64,
}

/// Content of the feature directories.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Index {
    /// Feature directories.
    pub(crate) missions: u64,
    /// Files in them, and missing required ones.
    pub(crate) artifacts: u64,
    /// Bytes of the files.
    pub(crate) bytes: u64,
    /// Files read and hashed.
    pub(crate) hashed: u64,
    /// Files known to be unchanged, and not read.
    pub(crate) cached: u64,
    /// Artifacts that are missing or cannot be read.
    pub(crate) not_present: u64,
    /// Each configured layout, in order.
    pub(crate) layouts: Vec<LayoutCount>,
    /// Layouts that exist and are not configured.
    pub(crate) found: Vec<FoundLayout>,
    /// Files next to units that no source covers, relative to the top of the project; `layouts`
    /// counts them.
    #[serde(skip)]
    pub(crate) loose: Vec<String>,
    /// Time taken.
    pub(crate) seconds: f64,
}

/// A layout that exists in the project and is not configured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct FoundLayout {
    /// The layout.
    pub(crate) layout: String,
    /// Its directory, relative to the top of the project.
    pub(crate) place: String,
    /// Number of its units and lists of documents.
    pub(crate) units: u64,
}

impl FoundLayout {
    /// One line for people, with the command that changes it.
    pub(crate) fn words(&self) -> String {
        let units = if self.units == 1 {
            "1 unit".to_owned()
        } else {
            format!("{} units", self.units)
        };
        format!(
            "{}: {units} in {}/, not indexed: sk-sync init",
            self.layout, self.place
        )
    }
}

/// Counts of one layout, or of one configured source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LayoutCount {
    /// The layout, or the source's name.
    pub(crate) name: String,
    /// Units of work, and lists of documents.
    pub(crate) units: u64,
    /// Files in them, and missing required ones.
    pub(crate) artifacts: u64,
    /// Files next to units that belong to none.
    pub(crate) no_unit: u64,
}

/// Rows written to the journal.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Capture {
    /// Events appended.
    pub(crate) captured: u64,
    /// Facts that were already in the journal.
    pub(crate) unchanged: u64,
    /// Earlier events that a new one superseded before they were sent.
    pub(crate) superseded: u64,
    /// Ids with other content than before.
    pub(crate) conflicts: u64,
}

/// One artifact, and what would happen to its text.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are a contract")]
pub(crate) struct Artifact {
    /// Its mission.
    pub(crate) mission_slug: String,
    /// The mission's layout, or the name of its source.
    pub(crate) layout: String,
    /// The mission's directory, relative to the top of the project; empty for a list of documents.
    pub(crate) dir: String,
    /// Its path in that directory.
    pub(crate) path: String,
    /// Digest of the bytes read; empty if nothing could be read.
    pub(crate) sha256: String,
    /// Number of bytes read.
    pub(crate) size: u64,
    /// Its stable key.
    pub(crate) artifact_key: String,
    /// `input`, `workflow`, `output`, `evidence`, `policy` or `runtime`.
    pub(crate) artifact_class: String,
    /// `required` or `optional`.
    pub(crate) required_status: String,
    /// True when it was read and is text.
    pub(crate) present: bool,
    /// `queued` or `skipped`.
    pub(crate) decision: String,
    /// The reason, in full (`not_present: invalid_utf8`).
    pub(crate) reason: String,
}

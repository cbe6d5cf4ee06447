//! The types of the configuration's values.

use serde::Deserialize;

use super::words::words;

/// A header whose value is in an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// The header's name.
    pub(crate) name: String,
    /// The variable with its value.
    pub(crate) variable: String,
}

words! {
    /// The form of a request to an external receiver.
    Format {
        /// `{"events": […]}`.
        Batch = "batch",
        /// A CloudEvents 1.0 JSON batch.
        Cloudevents = "cloudevents",
    }

    /// What counts as acknowledgement of an event.
    Ack {
        /// A result with its id.
        Results = "results",
        /// A 2xx answer to the request.
        Status = "status",
    }

    /// Compression of requests.
    Compression {
        /// gzip.
        Gzip = "gzip",
        /// No compression.
        None = "none",
    }

    /// Files that git ignores.
    GitIgnoredFiles {
        /// They are not indexed.
        Skip = "skip",
        /// They are indexed like others.
        Send = "send",
    }

    /// Field names of document uploads.
    WireNames {
        /// `mission_slug`, `mission_type`.
        Current = "current",
        /// `feature_slug`, `mission_key`.
        March2026 = "2026-03",
    }

    /// What a git hook does after capture.
    HookDrain {
        /// Starts a drain in a separate process.
        Detached = "detached",
        /// Nothing.
        None = "none",
    }

    /// Forms of the parity hash.
    Parity {
        /// Over paths and contents.
        Path = "path",
        /// Over contents: the older form.
        Content = "content",
    }

    /// What opting out does with events for a Teamspace.
    BoundFamilies {
        /// Captures them on hold.
        Keep = "keep",
        /// Discards them with an audit row.
        Audit = "audit",
    }

    /// What happens to fields of imported events that name a person or a machine.
    #[derive(Default)]
    PersonalData {
        /// They stay in the journal and are removed from what is sent.
        #[default]
        Strip = "strip",
        /// They are sent.
        Send = "send",
    }

    /// What happens to imported events.
    Imported {
        /// They are sent like captured ones.
        Owed = "owed",
        /// They are on hold until `migrate release`.
        Held = "held",
    }

    /// How long texts stay in the store.
    KeepTexts {
        /// Until every live target has them.
        UntilDelivered = "until-delivered",
        /// Permanently.
        Always = "always",
    }

    /// Which documents are sent again.
    Resubmit {
        /// Documents that the target has not acknowledged.
        Unacknowledged = "unacknowledged",
        /// Every document, in every run.
        Always = "always",
    }
}

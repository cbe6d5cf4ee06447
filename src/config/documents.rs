//! `[documents]`, and `bodies.resubmit`.

use serde::Deserialize;

/// `[documents]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Documents {
    /// How long texts stay in the store.
    pub(crate) keep: KeepTexts,
}

/// How long texts stay in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum KeepTexts {
    /// Until every live target has them.
    #[serde(rename = "until-delivered")]
    UntilDelivered,
    /// Permanently.
    #[serde(rename = "always")]
    Always,
}

/// Which documents are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Resubmit {
    /// Documents that the target has not acknowledged.
    #[serde(rename = "unacknowledged")]
    Unacknowledged,
    /// Every document, in every run.
    #[serde(rename = "always")]
    Always,
}

//! `[documents]`, and what is offered again.

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
    /// For good.
    #[serde(rename = "always")]
    Always,
}

/// What is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Resubmit {
    /// What the target has not acknowledged.
    #[serde(rename = "unacknowledged")]
    Unacknowledged,
    /// Every document, in every run.
    #[serde(rename = "always")]
    Always,
}

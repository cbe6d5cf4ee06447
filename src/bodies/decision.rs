//! The decision about one artifact: a status word and a reason, both of the public contract.

use std::borrow::Cow;

/// The status words of `bodies.outcomes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// The server stored it now.
    Uploaded,
    /// The server had it, or it already waits in the queue.
    AlreadyExists,
    /// It waits in the queue.
    Queued,
    /// It is not uploaded.
    Skipped,
    /// It was refused.
    Failed,
}

impl Status {
    /// The word of the public contract.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::AlreadyExists => "already_exists",
            Self::Queued => "queued",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// The decision about one artifact: a status word and the exact reason text (`unsupported_format:
/// .py`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The status word.
    pub(crate) status: Status,
    /// The reason; totals are keyed by the part before `:`.
    pub(crate) reason: Cow<'static, str>,
}

impl Decision {
    /// The document is not uploaded, and why.
    pub(crate) fn skipped(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: Status::Skipped,
            reason: reason.into(),
        }
    }
}

//! What a command adds to the decision about the target.

use std::path::Path;

use super::consent::Consent;
use super::older::Older;

/// What the command line and the older home directory add to the decision.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Choice<'a> {
    /// `--target-url`: overrides every other source for the whole process.
    pub(crate) target_url: Option<&'a str>,
    /// `--override-target`: lets the environment win over files.
    pub(crate) is_environment_first: bool,
    /// The older home directory, where its queue would be.
    pub(crate) legacy_home: Option<&'a Path>,
    /// The text of its scope marker.
    pub(crate) active_scope: Option<&'a str>,
    /// What an older version knew of its server.
    pub(crate) older: Option<&'a Older>,
    /// What was agreed to; `None` is nothing.
    pub(crate) consent: Option<&'a Consent>,
}

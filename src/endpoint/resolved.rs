//! The answer to which target, with everything that was said about it.

use super::address::Address;
use super::agreement::Disagreement;
use super::consent::Consent;
use super::link::{Endpoints, Identity, ReceiverKind};
use super::older::Login;
use super::scope::ScopeStatus;
use crate::config::Origin;

/// Whether another source than the configuration decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OverrideMode {
    /// All sources agree.
    None,
    /// The sources disagree and none was told to win.
    SetupOnly,
    /// A flag, or the environment by `--override-target`, won over a different configuration.
    ProcessOverride,
}

/// The decision's parts, by the names and types of `formats` section 9.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Authority {
    /// The address in the files, as written but without name and password.
    pub(crate) configured_server_url: Option<String>,
    /// The address in the environment, canonical where it can be.
    pub(crate) env_server_url: Option<String>,
    /// Whether one was made to win.
    pub(crate) override_mode: OverrideMode,
    /// The canonical address that everything uses.
    pub(crate) resolved_server_url: Option<String>,
    /// The configured user, else the one that an older login at this server knew.
    pub(crate) user_id: Option<String>,
    /// The configured team, else the one that an older login at this server knew.
    pub(crate) team_slug: Option<String>,
    /// The scope an older version would have queued under.
    pub(crate) derived_queue_scope: String,
    /// The queue file of that scope; empty without a home directory.
    pub(crate) queue_db_path: String,
    /// How the older scope marker relates to it.
    pub(crate) active_queue_scope_status: ScopeStatus,
}

/// An address, and who names it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Named {
    /// The key in a file; empty for a variable or a flag that is no key.
    pub(crate) key: &'static str,
    /// The address as written, without name and password.
    pub(crate) url: String,
    /// The source.
    pub(crate) origin: Origin,
}

/// Which target it is, as far as the sources say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The kind of receiver; `None` when nothing is to be delivered.
    pub(crate) receiver: Option<ReceiverKind>,
    /// What deliveries are recorded against; `None` without a receiver, an address, or agreement.
    pub(crate) identity: Option<Identity>,
    /// Its addresses; `None` as for the identity, and for the stub, whose port is known only once it listens.
    pub(crate) endpoints: Option<Endpoints>,
    /// Two sources that disagree: the gate `target_disagreement`.
    pub(crate) disagreement: Option<Disagreement>,
    /// Every source that names an address, lowest layer first.
    pub(crate) sources: Vec<Named>,
    /// A login of an older version, whose token is for its own server.
    pub(crate) login: Option<Login>,
    /// What was agreed to.
    pub(crate) consent: Consent,
    /// How it was decided.
    pub(crate) authority: Authority,
    /// What a person should know and need not act on.
    pub(crate) warnings: Vec<String>,
}

impl Resolved {
    /// The origins that events and bodies go to, each once; none while there is no address.
    pub(crate) fn origins(&self) -> Vec<String> {
        let urls = self.endpoints.iter().flat_map(|e| [Some(&e.events), e.bodies.as_ref()]).flatten();
        let mut origins: Vec<_> = urls.filter_map(|url| Some(Address::read(url).ok()?.origin())).collect();
        origins.dedup();
        origins
    }

    /// True when data may go to `origin`.
    pub(crate) fn is_permitted(&self, origin: &str) -> bool {
        self.consent.permit(origin).is_ok()
    }
}

//! The answer to which target, with everything that was said about it.

use super::address::Address;
use super::agreement::Disagreement;
use super::consent::{Consent, Cover};
use super::grants::{LOCAL, Secret};
use super::link::{Endpoints, Identity};
use super::named::Named;
use super::older::Login;
use super::scope::ScopeStatus;
use super::secret::MissingCredential;
use crate::base::{shell, text};
use crate::config::{Access, Asked, ReceiverKind};

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

/// The decision's parts, with the names and types of Spec Kitty.
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

/// Which target it is, as far as the sources say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The kind of receiver; `None` when nothing is to be delivered.
    pub(crate) receiver: Option<ReceiverKind>,
    /// What deliveries are recorded against; `None` without a receiver, an address, or agreement.
    pub(crate) identity: Option<Identity>,
    /// Its addresses; `None` as for the identity, and for the stub, whose port is known only once
    /// it listens.
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
    /// The secrets that go with a request.
    pub(crate) secrets: Vec<Secret>,
    /// The keys of the repository's file that wait for an agreement.
    pub(crate) waiting: Vec<Asked>,
}

impl Resolved {
    /// True when events and bodies are meant to leave this machine's own files.
    pub(crate) fn is_server(&self) -> bool {
        self.receiver.is_some_and(ReceiverKind::is_server)
    }

    /// The id of the target; `None` as for the identity.
    pub(crate) fn target_id(&self) -> Option<&str> {
        Some(self.identity.as_ref()?.target_id.as_str())
    }

    /// What authorises a request; `None` when nothing is to be delivered.
    pub(crate) fn access(&self) -> Option<Access> {
        self.receiver.map(ReceiverKind::access)
    }

    /// The origins that events and bodies go to, each once; none while there is no address.
    pub(crate) fn origins(&self) -> Vec<String> {
        let urls = self
            .endpoints
            .iter()
            .flat_map(|e| [Some(&e.events), e.bodies.as_ref()])
            .flatten();
        let mut origins: Vec<_> = urls
            .filter_map(|url| Some(Address::read(url).ok()?.origin()))
            .collect();
        origins.dedup();
        origins
    }

    /// True when data may go to `origin`.
    pub(crate) fn is_permitted(&self, origin: &str) -> bool {
        self.consent.permit(origin).is_ok()
    }

    /// Why `secret` may not go with requests, where it is there and data may go; else `None`.
    pub(super) fn uncovered(&self, secret: &Secret) -> Option<MissingCredential> {
        let origins = self.origins();
        // Without consent nothing goes at all, and that gate says so.
        let stays = |origin: &&String| {
            self.is_permitted(origin) && self.consent.cover(origin, secret).is_none()
        };
        let origin = origins.iter().find(stays)?;
        Some(MissingCredential {
            reason: format!(
                "{} may not go to {origin}: it was allowed without it",
                secret.name()
            ),
            fix: shell::line("sk-sync allow", [origin]),
        })
    }

    /// That keys of the repository's file wait, and which; `None` where none does.
    pub(crate) fn waiting_words(&self) -> Option<String> {
        let file = self.consent.pinned().filter(|_| !self.waiting.is_empty())?;
        let (file, keys): (_, Vec<_>) = (
            text::path(&file.path),
            self.waiting.iter().map(|asked| asked.key).collect(),
        );
        let keys = keys.join(", ");
        Some(
            match self.consent.last_keys().or(self
                .consent
                .last_narrowing()
                .filter(|keys| !keys.is_empty()))
            {
                Some(_) => format!(
                    "{file} has changed since it was allowed, and these keys are not used: {keys}"
                ),
                None => format!("{file} sets keys that need your consent and are not used: {keys}"),
            },
        )
    }

    /// The keys of the repository's file that are not used, and the command that changes that;
    /// `None` where none waits.
    pub(crate) fn not_used(&self) -> Option<String> {
        Some(format!(
            "{}; to use them: {}",
            self.waiting_words()?,
            self.allow_line()
        ))
    }

    /// The command that agrees to everything that this target and the repository's file ask for.
    pub(crate) fn allow_line(&self) -> String {
        let origins = if self.is_server() {
            self.origins()
        } else {
            Vec::new()
        };
        let origins = if origins.is_empty() {
            vec![LOCAL.to_owned()]
        } else {
            origins
        };
        shell::line("sk-sync allow", origins)
    }

    /// Where each secret of the target goes among `origins`.
    pub(crate) fn routes(&self, origins: &[String], granting: Granting) -> Vec<Route> {
        let server = origins.iter().filter(|origin| *origin != LOCAL);
        let pairs =
            server.flat_map(|origin| self.secrets.iter().map(move |secret| (origin, secret)));
        let route = |(origin, secret): (&String, &Secret)| {
            let cover = self.consent.cover(origin, secret);
            // A new agreement takes the place of the old one.
            let is_kept = |cover: &Cover<'_>| {
                granting != Granting::Withheld || !matches!(cover, Cover::Granted(_))
            };
            let cover = cover.filter(is_kept).map(|cover| cover.to_string());
            Route {
                secret: secret.name().to_owned(),
                origin: origin.clone(),
                is_covered: cover.is_some(),
                goes: cover.is_some() || granting == Granting::Given,
                why: cover.unwrap_or_default(),
            }
        };
        pairs.map(route).collect()
    }
}

/// What the current agreement does with secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Granting {
    /// There is none.
    Nothing,
    /// It lets them go.
    Given,
    /// It keeps them back.
    Withheld,
}

/// Where a secret goes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Route {
    /// The secret's name.
    pub(crate) secret: String,
    /// The origin.
    pub(crate) origin: String,
    /// True when it may go there now, as far as the secret is concerned.
    #[serde(rename = "allowed")]
    pub(crate) is_covered: bool,
    /// True when it may go there once the origin is agreed to.
    pub(crate) goes: bool,
    /// The source; empty without one.
    pub(crate) why: String,
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            secret,
            origin,
            is_covered,
            goes,
            why,
        } = self;
        match (is_covered, goes) {
            (true, _) => write!(f, "{secret} goes to {origin} ({why})"),
            (false, true) => write!(f, "{secret} goes to {origin} with this agreement"),
            (false, false) => write!(f, "{secret} does not go to {origin}"),
        }
    }
}

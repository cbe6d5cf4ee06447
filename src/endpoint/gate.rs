//! What stands in the way of sending, all of it at once. Gates store nothing: every run checks
//! again.

use std::sync::OnceLock;

use crate::base::env::{LEGACY_SWITCH, is_false};
use crate::base::{Env, shell, text};
use crate::config::{Access, EventSyncConfig, Origin, ReceiverKind};

use super::address::Address;
use super::agreement::Disagreement;
use super::authority::stub_endpoints;
use super::consent::{Refusal, stub_permit};
use super::credential::{CredentialSource, Keys};
use super::link::{Endpoints, Link, Permit};
use super::request_options::{self, RequestOptions};
use super::resolved::Resolved;
use super::secret::MissingCredential;

/// A condition for sending.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Gate {
    /// Its name, a public contract.
    pub(crate) name: &'static str,
    /// True when it lets events and bodies pass, and while nothing says that it does not.
    #[serde(rename = "open")]
    pub(crate) is_open: bool,
    /// False if a program would have to be asked, which only sending does.
    #[serde(rename = "known")]
    pub(crate) is_known: bool,
    /// Why it is shut, or not known; empty when it is open.
    pub(crate) reason: String,
    /// One shell line that opens it, or what to do; empty when it is open.
    pub(crate) fix: String,
    /// Since when it has been stopping drains (RFC 3339), where that is on record.
    pub(crate) since: Option<String>,
}

impl Gate {
    /// The gate of a project's identity, without which its artifacts cannot be named.
    pub(crate) fn of_identity(is_known: bool) -> Self {
        let missing = || MissingCredential {
            reason: "the project has no ID".to_owned(),
            fix: "sk-sync init --project".to_owned(),
        };
        Self::new("missing_project_identity", (!is_known).then(missing))
    }

    fn new(name: &'static str, missing: Option<MissingCredential>) -> Self {
        let is_open = missing.is_none();
        let (reason, fix) = missing.map(|l| (l.reason, l.fix)).unwrap_or_default();
        Self {
            name,
            is_open,
            is_known: true,
            reason,
            fix,
            since: None,
        }
    }
}

/// The way to one target, checked for one command: the token's source is asked at most once, and
/// only when there is something to send.
#[derive(Debug)]
pub(crate) struct Credentials<'a> {
    source: CredentialSource<'a>,
    told: OnceLock<Result<Keys, MissingCredential>>,
}

impl<'a> Credentials<'a> {
    /// Nothing is looked at yet.
    pub(crate) const fn new(
        resolved: &'a Resolved,
        config: &'a EventSyncConfig,
        env: &'a Env,
    ) -> Self {
        Self {
            source: CredentialSource {
                resolved,
                config,
                env,
            },
            told: OnceLock::new(),
        }
    }

    /// Every gate of the target, open or shut, as far as it is known without asking anybody. None
    /// where nothing is to be delivered, and none for the stub.
    pub(crate) fn gates(&self) -> Vec<Gate> {
        if self.told.get().is_none()
            && let Some(told) = self.source.at_hand()
        {
            // A second look must not come to another answer than the first.
            let _first = self.told.set(told);
        }
        judge(&self.source, self.told.get())
    }

    /// The same, all of them known.
    pub(crate) fn asked_gates(&self) -> Vec<Gate> {
        judge(&self.source, Some(self.keys()))
    }

    /// The target ready to be contacted, or the gates that are shut. `Ok(None)` where nothing is to
    /// be delivered. `stub_origin` is where the embedded receiver listens
    /// (`http://127.0.0.1:PORT`); only the stub needs it.
    pub(crate) fn link(&self, stub_origin: Option<&str>) -> Result<Option<Link>, Vec<Gate>> {
        let resolved = self.source.resolved;
        let Some(receiver) = resolved.receiver else {
            return Ok(None);
        };
        // If another check fails, no program is asked.
        let is_shut = |gate: &Gate| !gate.is_open;
        if self.gates().iter().any(is_shut) {
            return Err(self.gates().into_iter().filter(is_shut).collect());
        }
        match self.keys() {
            Ok(keys) => self.connected(receiver, keys.clone(), stub_origin),
            Err(_) => Err(self.gates().into_iter().filter(is_shut).collect()),
        }
    }

    /// The link with these keys, every gate being open.
    fn connected(
        &self,
        receiver: ReceiverKind,
        keys: Keys,
        stub_origin: Option<&str>,
    ) -> Result<Option<Link>, Vec<Gate>> {
        let CredentialSource {
            resolved,
            config,
            env,
        } = self.source;
        let request_options = request_options::request_options(resolved, config, env);
        match connect(receiver, resolved, keys, request_options, stub_origin) {
            Some(link) => Ok(Some(link)),
            None => Err(vec![Gate::new("stub_not_listening", Some(no_listener()))]),
        }
    }

    /// Where the token comes from, or would be asked for.
    pub(crate) fn token_place(&self) -> Option<String> {
        self.source.token_place()
    }

    fn keys(&self) -> &Result<Keys, MissingCredential> {
        self.told.get_or_init(|| self.source.asked())
    }
}

fn judge(
    source: &CredentialSource<'_>,
    told: Option<&Result<Keys, MissingCredential>>,
) -> Vec<Gate> {
    let CredentialSource {
        resolved,
        config,
        env,
    } = *source;
    let disagreement = Gate::new(
        "target_disagreement",
        resolved.disagreement.as_ref().map(quarrel),
    );
    let consent = Gate::new("missing_consent", unpermitted(resolved));
    let repository = Gate::new("repository_not_allowed", not_allowed(resolved));
    let no_keys = told.and_then(|told| told.as_ref().err().cloned());
    let mut gates = match resolved.access() {
        None | Some(Access::Inside) => Vec::new(),
        Some(Access::Token) => {
            let auth = Gate::new("missing_auth", no_keys);
            let unasked = Gate {
                is_known: false,
                reason: source.question(),
                ..Gate::new("missing_auth", None)
            };
            vec![
                Gate::new("sync_disabled", switched_off(env)),
                disagreement,
                Gate::new("no_target_url", no_address(resolved)),
                if told.is_some() { auth } else { unasked },
                Gate::new("missing_team", no_team(resolved)),
                consent,
                repository,
            ]
        }
        Some(Access::Headers) => {
            vec![
                disagreement,
                Gate::new("missing_header_secret", no_keys),
                consent,
                repository,
            ]
        }
    };
    gates.extend(
        request_options::missing_parts(resolved, config, env)
            .into_iter()
            .map(|(name, missing)| Gate::new(name, missing)),
    );
    gates
}

/// The link, once every gate is open; `None` when the stub's origin is not given.
fn connect(
    receiver: ReceiverKind,
    resolved: &Resolved,
    keys: Keys,
    request_options: RequestOptions,
    stub_origin: Option<&str>,
) -> Option<Link> {
    let endpoints = if receiver.is_server() {
        resolved.endpoints.clone()?
    } else {
        stub_endpoints(&Address::read(stub_origin?).ok()?)
    };
    let permit = |url: &str| {
        let permit = if receiver.is_server() {
            resolved.consent.permit(url).ok()?
        } else {
            // The receiver inside this program, at the port that it got.
            stub_permit(url)?
        };
        Some(Permit {
            network: request_options.network.clone(),
            ..permit
        })
    };
    let queries = &request_options.queries;
    let endpoints = Endpoints {
        events: request_options::with_query(&endpoints.events, queries.events.as_ref()),
        bodies: endpoints
            .bodies
            .map(|url| request_options::with_query(&url, queries.bodies.as_ref())),
        ..endpoints
    };
    Some(Link {
        identity: resolved.identity.clone()?,
        permit: permit(&endpoints.events)?,
        bodies_permit: endpoints.bodies.as_deref().and_then(permit),
        endpoints,
        headers: keys.headers,
        protocol: request_options.protocol,
        signing: request_options.signing,
    })
}

fn quarrel(disagreement: &Disagreement) -> MissingCredential {
    let sources = [&disagreement.second.0, &disagreement.first.0];
    let variable = sources.into_iter().find_map(|origin| match origin {
        Origin::Variable(name) => Some(name),
        _ => None,
    });
    let is_set_here = sources
        .into_iter()
        .any(|origin| matches!(origin, Origin::ProjectFile(_)));
    // What a repository says is decided for last.
    let named = [&disagreement.first, &disagreement.second]
        .into_iter()
        .find(|(origin, _)| !origin.is_repository());
    let fix = match (variable, named) {
        (Some(name), _) => {
            format!(
                "{}   # or let the environment win: --override-target",
                shell::line("unset", [name])
            )
        }
        (None, _) if is_set_here => {
            "sk-sync target set --unset url --unset events-url --unset bodies-url".to_owned()
        }
        (None, Some((_, url))) if disagreement.is_base => {
            format!(
                "{}   # or make both name the same target",
                shell::line("sk-sync run --target-url", [url])
            )
        }
        (None, _) => "# make both files name the same target".to_owned(),
    };
    MissingCredential {
        reason: disagreement.to_string(),
        fix,
    }
}

fn no_address(resolved: &Resolved) -> Option<MissingCredential> {
    (resolved.endpoints.is_none() && resolved.disagreement.is_none()).then(|| MissingCredential {
        reason: "delivery is `teamspace`, but no URL is configured".to_owned(),
        fix: "sk-sync target set --receiver teamspace --url URL   # or teamspace.server_url in event-sync.toml"
            .to_owned(),
    })
}

fn switched_off(env: &Env) -> Option<MissingCredential> {
    let value = env.text(LEGACY_SWITCH).filter(|v| is_false(v))?;
    let value = text::printable(value);
    Some(MissingCredential {
        reason: format!("{LEGACY_SWITCH} is `{value}`"),
        fix: shell::line("unset", [LEGACY_SWITCH]),
    })
}

fn no_team(resolved: &Resolved) -> Option<MissingCredential> {
    resolved
        .authority
        .team_slug
        .is_none()
        .then(|| MissingCredential {
            reason: "no team is configured".to_owned(),
            fix: "sk-sync target set --team TEAM   # or teamspace.team_slug in event-sync.toml"
                .to_owned(),
        })
}

/// Why nothing may be sent to the addresses, and the line that agrees to all of them.
fn unpermitted(resolved: &Resolved) -> Option<MissingCredential> {
    let origins = resolved.origins();
    let refused = origins
        .iter()
        .filter_map(|origin| Some((origin, resolved.consent.permit(origin).err()?)));
    // What changed in the repository's file is another gate's to say.
    let is_here = |refusal: &Refusal<'_>| {
        resolved.waiting.is_empty() || !matches!(refusal, Refusal::Changed(_))
    };
    let refused: Vec<_> = refused.filter(|(_, refusal)| is_here(refusal)).collect();
    let (origin, refusal) = refused.first()?;
    if let Refusal::Unreadable(flaw) = refusal {
        let fix = "move that file away, then agree again: sk-sync allow".to_owned();
        return Some(MissingCredential {
            reason: (*flaw).to_owned(),
            fix,
        });
    }
    let reason = match refusal {
        Refusal::Changed(file) => {
            format!(
                "{} has changed since the agreement to send to {origin}",
                text::path(&file.path)
            )
        }
        _ => format!("sending this repository's data to {origin} needs consent"),
    };
    Some(MissingCredential {
        reason,
        fix: shell::line("sk-sync allow", refused.iter().map(|(origin, _)| origin)),
    })
}

/// The keys of the repository's file that wait, and the line that agrees to it.
fn not_allowed(resolved: &Resolved) -> Option<MissingCredential> {
    let reason = resolved.waiting_words()?;
    Some(MissingCredential {
        reason,
        fix: resolved.allow_line(),
    })
}

fn no_listener() -> MissingCredential {
    MissingCredential {
        reason: "the embedded receiver is not listening".to_owned(),
        fix: "run again; if it stays, please report it".to_owned(),
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;

//! The one place that decides which target: from configuration, environment and flags, and nothing
//! else. Pure.

use crate::base::Env;
use crate::config::{Access, EventSyncConfig, Loaded, ReceiverKind, UrlSource, without_secrets};

use super::Error;
use super::address::Address;
use super::agreement::{BODIES_PATH, Claim, EVENTS_PATH, Proposal, below};
use super::choice::Choice;
use super::credential::secrets;
use super::identity::STUB_URL;
use super::link::{Endpoints, Identity};
use super::older::Login;
use super::resolved::{Authority, OverrideMode, Resolved};
use super::scope::{ScopeStatus, queue_digest, queue_scope};
use super::sources::{Sources, Stop, idle_url};

/// Where deployment metadata and limits may be asked for, below a base address.
const HEALTH_PATH: &str = "/api/v1/sync/health/";
/// Extensions, used only where the server lists them.
const BODY_BATCH_PATH: &str = "/api/dossier/push-batch/";
const PROJECTS_PATH: &str = "/api/v1/projects/";

/// The configuration as one reading of the sources has it.
#[derive(Debug, Clone, Copy)]
struct View<'a> {
    config: &'a EventSyncConfig,
    urls: &'a [UrlSource],
}

/// Decides. A disagreement is part of the answer; an address that cannot be one is an error.
///
/// Where keys of the repository's file wait for an agreement, the person's own sources decide; only
/// where these name no server, the answer is the one that the file asks for, so that a person sees
/// what there is to agree to.
pub(crate) fn resolve(loaded: &Loaded, env: &Env, choice: &Choice<'_>) -> Result<Resolved, Error> {
    let own = decide(
        View {
            config: &loaded.config,
            urls: &loaded.urls,
        },
        env,
        choice,
    );
    let Some(waiting) = &loaded.waiting else {
        return own;
    };
    let names_server = |found: &Resolved| {
        found.is_server() && (found.endpoints.is_some() || found.disagreement.is_some())
    };
    let resolved = match own {
        Ok(own) if names_server(&own) => own,
        Err(error @ Error::Address { .. }) => return Err(error),
        own => {
            let asked = decide(
                View {
                    config: &waiting.config,
                    urls: &waiting.urls,
                },
                env,
                choice,
            )?;
            let is_theirs = asked
                .disagreement
                .as_ref()
                .is_some_and(|d| d.first.0.is_repository() || d.second.0.is_repository());
            // A waiting address is not used, so it quarrels with none of a person's own.
            let asked = if is_theirs {
                let urls: Vec<_> = waiting
                    .urls
                    .iter()
                    .filter(|url| !url.origin.is_repository())
                    .cloned()
                    .collect();
                decide(
                    View {
                        config: &waiting.config,
                        urls: &urls,
                    },
                    env,
                    choice,
                )?
            } else {
                asked
            };
            if asked.is_server() { asked } else { own? }
        }
    };
    Ok(Resolved {
        waiting: waiting.keys.clone(),
        ..resolved
    })
}

fn decide(view: View<'_>, env: &Env, choice: &Choice<'_>) -> Result<Resolved, Error> {
    let receiver = view.config.delivery.receiver();
    let access = receiver.map(ReceiverKind::access);
    let receiver_of_names = receiver.unwrap_or(ReceiverKind::Teamspace);
    let sources = Sources {
        urls: view.urls,
        env,
        older: choice.older,
        receiver: receiver_of_names,
    };
    let decision = match receiver {
        Some(kind) if kind.is_server() => sources.decide(choice),
        _ => Ok((Proposal::default(), OverrideMode::None)),
    };
    let (proposal, override_mode, disagreement) = match decision {
        Ok((proposal, mode)) => (proposal, mode, None),
        Err(Stop::Quarrel(disagreement)) => (
            Proposal::default(),
            OverrideMode::SetupOnly,
            Some(disagreement),
        ),
        Err(Stop::Flaw(error)) => return Err(error),
    };
    if access == Some(Access::Headers)
        && disagreement.is_none()
        && proposal.base.is_none()
        && proposal.events.is_none()
    {
        return Err(Error::NoReceiverAddress);
    }
    let older = choice.older.filter(|_| access == Some(Access::Token));
    let login = older.and_then(|older| older.login.clone());
    let server = proposal.base.as_ref().map(|claim| claim.address.origin());
    let is_its_own = |login: &&Login| server.as_ref() == Some(&login.origin);
    let names = Names::of(view.config, login.as_ref().filter(is_its_own));
    let identity = receiver.and_then(|kind| identity(kind, &proposal, view.config, &names));
    let endpoints = endpoints(&proposal);
    let authority = authority(&sources, choice, override_mode, identity.as_ref(), names);
    let mut warnings: Vec<_> = idle_url(receiver, env, choice).into_iter().collect();
    warnings.extend(
        older
            .into_iter()
            .flat_map(|older| older.warnings.iter().cloned()),
    );
    let sources = sources.all(choice);
    let consent = choice
        .consent
        .cloned()
        .unwrap_or_default()
        .with_named(&sources);
    let secrets = secrets(receiver, view.config);
    let waiting = Vec::new();
    Ok(Resolved {
        receiver,
        identity,
        endpoints,
        disagreement,
        sources,
        login,
        consent,
        authority,
        warnings,
        secrets,
        waiting,
    })
}

/// Who sends, as far as that is known.
struct Names {
    team: Option<String>,
    user: Option<String>,
}

impl Names {
    /// What the configuration says, else what the login at this very server knew.
    fn of(config: &EventSyncConfig, login: Option<&Login>) -> Self {
        let teamspace = &config.teamspace;
        let user = Some(teamspace.user_email.clone()).filter(|user| !user.is_empty());
        Self {
            team: teamspace.team_slug.clone().or_else(|| login?.team.clone()),
            user: user.or_else(|| login?.user.clone()),
        }
    }
}

/// The user is part of it only where the configuration says so.
fn identity(
    receiver: ReceiverKind,
    proposal: &Proposal,
    config: &EventSyncConfig,
    names: &Names,
) -> Option<Identity> {
    let base = || proposal.base.as_ref().map(|claim| claim.address.base());
    match receiver.access() {
        Access::Inside => Some(Identity::inside(receiver)),
        Access::Token => {
            let team = names.team.as_deref().unwrap_or_default();
            base().map(|url| Identity::new(receiver, url, team, &config.teamspace.user_email))
        }
        Access::Headers => {
            // Two URLs that differ in their query are two targets; what is shown and stored has no
            // query.
            let events = proposal.events.as_ref().map(|claim| Identity {
                canonical_url: claim.address.shown(),
                ..Identity::new(receiver, claim.address.canonical(), "", "")
            });
            events.or_else(|| base().map(|url| Identity::new(receiver, url, "", "")))
        }
    }
}

/// The URLs to post to; `None` without one for events. Health is requested only next to a derived
/// events URL.
fn endpoints(proposal: &Proposal) -> Option<Endpoints> {
    let derived = |path| {
        proposal
            .base
            .as_ref()
            .map(|claim| below(&claim.address, path))
    };
    let verbatim = |claim: &Option<Claim>| claim.as_ref().map(|c| c.address.verbatim().to_owned());
    let own_events = verbatim(&proposal.events);
    let is_own = own_events.is_some() || proposal.bodies.is_some();
    Some(Endpoints {
        health: if own_events.is_some() {
            None
        } else {
            derived(HEALTH_PATH)
        },
        body_batch: if is_own {
            None
        } else {
            derived(BODY_BATCH_PATH)
        },
        projects: if is_own { None } else { derived(PROJECTS_PATH) },
        events: own_events.or_else(|| derived(EVENTS_PATH))?,
        bodies: verbatim(&proposal.bodies).or_else(|| derived(BODIES_PATH)),
    })
}

/// The embedded receiver's addresses.
pub(super) fn stub_endpoints(origin: &Address) -> Endpoints {
    Endpoints {
        events: below(origin, EVENTS_PATH),
        bodies: Some(below(origin, BODIES_PATH)),
        body_batch: Some(below(origin, BODY_BATCH_PATH)),
        health: Some(below(origin, HEALTH_PATH)),
        projects: Some(below(origin, PROJECTS_PATH)),
    }
}

fn authority(
    sources: &Sources<'_>,
    choice: &Choice<'_>,
    override_mode: OverrideMode,
    identity: Option<&Identity>,
    Names {
        team: team_slug,
        user: user_id,
    }: Names,
) -> Authority {
    let server = identity.map(|i| i.canonical_url.clone());
    let scope_server = server
        .as_deref()
        .filter(|s| *s != STUB_URL)
        .unwrap_or_default();
    let derived_queue_scope = queue_scope(
        scope_server,
        user_id.as_deref().unwrap_or_default(),
        team_slug.as_deref().unwrap_or_default(),
    );
    let file = format!("queue-{}.db", queue_digest(&derived_queue_scope));
    let queue = choice
        .legacy_home
        .map(|home| home.join("queues").join(file));
    let canonical = |written: &str| {
        Address::read(written).map_or_else(|_| without_secrets(written), |a| a.base())
    };
    Authority {
        configured_server_url: sources
            .in_files()
            .last()
            .map(|(_, written, _)| without_secrets(written)),
        env_server_url: sources
            .in_environment()
            .next()
            .map(|(_, written, _)| canonical(written)),
        override_mode,
        resolved_server_url: server,
        user_id,
        team_slug,
        active_queue_scope_status: ScopeStatus::of(choice.active_scope, &derived_queue_scope),
        derived_queue_scope,
        queue_db_path: queue
            .map(|path| path.to_string_lossy().into_owned())
            .unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "authority_tests.rs"]
pub(super) mod tests;

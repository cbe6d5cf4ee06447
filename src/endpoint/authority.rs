//! The one place that decides which target: from configuration, environment and flags, and nothing else. Pure.

use std::path::Path;

use crate::base::Env;
use crate::base::env::TARGET_URL;
use crate::config::{Delivery, EventSyncConfig, Loaded, UrlSource, without_userinfo};

use super::Error;
use super::address::Address;
use super::agreement::{BODIES_PATH, Claim, EVENTS_PATH, Proposal, below};
use super::consent::Consent;
use super::grants::Secret;
use super::identity::STUB_URL;
use super::link::{Endpoints, Identity, ReceiverKind};
use super::older::{Login, Older};
use super::resolved::{Authority, OverrideMode, Resolved};
use super::scope::{ScopeStatus, queue_digest, queue_scope};
use super::sources::{Sources, Stop};

/// Where deployment metadata and limits may be asked for, below a base address.
const HEALTH_PATH: &str = "/api/v1/sync/health/";

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

/// The configuration as one reading of the sources has it.
#[derive(Debug, Clone, Copy)]
struct View<'a> {
    config: &'a EventSyncConfig,
    urls: &'a [UrlSource],
}

/// Decides. A disagreement is part of the answer; an address that cannot be one is an error.
///
/// Where keys of the repository's file wait for an agreement, the person's own sources decide; only where these name no
/// server, the answer is the one that the file asks for, so that a person sees what there is to agree to.
pub(crate) fn resolve(loaded: &Loaded, env: &Env, choice: &Choice<'_>) -> Result<Resolved, Error> {
    let own = decide(View { config: &loaded.config, urls: &loaded.urls }, env, choice);
    let Some(waiting) = &loaded.waiting else { return own };
    let names_server =
        |found: &Resolved| found.is_server() && (found.endpoints.is_some() || found.disagreement.is_some());
    let resolved = match own {
        Ok(own) if names_server(&own) => own,
        Err(error @ Error::Address { .. }) => return Err(error),
        own => {
            let asked = decide(View { config: &waiting.config, urls: &waiting.urls }, env, choice)?;
            if asked.is_server() { asked } else { own? }
        }
    };
    Ok(Resolved { waiting: waiting.keys.clone(), ..resolved })
}

fn decide(view: View<'_>, env: &Env, choice: &Choice<'_>) -> Result<Resolved, Error> {
    let receiver = match view.config.delivery {
        Delivery::None => None,
        Delivery::Teamspace => Some(ReceiverKind::Teamspace),
        Delivery::ExternalReceiver => Some(ReceiverKind::ExternalReceiver),
        Delivery::Stub => Some(ReceiverKind::Stub),
    };
    let receiver_of_names = receiver.unwrap_or(ReceiverKind::Teamspace);
    let sources = Sources { urls: view.urls, env, older: choice.older, receiver: receiver_of_names };
    let decision = match receiver {
        None | Some(ReceiverKind::Stub) => Ok((Proposal::default(), OverrideMode::None)),
        Some(_) => sources.decide(choice),
    };
    let (proposal, override_mode, disagreement) = match decision {
        Ok((proposal, mode)) => (proposal, mode, None),
        Err(Stop::Quarrel(disagreement)) => (Proposal::default(), OverrideMode::SetupOnly, Some(disagreement)),
        Err(Stop::Flaw(error)) => return Err(error),
    };
    if receiver == Some(ReceiverKind::ExternalReceiver)
        && disagreement.is_none()
        && proposal.base.is_none()
        && proposal.events.is_none()
    {
        return Err(Error::NoReceiverAddress);
    }
    let is_teamspace = receiver == Some(ReceiverKind::Teamspace);
    let older = choice.older.filter(|_| is_teamspace);
    let login = older.and_then(|older| older.login.clone());
    let server = proposal.base.as_ref().map(|claim| claim.address.origin());
    let is_its_own = |login: &&Login| server.as_ref() == Some(&login.origin);
    let names = Names::of(view.config, login.as_ref().filter(is_its_own));
    let identity = receiver.and_then(|kind| identity(kind, &proposal, view.config, &names));
    let endpoints = endpoints(&proposal);
    let authority = authority(&sources, choice, override_mode, identity.as_ref(), names);
    let mut warnings: Vec<_> = idle_url(receiver, env, choice).into_iter().collect();
    warnings.extend(older.into_iter().flat_map(|older| older.warnings.iter().cloned()));
    let sources = sources.all(choice);
    let consent = choice.consent.cloned().unwrap_or_default().with_named(&sources);
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

/// The secrets that go with a request to this receiver.
fn secrets(receiver: Option<ReceiverKind>, config: &EventSyncConfig) -> Vec<Secret> {
    match receiver {
        None | Some(ReceiverKind::Stub) => Vec::new(),
        Some(ReceiverKind::Teamspace) => vec![Secret::Token],
        Some(ReceiverKind::ExternalReceiver) => {
            let external = &config.external_receiver;
            let headers = external.headers.iter().map(|header| &header.variable);
            let mut variables: Vec<_> = headers.chain(&external.signing_secret).cloned().collect();
            variables.sort_unstable();
            variables.dedup();
            variables.into_iter().map(Secret::Variable).collect()
        }
    }
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
fn identity(receiver: ReceiverKind, proposal: &Proposal, config: &EventSyncConfig, names: &Names) -> Option<Identity> {
    let base = || proposal.base.as_ref().map(|claim| claim.address.base());
    match receiver {
        ReceiverKind::Stub => Some(Identity::stub()),
        ReceiverKind::Teamspace => {
            let team = names.team.as_deref().unwrap_or_default();
            base().map(|url| Identity::new(receiver, url, team, &config.teamspace.user_email))
        }
        ReceiverKind::ExternalReceiver => {
            let events = proposal.events.as_ref().map(|claim| claim.address.canonical());
            events.or_else(base).map(|url| Identity::new(receiver, url, "", ""))
        }
    }
}

/// The addresses to post to; `None` when there is none for events. Health is asked for only beside derived events.
fn endpoints(proposal: &Proposal) -> Option<Endpoints> {
    let derived = |path| proposal.base.as_ref().map(|claim| below(&claim.address, path));
    let verbatim = |claim: &Option<Claim>| claim.as_ref().map(|c| c.address.verbatim().to_owned());
    let own_events = verbatim(&proposal.events);
    Some(Endpoints {
        health: if own_events.is_some() { None } else { derived(HEALTH_PATH) },
        events: own_events.or_else(|| derived(EVENTS_PATH))?,
        bodies: verbatim(&proposal.bodies).or_else(|| derived(BODIES_PATH)),
    })
}

/// The embedded receiver's addresses.
pub(super) fn stub_endpoints(origin: &Address) -> Endpoints {
    Endpoints {
        events: below(origin, EVENTS_PATH),
        bodies: Some(below(origin, BODIES_PATH)),
        health: Some(below(origin, HEALTH_PATH)),
    }
}

fn authority(
    sources: &Sources<'_>,
    choice: &Choice<'_>,
    override_mode: OverrideMode,
    identity: Option<&Identity>,
    Names { team: team_slug, user: user_id }: Names,
) -> Authority {
    let server = identity.map(|i| i.canonical_url.clone());
    let scope_server = server.as_deref().filter(|s| *s != STUB_URL).unwrap_or_default();
    let derived_queue_scope =
        queue_scope(scope_server, user_id.as_deref().unwrap_or_default(), team_slug.as_deref().unwrap_or_default());
    let file = format!("queue-{}.db", queue_digest(&derived_queue_scope));
    let queue = choice.legacy_home.map(|home| home.join("queues").join(file));
    let canonical = |written: &str| Address::read(written).map_or_else(|_| without_userinfo(written), |a| a.base());
    Authority {
        configured_server_url: sources.in_files().last().map(|(_, written, _)| without_userinfo(written)),
        env_server_url: sources.in_environment().next().map(|(_, written, _)| canonical(written)),
        override_mode,
        resolved_server_url: server,
        user_id,
        team_slug,
        active_queue_scope_status: ScopeStatus::of(choice.active_scope, &derived_queue_scope),
        derived_queue_scope,
        queue_db_path: queue.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
    }
}

/// A target was named for this program, and nothing is delivered there.
fn idle_url(receiver: Option<ReceiverKind>, env: &Env, choice: &Choice<'_>) -> Option<String> {
    let delivery = match receiver {
        None => "none",
        Some(ReceiverKind::Stub) => "stub",
        Some(_) => return None,
    };
    let name = choice.target_url.map(|_| "--target-url").or_else(|| env.text(TARGET_URL).map(|_| TARGET_URL))?;
    Some(format!(
        "{name} names a target, but delivery is `{delivery}`: choose --preset teamspace or --preset external-receiver"
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::{self, Inputs};

    /// Resolves from the text of a user's and a repository's file, and variables.
    pub(in crate::endpoint) fn resolve_text(
        user: &str,
        repo: &str,
        env: &[(&str, &str)],
        choice: &Choice<'_>,
    ) -> (Loaded, Env, Result<Resolved, Error>) {
        let temp = tempfile::tempdir().unwrap();
        let (user_file, repo_file) = (temp.path().join("u.toml"), temp.path().join("r.toml"));
        std::fs::write(&user_file, user).unwrap();
        std::fs::write(&repo_file, repo).unwrap();
        let env = Env::of(env);
        let loaded = config::load(&Inputs {
            env: &env,
            user_file: Some(&user_file),
            repo_file: Some(&repo_file),
            is_explicit: true,
            project_file: None,
            flags: &[],
            pins: config::Pins::Any,
        })
        .unwrap();
        let resolved = resolve(&loaded, &env, choice);
        (loaded, env, resolved)
    }

    const TEAM: &str = "preset = 'teamspace'\nteamspace = { server_url = 'https://Conf.example/', team_slug = 'T' }";
    const OWN: &str = "preset = 'external-receiver'\nexternal_receiver = { url = 'https://own.example/x' }";

    fn of(repo: &str, env: &[(&str, &str)], choice: &Choice<'_>) -> Resolved {
        resolve_text("", repo, env, choice).2.unwrap()
    }

    #[test]
    fn agreement_flag_and_override_decide() {
        use OverrideMode as M;
        let (none, first) = (Choice::default(), Choice { is_environment_first: true, ..Choice::default() });
        let flag = |url| Choice { target_url: Some(url), ..Choice::default() };
        let (same, other) = ("HTTPS://conf.example:443", "https://env.example");
        let section = "SK_SYNC_TEAMSPACE__SERVER_URL";
        let conf = Some("https://conf.example");
        for (env, choice, url, mode) in [
            (&[][..], none, conf, M::None),
            (&[("SK_SYNC_TARGET_URL", same), ("SPEC_KITTY_SAAS_URL", same), (section, same)], none, conf, M::None),
            (&[("SK_SYNC_TARGET_URL", other)], none, None, M::SetupOnly),
            (&[("SPEC_KITTY_SAAS_URL", other)], none, None, M::SetupOnly),
            (&[(section, other)], none, None, M::SetupOnly),
            (&[("SPEC_KITTY_SAAS_URL", "  ")], none, conf, M::None),
            (&[("SK_SYNC_TARGET_URL", other)], first, Some(other), M::ProcessOverride),
            (&[("SK_SYNC_TARGET_URL", same)], first, conf, M::None),
            (&[], first, conf, M::None),
            (&[("SK_SYNC_TARGET_URL", other), ("SPEC_KITTY_SAAS_URL", same)], first, None, M::SetupOnly),
            (
                &[("SK_SYNC_TARGET_URL", other)],
                flag("https://flag.example"),
                Some("https://flag.example"),
                M::ProcessOverride,
            ),
            (&[("SK_SYNC_TARGET_URL", "nonsense")], flag(same), conf, M::ProcessOverride),
            (&[], flag(same), conf, M::None),
        ] {
            let resolved = of(TEAM, env, &choice);
            assert_eq!(resolved.identity.map(|i| i.canonical_url).as_deref(), url, "{env:?}");
            assert_eq!((resolved.authority.override_mode, resolved.disagreement.is_none()), (mode, url.is_some()));
            assert_eq!(resolved.authority.resolved_server_url.as_deref(), url);
        }
    }

    #[test]
    fn two_files_that_disagree_are_both_named() {
        let user = "teamspace.server_url = 'https://user.example'";
        let resolved = resolve_text(user, TEAM, &[], &Choice::default()).2.unwrap();
        let text = resolved.disagreement.unwrap().to_string();
        for part in ["u.toml says https://user.example", "r.toml says https://conf.example"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_repository_cannot_lead_events_or_bodies_away() {
        let user = "external_receiver = { url = 'https://own.example' }";
        for key in ["events_url", "bodies_url"] {
            let repo = format!("preset = 'external-receiver'\nexternal_receiver.{key} = 'https://evil.example/x'");
            let resolved = resolve_text(user, &repo, &[], &Choice::default()).2.unwrap();
            assert!(resolved.disagreement.is_some() && resolved.endpoints.is_none(), "{key}");
        }
    }

    #[test]
    fn addresses_are_derived_or_verbatim() {
        let own = |keys: &str| {
            let repo = format!("preset = 'external-receiver'\n[external_receiver]\n{keys}");
            let resolved = of(&repo, &[], &Choice::default());
            let e = resolved.endpoints.unwrap();
            (
                resolved.identity.unwrap().canonical_url,
                e.events,
                e.bodies.unwrap_or_default(),
                e.health.unwrap_or_default(),
            )
        };
        let text = |a: &str, b: &str, c: &str, d: &str| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned());
        let base = "https://h/b";
        let (events, bodies) = (format!("{base}/api/v1/events/batch/"), format!("{base}/api/dossier/push-content/"));
        let health = format!("{base}/api/v1/sync/health/");
        assert_eq!(own("url = 'https://H:443/b/?q=1#f'"), text(base, &events, &bodies, &health));
        assert_eq!(own("events_url = 'https://e/in/?k=1'"), text("https://e/in?k=1", "https://e/in/?k=1", "", ""));
        assert_eq!(
            own("url = 'https://h/b'\nevents_url = 'https://e/in/'\nbodies_url = 'https://f/put'"),
            text("https://e/in", "https://e/in/", "https://f/put", "")
        );
        assert_eq!(
            own("url = 'https://h/b'\nbodies_url = 'https://f/put'"),
            text(base, &events, "https://f/put", &health)
        );
        let team = of(TEAM, &[], &Choice::default());
        assert_eq!(team.endpoints.unwrap().events, "https://conf.example/api/v1/events/batch/");
        assert_eq!(team.identity.unwrap().team_slug, "T");
    }

    #[test]
    fn a_flag_drops_verbatim_addresses_of_other_sources() {
        let repo = format!(
            "{}\nexternal_receiver.events_url = 'https://e/in'",
            OWN.replace("external_receiver = { url", "external_receiver.url").replace(" }", "")
        );
        let choice = Choice { target_url: Some("http://127.0.0.1:8"), ..Choice::default() };
        let resolved = of(&repo, &[("SK_SYNC_EXTERNAL_RECEIVER__BODIES_URL", "https://b")], &choice);
        let endpoints = resolved.endpoints.unwrap();
        assert_eq!(endpoints.events, "http://127.0.0.1:8/api/v1/events/batch/");
        assert_eq!(endpoints.bodies.as_deref(), Some("http://127.0.0.1:8/api/dossier/push-content/"));
    }

    #[test]
    fn addresses_that_cannot_be_are_errors_that_name_their_source() {
        for (env, said) in [
            ("http://plain.example", "SK_SYNC_TARGET_URL: `http://plain.example` cannot be the target: plain http"),
            ("https://u:topsecret@h", "SK_SYNC_TARGET_URL: `https://***@h` cannot be the target: it holds a name"),
        ] {
            let error = resolve_text("", TEAM, &[("SK_SYNC_TARGET_URL", env)], &Choice::default()).2.unwrap_err();
            assert!(error.to_string().starts_with(said), "{error}");
        }
        for bare in
            ["preset = 'external-receiver'", "preset = 'external-receiver'\nexternal_receiver.bodies_url = 'https://b'"]
        {
            let error = resolve_text("", bare, &[], &Choice::default()).2.unwrap_err();
            assert_eq!(error, Error::NoReceiverAddress);
        }
    }

    #[test]
    fn no_delivery_and_the_stub_need_no_address() {
        let env = [("SPEC_KITTY_SAAS_URL", "https://env.example/")];
        let nothing = of("", &env, &Choice::default());
        assert_eq!((nothing.receiver, nothing.identity, nothing.warnings.len()), (None, None, 0));
        assert_eq!(nothing.authority.env_server_url.as_deref(), Some("https://env.example"));
        let stub = of("preset = 'stub'", &env, &Choice::default());
        assert_eq!(stub.identity.unwrap().canonical_url, "stub://local");
        assert_eq!((stub.endpoints, stub.disagreement), (None, None));
        let idle = of("", &[("SK_SYNC_TARGET_URL", "https://x")], &Choice::default());
        assert!(idle.warnings[0].contains("delivery is `none`"), "{:?}", idle.warnings);
    }

    #[test]
    fn the_authority_has_the_nine_published_fields() {
        let choice = Choice {
            legacy_home: Some(Path::new("/h/.spec-kitty")),
            active_scope: Some("https://conf.example||t"),
            ..Choice::default()
        };
        let authority = serde_json::to_value(of(TEAM, &[], &choice).authority).unwrap();
        let expected = serde_json::json!({
            "configured_server_url": "https://Conf.example/",
            "env_server_url": null,
            "override_mode": "none",
            "resolved_server_url": "https://conf.example",
            "user_id": null,
            "team_slug": "T",
            "derived_queue_scope": "https://conf.example||t",
            "queue_db_path": format!("/h/.spec-kitty/queues/queue-{}.db", queue_digest("https://conf.example||t")),
            "active_queue_scope_status": "matches",
        });
        assert_eq!(authority, expected);
    }
}

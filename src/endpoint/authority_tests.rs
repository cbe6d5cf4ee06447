//! Sources of URLs, and the one target they lead to.

use std::path::Path;

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

const TEAM: &str =
    "preset = 'teamspace'\nteamspace = { server_url = 'https://Conf.example/', team_slug = 'T' }";
const OWN: &str =
    "preset = 'external-receiver'\nexternal_receiver = { url = 'https://own.example/x' }";

fn of(repo: &str, env: &[(&str, &str)], choice: &Choice<'_>) -> Resolved {
    resolve_text("", repo, env, choice).2.unwrap()
}

#[test]
fn agreement_flag_and_override_decide() {
    use OverrideMode as M;
    let (none, first) = (
        Choice::default(),
        Choice {
            is_environment_first: true,
            ..Choice::default()
        },
    );
    let flag = |url| Choice {
        target_url: Some(url),
        ..Choice::default()
    };
    let (same, other) = ("HTTPS://conf.example:443", "https://env.example");
    let section = "SK_SYNC_TEAMSPACE__SERVER_URL";
    let conf = Some("https://conf.example");
    for (env, choice, url, mode) in [
        (&[][..], none, conf, M::None),
        (
            &[
                ("SK_SYNC_TARGET_URL", same),
                ("SPEC_KITTY_SAAS_URL", same),
                (section, same),
            ],
            none,
            conf,
            M::None,
        ),
        (&[("SK_SYNC_TARGET_URL", other)], none, None, M::SetupOnly),
        (&[("SPEC_KITTY_SAAS_URL", other)], none, None, M::SetupOnly),
        (&[(section, other)], none, None, M::SetupOnly),
        (&[("SPEC_KITTY_SAAS_URL", "  ")], none, conf, M::None),
        (
            &[("SK_SYNC_TARGET_URL", other)],
            first,
            Some(other),
            M::ProcessOverride,
        ),
        (&[("SK_SYNC_TARGET_URL", same)], first, conf, M::None),
        (&[], first, conf, M::None),
        (
            &[("SK_SYNC_TARGET_URL", other), ("SPEC_KITTY_SAAS_URL", same)],
            first,
            None,
            M::SetupOnly,
        ),
        (
            &[("SK_SYNC_TARGET_URL", other)],
            flag("https://flag.example"),
            Some("https://flag.example"),
            M::ProcessOverride,
        ),
        (
            &[("SK_SYNC_TARGET_URL", "nonsense")],
            flag(same),
            conf,
            M::ProcessOverride,
        ),
        (&[], flag(same), conf, M::None),
    ] {
        let resolved = of(TEAM, env, &choice);
        assert_eq!(
            resolved.identity.map(|i| i.canonical_url).as_deref(),
            url,
            "{env:?}"
        );
        assert_eq!(
            (
                resolved.authority.override_mode,
                resolved.disagreement.is_none()
            ),
            (mode, url.is_some())
        );
        assert_eq!(resolved.authority.resolved_server_url.as_deref(), url);
    }
}

#[test]
fn two_files_that_disagree_are_both_named() {
    let user = "teamspace.server_url = 'https://user.example'";
    let resolved = resolve_text(user, TEAM, &[], &Choice::default()).2.unwrap();
    let text = resolved.disagreement.unwrap().to_string();
    for part in [
        "u.toml says https://user.example",
        "r.toml says https://conf.example",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_repository_cannot_lead_events_or_bodies_away() {
    let user = "external_receiver = { url = 'https://own.example' }";
    for key in ["events_url", "bodies_url"] {
        let repo = format!(
            "preset = 'external-receiver'\nexternal_receiver.{key} = 'https://evil.example/x'"
        );
        let resolved = resolve_text(user, &repo, &[], &Choice::default())
            .2
            .unwrap();
        assert!(
            resolved.disagreement.is_some() && resolved.endpoints.is_none(),
            "{key}"
        );
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
    let text = |a: &str, b: &str, c: &str, d: &str| {
        (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned())
    };
    let base = "https://h/b";
    let (events, bodies) = (
        format!("{base}/api/v1/events/batch/"),
        format!("{base}/api/dossier/push-content/"),
    );
    let health = format!("{base}/api/v1/sync/health/");
    assert_eq!(
        own("url = 'https://H:443/b/#f'"),
        text(base, &events, &bodies, &health)
    );
    assert_eq!(
        own("events_url = 'https://e/in/?k=1'"),
        text("https://e/in?***", "https://e/in/?k=1", "", "")
    );
    assert_eq!(
        own("url = 'https://h/b'\nevents_url = 'https://e/in/'\nbodies_url = 'https://f/put'"),
        text("https://e/in", "https://e/in/", "https://f/put", "")
    );
    assert_eq!(
        own("url = 'https://h/b'\nbodies_url = 'https://f/put'"),
        text(base, &events, "https://f/put", &health)
    );
    let team = of(TEAM, &[], &Choice::default());
    assert_eq!(
        team.endpoints.unwrap().events,
        "https://conf.example/api/v1/events/batch/"
    );
    assert_eq!(team.identity.unwrap().team_slug, "T");
}

#[test]
fn a_flag_drops_verbatim_addresses_of_other_sources() {
    let repo = format!(
        "{}\nexternal_receiver.events_url = 'https://e/in'",
        OWN.replace("external_receiver = { url", "external_receiver.url")
            .replace(" }", "")
    );
    let choice = Choice {
        target_url: Some("http://127.0.0.1:8"),
        ..Choice::default()
    };
    let resolved = of(
        &repo,
        &[("SK_SYNC_EXTERNAL_RECEIVER__BODIES_URL", "https://b")],
        &choice,
    );
    let endpoints = resolved.endpoints.unwrap();
    assert_eq!(endpoints.events, "http://127.0.0.1:8/api/v1/events/batch/");
    assert_eq!(
        endpoints.bodies.as_deref(),
        Some("http://127.0.0.1:8/api/dossier/push-content/")
    );
}

#[test]
fn addresses_that_cannot_be_are_errors_that_name_their_source() {
    for (env, said) in [
        (
            "http://plain.example",
            "SK_SYNC_TARGET_URL: `http://plain.example` cannot be the target: plain http",
        ),
        (
            "https://u:topsecret@h",
            "SK_SYNC_TARGET_URL: `https://***@h` cannot be the target: it holds a name",
        ),
    ] {
        let error = resolve_text("", TEAM, &[("SK_SYNC_TARGET_URL", env)], &Choice::default())
            .2
            .unwrap_err();
        assert!(error.to_string().starts_with(said), "{error}");
    }
    for bare in [
        "preset = 'external-receiver'",
        "preset = 'external-receiver'\nexternal_receiver.bodies_url = 'https://b'",
    ] {
        let error = resolve_text("", bare, &[], &Choice::default())
            .2
            .unwrap_err();
        assert_eq!(error, Error::NoReceiverAddress);
    }
}

#[test]
fn no_delivery_and_the_stub_need_no_address() {
    let env = [("SPEC_KITTY_SAAS_URL", "https://env.example/")];
    let nothing = of("", &env, &Choice::default());
    assert_eq!(
        (nothing.receiver, nothing.identity, nothing.warnings.len()),
        (None, None, 0)
    );
    assert_eq!(
        nothing.authority.env_server_url.as_deref(),
        Some("https://env.example")
    );
    let stub = of("preset = 'stub'", &env, &Choice::default());
    assert_eq!(stub.identity.unwrap().canonical_url, "stub://local");
    assert_eq!((stub.endpoints, stub.disagreement), (None, None));
    let idle = of(
        "",
        &[("SK_SYNC_TARGET_URL", "https://x")],
        &Choice::default(),
    );
    assert!(
        idle.warnings[0].contains("delivery is `none`"),
        "{:?}",
        idle.warnings
    );
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

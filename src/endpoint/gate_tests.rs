//! Gates of every kind of target, and what opens them.

use super::*;
use crate::endpoint::Choice;
use crate::endpoint::authority::tests::resolve_text;
use crate::http::OriginGrant as _;

const TEAM: &str =
    "preset = 'teamspace'\nteamspace = { server_url = 'http://127.0.0.1:1/b', team_slug = 'T' }";
const OWN: &str = "preset = 'external-receiver'\n[external_receiver]\nurl = 'http://127.0.0.1:1'\n";
const TOKEN: (&str, &str) = ("SK_SYNC_TOKEN", "topsecret");

fn linked(repo: &str, env: &[(&str, &str)]) -> Result<Link, Vec<&'static str>> {
    // A person's own file: what a stranger's may say is another test's.
    let (loaded, env, resolved) = resolve_text(repo, "", env, &Choice::default());
    let resolved = resolved.unwrap();
    let credentials = Credentials::new(&resolved, &loaded.config, &env);
    let shut = credentials
        .gates()
        .into_iter()
        .filter(|g| !g.is_open)
        .collect::<Vec<_>>();
    for gate in &shut {
        assert!(!gate.fix.is_empty() && !gate.reason.is_empty(), "{gate:?}");
    }
    let link = credentials.link(Some("http://127.0.0.1:7"));
    assert_eq!(
        link.as_ref().err(),
        (!shut.is_empty()).then_some(&shut),
        "both say the same"
    );
    link.map(Option::unwrap)
        .map_err(|gates| gates.iter().map(|g| g.name).collect())
}

#[test]
fn every_shut_gate_is_named_at_once() {
    let off = ("SPEC_KITTY_ENABLE_SAAS_SYNC", "off");
    let elsewhere = ("SK_SYNC_TARGET_URL", "http://127.0.0.1:2");
    for (repo, env, shut) in [
        (
            "preset = 'teamspace'",
            &[off][..],
            &[
                "sync_disabled",
                "no_target_url",
                "missing_auth",
                "missing_team",
            ][..],
        ),
        (TEAM, &[], &["missing_auth"]),
        (TEAM, &[TOKEN, elsewhere], &["target_disagreement"]),
        (
            "preset = 'teamspace'\nteamspace.server_url = 'https://h.example'",
            &[("SPEC_KITTY_ENABLE_SAAS_SYNC", "1")],
            &["missing_auth", "missing_team", "missing_consent"],
        ),
        (
            "preset = 'external-receiver'\nexternal_receiver.url = 'https://h.example'",
            &[off],
            &["missing_consent"],
        ),
        (
            &format!("{OWN}bodies_url = 'https://h.example/b'"),
            &[],
            &["missing_consent"],
        ),
        (
            &format!("{OWN}headers = {{ X-A = {{ env = 'SK_SYNC_SECRET_A' }} }}"),
            &[],
            &["missing_header_secret"],
        ),
    ] {
        assert_eq!(linked(repo, env).unwrap_err(), shut, "{repo}");
    }
}

#[test]
fn a_link_holds_what_sending_needs_and_shows_no_secret() {
    let team = linked(TEAM, &[TOKEN]).unwrap();
    assert_eq!(
        team.headers().collect::<Vec<_>>(),
        [("Authorization", "Bearer topsecret")]
    );
    assert_eq!(
        team.endpoints().health.as_deref(),
        Some("http://127.0.0.1:1/b/api/v1/sync/health/")
    );
    assert_eq!(
        (team.permit().origin(), team.permit().is_loopback()),
        ("http://127.0.0.1:1", true)
    );
    let repo = format!(
        "{OWN}bodies_url = 'http://127.0.0.1:2/b'\nheaders = {{ X-A = {{ env = 'SK_SYNC_SECRET_A' }} }}"
    );
    let secrets = [("SK_SYNC_SECRET_A", "topsecret"), TOKEN];
    let own = linked(&repo, &secrets).unwrap();
    assert_eq!(
        own.headers().collect::<Vec<_>>(),
        [("X-A", "topsecret")],
        "the token stays with the Teamspace"
    );
    assert_eq!(own.bodies_permit().unwrap().origin(), "http://127.0.0.1:2");
    for link in [team, own] {
        assert!(!format!("{link:?}").contains("topsecret"), "{link:?}");
    }
}

#[test]
fn the_stub_has_no_gates_and_its_own_identity_at_any_port() {
    let link = linked("preset = 'stub'", &[TOKEN]).unwrap();
    assert_eq!(link.identity().canonical_url, "stub://local");
    assert_eq!(
        link.endpoints().events,
        "http://127.0.0.1:7/api/v1/events/batch/"
    );
    assert_eq!(link.headers().count(), 0);
    let (loaded, env, resolved) = resolve_text("", "preset = 'stub'", &[], &Choice::default());
    let resolved = resolved.unwrap();
    for origin in [None, Some("https://example.com")] {
        let refused = Credentials::new(&resolved, &loaded.config, &env)
            .link(origin)
            .unwrap_err();
        assert_eq!(refused[0].name, "stub_not_listening");
    }
}

#[test]
fn nothing_to_deliver_is_neither_a_link_nor_a_gate() {
    let (loaded, env, resolved) = resolve_text("", "", &[], &Choice::default());
    assert!(matches!(
        Credentials::new(&resolved.unwrap(), &loaded.config, &env).link(None),
        Ok(None)
    ));
}

#[test]
fn a_gate_is_printed_by_its_public_fields() {
    let gate = Gate::new("missing_team", None);
    let expected = serde_json::json!(
        {"name": "missing_team", "open": true, "known": true, "reason": "", "fix": "", "since": null}
    );
    assert_eq!(serde_json::to_value(gate).unwrap(), expected);
}

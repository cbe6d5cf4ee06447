//! The keys that a person allows, and the file for which the agreement counts.

use serde_json::json;

use super::{allow, clone, gate};
use crate::support::Sandbox;
use crate::support::gates::closed_gates;
use crate::support::server::Server;

/// Every key that decides what is kept, what is sent, where to, how or when waits without consent,
/// is listed, blocks delivery to a server, and applies with consent.
#[test]
fn each_key_that_matters_waits_and_is_named() {
    for text in [
        "preset = 'opt-out'",
        "retention = 'off'",
        "delivery = 'teamspace'",
        "teamspace.team_slug = 'theirs'",
        "teamspace.user_email = 'me@example.org'",
        "external_receiver.headers = { X-Key = { env = 'SK_SYNC_SECRET_KEY' } }",
        "external_receiver.ack = 'status'",
        "external_receiver.compression = 'none'",
        "external_receiver.signing_secret = { env = 'SK_SYNC_SECRET_S' }",
        "artifacts.root = 'docs'",
        "artifacts.surfaces = ['**']",
        "artifacts.formats = ['md', 'pem']",
        "artifacts.max_bytes = '1 MiB'",
        "bodies.wire_names = '2026-03'",
        "bodies.parallel = 32",
        "bodies.max_queue_bytes = '2 GiB'",
        "journal.capacity = 1",
        "journal.warn_rows = 2000000",
        "drain.max_bytes = '1 MiB'",
        "drain.max_time = '1h'",
        "drain.max_rejections = 6",
        "drain.lock_wait = '11s'",
        "hook.drain = 'none'",
        "hook.budget = '60s'",
        "hook.max_time = '1h'",
        "dossier.parity = 'content'",
        "opt_out.teamspace_bound = 'audit'",
        "migrate.imported = 'held'",
        "families.local_only = ['MissionDossierArtifactIndexed']",
    ] {
        let key = text.split(' ').next().unwrap();
        let server = Server::honest();
        let mut sandbox = clone(text);
        sandbox.write("docs/one/spec.md", "text");
        sandbox.set("SK_SYNC_SECRET_KEY", "topsecret");
        sandbox.set("SK_SYNC_SECRET_S", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        sandbox.set("SK_SYNC_PRESET", "external-receiver");
        sandbox.set("SK_SYNC_TARGET_URL", &server.url());
        let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
        assert_eq!(closed_gates(&report), ["repository_not_allowed"], "{key}");
        let reason = gate(&report, "repository_not_allowed")["reason"]
            .as_str()
            .unwrap();
        assert!(
            reason.ends_with(&format!("are not used: {key}")),
            "{reason}"
        );
        assert_eq!(
            (
                &report["capture"]["captured"],
                &report["balance"]["discarded"]
            ),
            (&json!(23), &json!(0)),
            "{key}"
        );
        assert_eq!(server.connections(), 0, "{key}");
        let value = |sandbox: &Sandbox| {
            let shown = sandbox
                .sk_sync(["config", "show", "--json"])
                .success()
                .json();
            let values = shown["values"].as_array().unwrap().clone();
            values
                .into_iter()
                .find(|value| value["key"] == key)
                .unwrap()["origin"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert!(!value(&sandbox).ends_with("event-sync.toml"), "{key}");
        let fix = gate(&report, "repository_not_allowed")["fix"]
            .as_str()
            .unwrap();
        assert_eq!(fix, format!("sk-sync allow {}", server.url()), "{key}");
        let _agreed = allow(&sandbox, &[&server.url()]);
        // The environment's preset comes before the file's, and decides both axes.
        let is_axis = ["preset", "retention", "delivery"].contains(&key);
        assert_eq!(
            value(&sandbox).ends_with("event-sync.toml"),
            !is_axis,
            "{key}"
        );
        let report = sandbox.sk_sync(["run", "--json"]).json();
        assert_eq!(closed_gates(&report), [""; 0], "{key}: {report}");
    }
}

/// A later commit with an allowed origin: its changes wait, the next `allow` shows them, and until
/// then nothing is sent.
#[test]
fn a_later_commit_needs_a_new_agreement_that_shows_what_changed() {
    let server = Server::honest();
    let text = |more: &str| {
        format!(
            "preset = 'external-receiver'\nexternal_receiver.url = '{}'\nartifacts.formats = ['md']\n{more}",
            server.url()
        )
    };
    let sandbox = clone(&text("external_receiver.compression = 'none'\n"));
    let _agreed = allow(&sandbox, &[&server.url()]);
    let _sent = sandbox.sk_sync(["run"]).success();
    let requests = server.requests().len();
    sandbox.write(
        "event-sync.toml",
        text("retention = 'off'\nexternal_receiver.ack = 'status'\n"),
    );
    sandbox.write(
        "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md",
        "# another\n",
    );
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(closed_gates(&report), ["repository_not_allowed"]);
    let reason = gate(&report, "repository_not_allowed")["reason"]
        .as_str()
        .unwrap();
    assert!(
        reason.contains("event-sync.toml has changed since it was allowed"),
        "{reason}"
    );
    assert_eq!(
        (server.requests().len(), &report["balance"]["purged"]),
        (requests, &json!(0))
    );
    let shown = allow(&sandbox, &[&server.url(), "--dry-run"]).stdout;
    for line in [
        "retention = \"off\"\n",
        "external_receiver.ack = \"status\"\n",
        "external_receiver.compression is no longer set (was \"none\")\n",
        "preset = \"external-receiver\" (as agreed before)\n",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let _again = allow(&sandbox, &[&server.url()]);
    let _sent = sandbox.sk_sync(["run"]).success();
    assert!(server.requests().len() > requests);
    // A change that only narrows needs no consent. The allowed file was this version, so its next
    // version is another one.
    sandbox.write("event-sync.toml", text("drain.max_events = 10\n"));
    assert_eq!(
        closed_gates(&sandbox.sk_sync(["run", "--json"]).code(4).json()),
        ["repository_not_allowed"]
    );
}

/// In CI the workflow names the origin: consent, secrets and file for that run.
#[test]
fn allow_origin_agrees_to_the_file_for_one_run() {
    let server = Server::honest();
    let mut sandbox = clone(&format!(
        "preset = 'teamspace'\nteamspace = {{ server_url = '{}', team_slug = 'harbour' }}\n",
        server.url()
    ));
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let report = sandbox
        .sk_sync(["run", "--allow-origin", &server.url(), "--json"])
        .success()
        .json();
    assert_eq!(report["target"]["team_slug"], "harbour");
    let connections = server.connections();
    let _shut = sandbox.sk_sync(["run"]).code(4);
    assert_eq!(server.connections(), connections);
}

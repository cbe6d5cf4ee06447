//! Keys for the project's identity and its target.

use std::collections::BTreeSet;

use serde_json::json;

use super::{BODIES, EVENTS, configured, external, run, to};
use crate::support::Sandbox;
use crate::support::server::{Reply, Server};

#[test]
fn project_uuid() {
    let uuid = "7e57ab1e-0000-4000-8000-000000000001";
    let sandbox = configured(&format!("preset = 'stub'\nproject.uuid = '{uuid}'"));
    assert_ne!(
        run(&sandbox)["project"]["project_uuid"],
        uuid,
        "what .kittify says comes first"
    );
    std::fs::remove_file(sandbox.repo().join(".kittify/config.yaml")).unwrap();
    assert_eq!(run(&sandbox)["project"]["project_uuid"], uuid);
    let events = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines();
    assert!(events.iter().all(|e| e["envelope"]["project_uuid"] == uuid));
}

#[test]
fn project_slug() {
    let sandbox =
        configured("project.uuid = '7e57ab1e-0000-4000-8000-000000000001'\nproject.slug = 'mine'");
    std::fs::remove_file(sandbox.repo().join(".kittify/config.yaml")).unwrap();
    assert_eq!(run(&sandbox)["project"]["project_slug"], "mine");
    let events = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines();
    assert!(
        events
            .iter()
            .all(|e| e["envelope"]["project_slug"] == "mine")
    );
}

/// A Teamspace on a server, with everything that delivery needs.
fn teamspace(server: &Server, more: &str) -> Sandbox {
    let text = format!(
        "preset = 'teamspace'\nteamspace.server_url = '{}'\n{more}",
        server.url()
    );
    let mut sandbox = configured(&text);
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    sandbox
}

#[test]
fn teamspace_server_url() {
    let server = Server::honest();
    let report = run(&teamspace(&server, "teamspace.team_slug = 'harbour'"));
    assert_eq!(report["target"]["canonical_url"], server.url());
    assert_eq!(to(&server.requests(), EVENTS).len(), 1);
}

#[test]
fn teamspace_team_slug() {
    let server = Server::honest();
    let sandbox = teamspace(&server, "");
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    let shut: Vec<_> = report["gates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|g| g["open"] == false)
        .collect();
    assert_eq!((shut.len(), &shut[0]["name"]), (1, &json!("missing_team")));
    assert!(server.requests().is_empty());
    let _sent = run(&teamspace(&server, "teamspace.team_slug = 'harbour'"));
    assert_eq!(
        server.requests()[0].json()["events"][0]["team_slug"],
        "harbour"
    );
}

#[test]
fn teamspace_user_email() {
    let server = Server::honest();
    let without = run(&teamspace(&server, "teamspace.team_slug = 'harbour'"));
    let text = "teamspace.team_slug = 'harbour'\nteamspace.user_email = 'a@example.org'";
    let with = run(&teamspace(&server, text));
    assert_eq!(
        (
            &without["target"]["user_email"],
            &with["target"]["user_email"]
        ),
        (&json!(""), &json!("a@example.org"))
    );
    assert_ne!(
        without["target"]["target_id"], with["target"]["target_id"],
        "another identity"
    );
}

/// A private file named by the user's own settings; a repository's file may not name a token file.
#[cfg(unix)]
#[test]
fn teamspace_token_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::honest();
    let mut sandbox = teamspace(&server, "teamspace.team_slug = 'harbour'");
    sandbox.unset("SK_SYNC_TOKEN");
    let token = sandbox.path("token");
    std::fs::write(&token, "of-file\n").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let line = format!("teamspace.token_file = '{}'\n", token.display());
    own_file(&mut sandbox, &server, &line);
    let _sent = run(&sandbox);
    assert!(
        server
            .requests()
            .iter()
            .all(|r| r.header("authorization") == Some("Bearer of-file"))
    );
    sandbox.write("event-sync.toml", line);
    let refused = sandbox.sk_sync(["run"]).code(2);
    assert!(refused.stderr.contains(
        "event-sync.toml:1:11: `teamspace.token_file`: a repository's file must not say"
    ));
}

/// A program of the user's own file, run outside the repository; no other source may name one.
#[cfg(unix)]
#[test]
fn teamspace_token_command() {
    let server = Server::honest();
    let mut sandbox = teamspace(&server, "teamspace.team_slug = 'harbour'");
    sandbox.unset("SK_SYNC_TOKEN");
    own_file(
        &mut sandbox,
        &server,
        "teamspace.token_command = ['sh', '-c', 'echo of-command; pwd >&2']\n",
    );
    let _sent = run(&sandbox);
    assert!(
        server
            .requests()
            .iter()
            .all(|r| r.header("authorization") == Some("Bearer of-command"))
    );
    own_file(&mut sandbox, &server, "");
    sandbox.set("SK_SYNC_TEAMSPACE__TOKEN_COMMAND", "['touch', 'ran']");
    let refused = sandbox.sk_sync(["run"]).code(2);
    assert!(
        refused
            .stderr
            .contains("only your user file may name a program"),
        "{}",
        refused.stderr
    );
    sandbox.unset("SK_SYNC_TEAMSPACE__TOKEN_COMMAND");
    sandbox.write(
        "event-sync.toml",
        "teamspace.token_command = ['touch', 'ran']\n",
    );
    let refused = sandbox.sk_sync(["run"]).code(2);
    assert!(
        refused.stderr.contains("event-sync.toml:1:11: "),
        "{}",
        refused.stderr
    );
    assert!(!sandbox.repo().join("ran").exists());
}

/// Sets another configuration file of the user's own, with this besides the server.
fn own_file(sandbox: &mut Sandbox, server: &Server, more: &str) {
    let path = sandbox.path("own.toml");
    let text = "preset = 'teamspace'\nteamspace.team_slug = 'harbour'\n";
    std::fs::write(
        &path,
        format!("{text}teamspace.server_url = '{}'\n{more}", server.url()),
    )
    .unwrap();
    sandbox.change("SK_SYNC_CONFIG", path.to_str().unwrap());
}

#[test]
fn external_receiver_url() {
    let server = Server::honest();
    let sandbox = configured(&format!(
        "preset = 'external-receiver'\nexternal_receiver.url = '{}/base'",
        server.url()
    ));
    let report = run(&sandbox);
    assert_eq!(report["target"]["receiver"], "external-receiver");
    let paths: BTreeSet<_> = server.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(
        paths,
        [format!("/base{BODIES}"), format!("/base{EVENTS}")].into()
    );
}

/// Without an address for bodies, none are sent and the reason is named.
#[test]
fn external_receiver_events_url() {
    let server = Server::honest();
    let url = format!("{}/in?k=1", server.url());
    let sandbox = configured(&format!(
        "preset = 'external-receiver'\nexternal_receiver.events_url = '{url}'"
    ));
    let report = run(&sandbox);
    assert_eq!(report["target"]["canonical_url"], url.replace("k=1", "***"));
    assert_eq!(
        to(&server.requests(), "/in?k=1").len(),
        server.requests().len()
    );
    assert!(
        report["bodies"]["skipped"]["no_bodies_endpoint"]
            .as_u64()
            .unwrap()
            > 0,
        "{report}"
    );
}

#[test]
fn external_receiver_bodies_url() {
    let (server, other) = (Server::honest(), Server::honest());
    let sandbox = external(
        &server,
        &format!("external_receiver.bodies_url = '{}/put'", other.url()),
    );
    let report = run(&sandbox);
    assert_eq!(
        server.requests().len(),
        to(&server.requests(), EVENTS).len()
    );
    assert_eq!(
        json!(to(&other.requests(), "/put").len()),
        report["bodies"]["uploaded"]
    );
}

#[test]
fn external_receiver_headers() {
    let server = Server::honest();
    let mut sandbox = external(
        &server,
        "external_receiver.headers = { X-Key = { env = 'SK_SYNC_SECRET_KEY' } }",
    );
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert!(
        report["gates"]
            .to_string()
            .contains("missing_header_secret"),
        "{report}"
    );
    assert!(server.requests().is_empty());
    sandbox.set("SK_SYNC_SECRET_KEY", "open-sesame");
    sandbox.set("SK_SYNC_TOKEN", "not-for-you");
    let _report = run(&sandbox);
    assert!(server.requests().len() > 1);
    for request in server.requests() {
        assert_eq!(
            (request.header("x-key"), request.header("authorization")),
            (Some("open-sesame"), None)
        );
    }
}

#[test]
fn external_receiver_compression() {
    for (word, encoding) in [("gzip", Some("gzip")), ("none", None)] {
        let server = Server::honest();
        let _report = run(&external(
            &server,
            &format!("external_receiver.compression = '{word}'"),
        ));
        assert_eq!(
            to(&server.requests(), EVENTS)[0].header("content-encoding"),
            encoding,
            "{word}"
        );
    }
}

/// A 2xx without results is enough if the operator configures so, and only then.
#[test]
fn external_receiver_ack() {
    let server = Server::answering(|_| Reply::status(204));
    let report = run(&external(&server, "external_receiver.ack = 'status'"));
    assert_eq!(report["drain"]["success"], report["capture"]["captured"]);
    let report = external(&server, "")
        .sk_sync(["run", "--json"])
        .code(3)
        .json();
    assert_eq!(
        report["balance"]["in_flight"],
        report["capture"]["captured"]
    );
}

#[test]
fn external_receiver_format() {
    for (word, media_type) in [
        ("batch", "application/json"),
        ("cloudevents", "application/cloudevents-batch+json"),
    ] {
        let server = Server::answering(|_| Reply::status(204));
        let more = format!("external_receiver.format = '{word}'\nexternal_receiver.ack = 'status'");
        let _report = run(&external(&server, &more));
        assert_eq!(
            to(&server.requests(), EVENTS)[0].header("content-type"),
            Some(media_type),
            "{word}"
        );
    }
}

/// By reference only, from a variable that a repository may name.
#[test]
fn external_receiver_signing_secret() {
    let server = Server::honest();
    let mut sandbox = external(
        &server,
        "external_receiver.signing_secret = { env = 'SK_SYNC_SECRET_S' }",
    );
    sandbox.set("SK_SYNC_SECRET_S", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let _report = run(&sandbox);
    assert!(server.requests().iter().all(|r| {
        r.header("webhook-signature")
            .is_some_and(|s| s.starts_with("v1,"))
    }));
    for (text, said) in [
        (
            "external_receiver.signing_secret = 'whsec_topsecret'",
            "must not be written down here",
        ),
        (
            "external_receiver.signing_secret = { env = 'AWS_SECRET' }",
            "only variables that begin with SK_SYNC_SECRET_",
        ),
    ] {
        let sandbox = Sandbox::with_repo();
        sandbox.write("event-sync.toml", text);
        let refused = sandbox.sk_sync(["run"]).code(2);
        assert!(
            refused.stderr.contains(said) && !refused.stderr.contains("topsecret"),
            "{}",
            refused.stderr
        );
    }
}

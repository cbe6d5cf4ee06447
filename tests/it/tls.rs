//! Servers behind TLS: trust in certificates, and the result of a run without it.

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};
use crate::support::tls::{Front, fixture};

/// A Teamspace at this URL, whose certificates only this authority signed.
fn aimed_at(url: &str, authority: Option<&str>) -> Sandbox {
    let mut sandbox = Sandbox::with_repo();
    sandbox.target(url);
    if let Some(authority) = authority {
        sandbox.set("SSL_CERT_FILE", fixture(authority).to_str().unwrap());
    }
    sandbox
}

/// Events and bodies, over connections that are kept.
#[test]
fn a_server_of_a_trusted_authority_gets_everything() {
    for host in ["localhost", "127.0.0.1"] {
        let server = Server::honest();
        let front = Front::of(&server, "here");
        let sandbox = aimed_at(&front.url(host), Some("authority.pem"));
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            report["balance"]["delivered"],
            report["balance"]["captured"]
        );
        assert_eq!(report["bodies"]["uploaded"], report["bodies"]["queued"]);
        assert!(
            server
                .requests()
                .iter()
                .all(|r| r.header("authorization") == Some("Bearer correct-horse"))
        );
        assert!(
            front.handshakes() < server.requests().len(),
            "one handshake, many requests"
        );
    }
}

/// A clone names its own server, with a certificate of a trusted authority. It gets no connection
/// and no token without consent; with consent it gets both, so this test would notice a missing
/// check.
#[cfg(target_os = "linux")]
#[test]
fn d40_no_token_goes_where_only_a_clone_says() {
    let server = Server::honest();
    let front = Front::of(&server, "here");
    // This machine by an address that is not loopback's, as any server elsewhere.
    let url = front.url("0.0.0.0");
    let mut sandbox = Sandbox::with_repo();
    let config =
        format!("preset = 'teamspace'\n[teamspace]\nserver_url = '{url}'\nteam_slug = 'harbour'\n");
    sandbox.write("event-sync.toml", config);
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    sandbox.set("SSL_CERT_FILE", fixture("authority.pem").to_str().unwrap());
    let tokens = || {
        server
            .requests()
            .iter()
            .filter_map(|r| r.header("authorization").map(str::to_owned))
            .collect()
    };
    for words in [
        &["run"][..],
        &["drain"],
        &["run", "--preset", "teamspace"],
        &["preflight"],
    ] {
        let run = sandbox.sk_sync(words);
        let seen: Vec<String> = tokens();
        assert_eq!(
            (seen.len(), front.connections()),
            (0, 0),
            "{words:?} sent {seen:?} to {url}"
        );
        assert_eq!(run.code, Some(4), "{run:?}");
    }
    let _given = sandbox.sk_sync(["allow", &url]).success();
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        report["balance"]["delivered"],
        report["balance"]["captured"]
    );
    let seen: Vec<String> = tokens();
    assert!(
        !seen.is_empty() && seen.iter().all(|token| token == "Bearer correct-horse"),
        "{seen:?}"
    );
}

/// A server without a trusted certificate gets nothing: no event changes, no token is sent, one
/// line names the fix.
#[test]
fn a_server_that_nobody_vouches_for_gets_nothing() {
    for (leaf, authority, said) in [
        ("here", None, "SSL_CERT_FILE"),
        (
            "here",
            Some("other-authority.pem"),
            "is not from an authority that is trusted here",
        ),
        (
            "elsewhere",
            Some("authority.pem"),
            "is for elsewhere.example: check the URL",
        ),
        (
            "expired",
            Some("authority.pem"),
            "has expired: it must be renewed at the server",
        ),
    ] {
        let server = Server::honest();
        let front = Front::of(&server, leaf);
        let sandbox = aimed_at(&front.url("localhost"), authority);
        let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
        let halted = report["drain"]["halted"].as_str().unwrap();
        let host = format!(
            "the certificate of {}",
            front.url("localhost").strip_prefix("https://").unwrap()
        );
        assert!(
            halted.starts_with("TLS failure: ") && halted.contains(&host) && halted.contains(said),
            "{halted}"
        );
        assert_eq!(
            report["balance"]["blocked"], report["capture"]["captured"],
            "{leaf}"
        );
        assert_eq!(
            (
                &report["drain"]["requests"],
                report["bodies"]["uploaded"].as_u64()
            ),
            (&1.into(), Some(0))
        );
        assert_eq!(
            (front.handshakes(), server.connections()),
            (0, 0),
            "nothing was said to anybody"
        );
        assert!(
            front.connections() <= 2,
            "the question about its health, and one request"
        );
        // Once its certificate is trusted, everything is delivered.
        let honest = Front::of(&server, "here");
        let mut sandbox = sandbox;
        sandbox.target(&honest.url("localhost"));
        sandbox.change("SSL_CERT_FILE", fixture("authority.pem").to_str().unwrap());
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            report["balance"]["delivered"],
            report["balance"]["captured"]
        );
    }
}

/// An https URL of a server without TLS.
#[test]
fn a_server_that_speaks_in_the_clear_is_told_apart() {
    let server = Server::honest();
    let sandbox = aimed_at(&server.url().replace("http:", "https:"), None);
    let report = sandbox.sk_sync(["run", "--json"]).code(3).json();
    let halted = report["drain"]["halted"].as_str().unwrap();
    assert!(halted.starts_with("TLS failure: 127.0.0.1:"), "{halted}");
    assert_eq!(report["balance"]["untried"], report["capture"]["captured"]);
    assert_eq!(server.requests().len(), 0);
}

/// An unusable file of authorities stops the run before any connection, and is named.
#[test]
fn authorities_that_cannot_be_read_shut_a_gate() {
    let server = Server::honest();
    let front = Front::of(&server, "here");
    for file in ["no-such-file.pem", "here.key"] {
        let sandbox = aimed_at(&front.url("localhost"), Some(file));
        let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
        let shut: Vec<_> = report["gates"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|gate| gate["open"] == false)
            .collect();
        assert!(
            shut.len() == 1 && shut[0]["name"] == "unusable_ca_file",
            "{shut:?}"
        );
        let fix = shut[0]["fix"].as_str().unwrap();
        assert!(fix.starts_with("unset SSL_CERT_FILE"), "{fix}");
    }
    assert_eq!(front.connections(), 0);
}

/// A redirect is not followed, even from a trusted server: no other host gets a request.
#[test]
fn a_redirect_to_another_host_is_never_followed() {
    let elsewhere = Server::honest();
    for location in [elsewhere.url(), elsewhere.url().replace("http:", "https:")] {
        for status in [301, 302, 303, 307, 308] {
            let location = location.clone();
            let server =
                Server::answering(move |_| Reply::status(status).header("Location", &location));
            let front = Front::of(&server, "here");
            let sandbox = aimed_at(&front.url("localhost"), Some("authority.pem"));
            let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
            assert!(
                report["drain"]["halted"]
                    .as_str()
                    .unwrap()
                    .contains(&status.to_string()),
                "{report}"
            );
            assert_eq!(report["balance"]["blocked"], report["capture"]["captured"]);
            assert_eq!(server.requests().len(), 1);
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

/// A self-signed certificate with the mark of an authority, as made by `openssl req -x509`, is
/// trusted if the user names it, and only for its names and dates.
#[test]
fn a_certificate_that_is_named_is_believed_when_the_server_presents_exactly_it() {
    for (leaf, named, host, said) in [
        ("own", Some("own.pem"), "localhost", None),
        ("own", None, "localhost", Some("SSL_CERT_FILE")),
        (
            "own",
            Some("authority.pem"),
            "localhost",
            Some("SSL_CERT_FILE"),
        ),
        ("own", Some("own.pem"), "0.0.0.0", Some("check the URL")),
        (
            "own-expired",
            Some("own-expired.pem"),
            "localhost",
            Some("has expired"),
        ),
        ("here", Some("here.pem"), "localhost", None),
        (
            "elsewhere",
            Some("elsewhere.pem"),
            "localhost",
            Some("check the URL"),
        ),
    ] {
        let server = Server::honest();
        let front = Front::of(&server, leaf);
        let url = front.url(host);
        let sandbox = aimed_at(&url, named);
        let report = sandbox.sk_sync(["run", "--allow-origin", &url, "--json"]);
        match said {
            None => assert_eq!(
                report.success().json()["balance"]["delivered"],
                23,
                "{leaf} {host}"
            ),
            Some(said) => {
                let halted = report.json()["drain"]["halted"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                assert!(halted.contains(said), "{leaf} {named:?} {host}: {halted}");
                assert_eq!(front.handshakes(), 0, "{leaf} {host}");
            }
        }
    }
}

/// A server that requires client certificates gets the one in the user's file; a repository's file
/// may not name one.
#[test]
fn a_client_certificate_is_shown_where_the_users_file_names_it() {
    let server = Server::honest();
    let front = Front::wanting_clients(&server, "here", "client-authority");
    let mut sandbox = aimed_at(&front.url("localhost"), Some("authority.pem"));
    let refused = sandbox.sk_sync(["run", "--json"]).code(4).json();
    let halted = refused["drain"]["halted"].to_string();
    assert!(
        halted.contains("client_cert and client_key in [network]"),
        "{halted}"
    );
    assert_eq!(server.requests().len(), 0);
    let (cert, key) = (fixture("client.pem"), fixture("client.key"));
    let network = format!(
        "[network]\nclient_cert = '{}'\nclient_key = '{}'\n",
        cert.display(),
        key.display()
    );
    sandbox.write("event-sync.toml", &network);
    let refused = sandbox.sk_sync(["run"]).code(2).stderr;
    assert!(
        refused.contains("only your user file may say how the network is reached"),
        "{refused}"
    );
    std::fs::remove_file(sandbox.repo().join("event-sync.toml")).unwrap();
    let file = sandbox.path("user.toml");
    std::fs::write(&file, network).unwrap();
    sandbox.set("SK_SYNC_CONFIG", file.to_str().unwrap());
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        report["balance"]["delivered"],
        report["balance"]["captured"]
    );
}

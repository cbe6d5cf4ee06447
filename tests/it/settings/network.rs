//! The way to a target: queries by reference, the proxy, the certificate of this side.

use super::{configured, run, to};
use crate::support::proxy::Proxy;
use crate::support::server::Server;
use crate::support::tls::{Front, fixture};

#[test]
fn external_receiver_events_query() {
    let server = Server::honest();
    let mut sandbox = configured(&format!(
        "preset = 'external-receiver'\nexternal_receiver.events_url = '{}/in'\n\
         external_receiver.events_query = {{ env = 'SK_SYNC_SECRET_Q' }}",
        server.url()
    ));
    sandbox.set("SK_SYNC_SECRET_Q", "k=1");
    let _report = run(&sandbox);
    assert_eq!(
        to(&server.requests(), "/in?k=1").len(),
        server.requests().len()
    );
}

#[test]
fn external_receiver_bodies_query() {
    let server = Server::honest();
    let mut sandbox = configured(&format!(
        "preset = 'external-receiver'\nexternal_receiver.url = '{}'\nexternal_receiver.bodies_url = '{}/put'\n\
         external_receiver.bodies_query = {{ env = 'SK_SYNC_SECRET_Q' }}",
        server.url(),
        server.url()
    ));
    sandbox.set("SK_SYNC_SECRET_Q", "k=1");
    let report = run(&sandbox);
    assert_eq!(
        Some(to(&server.requests(), "/put?k=1").len() as u64),
        report["bodies"]["uploaded"].as_u64()
    );
}

#[test]
fn network_proxy() {
    let server = Server::honest();
    let front = Front::of(&server, "elsewhere");
    let proxy = Proxy::to(&front.url("127.0.0.1"), None);
    let mut sandbox = configured(&format!("network.proxy = '{}'", proxy.authority()));
    sandbox.target("https://elsewhere.example");
    sandbox.set("SSL_CERT_FILE", fixture("authority.pem").to_str().unwrap());
    let report = sandbox
        .sk_sync([
            "run",
            "--allow-origin",
            "https://elsewhere.example",
            "--json",
        ])
        .success()
        .json();
    assert_eq!(
        report["balance"]["delivered"],
        report["balance"]["captured"]
    );
    assert!(!proxy.asked().is_empty());
}

/// A certificate and its key in one file, or in two.
fn with_client(files: &str) {
    let server = Server::honest();
    let front = Front::wanting_clients(&server, "here", "client-authority");
    let mut sandbox = configured(files);
    sandbox.target(&front.url("localhost"));
    sandbox.set("SSL_CERT_FILE", fixture("authority.pem").to_str().unwrap());
    let report = run(&sandbox);
    assert_eq!(
        report["balance"]["delivered"],
        report["balance"]["captured"]
    );
}

#[test]
fn network_client_cert() {
    let temp = tempfile::tempdir().unwrap();
    let both = temp.path().join("both.pem");
    let read = |name: &str| std::fs::read_to_string(fixture(name)).unwrap();
    std::fs::write(&both, read("client.key") + &read("client.pem")).unwrap();
    with_client(&format!("network.client_cert = '{}'", both.display()));
}

#[test]
fn network_client_key() {
    let (cert, key) = (fixture("client.pem"), fixture("client.key"));
    with_client(&format!(
        "network = {{ client_cert = '{}', client_key = '{}' }}",
        cert.display(),
        key.display()
    ));
}

//! Signatures over the bytes that are sent, and the IDs of messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{CLOUD, events, receiver};
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::honest;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// HMAC-SHA256 according to RFC 2104, from the hash only: computed like a receiver would,
/// independently of the client's code.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let padded = |pad: u8| block.map(|byte| byte ^ pad).to_vec();
    let inner = Sha256::digest([padded(0x36), message.to_vec()].concat());
    Sha256::digest([padded(0x5c), inner.to_vec()].concat()).to_vec()
}

fn signature(request: &Request, secret: &str) -> String {
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let parts = [
        request.header("webhook-id").unwrap(),
        request.header("webhook-timestamp").unwrap(),
    ];
    let message = [
        format!("{}.{}.", parts[0], parts[1]).as_bytes(),
        &request.raw,
    ]
    .concat();
    format!("v1,{}", STANDARD.encode(hmac(&key, &message)))
}

/// Events and bodies are signed over the bytes as they are sent, in every form of them.
#[test]
fn requests_are_signed_over_the_bytes_that_are_sent() {
    let other = format!("whsec_{}", STANDARD.encode([9; 32]));
    for (more, secrets, encoding) in [
        ("", SECRET.to_owned(), None),
        ("compression = 'gzip'\n", SECRET.to_owned(), Some("gzip")),
        (CLOUD, format!("{SECRET} {other}"), None),
    ] {
        let server = Server::answering(|request| match request.header("content-type") {
            Some("application/json") => honest(request, "success"),
            _ => Reply::status(204),
        });
        let signing = "signing_secret = { env = 'SK_SYNC_SECRET_HOOK' }\n";
        let mut sandbox = receiver(&server, &format!("{more}{signing}"));
        sandbox.set("SK_SYNC_SECRET_HOOK", &secrets);
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert!(
            report["bodies"]["uploaded"].as_u64().unwrap() > 1,
            "{report}"
        );
        let mut seen = std::collections::BTreeSet::new();
        for request in server.requests() {
            let expected: Vec<_> = secrets
                .split(' ')
                .map(|secret| signature(&request, secret))
                .collect();
            assert_eq!(
                request.header("webhook-signature"),
                Some(expected.join(" ").as_str()),
                "{}",
                request.path
            );
            assert!(
                seen.insert(request.header("webhook-id").unwrap().to_owned()),
                "an id for each message"
            );
        }
        let [sent] = &events(&server)[..] else {
            panic!("one request")
        };
        assert_eq!(
            (sent.header("content-encoding"), sent.header("webhook-id")),
            (encoding, sent.header("idempotency-key"))
        );
        let known = sandbox
            .sk_sync(["config", "show", "--json"])
            .success()
            .stdout;
        assert!(!known.contains("MfKQ") && !report.to_string().contains("MfKQ"));
    }
}

/// A request that is sent again is the same message: same id, same bytes; only the time of the
/// signature is new.
#[test]
fn a_message_that_goes_again_keeps_its_id() {
    let mut is_lost = true;
    let server = Server::answering(move |request| {
        if std::mem::take(&mut is_lost) {
            Reply::Silence
        } else {
            honest(request, "success")
        }
    });
    let mut sandbox = receiver(
        &server,
        "signing_secret = { env = 'SK_SYNC_SECRET_HOOK' }\n",
    );
    sandbox.set("SK_SYNC_SECRET_HOOK", SECRET);
    let _again = sandbox.sk_sync(["run"]).success();
    let [first, second] = &events(&server)[..] else {
        panic!("two requests")
    };
    assert_eq!(
        (first.header("webhook-id"), &first.raw),
        (second.header("webhook-id"), &second.raw)
    );
    assert_eq!(
        second.header("webhook-signature"),
        Some(signature(second, SECRET).as_str())
    );
}

/// Without a usable secret nothing is sent, and the check names the problem and the fix, never the
/// secret.
#[test]
fn without_a_usable_secret_nothing_is_sent() {
    let server = Server::honest();
    let mut sandbox = receiver(
        &server,
        "signing_secret = { env = 'SK_SYNC_SECRET_HOOK' }\n",
    );
    for value in ["", "topsecret", "whsec_c2hvcnQ="] {
        sandbox.change("SK_SYNC_SECRET_HOOK", value);
        let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
        let gates = report["gates"].to_string();
        assert!(
            gates.contains("missing_signing_secret")
                && gates.contains("export SK_SYNC_SECRET_HOOK="),
            "{gates}"
        );
        assert!(
            !gates.contains("topsecret") && !gates.contains("c2hv"),
            "{gates}"
        );
    }
    assert_eq!(server.connections(), 0);
    sandbox.change("SK_SYNC_SECRET_HOOK", SECRET);
    let _sent = sandbox.sk_sync(["run"]).success();
}

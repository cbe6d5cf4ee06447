//! A custom external receiver: CloudEvents, acknowledgement by status, signatures.

mod signing;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{honest, journal, open};

const CLOUD: &str = "format = 'cloudevents'\nack = 'status'\n";

fn receiver(server: &Server, more: &str) -> Sandbox {
    let sandbox = Sandbox::with_repo();
    aim(&sandbox, server, more);
    sandbox
}

fn aim(sandbox: &Sandbox, server: &Server, more: &str) {
    let url = server.url();
    let text = format!(
        "preset = 'external-receiver'\n[external_receiver]\nevents_url = '{url}/in'\nbodies_url = '{url}/put'\n{more}"
    );
    sandbox.own(text);
}

fn events(server: &Server) -> Vec<Request> {
    server
        .requests()
        .into_iter()
        .filter(|r| r.path == "/in")
        .collect()
}

/// The bytes of each member `data` of a batch of CloudEvents, by id, cut out of the raw request
/// without reading it as anything.
fn enclosed(request: &Request) -> BTreeMap<String, Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Enclosing<'a> {
        id: String,
        #[serde(borrow)]
        data: &'a serde_json::value::RawValue,
    }
    let body = String::from_utf8(request.raw.clone()).unwrap();
    let all: Vec<Enclosing<'_>> = serde_json::from_str(&body).unwrap();
    all.into_iter()
        .map(|event| (event.id, event.data.get().as_bytes().to_vec()))
        .collect()
}

/// The receiver gets exactly the journal, each envelope byte for byte, in the form of the
/// specification.
#[test]
fn d61_a_cloud_events_receiver_gets_exactly_the_journal() {
    let server = Server::answering(|_| Reply::status(204));
    let sandbox = receiver(&server, CLOUD);
    let odd = r#"{ "event_id":"01JMBY7K8N3QRVX2DPFG5HWT4E","event_type":"Other.Tool", "n": 1.50e2 , "timestamp":"soon" }"#;
    let _captured = sandbox
        .sk_sync_with(["capture"], format!("{odd}\n"))
        .success();
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let [sent] = &events(&server)[..] else {
        panic!("one request")
    };
    assert_eq!(
        sent.header("content-type"),
        Some("application/cloudevents-batch+json")
    );
    assert_eq!(
        sent.header("content-encoding"),
        None,
        "what reads CloudEvents need not unpack"
    );
    let mut expected = journal(&sandbox.store());
    // A missing project is filled in when sending; nothing else differs from what was captured.
    let filled = enclosed(sent).remove("01JMBY7K8N3QRVX2DPFG5HWT4E").unwrap();
    expected.insert("01JMBY7K8N3QRVX2DPFG5HWT4E".to_owned(), filled);
    assert_eq!(enclosed(sent), expected);
    assert_eq!(json!(expected.len()), report["balance"]["delivered"]);
    for event in sent.json().as_array().unwrap() {
        let data = &event["data"];
        for (attribute, value) in [
            ("specversion", &json!("1.0")),
            ("id", &data["event_id"]),
            ("type", &data["event_type"]),
            ("datacontenttype", &json!("application/json")),
            (
                "source",
                &json!(format!(
                    "urn:uuid:{}",
                    report["project"]["project_uuid"].as_str().unwrap()
                )),
            ),
        ] {
            assert_eq!(&event[attribute], value, "{attribute}");
        }
        if data["aggregate_id"].is_string() {
            assert_eq!(
                (&event["subject"], &event["time"]),
                (&data["aggregate_id"], &data["timestamp"])
            );
        } else {
            assert!(
                event.get("time").is_none() && event.get("subject").is_none(),
                "{event}"
            );
        }
    }
    // Documents are acknowledged by status as well, and nothing is sent twice.
    assert_eq!(report["bodies"]["uploaded"], report["bodies"]["queued"]);
    let requests = server.requests().len();
    let _nothing = sandbox.sk_sync(["drain"]).success();
    assert_eq!(server.requests().len(), requests);
}

/// The ledger records what proved a delivery.
#[test]
fn an_acknowledgement_by_status_is_recorded_as_such() {
    for (more, reply, proof) in [
        (CLOUD, Some(Reply::status(202)), "status"),
        (
            "ack = 'status'\n",
            Some(Reply::json(200, &json!({"results": []}))),
            "status",
        ),
        ("", None, "result"),
    ] {
        let server = Server::answering(move |request| {
            reply.clone().unwrap_or_else(|| honest(request, "success"))
        });
        let sandbox = receiver(&server, more);
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            report["drain"]["success"], report["capture"]["captured"],
            "{more}"
        );
        for id in journal(&sandbox.store()).keys().take(3) {
            let shown = sandbox
                .sk_sync(["events", "show", id, "--json"])
                .success()
                .json();
            assert_eq!(shown["targets"][0]["acknowledged_by"], proof, "{shown}");
        }
    }
}

/// Other statuses than 2xx mean the same as for every receiver.
#[test]
fn a_refusal_by_status_is_a_refusal() {
    for (status, word, code) in [
        (401, "blocked", 4),
        (302, "blocked", 4),
        (429, "untried", 3),
        (503, "in_flight", 3),
        (400, "blocked", 4),
    ] {
        let server = Server::answering(move |request| {
            Reply::status(if request.path == "/in" { status } else { 204 })
                .header("Retry-After", "90")
        });
        let report = receiver(&server, CLOUD)
            .sk_sync(["run", "--json"])
            .code(code)
            .json();
        assert_eq!(
            report["balance"][word], report["balance"]["captured"],
            "{status}: {report}"
        );
    }
}

/// A receiver without compression refuses every compressed request: nothing is blamed for that, and
/// the same batch is sent once more uncompressed. If that is refused too, it is not tried again.
#[test]
fn a_receiver_without_compression_gets_plain_requests() {
    for status in [400, 415] {
        let server = Server::answering(move |request| {
            let is_packed = request.header("content-encoding").is_some();
            if is_packed {
                Reply::json(status, &json!({"error": "no gzip"}))
            } else {
                honest(request, "success")
            }
        });
        let report = receiver(&server, "")
            .sk_sync(["run", "--json"])
            .success()
            .json();
        assert_eq!(
            report["balance"]["delivered"], report["balance"]["captured"],
            "{status}: {report}"
        );
        let sent = events(&server);
        assert_eq!(
            (sent.len(), &report["drain"]["rejected"]),
            (2, &json!(0)),
            "{status}"
        );
        assert_eq!(
            sent[0].header("idempotency-key"),
            sent[1].header("idempotency-key"),
            "{status}"
        );
        assert_eq!(sent[0].body(), sent[1].body(), "{status}: the same bytes");
    }
    let server = Server::answering(|_| Reply::status(415));
    let report = receiver(&server, "")
        .sk_sync(["run", "--json"])
        .code(4)
        .json();
    let gate = report["gates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|gate| gate["name"] == "server_refused")
        .unwrap();
    assert!(
        gate["fix"]
            .as_str()
            .unwrap()
            .contains("external_receiver.compression"),
        "{gate}"
    );
    assert_eq!(events(&server).len(), 2);
}

/// A CloudEvents batch names no ids in its answer: without `ack = "status"` nothing could ever be
/// delivered.
#[test]
fn cloud_events_need_an_acknowledgement_by_status() {
    let server = Server::answering(|_| Reply::status(204));
    let sandbox = receiver(&server, "format = 'cloudevents'\n");
    let refused = sandbox.sk_sync(["run"]).code(2);
    assert!(
        refused.stderr.contains("`external_receiver.format`")
            && refused.stderr.contains("`external_receiver.ack`"),
        "{}",
        refused.stderr
    );
    assert_eq!(server.connections(), 0);
}

/// An operator who changes the form while an answer is outstanding gets the same events in the new
/// form, as a new message: the old key belongs to the old bytes.
#[test]
fn a_lost_batch_goes_again_in_the_form_that_is_configured_now() {
    for (before, after) in [("", CLOUD), (CLOUD, "")] {
        let mut is_lost = true;
        let server = Server::answering(move |request| {
            if std::mem::take(&mut is_lost) {
                return Reply::status(503).header("Retry-After", "90");
            }
            if request.raw.starts_with(b"[") {
                Reply::status(204)
            } else {
                honest(request, "duplicate")
            }
        });
        let sandbox = receiver(&server, before);
        let first = sandbox.sk_sync(["run", "--json"]).code(3).json();
        assert_eq!(first["balance"]["in_flight"], first["balance"]["captured"]);
        aim(&sandbox, &server, after);
        sandbox.pass(std::time::Duration::from_mins(2));
        let second = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(second["balance"]["delivered"], first["balance"]["captured"]);
        let [first, second] = &events(&server)[..] else {
            panic!("two requests")
        };
        assert_ne!(
            first.header("idempotency-key"),
            second.header("idempotency-key")
        );
        let ends: Vec<String> = {
            let conn = open(&sandbox.store());
            let mut statement = conn
                .prepare("SELECT result FROM delivery_attempts ORDER BY id")
                .unwrap();
            statement
                .query_map([], |r| r.get(0))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap()
        };
        assert_eq!(ends, ["rewritten", "answered"]);
    }
}

/// The embedded server accepts this form, so that it can be tested without a custom receiver.
#[test]
fn serve_takes_cloud_events() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.set("SK_SYNC_TARGET_URL", &served.url());
    sandbox.own(format!(
        "preset = 'external-receiver'\n[external_receiver]\n{CLOUD}"
    ));
    let _sent = sandbox.sk_sync(["run"]).success();
    crate::support::wire::assert_mirrored(&sandbox, &file);
    let report: Value = served.report();
    assert_eq!(report["rejected"], 0);
}

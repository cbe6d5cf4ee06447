//! The table of answers to a batch, and the outcome of each.

use serde_json::{Value, json};

use super::{captured, each};
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{honest, ids};

type Answer = fn(&Request) -> Reply;

/// Name, answer, exit code, class of the four events afterwards, count in the report, and requests.
type Row = (&'static str, Answer, i32, &'static str, &'static str, u64);

const TABLE: [Row; 30] = [
    (
        "200 success",
        |r| honest(r, "success"),
        0,
        "delivered",
        "success",
        1,
    ),
    (
        "200 accepted",
        |r| honest(r, " Accepted "),
        0,
        "delivered",
        "success",
        1,
    ),
    (
        "200 warning",
        |r| honest(r, "warning"),
        0,
        "delivered",
        "success",
        1,
    ),
    (
        "200 duplicate",
        |r| honest(r, "duplicate"),
        0,
        "delivered",
        "duplicate",
        1,
    ),
    (
        "201",
        |r| {
            each(r, 201, |_, id| {
                vec![json!({"event_id": id, "status": "success"})]
            })
        },
        0,
        "delivered",
        "success",
        1,
    ),
    (
        "207",
        |r| {
            each(r, 207, |_, id| {
                vec![json!({"event_id": id, "status": "success"})]
            })
        },
        0,
        "delivered",
        "success",
        1,
    ),
    (
        "200 pending",
        |r| honest(r, "pending"),
        0,
        "in_flight",
        "pending",
        1,
    ),
    (
        "200 queued",
        |r| honest(r, "queued"),
        0,
        "in_flight",
        "pending",
        1,
    ),
    ("202", |_| Reply::status(202), 0, "in_flight", "pending", 1),
    (
        "200 rejected",
        |r| honest(r, "rejected"),
        3,
        "retryable",
        "rejected",
        1,
    ),
    (
        "200 an unknown word",
        |r| honest(r, "perhaps"),
        3,
        "retryable",
        "transient",
        1,
    ),
    (
        "200 nobody named",
        |_| Reply::json(200, &json!({"results": []})),
        3,
        "retryable",
        "transient",
        1,
    ),
    (
        "200 only strangers",
        |r| {
            each(r, 200, |n, _| {
                vec![json!({"event_id": format!("stranger-{n}"), "status": "success"})]
            })
        },
        3,
        "retryable",
        "transient",
        1,
    ),
    (
        "200 with strangers",
        |r| {
            each(r, 200, |n, id| {
                vec![
                    json!({"event_id": id, "status": "success"}),
                    json!({"event_id": format!("stranger-{n}"), "status": "rejected"}),
                ]
            })
        },
        0,
        "delivered",
        "success",
        1,
    ),
    (
        "200 named twice alike",
        |r| {
            each(r, 200, |_, id| {
                vec![json!({"event_id": id, "status": "success"}); 2]
            })
        },
        0,
        "delivered",
        "success",
        1,
    ),
    (
        "200 named twice, both ways",
        |r| {
            each(r, 200, |_, id| {
                vec![
                    json!({"event_id": id, "status": "success"}),
                    json!({"event_id": id, "status": "rejected"}),
                ]
            })
        },
        3,
        "retryable",
        "transient",
        1,
    ),
    (
        "200 results that are none",
        |_| Reply::json(200, &json!({"results": [7, null, "event-0", {}]})),
        3,
        "retryable",
        "transient",
        1,
    ),
    (
        "200 no list",
        |_| Reply::json(200, &json!({"results": {"event-0": "success"}})),
        3,
        "in_flight",
        "",
        3,
    ),
    ("204", |_| Reply::status(204), 3, "in_flight", "", 3),
    (
        "400 that names all",
        |r| {
            let details: Vec<Value> = ids(r)
                .iter()
                .map(|id| json!({"event_id": id, "detail": "no"}))
                .collect();
            Reply::json(400, &json!({"error": "bad", "details": details}))
        },
        3,
        "retryable",
        "rejected",
        1,
    ),
    (
        "400 that names all in a text",
        |r| {
            let details: Vec<Value> = ids(r)
                .iter()
                .map(|id| json!({"event_id": id, "reason": "no"}))
                .collect();
            Reply::json(
                400,
                &json!({"error": "bad", "details": Value::from(details).to_string()}),
            )
        },
        3,
        "retryable",
        "rejected",
        1,
    ),
    // The third event that is refused alone with the same words: the server refuses everything.
    (
        "400 bare, of every batch",
        |_| Reply::status(400),
        4,
        "blocked",
        "",
        6,
    ),
    (
        "413 of every batch",
        |_| Reply::status(413),
        5,
        "undeliverable",
        "terminal_failed",
        7,
    ),
    (
        "400 too large, of every batch",
        |_| Reply::json(400, &json!({"error": "payload too large"})),
        5,
        "undeliverable",
        "terminal_failed",
        7,
    ),
    ("404", |_| Reply::status(404), 3, "untried", "", 1),
    (
        "409",
        |_| Reply::status(409).header("Retry-After", "90"),
        3,
        "untried",
        "",
        1,
    ),
    (
        "303",
        |_| Reply::status(303).header("Location", "/elsewhere"),
        4,
        "blocked",
        "",
        1,
    ),
    (
        "408",
        |_| Reply::status(408).header("Retry-After", "90"),
        3,
        "untried",
        "",
        1,
    ),
    (
        "429 with a date",
        |_| Reply::status(429).header("Retry-After", "Wed, 21 Oct 2099 07:28:00 GMT"),
        3,
        "untried",
        "",
        1,
    ),
    (
        "502",
        |_| Reply::json(502, &json!({"error": "down"})),
        3,
        "in_flight",
        "",
        3,
    ),
];

const COUNTED: [&str; 6] = [
    "success",
    "duplicate",
    "pending",
    "rejected",
    "transient",
    "terminal_failed",
];

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the table and the counts, with --no-capture"
)]
fn each_answer_has_its_outcome() {
    println!(
        "{:32} {:>4}  {:14} {:16} {:>8}",
        "answer", "exit", "stands", "counted as", "requests"
    );
    for (name, answer, code, class, counted, requests) in TABLE {
        let server = Server::answering(answer);
        let sandbox = captured(&server, 4);
        let report = sandbox.sk_sync(["drain", "--json"]).code(code).json();
        let (balance, drain) = (&report["balance"], &report["drain"]);
        assert_eq!(
            (&balance[class], &balance["holds"]),
            (&json!(4), &json!(true)),
            "{name}: {report}"
        );
        for word in COUNTED {
            assert_eq!(
                drain[word],
                json!(if word == counted { 4 } else { 0 }),
                "{name}: {word}; {report}"
            );
        }
        assert_eq!(drain["requests"], json!(requests), "{name}");
        assert_eq!(server.requests().len() as u64, requests, "{name}");
        println!("{name:32} {code:>4}  {class:14} {counted:16} {requests:>8}");
    }
}

//! Health requests: limits that a server states are kept, its identity is recorded, and a server
//! without a usable answer still gets deliveries.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{honest, ids, open};

fn is_events(request: &Request) -> bool {
    request.path == "/api/v1/events/batch/"
}

fn server() -> Server {
    Server::answering(|request| honest(request, "success"))
}

fn aimed_at(server: &Server) -> Sandbox {
    let mut sandbox = Sandbox::with_repo();
    sandbox.target(&server.url());
    sandbox
}

fn new_fact(sandbox: &Sandbox, text: &str) {
    sandbox.write("kitty-specs/002-tide-gauge-survey/plan.md", text);
}

/// Who each attempt was sent to, in order: instance, deployment, environment, commit.
fn recorded(sandbox: &Sandbox) -> Vec<[Option<String>; 4]> {
    let conn = open(&sandbox.store());
    let sql = "SELECT d.server_instance_id, d.deployment_id, d.environment_name, d.git_sha
               FROM delivery_attempts AS a LEFT JOIN delivery_deployments AS d ON d.id = a.deployment ORDER BY a.id";
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement
        .query_map([], |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?]))
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_server_without_an_answer_is_asked_once_a_day_and_delivered_to() {
    let server = server();
    let sandbox = aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (
            &report["drain"]["requests"],
            &report["drain"]["health_requests"]
        ),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        report["balance"]["delivered"],
        report["capture"]["captured"]
    );
    new_fact(&sandbox, "news");
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (
            &report["drain"]["success"],
            &report["drain"]["health_requests"]
        ),
        (&json!(2), &json!(0))
    );
    assert_eq!(server.probes().len(), 1);
    assert_eq!(
        recorded(&sandbox),
        [[None, None, None, None], [None, None, None, None]]
    );
}

/// The limits that a server states are kept exactly, with as few requests as they allow.
#[test]
fn d13_what_the_server_takes_at_most_is_kept_to_with_as_few_requests_as_that_allows() {
    let server = server();
    server.healthy(Reply::json(
        200,
        &json!({"sync_ingress": {"limits": {"max_events_per_batch": 7}}}),
    ));
    let sandbox = aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let captured = report["capture"]["captured"].as_u64().unwrap();
    assert_eq!(
        report["drain"]["requests"].as_u64(),
        Some(captured.div_ceil(7))
    );
    let sizes: Vec<_> = server
        .requests()
        .iter()
        .filter(|r| is_events(r))
        .map(|r| ids(r).len())
        .collect();
    assert!(
        sizes.split_last().unwrap().1.iter().all(|n| *n == 7),
        "{sizes:?}"
    );
    // The same by bytes, of another target.
    let server = self::server();
    server.healthy(Reply::json(
        200,
        &json!({"sync_ingress": {"limits": {"max_decompressed_bytes_per_batch": 4000}}}),
    ));
    let sandbox = aimed_at(&server);
    let _run = sandbox.sk_sync(["run"]).success();
    let sent: Vec<_> = server.requests().into_iter().filter(is_events).collect();
    assert!(sent.len() > 3, "{}", sent.len());
    assert_filled(&sent, 4000);
}

/// Counts the bytes: each request keeps to the limit, and would break it with the event that the
/// next one begins with.
fn assert_filled(sent: &[Request], limit: usize) {
    #[derive(serde::Deserialize)]
    struct Batch<'a> {
        #[serde(borrow)]
        events: Vec<&'a serde_json::value::RawValue>,
    }
    let bodies: Vec<_> = sent.iter().map(Request::body).collect();
    for (n, body) in bodies.iter().enumerate() {
        assert!(body.len() <= limit, "request {n} has {} bytes", body.len());
        let Some(next) = bodies.get(n + 1) else {
            continue;
        };
        let next: Batch<'_> = serde_json::from_slice(next).unwrap();
        assert!(
            body.len() + 1 + next.events[0].get().len() > limit,
            "request {n} has room for another event"
        );
    }
}

/// Stated limits apply until the server states others, even while it cannot be asked.
#[test]
fn what_the_server_takes_at_most_is_remembered() {
    let server = server();
    server.healthy(Reply::json(
        200,
        &json!({"sync_ingress": {"limits": {"max_events_per_batch": 1}}}),
    ));
    let sandbox = aimed_at(&server);
    let _first = sandbox.sk_sync(["run"]).success();
    let most = |server: &Server| {
        let sizes = server
            .requests()
            .into_iter()
            .filter(is_events)
            .map(|r| ids(&r).len());
        sizes.rev().take(2).max().unwrap()
    };
    for (news, reply, expected) in [
        ("one", Reply::status(500), 1),
        ("two", Reply::json(200, &json!({"git_sha": "1"})), 1),
        (
            "three",
            Reply::json(
                200,
                &json!({"sync_ingress": {"limits": {"max_events_per_batch": 900}}}),
            ),
            2,
        ),
    ] {
        server.healthy(reply);
        new_fact(&sandbox, news);
        let _run = sandbox.sk_sync(["run"]).success();
        assert_eq!(most(&server), expected, "{news}");
    }
}

/// A refusal that names the limit costs one request, in this run and in all to come.
#[test]
fn a_refusal_that_names_its_limits_is_enough() {
    for (limits, most) in [
        (json!({"max_events_per_batch": 5}), 5),
        (
            json!({"max_decompressed_bytes_per_batch": 3000, "max_events_per_batch": 900}),
            900,
        ),
    ] {
        let named = limits.clone();
        let bytes = limits["max_decompressed_bytes_per_batch"]
            .as_u64()
            .map_or(usize::MAX, |n| n.try_into().unwrap());
        let server = Server::answering(move |request| {
            if ids(request).len() > most || (is_events(request) && request.body().len() > bytes) {
                return Reply::json(
                    413,
                    &json!({"error": "sync_batch_too_large", "limits": named}),
                );
            }
            honest(request, "success")
        });
        let sandbox = aimed_at(&server);
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(report["drain"]["success"], report["capture"]["captured"]);
        let sent: Vec<_> = server.requests().into_iter().filter(is_events).collect();
        if bytes == usize::MAX {
            let captured = report["capture"]["captured"].as_u64().unwrap();
            assert_eq!(sent.len() as u64, 1 + captured.div_ceil(5));
        } else {
            assert_filled(&sent[1..], bytes);
        }
        new_fact(&sandbox, "news");
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            report["drain"]["requests"], 1,
            "nothing has to be learned again"
        );
    }
}

/// Wrong limits of a server do not cause an endless loop.
#[test]
fn a_server_that_refuses_what_it_says_it_takes_is_searched_like_any_other() {
    let server = Server::answering(|request| {
        if ids(request).len() > 2 {
            return Reply::json(413, &json!({"limits": {"max_events_per_batch": 900}}));
        }
        honest(request, "success")
    });
    let report = aimed_at(&server)
        .sk_sync(["run", "--json"])
        .success()
        .json();
    assert_eq!(report["drain"]["success"], report["capture"]["captured"]);
}

/// The server determines the length of a pause, also in its health response.
#[test]
fn the_server_bounds_the_wait_it_asks_for() {
    for (limits, least, most) in [
        (json!({"retry_after_min_seconds": 600}), 600, 690),
        (
            json!({"retry_after_min_seconds": 600, "retry_after_max_seconds": 900}),
            600,
            690,
        ),
        (json!({}), 0, 90),
    ] {
        let server = Server::answering(|_| Reply::status(429));
        server.healthy(Reply::json(
            200,
            &json!({"sync_ingress": {"limits": limits}}),
        ));
        let sandbox = aimed_at(&server);
        let _run = sandbox.sk_sync(["run", "--max-time", "1s"]).code(3);
        let sql = "SELECT (not_before - last_seen_at) / 1000000 FROM delivery_targets";
        let wait: i64 = open(&sandbox.store())
            .query_row(sql, [], |r| r.get(0))
            .unwrap();
        assert!((least..=most).contains(&wait), "{limits}: {wait} s");
    }
}

/// The configured bounds hold also where a server takes more.
#[test]
fn a_generous_server_does_not_widen_what_is_configured() {
    let server = server();
    server.healthy(Reply::json(
        200,
        &json!({"sync_ingress": {"limits": {"max_events_per_batch": 100_000}}}),
    ));
    let mut sandbox = aimed_at(&server);
    sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "5");
    let _run = sandbox.sk_sync(["run"]).success();
    assert!(
        server
            .requests()
            .iter()
            .filter(|r| is_events(r))
            .all(|r| ids(r).len() <= 5)
    );
}

#[test]
fn another_server_at_the_same_address_is_an_offer_to_replay_and_never_a_replay() {
    let server = server();
    let sandbox = aimed_at(&server);
    let mut told = json!({"server_instance_id": "a", "deployment_id": "d1", "environment_name": "prod", "git_sha": "1"});
    let mut run = |news: &str, field: &str, value: &str| -> String {
        told[field] = value.into();
        server.healthy(Reply::json(200, &told));
        new_fact(&sandbox, news);
        let before = server
            .requests()
            .iter()
            .filter(|r| is_events(r))
            .flat_map(ids)
            .count();
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        let sent = server
            .requests()
            .iter()
            .filter(|r| is_events(r))
            .flat_map(ids)
            .count()
            - before;
        assert_eq!(
            json!(sent),
            report["capture"]["captured"],
            "{field}: only what is new"
        );
        let offers = report["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str);
        offers
            .filter(|w| w.contains("replay"))
            .collect::<Vec<_>>()
            .concat()
    };
    assert_eq!(
        run("one", "git_sha", "1"),
        "",
        "the first time there is nothing to compare with"
    );
    assert_eq!(
        run("two", "deployment_id", "d2"),
        "",
        "new software alone is the same server"
    );
    for (news, field, value) in [
        ("three", "server_instance_id", "b"),
        ("four", "environment_name", "test"),
        ("five", "git_sha", "2"),
    ] {
        let offer = run(news, field, value);
        assert!(
            offer.contains(field) && offer.contains(value) && offer.contains("replay --to tgt_"),
            "{offer}"
        );
        assert_eq!(run(&format!("{news} again"), field, value), "", "said once");
    }
    let words = |texts: [&str; 4]| texts.map(|text| Some(text.to_owned()));
    let recorded = recorded(&sandbox);
    assert_eq!(recorded[0], words(["a", "d1", "prod", "1"]));
    assert_eq!(recorded[1], words(["a", "d2", "prod", "1"]));
    assert_eq!(recorded.last().unwrap(), &words(["b", "d2", "test", "2"]));
}

/// A bad health response does not affect delivery.
#[test]
fn a_bad_answer_about_health_stops_nothing() {
    for reply in [
        Reply::status(500),
        Reply::status(401),
        Reply::status(302).header("Location", "http://127.0.0.1:9/"),
        Reply::status(429).header("Retry-After", "3000"),
        Reply::Silence,
        Reply::Half(100),
        Reply::Answer {
            status: 200,
            headers: vec![],
            body: vec![b'['; 1_000_000],
        },
        Reply::json(
            200,
            &json!({"sync_ingress": [], "git_sha": {"a": 1}, "server_instance_id": "x".repeat(9000)}),
        ),
    ] {
        let server = server();
        server.healthy(reply.clone());
        let sandbox = aimed_at(&server);
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            report["balance"]["delivered"], report["capture"]["captured"],
            "{reply:?}"
        );
        assert_eq!(server.probes().len(), 1, "{reply:?}");
        assert_eq!(
            server.probes()[0].header("authorization"),
            Some("Bearer correct-horse")
        );
    }
}

/// No request is made before every check passes, or without anything to send.
#[test]
fn nobody_is_asked_without_leave_or_need() {
    let server = server();
    server.healthy(Reply::json(200, &json!({"git_sha": "1"})));
    let mut sandbox = aimed_at(&server);
    for (name, value) in [
        ("SK_SYNC_TOKEN", ""),
        ("SK_SYNC_TEAMSPACE__TEAM_SLUG", ""),
        ("SPEC_KITTY_ENABLE_SAAS_SYNC", "off"),
    ] {
        sandbox.target(&server.url());
        sandbox.change(name, value);
        let _blocked = sandbox.sk_sync(["run"]).code(4);
        sandbox.unset(name);
    }
    sandbox.target(&server.url());
    sandbox.own("teamspace.server_url = 'http://127.0.0.1:9'\n");
    let _disagreement = sandbox.sk_sync(["run"]).code(4);
    sandbox.own("");
    assert_eq!(
        (
            server.probes().len(),
            server.requests().len(),
            server.connections()
        ),
        (0, 0, 0)
    );
    let _first = sandbox.sk_sync(["run"]).success();
    assert_eq!(server.probes().len(), 1);
    let connections = server.connections();
    let _nothing_owed = sandbox.sk_sync(["drain"]).success();
    assert_eq!(
        (server.probes().len(), server.connections()),
        (1, connections),
        "no socket is opened for nothing"
    );
}

/// A server that asked for a pause is not asked for its health either.
#[test]
fn a_server_that_wants_to_be_left_alone_is() {
    let server = Server::answering(|_| Reply::status(429).header("Retry-After", "3000"));
    server.healthy(Reply::json(200, &json!({"git_sha": "1"})));
    let sandbox = aimed_at(&server);
    for _ in 0..3 {
        let _run = sandbox.sk_sync(["run"]).code(3);
    }
    assert_eq!(server.probes().len(), 1);
}

/// Signs of another server stay in `status` until the user replays to it, or confirms that nothing
/// was lost.
#[test]
fn an_offer_to_replay_stays_until_it_is_answered() {
    let server = server();
    let sandbox = aimed_at(&server);
    let see = |news: &str, instance: &str| {
        server.healthy(Reply::json(200, &json!({"server_instance_id": instance})));
        new_fact(&sandbox, news);
        let _run = sandbox.sk_sync(["run"]).success();
    };
    let status = || sandbox.sk_sync(["status", "--json"]).success().json();
    let offer = || status()["delivery_targets"]["current"]["reset_offer"].clone();
    see("one", "a");
    assert_eq!(offer(), Value::Null);
    see("two", "b");
    see("three", "b");
    let first = offer();
    let changes = json!([{"field": "server_instance_id", "previous": "a", "current": "b"}]);
    assert_eq!(first["changes"], changes, "{first}");
    let line = first["run"].as_str().unwrap();
    let steps = status()["next_steps"].clone();
    assert!(
        steps
            .as_array()
            .unwrap()
            .iter()
            .any(|step| step["run"] == line),
        "{steps}"
    );
    let words: Vec<_> = line.split(' ').skip(1).collect();
    let _looked = sandbox
        .sk_sync(words.iter().chain(&["--dry-run"]))
        .success();
    let _looked = sandbox
        .sk_sync(words.iter().chain(&["--dismiss", "--dry-run"]))
        .success();
    assert_eq!(offer(), first, "looking changes nothing");
    let done = sandbox
        .sk_sync(words.iter().chain(&["--dismiss", "--json"]))
        .success()
        .json();
    assert_eq!((&done["dismissed"], offer()), (&json!(true), Value::Null));
    let events = |requests: Vec<Request>| {
        requests
            .iter()
            .filter(|r| is_events(r))
            .flat_map(ids)
            .count()
    };
    let before = events(server.requests());
    let _nothing = sandbox.sk_sync(["drain"]).success();
    assert_eq!(events(server.requests()), before, "nothing is owed again");

    see("four", "c");
    assert_eq!(offer()["changes"][0]["current"], "c");
    let _replayed = sandbox.sk_sync(&words).success();
    assert_eq!(offer(), Value::Null);
    let before = events(server.requests());
    let _sent = sandbox.sk_sync(["drain"]).success();
    assert_eq!(
        json!(events(server.requests()) - before),
        status()["balance"]["captured"]
    );
}

//! Health requests: limits that a server states are kept, its identity is recorded, and a server
//! without a usable answer still gets deliveries.

mod limits;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{ids, is_events, open};

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
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
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

#[test]
fn another_server_at_the_same_address_is_an_offer_to_replay_and_never_a_replay() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
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
        let server = Server::honest();
        server.healthy(reply.clone());
        let sandbox = Sandbox::aimed_at(&server);
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
    let server = Server::honest();
    server.healthy(Reply::json(200, &json!({"git_sha": "1"})));
    let mut sandbox = Sandbox::aimed_at(&server);
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
    let sandbox = Sandbox::aimed_at(&server);
    for _ in 0..3 {
        let _run = sandbox.sk_sync(["run"]).code(3);
    }
    assert_eq!(server.probes().len(), 1);
}

/// Signs of another server stay in `status` until the user replays to it, or confirms that nothing
/// was lost.
#[test]
fn an_offer_to_replay_stays_until_it_is_answered() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let see = |news: &str, instance: &str| {
        server.healthy(Reply::json(200, &json!({"server_instance_id": instance})));
        new_fact(&sandbox, news);
        let _run = sandbox.sk_sync(["run"]).success();
    };
    let status = || sandbox.status();
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

//! Servers that invent answers or lie.

use serde_json::{Value, json};

use super::{ALL, answers, balances, forget, fresh, liar, sent_to};
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::honest;

#[test]
fn a_server_that_lies_gets_no_more_than_it_asked_for_and_harms_nothing() {
    let (mut sandbox, served) = fresh();
    let truth = answers(&sandbox, &served);
    let facts = truth["facts"]["facts"].as_array().unwrap().clone();
    let all = |facts: Vec<Value>| Reply::json(200, &json!({"facts": facts, "next": null}));
    let log = || Reply::json(200, &truth["log"]);
    let each = |change: &dyn Fn(&mut Value)| {
        let mut facts = facts.clone();
        facts.iter_mut().for_each(change);
        all(facts)
    };
    let whole = (23, 14);
    let cases: [(&str, Reply, bool); 9] = [
        ("the truth", all(facts.clone()), false),
        (
            "texts that it does not have",
            each(&|fact| fact["document"] = true.into()),
            false,
        ),
        (
            "another project",
            each(&|fact| {
                fact["event"]["project_uuid"] = "262bb566-443d-51a9-8b0c-f82f7d341017".into();
            }),
            true,
        ),
        (
            "no events",
            each(&|fact| fact["event"] = json!({"a": 1})),
            true,
        ),
        (
            "other facts",
            each(&|fact| fact["event"]["payload"]["namespace"]["mission_type"] = "x".into()),
            true,
        ),
        (
            "clocks that cannot be",
            each(&|fact| fact["event"]["lamport_clock"] = i64::MAX.into()),
            true,
        ),
        (
            "a member of an older queue",
            each(&|fact| fact["event"]["drain_blocked_reason"] = "x".into()),
            true,
        ),
        ("another form", Reply::json(200, &json!([1, 2])), true),
        (
            "a list without end",
            Reply::json(200, &json!({"facts": facts, "next": "7"})),
            true,
        ),
    ];
    for (what, facts, sends_all) in cases {
        forget(&sandbox);
        let (hub, asked) = liar(facts, log(), &ALL);
        sandbox.target(&hub.url());
        let run = sandbox.sk_sync(["run", "--json"]).success().json();
        let [captured, delivered, documents, there] = balances(&run);
        assert_eq!((captured, documents), (delivered, there), "{what}: {run}");
        assert!(!asked.lock().unwrap().is_empty(), "{what}");
        let (events, documents) = sent_to(&hub);
        if sends_all {
            assert!(
                (events, documents) >= whole,
                "{what}: {events} events, {documents} documents"
            );
        } else {
            assert_eq!((events, documents), (0, 0), "{what}");
        }
        sandbox.verified();
    }
    // The one id twice: the second is not its own.
    forget(&sandbox);
    let id = facts[0]["event"]["event_id"].clone();
    let (hub, _) = liar(
        each(&|fact| fact["event"]["event_id"] = id.clone()),
        log(),
        &ALL,
    );
    sandbox.target(&hub.url());
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(balances(&run)[0], balances(&run)[1]);
    assert_eq!(run["capture"]["conflicts"], 0, "{run}");
}

/// Everything that a server got, unpacked.
fn words_sent_to(server: &Server) -> String {
    let posts = server.requests();
    posts
        .iter()
        .filter(|request| request.method == "POST")
        .map(|request| request.json().to_string())
        .collect()
}

#[test]
fn what_a_server_invents_reaches_no_other_server() {
    let (mut sandbox, served) = fresh();
    let truth = answers(&sandbox, &served);
    let forged = json!("FORGED");
    let places = [
        "/extra",
        "/project_slug",
        "/repo_slug",
        "/git_branch",
        "/head_commit_sha",
        "/build_id",
        "/node_id",
        "/timestamp",
        "/aggregate_id",
        "/aggregate_type",
        "/correlation_id",
        "/causation_id",
        "/payload/extra",
        "/payload/provenance",
        "/payload/context_diagnostics/snapshot_id",
        "/payload/context_diagnostics/extra",
        "/payload/indexed_at",
    ];
    for place in places {
        let mut facts = truth["facts"].clone();
        for fact in facts["facts"].as_array_mut().unwrap() {
            let (parent, name) = place.rsplit_once('/').unwrap();
            fact["event"].pointer_mut(parent).unwrap()[name] = forged.clone();
        }
        forget(&sandbox);
        let (hub, asked) = liar(
            Reply::json(200, &facts),
            Reply::json(200, &truth["log"]),
            &ALL,
        );
        sandbox.target(&hub.url());
        let _run = sandbox.sk_sync(["run"]).success();
        assert!(!asked.lock().unwrap().is_empty(), "{place}");
        let honest_one = Server::answering(|request: &Request| honest(request, "success"));
        honest_one.healthy(Reply::json(200, &json!({"status": "ok"})));
        sandbox.target(&honest_one.url());
        let run = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(balances(&run)[0], balances(&run)[1], "{place}: {run}");
        assert_eq!(
            sent_to(&honest_one),
            (23, 14),
            "{place}: the other server gets everything"
        );
        assert!(!words_sent_to(&honest_one).contains("FORGED"), "{place}");
        sandbox.verified();
    }
}

//! Cost of a drain: as few requests as the limits allow, and none with nothing to send.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::json;

use crate::support::Sandbox;
use crate::support::programs::skip;
use crate::support::server::{Reply, Server};
use crate::support::wire::{envelope, honest, ids, open};

fn captured(server: &Server, lengths: impl IntoIterator<Item = usize>) -> Sandbox {
    let sandbox = Sandbox::aimed_at(server);
    let line = |(n, length): (usize, usize)| {
        envelope(&format!("event-{n:06}"), "a", &"x".repeat(length)) + "\n"
    };
    let lines: String = lengths.into_iter().enumerate().map(line).collect();
    let _captured = sandbox.sk_sync_with(["capture", "-q"], lines).success();
    sandbox
}

/// A number of events with a limit per request: the minimum of requests, all on one connection
/// besides the health request.
#[test]
fn requests_are_the_fewest_that_the_count_allows() {
    for (events, most) in [
        (1, 1000),
        (999, 1000),
        (1000, 1000),
        (1001, 1000),
        (10, 3),
        (10, 1),
        (2500, 1000),
    ] {
        let server = Server::honest();
        let mut sandbox = captured(&server, vec![1; events]);
        sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", &most.to_string());
        let report = sandbox.sk_sync(["drain", "--json"]).success().json();
        let fewest = events.div_ceil(most);
        assert_eq!(
            report["drain"]["requests"],
            json!(fewest),
            "{events} at {most}"
        );
        let requests = server.requests();
        assert_eq!(requests.len(), fewest, "{events} at {most}");
        let connections: BTreeSet<_> = requests.iter().map(|request| request.connection).collect();
        assert_eq!(
            (connections.len(), server.connections()),
            (1, 1),
            "{events} at {most}"
        );
        assert_eq!(
            requests.iter().flat_map(ids).collect::<BTreeSet<_>>().len(),
            events
        );
    }
}

/// A number of bytes with a limit per request: each request contains as many events as fit, in
/// order, and no more bytes.
#[test]
fn requests_are_the_fewest_that_the_bytes_allow() {
    let lengths: Vec<usize> = (0..60).map(|n| 200 + (n * 7919) % 3000).collect();
    let most = 8192;
    let server = Server::honest();
    let mut sandbox = captured(&server, lengths.clone());
    sandbox.set("SK_SYNC_DRAIN__MAX_BYTES", &most.to_string());
    let _drained = sandbox.sk_sync(["drain"]).success();
    let (mut expected, mut used) = (vec![0], 0);
    for (n, length) in lengths.iter().enumerate() {
        let size = envelope(&format!("event-{n:06}"), "a", &"x".repeat(*length)).len();
        let with_it = if used == 0 {
            r#"{"events":[]}"#.len() + size
        } else {
            used + 1 + size
        };
        let is_new = with_it > most;
        used = if is_new {
            r#"{"events":[]}"#.len() + size
        } else {
            with_it
        };
        if is_new {
            expected.push(0);
        }
        *expected.last_mut().unwrap() += 1;
    }
    let requests = server.requests();
    assert_eq!(
        requests
            .iter()
            .map(|request| ids(request).len())
            .collect::<Vec<_>>(),
        expected
    );
    assert!(requests.iter().all(|request| request.body().len() <= most));
}

/// A refused batch is split next to two events of one aggregate, not between them: they are sent
/// together.
#[test]
fn two_events_of_one_thing_are_not_parted_where_that_can_be_helped() {
    let server = Server::answering(|request| {
        let is_bad = ids(request).iter().any(|id| id == "event-3") && ids(request).len() > 1;
        if is_bad {
            Reply::status(400)
        } else {
            honest(request, "success")
        }
    });
    let sandbox = Sandbox::aimed_at(&server);
    let lines = ["a", "b", "b", "c"].iter().enumerate();
    let lines: String = lines
        .map(|(n, of)| envelope(&format!("event-{n}"), of, "x") + "\n")
        .collect();
    let _captured = sandbox.sk_sync_with(["capture"], lines).success();
    let _drained = sandbox.sk_sync(["drain"]).success();
    let sizes: Vec<_> = server
        .requests()
        .iter()
        .map(|request| ids(request).len())
        .collect();
    assert_eq!(sizes, [4, 3, 1]);
}

/// A server that refuses every batch with the same reason does not refuse the events: a few
/// requests, and nothing is counted against them.
#[test]
fn a_server_that_refuses_everything_alike_is_asked_a_few_times() {
    let server = Server::answering(|_| Reply::status(400));
    let sandbox = captured(&server, vec![1; 1000]);
    let report = sandbox
        .sk_sync(["drain", "--json", "--max-time", "10m"])
        .code(4)
        .json();
    let requests = server.requests().len();
    assert!(requests <= 30, "{requests}");
    assert!(
        report["gates"].to_string().contains("server_refused"),
        "{report}"
    );
    let balance = &report["balance"];
    assert_eq!(
        (&balance["blocked"], &balance["holds"]),
        (&json!(1000), &json!(true)),
        "{balance}"
    );
}

/// A server that refuses every batch with changing reasons and names no event: the search for bad
/// events ends, and unproven events are left to send as before.
#[test]
#[expect(clippy::print_stdout, reason = "the count, with --no-capture")]
fn a_server_that_refuses_everything_is_not_asked_for_ever() {
    let server = Server::answering(|request| {
        let is_odd = ids(request)
            .first()
            .is_some_and(|id| id.ends_with(['1', '3', '5', '7', '9']));
        Reply::json(
            400,
            &json!({"error": if is_odd { "an odd one" } else { "an even one" }}),
        )
    });
    let sandbox = captured(&server, vec![1; 1000]);
    let report = sandbox
        .sk_sync(["drain", "--json", "--max-time", "10m"])
        .code(3)
        .json();
    let requests = server.requests().len();
    println!(
        "1,000 events refused in changing words: {requests} requests; {}",
        report["balance"]
    );
    assert!((400..=810).contains(&requests), "{requests}");
    assert!(
        report["drain"]["halted"]
            .as_str()
            .unwrap()
            .contains("too many requests"),
        "{report}"
    );
    let balance = &report["balance"];
    assert_eq!(
        (&balance["in_flight"], &balance["holds"]),
        (&json!(0), &json!(true)),
        "{balance}"
    );
    let (refused, owed) = (
        balance["retryable"].as_u64().unwrap(),
        balance["untried"].as_u64().unwrap(),
    );
    assert!(
        refused + owed == 1000 && refused > 100 && owed > 100,
        "{balance}"
    );
}

/// The network calls of a command; `None` if they cannot be traced.
fn sockets(sandbox: &Sandbox, args: &[&str]) -> Option<usize> {
    let trace = sandbox.path("trace");
    let program = sandbox.command(args);
    let mut command = Command::new("strace");
    command
        .args(["-f", "-e", "trace=network", "-o"])
        .arg(&trace);
    command
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(sandbox.repo())
        .env_clear();
    command.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let Ok(output) = command.output() else {
        skip(
            "there is no strace: whether a drain with nothing owed opens a socket is not looked at",
        );
        return None;
    };
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    Some(
        std::fs::read_to_string(trace)
            .unwrap()
            .lines()
            .filter(|line| line.contains("socket("))
            .count(),
    )
}

/// With nothing to send, no connection is made and no socket is opened, however much was delivered
/// before.
#[test]
fn a_drain_with_nothing_owed_opens_no_socket() {
    let server = Server::honest();
    let mut sandbox = captured(&server, vec![1; 10_000]);
    sandbox.set("SK_SYNC_BODIES__PARALLEL", "1");
    let _all = sandbox.sk_sync(["drain"]).success();
    let before = server.connections();
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(
        (
            &report["drain"]["requests"],
            &report["drain"]["health_requests"]
        ),
        (&json!(0), &json!(0))
    );
    assert_eq!(report["balance"]["delivered"], 10_000);
    if let Some(sockets) = sockets(&sandbox, &["drain"]) {
        assert_eq!(sockets, 0);
    }
    assert_eq!(server.connections(), before);
    // Proof that the trace works: with something to send there is a socket.
    let _more = sandbox
        .sk_sync_with(["capture"], envelope("one-more", "a", "x") + "\n")
        .success();
    assert!(sockets(&sandbox, &["drain"]).is_none_or(|sockets| sockets > 0));
    let rows: i64 = open(&sandbox.store())
        .query_row("SELECT COUNT(*) FROM delivery_rows", [], |r| r.get(0))
        .unwrap();
    assert_eq!(rows, 10_001);
}

/// A server that accepts ten events at a time, then one that accepts five: the halves of the first
/// request fit, and so does every batch built with the learned limit, without one event fewer for
/// the enclosing list.
#[test]
fn what_a_refusal_taught_costs_no_request_more() {
    for most in [10, 5] {
        let server = Server::answering(move |request| {
            if ids(request).len() > most {
                Reply::status(413)
            } else {
                honest(request, "success")
            }
        });
        let mut sandbox = Sandbox::aimed_at(&server);
        sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", &(2 * most).to_string());
        let line = |n: usize| envelope(&format!("event-{n:06}"), &format!("a{n:06}"), "x") + "\n";
        let _captured = sandbox
            .sk_sync_with(["capture"], (0..8 * most).map(line).collect::<String>())
            .success();
        let report = sandbox.sk_sync(["drain", "--json"]).success().json();
        let sizes: Vec<usize> = server
            .requests()
            .iter()
            .map(|request| ids(request).len())
            .collect();
        assert_eq!(
            sizes,
            [vec![2 * most], vec![most; 8]].concat(),
            "{}",
            report["drain"]
        );
        sandbox.verified();
    }
}

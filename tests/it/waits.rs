//! What waits, for how long, and the result: the rows of the outcome table that take more than one
//! run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{envelope, honest, ids};
use crate::support::{Sandbox, pause};

/// A project with `count` events, aimed at a server.
fn captured(server: &Server, count: usize) -> Sandbox {
    let sandbox = Sandbox::aimed_at(server);
    capture(&sandbox, 0..count);
    sandbox
}

fn capture(sandbox: &Sandbox, numbers: std::ops::Range<usize>) {
    let line = |n: usize| envelope(&format!("event-{n}"), &format!("a{n}"), "x") + "\n";
    let _captured = sandbox
        .sk_sync_with(["capture"], numbers.map(line).collect::<String>())
        .success();
}

fn drain(sandbox: &Sandbox, code: i32) -> Value {
    sandbox.sk_sync(["drain", "--json"]).code(code).json()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A server whose answers are set by the test, otherwise correct.
struct Told {
    server: Server,
    reply: Arc<Mutex<Option<Reply>>>,
}

impl Told {
    fn new() -> Self {
        let reply: Arc<Mutex<Option<Reply>>> = Arc::default();
        let said = Arc::clone(&reply);
        let mut known = BTreeSet::new();
        let server = Server::answering(move |request| {
            if let Some(reply) = said.lock().unwrap().clone() {
                return reply;
            }
            let is_known = ids(request).iter().all(|id| known.contains(id));
            known.extend(ids(request));
            honest(request, if is_known { "duplicate" } else { "success" })
        });
        Self { server, reply }
    }

    fn says(&self, reply: Option<Reply>) {
        *self.reply.lock().unwrap() = reply;
    }

    fn asked(&self) -> usize {
        self.server.requests().len()
    }
}

/// 202: sent again after one minute, then after two; once stored, the answer settles it.
#[test]
fn what_was_accepted_is_sent_again_until_it_is_stored() {
    let told = Told::new();
    told.says(Some(Reply::status(202)));
    let sandbox = captured(&told.server, 3);
    assert_eq!(drain(&sandbox, 0)["balance"]["in_flight"], 3);
    for (wait, most) in [(58, 2), (118, 3)] {
        sandbox.pass(seconds(wait));
        drain(&sandbox, 0);
        assert_eq!(told.asked(), most - 1, "{wait} s are too early");
        sandbox.pass(seconds(4));
        drain(&sandbox, 0);
        assert_eq!(told.asked(), most, "{wait} s");
    }
    told.says(None);
    sandbox.pass(seconds(3601));
    let report = drain(&sandbox, 0);
    assert_eq!(
        (&report["drain"]["success"], &report["balance"]["delivered"]),
        (&json!(3), &json!(3))
    );
}

/// An event that makes the server fail: its batch is sent three times under one key, then in halves
/// under new keys, down to the single event, which waits alone while everything else is delivered.
#[test]
fn an_event_that_breaks_the_server_ends_up_alone() {
    let mut is_mended = false;
    let server = Server::answering(move |request| {
        is_mended |= ids(request).iter().any(|id| id == "event-99");
        let breaks = !is_mended && ids(request).iter().any(|id| id == "event-5");
        if breaks {
            Reply::status(500)
        } else {
            honest(request, "success")
        }
    });
    let sandbox = captured(&server, 8);
    for _ in 0..12 {
        drain(&sandbox, 3);
        sandbox.pass(seconds(600));
    }
    let report = drain(&sandbox, 3);
    assert_eq!(
        (
            &report["balance"]["delivered"],
            &report["balance"]["in_flight"]
        ),
        (&json!(7), &json!(1))
    );
    let mut sendings: BTreeMap<Vec<String>, Vec<Request>> = BTreeMap::new();
    for request in server.requests() {
        sendings.entry(ids(&request)).or_default().push(request);
    }
    for (events, requests) in &sendings {
        let breaks = events.iter().any(|id| id == "event-5");
        let first = &requests[0];
        let is_again = |r: &Request| {
            r.header("idempotency-key") == first.header("idempotency-key") && r.raw == first.raw
        };
        assert!(requests.iter().all(is_again), "{events:?}: bytes and key");
        let times = requests.len();
        assert!(
            if breaks {
                times == 3 || events.len() == 1
            } else {
                times == 1
            },
            "{events:?}: {times} times"
        );
    }
    let keys: BTreeSet<_> = sendings
        .values()
        .map(|requests| requests[0].header("idempotency-key"))
        .collect();
    assert_eq!(keys.len(), sendings.len(), "a key for each batch");
    let sizes: Vec<_> = sendings
        .keys()
        .filter(|e| e.contains(&"event-5".to_owned()))
        .map(Vec::len)
        .collect();
    assert_eq!(sizes.iter().sum::<usize>(), 8 + 4 + 2 + 1, "{sizes:?}");
    // New events are sent before the waiting one, and the repaired server gets that one as well.
    capture(&sandbox, 99..100);
    sandbox.pass(seconds(600));
    let report = drain(&sandbox, 0);
    assert_eq!(report["balance"]["delivered"], 9);
    let last: Vec<_> = server.requests().iter().rev().take(2).map(ids).collect();
    assert_eq!(last, [vec!["event-5"], vec!["event-99"]]);
}

/// A drain that lasts longer than the waits after a refusal: it tries no event twice, so a server
/// that is misconfigured for a while costs each event one of its five tries and not all of them.
#[test]
fn a_drain_that_lasts_gets_each_event_refused_but_once() {
    let server = Server::answering(|request| {
        pause(Duration::from_millis(60));
        honest(request, "rejected")
    });
    let mut sandbox = captured(&server, 30);
    sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "1");
    for drains in 1..=2 {
        assert_eq!(drain(&sandbox, 3)["balance"]["retryable"], 30);
        let sent: Vec<_> = server.requests().iter().flat_map(ids).collect();
        let each = sent.iter().collect::<BTreeSet<_>>().len();
        assert_eq!((each, sent.len()), (30, drains * 30), "drain {drains}");
        sandbox.pass(seconds(600));
    }
    sandbox.verified();
}

/// A bad event is sent alone from then on, so that others are not refused with it again.
#[test]
fn a_culprit_goes_alone_from_then_on() {
    let server = Server::answering(|request| {
        let has_culprit = ids(request).iter().any(|id| id == "event-2");
        if has_culprit {
            Reply::status(400)
        } else {
            honest(request, "success")
        }
    });
    let sandbox = captured(&server, 4);
    drain(&sandbox, 3);
    let before = server.requests().len();
    capture(&sandbox, 10..14);
    sandbox.pass(seconds(600));
    let report = drain(&sandbox, 3);
    assert_eq!(
        (&report["drain"]["success"], &report["drain"]["rejected"]),
        (&json!(4), &json!(1))
    );
    let later: Vec<_> = server.requests().iter().skip(before).map(ids).collect();
    assert_eq!(
        later,
        [
            vec!["event-2"],
            vec!["event-10", "event-11", "event-12", "event-13"]
        ]
    );
    for _ in 0..2 {
        sandbox.pass(seconds(600));
        drain(&sandbox, 3);
    }
    sandbox.pass(seconds(600));
    assert_eq!(
        drain(&sandbox, 5)["balance"]["undeliverable"],
        1,
        "the fifth refusal is the last"
    );
    sandbox.pass(seconds(600));
    drain(&sandbox, 0);
    assert_eq!(server.requests().len(), before + 2 + 3);
}

/// A learned limit doubles after ten clean batches, and again, and ends at the configured one.
#[test]
fn a_learned_limit_grows_back_to_the_configured_one() {
    let mut refusals = 2;
    let server = Server::answering(move |request| {
        if ids(request).len() > 5 && refusals > 0 {
            refusals -= 1;
            return Reply::status(413);
        }
        honest(request, "success")
    });
    let mut sandbox = Sandbox::aimed_at(&server);
    sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "20");
    capture(&sandbox, 0..210);
    let report = drain(&sandbox, 0);
    assert_eq!(report["balance"]["delivered"], 210);
    let sizes: Vec<usize> = server.requests().iter().map(|r| ids(r).len()).collect();
    assert_eq!(
        sizes[..5],
        [20, 10, 5, 5, 10],
        "halved twice; a half that waits goes as it was made"
    );
    // Learned limits, by count and by bytes: ten clean batches (three are counted above), ten of
    // twice the size, and then the configured size.
    let most = |sizes: &[usize]| (*sizes.iter().min().unwrap(), *sizes.iter().max().unwrap());
    assert!(matches!(most(&sizes[5..12]), (4.., ..=5)), "{sizes:?}");
    assert!(matches!(most(&sizes[12..22]), (8.., ..=10)), "{sizes:?}");
    assert!(
        matches!(most(&sizes[22..sizes.len() - 1]), (18.., ..=20)),
        "{sizes:?}"
    );
}

/// The wait that a server asks for: as seconds, as a date, in the body; after any answer that can
/// ask for one.
#[test]
fn a_server_is_left_alone_for_as_long_as_it_asks() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a server says by its own clock when to come back"
    )]
    let date = httpdate::fmt_http_date(SystemTime::now() + seconds(300));
    let header = |status| move |value: &str| Reply::status(status).header("Retry-After", value);
    for (name, reply, stands) in [
        ("429, seconds", header(429)("300"), "untried"),
        ("429, a date", header(429)(&date), "untried"),
        (
            "429, in the body",
            Reply::json(429, &json!({"retry_after": 300})),
            "untried",
        ),
        ("408, seconds", header(408)("300"), "untried"),
        ("503, seconds", header(503)("300"), "in_flight"),
    ] {
        let told = Told::new();
        let sandbox = captured(&told.server, 2);
        told.says(Some(reply));
        assert_eq!(drain(&sandbox, 3)["balance"][stands], 2, "{name}");
        told.says(None);
        sandbox.pass(seconds(200));
        drain(&sandbox, 3);
        assert_eq!(told.asked(), 1, "{name}: asked too early");
        // A quarter more at most, by chance.
        sandbox.pass(seconds(180));
        assert_eq!(drain(&sandbox, 0)["balance"]["delivered"], 2, "{name}");
    }
}

/// A server that asks for years is believed for an hour.
#[test]
fn no_wait_is_longer_than_an_hour() {
    let told = Told::new();
    let sandbox = captured(&told.server, 2);
    told.says(Some(Reply::status(429).header("Retry-After", "999999999")));
    drain(&sandbox, 3);
    told.says(None);
    sandbox.pass(seconds(3500));
    drain(&sandbox, 3);
    assert_eq!(told.asked(), 1);
    sandbox.pass(seconds(110));
    assert_eq!(drain(&sandbox, 0)["balance"]["delivered"], 2);
}

/// The clock was days ahead when a wait was recorded, and is correct again: the wait does not last
/// for days. A plausible wait is kept.
#[test]
fn a_clock_that_was_set_back_holds_up_nobody() {
    let each = |word: &'static str| move |n: usize| json!({"event_id": format!("event-{n}"), "status": word});
    let all = |word: &'static str| {
        Reply::json(
            200,
            &json!({"results": (0..2).map(each(word)).collect::<Vec<_>>()}),
        )
    };
    for (name, reply, code) in [
        (
            "in flight",
            Reply::status(503).header("Retry-After", "120"),
            3,
        ),
        ("rejected", all("rejected"), 3),
        ("transient", all("perhaps"), 3),
        ("pending", all("pending"), 0),
        (
            "throttled",
            Reply::status(429).header("Retry-After", "120"),
            3,
        ),
    ] {
        let told = Told::new();
        let sandbox = captured(&told.server, 2);
        told.says(Some(reply));
        drain(&sandbox, code);
        told.says(None);
        sandbox.turn_back(seconds(1800));
        drain(&sandbox, code);
        assert_eq!(told.asked(), 1, "{name}: half an hour may be true");
        sandbox.turn_back(Duration::from_hours(72));
        assert_eq!(drain(&sandbox, 0)["balance"]["delivered"], 2, "{name}");
        assert_eq!(told.asked(), 2, "{name}");
    }
}

//! Every preset, and both axes separately: which families are kept, and which are sent.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::Server;
use crate::support::wire::{audit, ids};

/// One event of each kind of family: bound for a Teamspace, local by the built-in table, local by
/// the configuration, and unknown.
const EVENTS: [&str; 5] = [
    "WPStatusChanged",
    "MissionReopened",
    "FollowUpRecorded",
    "MyOwnNote",
    "NeverHeardOf",
];
const BOUND: [&str; 2] = ["WPStatusChanged", "NeverHeardOf"];

fn id(n: usize) -> String {
    format!("01JMBY7K8N3QRVX2DPF{n:07}")
}

fn envelope(n: usize, event_type: &str) -> String {
    let envelope = json!({
        "event_id": id(n), "event_type": event_type, "aggregate_id": format!("WP{n}"), "aggregate_type": "WorkPackage",
        "payload": {"wp_id": "WP01", "mission_slug": "m", "from_lane": "planned", "to_lane": "claimed", "actor": "a",
                    "execution_mode": "worktree"},
        "node_id": "0123456789ab", "lamport_clock": n, "causation_id": null, "correlation_id": id(n),
        "timestamp": "2026-02-12T10:00:00.000000+00:00", "schema_version": "3.0.0", "team_slug": "core",
        "project_uuid": "7e57ab1e-0000-4000-8000-000000000001", "build_id": "b",
    });
    envelope.to_string() + "\n"
}

/// The types of the events with these ids.
fn types<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    ids.map(|known| EVENTS[(0..EVENTS.len()).find(|n| id(*n) == known).unwrap()])
        .collect()
}

/// Result for the events: the word of `capture` for each, the types that the server got, the
/// balance.
fn outcome(preset: &str, more: &str) -> (Sandbox, Vec<String>, Vec<&'static str>, Value) {
    let server = Server::honest();
    let mut sandbox = Sandbox::with_empty_repo();
    let url = server.url();
    sandbox.own(format!(
        "{preset}\nproject.uuid = '7e57ab1e-0000-4000-8000-000000000001'\nfamilies.local_only = ['MyOwnNote']\n\
             teamspace = {{ server_url = '{url}', team_slug = 'core' }}\nexternal_receiver.url = '{url}'\n{more}\n"
    ));
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let lines: String = EVENTS
        .iter()
        .enumerate()
        .map(|(n, kind)| envelope(n, kind))
        .collect();
    let captured = sandbox
        .sk_sync_with(["capture", "--json"], lines)
        .success()
        .json_lines();
    let word = |line: &Value| {
        let blocked = line["blocked"]
            .as_str()
            .map_or_else(String::new, |why| format!(" {why}"));
        format!("{}{blocked}", line["result"].as_str().unwrap())
    };
    let _sent = sandbox.sk_sync(["drain"]).success();
    let balance = sandbox.status()["balance"].clone();
    assert_eq!(balance["holds"], true);
    let got: Vec<_> = server.requests().iter().flat_map(ids).collect();
    let got = types(got.iter().map(String::as_str));
    (sandbox, captured.iter().map(word).collect(), got, balance)
}

#[test]
fn each_preset_does_what_its_row_says() {
    let held = "captured local_only";
    let kept = ["captured", held, held, held, "captured"];
    let out = [
        "captured opted_out",
        "discarded",
        "discarded",
        "discarded",
        "captured opted_out",
    ];
    for (preset, words, sent, delivered, blocked) in [
        ("teamspace", kept, &BOUND[..], 2, 3),
        ("external-receiver", kept, &BOUND, 2, 3),
        ("local-retention", kept, &[], 0, 3),
        ("stub", kept, &[], 2, 3),
        ("opt-out", out, &[], 0, 2),
        ("trash", out, &[], 0, 2),
    ] {
        let (sandbox, captured, got, balance) = outcome(&format!("preset = '{preset}'"), "");
        assert_eq!(
            (captured, &got[..]),
            (words.map(str::to_owned).to_vec(), sent),
            "{preset}"
        );
        assert_eq!(
            (&balance["delivered"], &balance["blocked"]),
            (&json!(delivered), &json!(blocked)),
            "{preset}"
        );
        // Events on hold at capture wait for a release, whatever is chosen later.
        let later = sandbox
            .sk_sync(["drain", "--preset", "stub", "--json"])
            .success()
            .json();
        assert_eq!(later["balance"]["blocked"], blocked, "{preset}");
        let released = sandbox.sk_sync(["events", "release", &id(0)]).success();
        if words[0] == "captured opted_out" {
            assert!(released.stdout.contains("released"), "{}", released.stdout);
            let sent = sandbox
                .sk_sync(["drain", "--preset", "stub", "--json"])
                .success()
                .json();
            assert_eq!(
                (&sent["balance"]["delivered"], &sent["balance"]["blocked"]),
                (&json!(1), &json!(1))
            );
        }
    }
}

/// Opting out never silently drops events for a Teamspace: they are kept, or audited.
#[test]
fn opting_out_keeps_or_audits() {
    let (sandbox, captured, got, balance) =
        outcome("preset = 'opt-out'", "opt_out.teamspace_bound = 'audit'");
    assert!(
        captured.iter().all(|word| word == "discarded") && got.is_empty(),
        "{captured:?}"
    );
    assert_eq!(balance["captured"], 0);
    let acts = audit(&sandbox.store());
    let bound =
        ["WPStatusChanged", "NeverHeardOf"].map(|kind| ("discarded".to_owned(), kind.to_owned()));
    assert_eq!(acts, bound, "what is local only needs no trail");
}

/// The axes separately: retention off with a delivery deletes acknowledged payloads, and none on
/// hold.
#[test]
fn the_axes_combine() {
    let gone = |sandbox: &Sandbox| {
        let events = sandbox
            .sk_sync(["events", "list", "--jsonl"])
            .success()
            .json_lines();
        let left = events.iter().filter(|event| event["purged_at"].is_string());
        types(left.map(|event| event["event_id"].as_str().unwrap()))
    };
    for (retention, delivery, left) in [
        ("on", "teamspace", &[][..]),
        ("on", "external-receiver", &[]),
        ("off", "teamspace", &BOUND),
        ("off", "external-receiver", &BOUND),
        ("off", "stub", &[]),
        ("on", "none", &[]),
    ] {
        let axes = format!("retention = '{retention}'\ndelivery = '{delivery}'");
        let (sandbox, captured, _, balance) = outcome(&axes, "");
        assert_eq!(gone(&sandbox), left, "{axes}");
        assert_eq!(
            (&captured[0][..], &balance["blocked"]),
            ("captured", &json!(3)),
            "{axes}"
        );
    }
    let (_, captured, ..) = outcome("retention = 'off'\ndelivery = 'none'", "");
    assert_eq!(
        captured[0], "captured opted_out",
        "the point on both axes that has a name"
    );
}

/// A receiver of one's own needs neither token nor team nor switch, and a drain to it is recorded
/// as its own.
#[test]
fn a_receiver_of_ones_own_asks_for_nothing_of_a_teamspace() {
    let server = Server::honest();
    let mut sandbox = Sandbox::with_repo();
    sandbox.own(format!(
        "preset = 'external-receiver'\nexternal_receiver.url = '{}'\n",
        server.url()
    ));
    sandbox.set("SPEC_KITTY_ENABLE_SAAS_SYNC", "0");
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        report["balance"]["delivered"],
        report["balance"]["captured"]
    );
    assert_eq!(
        (
            &report["target"]["team_slug"],
            &report["target"]["canonical_url"]
        ),
        (&json!(""), &json!(server.url()))
    );
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
    let gates: Vec<_> = report["gates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gate| gate["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        gates,
        [
            "target_disagreement",
            "missing_header_secret",
            "missing_consent",
            "repository_not_allowed"
        ]
    );
}

/// Older tools and other languages spell a preset in capitals or with underscores.
#[test]
fn a_preset_is_understood_in_any_case_and_with_underscores() {
    let sandbox = Sandbox::with_repo();
    for (written, preset) in [
        ("LOCAL_RETENTION", "local-retention"),
        ("opt_out", "opt-out"),
        ("OPT-OUT", "opt-out"),
        ("Stub", "stub"),
    ] {
        let _set = sandbox.sk_sync(["mode", written]).success();
        let shown = sandbox.sk_sync(["mode", "--json"]).success().json();
        assert_eq!(shown["values"][0]["value"], preset, "{written}");
        let _run = sandbox
            .sk_sync(["run", "--no-drain", "--preset", written])
            .success();
    }
}

//! Processes that end in the middle, and processes at the same time.

use std::process::Stdio;
use std::time::Duration;

use crate::support::wire::{assert_mirrored, journal};
use crate::support::{Sandbox, pause};

/// A sequence of waits that is random enough and the same in every run.
fn waits(count: u64, most_millis: u64) -> impl Iterator<Item = Duration> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..count).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((state >> 33) % most_millis)
    })
}

/// SIGKILL at twenty moments of a run, then one run: the receiver holds every event and body exactly once.
#[test]
fn a_killed_run_loses_nothing_and_doubles_nothing() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    for (round, wait) in waits(20, 160).enumerate() {
        let mut child = sandbox.command(["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        pause(wait);
        child.kill().unwrap();
        child.wait().unwrap();
        let spec = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";
        sandbox.write(spec, sandbox.read(spec) + &format!("round {round}\n"));
    }
    // An answer may have been lost in the last round; its batch is due at once, since nobody noted a failure.
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["balance"]["delivered"].as_u64(), Some(journal(&sandbox.store()).len() as u64));
    drop(served);
    assert_mirrored(&sandbox, &file);
}

/// The same with the receiver inside the killed process.
#[test]
fn a_killed_run_with_the_embedded_receiver_loses_nothing() {
    let sandbox = Sandbox::with_repo();
    for wait in waits(12, 200) {
        let mut child = sandbox.command(["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        pause(wait);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["balance"]["delivered"], report["balance"]["captured"]);
    assert_mirrored(&sandbox, &sandbox.store().with_file_name("stub.db"));
}

/// SIGKILL of the receiver at six moments of a run: what it answered for is there when it is back, and the rest comes.
#[test]
fn a_killed_receiver_keeps_what_it_answered_for() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let store = file.to_str().unwrap().to_owned();
    let mut served = sandbox.serve(&["--store", &store]);
    let (url, address) = (served.url(), served.url().trim_start_matches("http://").to_owned());
    sandbox.target(&url);
    sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "3");
    for (round, wait) in waits(6, 140).enumerate() {
        let spec = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";
        sandbox.write(spec, sandbox.read(spec) + &format!("round {round}\n"));
        let mut child = sandbox.command(["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        pause(wait);
        drop(served);
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 3)), "round {round}: {code:?}");
        served = sandbox.serve(&["--store", &store, "--listen", &address]);
    }
    // A batch or a body that was on its way waits a few seconds at most after so many tries.
    let mut report = serde_json::Value::Null;
    for _ in 0..40 {
        let run = sandbox.sk_sync(["run", "--json"]);
        report = run.json();
        if run.code == Some(0) {
            break;
        }
        pause(Duration::from_millis(500));
    }
    assert_eq!(report["exit_code"], 0, "{report}");
    assert_eq!(served.report()["conflicts"], 0);
    drop(served);
    assert_mirrored(&sandbox, &file);
}

/// D57, D18: four runs at once: each event is stored once, nobody sees a locked database.
#[test]
fn d57_runs_at_the_same_time_do_not_hurt() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    let children: Vec<_> = (0..4)
        .map(|_| sandbox.command(["run", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 75)), "{:?} {told}", output.status);
        assert!(!told.contains("database is locked") && !told.contains("store_locked"), "{told}");
    }
    let _last = sandbox.sk_sync(["run"]).success();
    drop(served);
    assert_mirrored(&sandbox, &file);
}

/// The holder of the drain lock is named to the one who waits in vain.
#[test]
fn a_drain_that_waits_in_vain_names_the_holder() {
    let mut sandbox = Sandbox::with_repo();
    let _first = sandbox.sk_sync(["run", "--no-drain"]).success();
    sandbox.set("SK_SYNC_DRAIN__LOCK_WAIT", "0s");
    let path = sandbox.store().with_file_name("drain.lock");
    let lock = std::fs::File::create(&path).unwrap();
    lock.lock().unwrap();
    std::fs::write(
        path.with_extension("holder"),
        r#"{"pid":4711,"since":"2026-01-01T00:00:00+00:00","doing":"drain"}"#,
    )
    .unwrap();
    let report = sandbox.sk_sync(["run", "--json"]).code(75).json();
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("4711") && warnings.contains("drain.lock"), "{warnings}");
    assert_eq!(report["capture"]["unchanged"], report["balance"]["untried"]);
    lock.unlock().unwrap();
    let _later = sandbox.sk_sync(["run"]).success();
}

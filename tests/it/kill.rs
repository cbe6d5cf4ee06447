//! Processes that end in the middle, and processes at the same time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::wire::{assert_mirrored, journal};
use crate::support::{Sandbox, is_long, pause};

/// A sequence of waits that is random enough and the same in every run.
fn waits(count: u64, most_millis: u64) -> impl Iterator<Item = Duration> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..count).map(move |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((state >> 33) % most_millis)
    })
}

/// SIGKILL at twenty moments of a run, then one run: the receiver holds every event and body
/// exactly once.
#[test]
fn a_killed_run_loses_nothing_and_doubles_nothing() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    for (round, wait) in waits(20, 160).enumerate() {
        let mut child = sandbox
            .command(["run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        pause(wait);
        child.kill().unwrap();
        child.wait().unwrap();
        let spec = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";
        sandbox.write(spec, sandbox.read(spec) + &format!("round {round}\n"));
    }
    // An answer may have been lost in the last round; its batch is due at once, because no failure
    // was recorded.
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        report["balance"]["delivered"].as_u64(),
        Some(journal(&sandbox.store()).len() as u64)
    );
    drop(served);
    assert_mirrored(&sandbox, &file);
}

/// The same with the receiver inside the killed process.
#[test]
fn a_killed_run_with_the_embedded_receiver_loses_nothing() {
    let sandbox = Sandbox::with_repo();
    for wait in waits(12, 200) {
        let mut child = sandbox
            .command(["run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        pause(wait);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        report["balance"]["delivered"],
        report["balance"]["captured"]
    );
    assert_mirrored(&sandbox, &sandbox.store().with_file_name("stub.db"));
}

/// SIGKILL of the receiver at six moments of a run: acknowledged events are there when it is back,
/// and the rest is delivered.
#[test]
fn a_killed_receiver_keeps_what_it_answered_for() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let store = file.to_str().unwrap().to_owned();
    let mut served = sandbox.serve(&["--store", &store]);
    let (url, address) = (
        served.url(),
        served.url().trim_start_matches("http://").to_owned(),
    );
    sandbox.target(&url);
    sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "3");
    for (round, wait) in waits(6, 140).enumerate() {
        let spec = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";
        sandbox.write(spec, sandbox.read(spec) + &format!("round {round}\n"));
        let mut child = sandbox
            .command(["run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        pause(wait);
        drop(served);
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 3)), "round {round}: {code:?}");
        served = sandbox.serve(&["--store", &store, "--listen", &address]);
    }
    // A batch or a body that was on its way waits a few seconds at most after so many tries.
    let mut report = Value::Null;
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

/// Four runs at once: each event is stored once, and no run reports a locked database.
#[test]
fn d57_runs_at_the_same_time_do_not_hurt() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    let children: Vec<_> = (0..4)
        .map(|_| {
            sandbox
                .command(["run", "--json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(
            matches!(output.status.code(), Some(0 | 75)),
            "{:?} {told}",
            output.status
        );
        assert!(
            !told.contains("database is locked") && !told.contains("store_locked"),
            "{told}"
        );
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
    assert!(
        warnings.contains("4711") && warnings.contains("drain.lock"),
        "{warnings}"
    );
    assert_eq!(report["capture"]["unchanged"], report["balance"]["untried"]);
    lock.unlock().unwrap();
    let _later = sandbox.sk_sync(["run"]).success();
}

fn plain(id: &str) -> String {
    let project = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";
    format!(
        r#"{{"event_id":"{id}","event_type":"T","project_uuid":"{project}","payload":{{"x":"{id}"}}}}"#
    )
}

/// Starts `capture` and writes lines until `more` returns false or it ends.
fn producing(
    sandbox: &Sandbox,
    args: &[&str],
    name: String,
    more: impl Fn(u32) -> bool + Send + 'static,
) -> (Child, std::thread::JoinHandle<u32>) {
    let mut command = sandbox.command(["capture", "--json"].iter().chain(args));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let feed = std::thread::spawn(move || {
        let mut n = 0;
        // The pipe breaks when the process is killed.
        while more(n) && writeln!(input, "{}", plain(&format!("{name}-{n:06}"))).is_ok() {
            n += 1;
        }
        n
    });
    (child, feed)
}

/// The ids that whole lines of answers acknowledge, with the result.
fn answered(child: &mut Child) -> Vec<(String, String)> {
    let output = BufReader::new(child.stdout.take().unwrap()).lines();
    let parsed = output
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    parsed
        .map(|line| (text(&line["event_id"]), text(&line["result"])))
        .collect()
}

/// Repeated SIGKILL while lines are captured, one at a time and in batches: acknowledged lines are
/// in the journal.
#[cfg(unix)]
#[test]
fn d04_a_killed_capture_keeps_what_it_answered_for() {
    let sandbox = Sandbox::with_repo();
    let mut acknowledged = 0;
    for args in [&["--each"][..], &["--batch", "50"]] {
        for (round, wait) in waits(8, 250).enumerate() {
            let name = format!("{}-{round}", args[0]);
            let (mut child, feed) = producing(&sandbox, args, name, |_| true);
            let pid = child.id().to_string();
            let killer = std::thread::spawn(move || {
                pause(wait + Duration::from_millis(30));
                std::process::Command::new("kill")
                    .args(["-9", &pid])
                    .status()
                    .unwrap()
            });
            let answers = answered(&mut child);
            assert!(killer.join().unwrap().success());
            assert_eq!(child.wait().unwrap().code(), None, "it was killed");
            feed.join().unwrap();
            if !answers.is_empty() {
                let kept = journal(&sandbox.store());
                let lost: Vec<_> = answers
                    .iter()
                    .filter(|(id, _)| !kept.contains_key(id))
                    .collect();
                assert!(
                    lost.is_empty(),
                    "round {round} {args:?}: {lost:?} of {}",
                    answers.len()
                );
                sandbox.verified();
            }
            acknowledged += answers.len();
        }
    }
    assert!(acknowledged > 100, "{acknowledged}");
}

/// Two processes capture at once, for ten seconds with `SK_SYNC_LONG_TESTS=1`: nothing is lost,
/// nothing is doubled, and neither reports the other.
#[test]
fn two_captures_at_once_do_not_hear_of_each_other() {
    let sandbox = Sandbox::with_repo();
    let begun = Instant::now();
    let more = move |n: u32| {
        if is_long() {
            begun.elapsed() < Duration::from_secs(10)
        } else {
            n < 400
        }
    };
    let answers: Vec<Vec<(String, String)>> = std::thread::scope(|scope| {
        let captures: Vec<_> = [("one", &["--each"][..]), ("two", &["--batch", "7"])]
            .map(|(name, args)| {
                let sandbox = &sandbox;
                scope.spawn(move || {
                    let (mut child, feed) = producing(sandbox, args, name.to_owned(), more);
                    let answers = answered(&mut child);
                    let output = child.wait_with_output().unwrap();
                    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
                    assert_eq!(answers.len(), feed.join().unwrap() as usize);
                    answers
                })
            })
            .into();
        captures
            .into_iter()
            .map(|capture| capture.join().unwrap())
            .collect()
    });
    assert!(
        answers
            .iter()
            .flatten()
            .all(|(_, result)| result == "captured")
    );
    let kept = journal(&sandbox.store());
    assert_eq!(kept.len(), answers.iter().map(Vec::len).sum::<usize>());
    assert!(answers.iter().flatten().all(|(id, _)| {
        kept.get(id)
            .is_some_and(|bytes| *bytes == plain(id).into_bytes())
    }));
}

/// The most memory a capture takes depends on a batch, not on the stream. Loosely, and only with
/// `SK_SYNC_LONG_TESTS=1`.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_a_capture_is_flat() {
    if !is_long() {
        return;
    }
    let most = |lines: u32| {
        let sandbox = Sandbox::with_repo();
        let (proceed, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let more = move |n: u32| n < lines || wait.lock().unwrap().recv().is_ok();
        let (mut child, feed) = producing(&sandbox, &[], "m".to_owned(), more);
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        // A batch that is not full is answered after a second of silence.
        assert_eq!(output.by_ref().take(lines as usize).count(), lines as usize);
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap()
            .trim()
            .to_owned();
        drop(proceed);
        feed.join().unwrap();
        assert!(child.wait().unwrap().success());
        peak.trim_end_matches("kB").trim().parse::<u64>().unwrap()
    };
    let (few, many) = (most(20_000), most(200_000));
    assert!(
        many < few * 3 / 2 + 8192,
        "{few} kB for 20,000 lines, {many} kB for 200,000"
    );
}

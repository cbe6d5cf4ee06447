//! Archive, restore, gc and purge where the disk fills up or the process is killed: nothing is
//! lost, and another run completes.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::rights::with_mounts;
use crate::support::server::Server;
use crate::support::wire::{journal, open};
use crate::support::{Sandbox, pause};

const PROJECT: &str = "purge project harbour-tides";

/// Envelopes of about two kilobytes that no packer makes much smaller.
fn events(count: u64) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut word = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state ^ (state >> 29))
    };
    let mut line = |n: u64| {
        let filler: String = (0..120).map(|_| word()).collect();
        format!(
            "{{\"event_id\":\"e{n}\",\"event_type\":\"T\",\"payload\":{{\"x\":\"{filler}\"}}}}\n"
        )
    };
    (0..count).map(&mut line).collect()
}

fn filled(count: u64) -> Sandbox {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox
        .sk_sync_with(["capture", "-q"], events(count))
        .success();
    sandbox
}

fn delivered(count: u64) -> Sandbox {
    let server = Server::honest();
    let mut sandbox = filled(count);
    sandbox.target(&server.url());
    let _run = sandbox.sk_sync(["drain"]).success();
    sandbox
}

fn report(sandbox: &Sandbox, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(sandbox.path(name)).unwrap()).unwrap()
}

fn is_disk_full(report: &Value) {
    assert_eq!(report["error"]["kind"], "disk_full", "{report}");
    assert!(
        report["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("free some space"),
        "{report}"
    );
}

/// 2 MiB for an archive that needs more: no file is left, no event counts as archived or is given
/// up.
#[test]
fn an_archive_that_does_not_fit_marks_nothing() {
    let sandbox = filled(3000);
    std::fs::create_dir(sandbox.path("small")).unwrap();
    let before = journal(&sandbox.store());
    let script = "mount -t tmpfs -o mode=700,size=2m tmpfs ../small || exit
        $SK archive --release --json --output ../small/a.gz > ../said; echo full $?
        ls -A ../small
        $SK verify --json > ../proof; echo verify $?
        $SK status --json > ../status; echo status $?
        mount -o remount,size=64m tmpfs ../small
        $SK archive --release --json --output ../small/a.gz > ../done; echo later $?
        cp ../small/a.gz ../a.gz";
    let Some(run) = with_mounts(&sandbox, script) else {
        return;
    };
    assert_eq!(
        run.stdout, "full 1\nverify 0\nstatus 0\nlater 0\n",
        "{}",
        run.stderr
    );
    is_disk_full(&report(&sandbox, "said"));
    let status = report(&sandbox, "status");
    assert_eq!(
        (
            &status["event_journal"]["archived_event_count"],
            &status["balance"]["untried"]
        ),
        (&json!(0), &json!(3000))
    );
    assert_eq!(
        (
            &report(&sandbox, "done")["events"],
            &report(&sandbox, "done")["released"]
        ),
        (&json!(3000), &json!(3000))
    );
    assert_eq!(journal(&sandbox.store()), before);
    assert_eq!(restorable(&sandbox, &sandbox.path("a.gz")), 3000);
}

/// How many events an archive holds, all of it proved.
fn restorable(sandbox: &Sandbox, file: &Path) -> u64 {
    let run = sandbox.sk_sync(["restore", "--dry-run", "--json", file.to_str().unwrap()]);
    run.success().json()["count"].as_u64().unwrap()
}

/// 2 MiB for a store that needs more: restored events are intact, and the rest is restored later.
#[test]
fn a_restore_that_does_not_fit_goes_on_later() {
    let mut sandbox = filled(3000);
    let before = journal(&sandbox.store());
    let archive = sandbox.path("a.gz");
    let _run = sandbox
        .sk_sync(["archive", "--output", archive.to_str().unwrap()])
        .success();
    std::fs::create_dir(sandbox.path("small")).unwrap();
    sandbox.set("SK_SYNC_HOME", sandbox.path("small").to_str().unwrap());
    let script = "mount -t tmpfs -o mode=700,size=2m tmpfs $SK_SYNC_HOME || exit
        $SK restore ../a.gz --json > ../said; echo full $?
        mount -o remount,size=64m tmpfs $SK_SYNC_HOME
        $SK verify --json > ../proof; echo verify $?
        $SK restore ../a.gz --json > ../done; echo later $?
        $SK restore ../a.gz --json > ../again; echo again $?
        cp $SK_SYNC_HOME/projects/*/*/store.db ../copy.db";
    let Some(run) = with_mounts(&sandbox, script) else {
        return;
    };
    assert_eq!(
        run.stdout, "full 1\nverify 0\nlater 0\nagain 0\n",
        "{}",
        run.stderr
    );
    is_disk_full(&report(&sandbox, "said"));
    let done = report(&sandbox, "done");
    assert_eq!(
        done["added"].as_u64().unwrap() + done["unchanged"].as_u64().unwrap(),
        3000,
        "{done}"
    );
    assert_eq!(report(&sandbox, "again")["unchanged"], 3000);
    assert_eq!(journal(&sandbox.path("copy.db")), before);
}

/// No byte is free: `gc` either completes or reports that, and completes once there is some space.
#[test]
fn a_collection_on_a_full_disk_loses_nothing() {
    let mut sandbox = delivered(3000);
    std::fs::create_dir(sandbox.path("small")).unwrap();
    let state = sandbox.state();
    sandbox.change("SK_SYNC_HOME", sandbox.path("small").to_str().unwrap());
    let script = "mount -t tmpfs -o mode=700,size=12m tmpfs $SK_SYNC_HOME || exit
        cp -r STATE/. $SK_SYNC_HOME
        dd if=/dev/zero of=$SK_SYNC_HOME/filler bs=1k 2>/dev/null
        $SK gc --explicit --json > ../said; echo full $?
        $SK verify --json > ../proof; echo verify $?
        rm $SK_SYNC_HOME/filler
        $SK gc --explicit --json > ../done; echo later $?
        $SK verify --json > ../proof; echo verify $?
        $SK status --json > ../status; ls -l $SK_SYNC_HOME/projects/*/*/store.db | wc -l";
    let Some(run) = with_mounts(&sandbox, &script.replace("STATE", state.to_str().unwrap())) else {
        return;
    };
    assert_eq!(
        run.stdout, "full 1\nverify 0\nlater 0\nverify 0\n1\n",
        "{}",
        run.stderr
    );
    is_disk_full(&report(&sandbox, "said"));
    let status = report(&sandbox, "status");
    assert_eq!(
        (
            &status["balance"]["delivered"],
            &status["event_journal"]["retained_event_count"]
        ),
        (&json!(3000), &json!(0))
    );
    assert_eq!(report(&sandbox, "done")["collected"]["payloads"], 3000);
}

/// Starts the program and kills it after a while; true when it was killed before it ended.
fn killed(sandbox: &Sandbox, args: &[&str], wait: Duration) -> bool {
    let mut child = sandbox
        .command(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    pause(wait);
    let _gone = Command::new("kill")
        .args(["-9", &child.id().to_string()])
        .status();
    child.wait().unwrap().code().is_none()
}

/// From at once to after the end, depending on the speed of the machine.
fn waits() -> impl Iterator<Item = Duration> {
    [5, 15, 30, 50, 80, 130, 200, 300]
        .into_iter()
        .map(Duration::from_millis)
}

#[test]
fn a_killed_archive_is_there_whole_or_not_at_all() {
    let sandbox = filled(3000);
    let before = journal(&sandbox.store());
    let mut was_killed = 0;
    for (round, wait) in waits().enumerate() {
        let file = sandbox.path(&format!("a-{round}.gz"));
        was_killed += usize::from(killed(
            &sandbox,
            &["archive", "--output", file.to_str().unwrap()],
            wait,
        ));
        sandbox.verified();
        assert_eq!(journal(&sandbox.store()), before);
        if file.exists() {
            assert_eq!(restorable(&sandbox, &file), 3000, "round {round}");
        }
        let marked = sandbox.status()["event_journal"]["archived_event_count"].clone();
        let is_any_there = (0..=round).any(|n| sandbox.path(&format!("a-{n}.gz")).exists());
        assert!(
            is_any_there || marked == 0,
            "round {round}: {marked} are marked and no archive is there"
        );
    }
    assert!(was_killed > 0);
    let last = sandbox.path("last.gz");
    let done = sandbox
        .sk_sync([
            "archive",
            "--release",
            "--json",
            "--output",
            last.to_str().unwrap(),
        ])
        .success()
        .json();
    assert_eq!(
        (&done["events"], &done["released"]),
        (&json!(3000), &json!(3000))
    );
}

#[test]
fn a_killed_restore_goes_on_where_it_was() {
    let mut sandbox = filled(3000);
    let before = journal(&sandbox.store());
    let file = sandbox.path("a.gz");
    let _run = sandbox
        .sk_sync(["archive", "--output", file.to_str().unwrap()])
        .success();
    sandbox.set("SK_SYNC_HOME", sandbox.path("fresh").to_str().unwrap());
    let mut was_killed = 0;
    for wait in waits() {
        was_killed += usize::from(killed(&sandbox, &["restore", file.to_str().unwrap()], wait));
        sandbox.verified();
    }
    assert!(was_killed > 0);
    let done = sandbox
        .sk_sync(["restore", file.to_str().unwrap(), "--json"])
        .success()
        .json();
    assert_eq!(
        done["added"].as_u64().unwrap() + done["unchanged"].as_u64().unwrap(),
        3000,
        "{done}"
    );
    sandbox.verified();
    let places = crate::support::stores::places(&sandbox.path("fresh"));
    assert_eq!(places.len(), 1);
    let store = places[0].join("store.db");
    assert_eq!(journal(&store), before);
}

#[test]
fn a_killed_purge_is_completed_by_another() {
    let sandbox = filled(3000);
    let mut was_killed = 0;
    for wait in waits() {
        let args = ["purge", "--project", "--confirm", PROJECT];
        was_killed += usize::from(killed(&sandbox, &args, wait));
        sandbox.verified();
        let counted: i64 = open(&sandbox.store())
            .query_row("SELECT COUNT(*) FROM journal_events", [], |r| r.get(0))
            .unwrap();
        assert_eq!(counted, 3000, "ids stay");
    }
    assert!(was_killed > 0);
    let _done = sandbox
        .sk_sync(["purge", "--project", "--confirm", PROJECT, "--json"])
        .success();
    assert_eq!(journal(&sandbox.store()).len(), 0);
    let told = sandbox
        .sk_sync_with(["capture", "--json"], events(5))
        .success()
        .json_lines();
    assert!(
        told.iter().all(|line| line["result"] == "discarded"),
        "{told:?}"
    );
    assert!(std::fs::metadata(sandbox.store()).unwrap().len() < 2 << 20);
}

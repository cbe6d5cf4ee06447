//! Imports that are killed anywhere.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use crate::support::older::{Era, HARBOUR, OTHER, envelope, id, put};
use crate::support::{Sandbox, pause};

/// SIGKILL at twelve moments of an import into two stores, then one run: exactly the right rows.
#[test]
fn a_killed_import_is_completed_by_the_next_run() {
    const ROWS: u32 = 3000;
    let sandbox = Sandbox::with_repo();
    for (at, file) in ["queue.db", "queues/queue-0a.db", "queues/queue-0b.db"]
        .into_iter()
        .enumerate()
    {
        let mut queue = sandbox.queue(file, Era::Last);
        let tx = queue.transaction().unwrap();
        let first = u32::try_from(at).unwrap() * ROWS;
        for n in first..first + ROWS {
            let project = if n % 3 == 0 { OTHER } else { HARBOUR };
            put(
                &tx,
                &id(n),
                envelope(&id(n), Some(project), "a"),
                i64::from(n),
            );
        }
        tx.commit().unwrap();
    }
    sandbox.at_rest();
    sandbox.adopting();
    for round in 0..12 {
        let mut child = sandbox
            .command(["migrate"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        pause(Duration::from_millis(20 + 45 * round));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let _run = sandbox.sk_sync(["run", "--no-drain"]).success();
    let ids = |other: bool| {
        (0..3 * ROWS)
            .filter(|n| (n % 3 == 0) == other)
            .map(id)
            .collect::<Vec<_>>()
    };
    assert_eq!(sandbox.other_migrated(0)["imported"], ROWS);
    assert_eq!(sandbox.ids_of(OTHER), ids(true));
    let mine = sandbox.ids_of(HARBOUR);
    assert_eq!(mine[..ids(false).len()], ids(false)[..]);
    let again = sandbox.migrated(0);
    assert_eq!(
        (&again["imported"], &again["deduplicated"]),
        (&json!(0), &json!(0)),
        "{again}"
    );
    assert!(
        !sandbox.state().join("migrate").exists(),
        "private copies of killed runs are gone"
    );
    sandbox.verified();
}

/// Two at once: one does it, the other leaves it to that one or finds it done.
#[test]
fn imports_at_the_same_time_do_not_hurt() {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    for n in 0..500 {
        put(&queue, &id(n), envelope(&id(n), Some(HARBOUR), "a"), 1);
    }
    drop(queue);
    sandbox.at_rest();
    sandbox.adopting();
    let children: Vec<_> = (0..3)
        .map(|_| {
            sandbox
                .command(["run", "--no-drain"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    let _last = sandbox.sk_sync(["run", "--no-drain"]).success();
    let imported = sandbox
        .ids_of(HARBOUR)
        .into_iter()
        .filter(|id| id.starts_with("01JMBY7K8N3QRVX2DPF"))
        .count();
    assert_eq!(imported, 500);
}

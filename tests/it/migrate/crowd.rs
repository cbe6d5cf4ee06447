//! Several processes that import and rename at the same time.

use std::process::{Output, Stdio};

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, OTHER, envelope, id, put};

const ROWS: u32 = 400;

fn prepared() -> Sandbox {
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
    assert_eq!(sandbox.other_migrated(0)["imported"], ROWS);
    sandbox
}

fn all_at_once(sandbox: &Sandbox, commands: &[&[&str]]) -> Vec<Output> {
    let start = |words: &&[&str]| {
        sandbox
            .command(words.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = commands.iter().map(start).collect();
    children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap())
        .collect()
}

/// The second process waits, leaves the work to the other, or finds it done; no process renames a
/// file that another reads.
#[test]
fn two_and_eight_at_once_take_over_each_row_once() {
    let (take, run, away) = (
        &["migrate", "--json"][..],
        &["run", "--no-drain", "--json"][..],
        &["migrate", "cleanup"][..],
    );
    for commands in [
        &[take, away][..],
        &[take, run, away, take, away, run, take, away],
    ] {
        let sandbox = prepared();
        for round in 0..2 {
            for output in all_at_once(&sandbox, commands) {
                let told = String::from_utf8_lossy(&output.stdout)
                    + String::from_utf8_lossy(&output.stderr);
                assert!(
                    matches!(output.status.code(), Some(0 | 75)),
                    "round {round}: {:?} {told}",
                    output.status
                );
                assert!(
                    !told.contains("database is locked") && !told.contains("not there any more"),
                    "{told}"
                );
            }
        }
        let _last = sandbox.sk_sync(["migrate"]).success();
        let _away = sandbox.sk_sync(["migrate", "cleanup"]).success();
        let names: Vec<_> = sandbox
            .kitty_bytes()
            .into_iter()
            .map(|(file, _)| file)
            .collect();
        assert!(
            names
                .iter()
                .all(|file| file.to_string_lossy().contains(".db.imported-")),
            "{names:?}"
        );
        let expected = |other: bool| {
            (0..3 * ROWS)
                .filter(|n| (n % 3 == 0) == other)
                .map(id)
                .collect::<Vec<_>>()
        };
        let imported = |project: &str| {
            let ids = sandbox.ids_of(project).into_iter();
            ids.filter(|id| id.starts_with("01JMBY7K8N3QRVX2DPF"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (imported(HARBOUR), imported(OTHER)),
            (expected(false), expected(true))
        );
        sandbox.verified();
    }
}

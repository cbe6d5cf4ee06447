//! A store whose file is missing or empty, next to files that show it was in use, is damage: no
//! command silently begins again, nothing captured meanwhile is lost, and the printed fix works.

use serde_json::json;

use crate::support::Sandbox;

fn line(id: &str) -> String {
    format!("{{\"event_id\":\"{id}\",\"event_type\":\"T\",\"payload\":{{\"x\":1}}}}\n")
}

/// Takes the store's file away, or all its bytes.
fn lose(sandbox: &Sandbox, is_gone: bool) {
    let store = sandbox.store();
    for side in ["-wal", "-shm"] {
        let _absent = std::fs::remove_file(format!("{}{side}", store.display()));
    }
    if is_gone {
        std::fs::remove_file(store).unwrap();
    } else {
        std::fs::write(store, "").unwrap();
    }
}

#[test]
fn an_empty_or_absent_store_is_damage_and_not_a_fresh_start() {
    for is_gone in [false, true] {
        let mut sandbox = Sandbox::with_repo();
        let server = sandbox.serve(&[]);
        sandbox.target(&server.url());
        let _run = sandbox.sk_sync(["run"]).success();
        let _run = sandbox
            .sk_sync_with(["capture", "-q"], line("unsent-1"))
            .success();
        lose(&sandbox, is_gone);
        let before = sandbox.listing();
        let what = if is_gone {
            "is gone"
        } else {
            "is empty (0 bytes)"
        };
        for command in [
            &["verify"][..],
            &["status"],
            &["run"],
            &["drain"],
            &["events", "list"],
            &["gc"],
            &["run", "--dry-run"],
        ] {
            let run = sandbox.sk_sync(command).code(6);
            assert!(
                run.stderr.contains(what)
                    && run.stderr.contains("next to it shows that it was in use"),
                "{run:#?}"
            );
            assert!(
                run.stderr.contains("sk-sync verify --repair store"),
                "{run:#?}"
            );
        }
        let failed = sandbox.sk_sync(["run", "--json"]).code(6).json();
        assert_eq!(failed["error"]["kind"], "store_lost", "{failed}");
        assert_eq!(
            sandbox.listing(),
            before,
            "nothing was made, nothing removed"
        );

        // Events captured meanwhile are spooled, and absorbed into the new store.
        let spooled = sandbox
            .sk_sync_with(["capture", "--json"], line("kept-1"))
            .success()
            .json_lines();
        assert_eq!(spooled[0]["result"], "spooled", "{spooled:?}");
        let planned = sandbox
            .sk_sync(["verify", "--repair", "store", "--dry-run", "--json"])
            .code(6)
            .json();
        assert_eq!(planned["new_store"], json!(true));
        let _still_lost = sandbox.sk_sync(["run"]).code(6);
        let repaired = sandbox
            .sk_sync(["verify", "--repair", "store", "--json"])
            .success()
            .json();
        assert_eq!(
            (&repaired["new_store"], &repaired["ok"]),
            (&json!(true), &json!(true)),
            "{repaired}"
        );
        let _run = sandbox.sk_sync(["run", "--no-drain"]).success();
        let ids = sandbox
            .sk_sync(["events", "list", "--jsonl"])
            .success()
            .json_lines();
        assert!(
            ids.iter().any(|event| event["event_id"] == "kept-1"),
            "{ids:?}"
        );
        assert!(
            ids.len() > 20,
            "every file was captured again: {}",
            ids.len()
        );
        let again = sandbox
            .sk_sync(["verify", "--repair", "store"])
            .success()
            .stdout;
        assert!(again.contains("nothing; the store is not lost"), "{again}");
    }
}

/// `capture` alone leaves neither a last run nor a cache: the mark next to the store is enough.
#[test]
fn a_store_that_only_captured_is_missed_too() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox
        .sk_sync_with(["capture", "-q"], line("unsent-1"))
        .success();
    lose(&sandbox, true);
    let run = sandbox.sk_sync(["run"]).code(6);
    assert!(run.stderr.contains("store.made"), "{run:#?}");
    sandbox.spoilt();
}

/// A first writer killed before its store had tables leaves only an empty file.
#[test]
fn an_empty_file_alone_is_a_fresh_start() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    let store = sandbox.store();
    std::fs::remove_dir_all(store.parent().unwrap()).unwrap();
    std::fs::create_dir(store.parent().unwrap()).unwrap();
    std::fs::write(&store, "").unwrap();
    let _read = sandbox.sk_sync(["status"]).success();
    let _run = sandbox.sk_sync(["run"]).success();
}

//! The published schema of `status --json`, and reading where nothing can be written.

mod promised;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};

/// Violations of `schema` in `value`, with their places; supports the keywords of JSON Schema that
/// ours uses, and rejects others.
fn breaches(schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |holds: bool, what: String| {
        if !holds {
            found.push(format!("{place}: {what}"));
        }
    };
    let is_of = |word: &Value| match word.as_str().unwrap() {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("{place}: type {other}"),
    };
    for (word, rule) in schema.as_object().unwrap() {
        match word.as_str() {
            "$schema"
            | "title"
            | "$comment"
            | "description"
            | "properties"
            | "items"
            | "additionalProperties" => {}
            "type" => {
                let words = rule
                    .as_array()
                    .cloned()
                    .unwrap_or_else(|| vec![rule.clone()]);
                say(words.iter().any(is_of), format!("{value} is not {rule}"));
            }
            "const" => say(value == rule, format!("{value} is not {rule}")),
            "enum" => say(
                rule.as_array().unwrap().contains(value),
                format!("{value} is none of {rule}"),
            ),
            "minimum" => say(
                value.as_i64().is_none_or(|n| n >= rule.as_i64().unwrap()),
                format!("{value} < {rule}"),
            ),
            "maximum" => say(
                value.as_i64().is_none_or(|n| n <= rule.as_i64().unwrap()),
                format!("{value} > {rule}"),
            ),
            "required" => {
                for name in rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|_| value.is_object())
                {
                    say(
                        value.get(name.as_str().unwrap()).is_some(),
                        format!("{name} is missing"),
                    );
                }
            }
            other => panic!("{place}: this test does not know `{other}`"),
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        match schema["properties"]
            .get(name)
            .or_else(|| schema.get("additionalProperties"))
        {
            Some(schema) => found.extend(breaches(schema, member, &place)),
            None => found.push(format!("{place}: not in the schema")),
        }
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(breaches(&schema["items"], item, &format!("{place}[{n}]")));
    }
    found
}

fn schema(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.sk_sync(["status", "--schema"]).success().stdout).unwrap()
}

/// A status of nothing, one of a day with every kind of trouble, and one behind shut gates.
#[test]
fn every_status_keeps_to_the_published_schema() {
    let words = ["success", "rejected", "pending", "no_such_word"];
    let server = Server::answering(move |request| {
        if !request.path.contains("/events/") {
            return Reply::json(422, &json!({"error": "no such body"}));
        }
        let batch = request.json();
        let events = batch["events"].as_array().unwrap().iter().enumerate();
        let results = events.map(
            |(n, e)| json!({"event_id": e["event_id"], "status": words[n % 4], "error": "why"}),
        );
        Reply::json(200, &json!({"results": results.collect::<Vec<_>>()}))
    });
    let mut sandbox = Sandbox::with_repo();
    let schema = schema(&sandbox);
    assert_eq!(
        breaches(&schema, &sandbox.status(), "$"),
        Vec::<String>::new(),
        "nothing yet"
    );
    std::fs::write(sandbox.path("kitty/queue.db"), "x").unwrap();
    let _run = sandbox.sk_sync(["run", "--preset", "stub"]).success();
    sandbox.target(&server.url());
    sandbox.set("SK_SYNC_DRAIN__MAX_REJECTIONS", "1");
    let _run = sandbox.sk_sync(["run"]);
    let two =
        "{\"event_id\":\"x\",\"event_type\":\"T\"}\n{\"event_id\":\"x\",\"event_type\":\"U\"}\n";
    let _run = sandbox.sk_sync_with(["capture"], two);
    sandbox.unset("SK_SYNC_TOKEN");
    let trouble = sandbox.status();
    assert_eq!(breaches(&schema, &trouble, "$"), Vec::<String>::new());
    for pointer in [
        "/terminal_failures/events/0",
        "/migration_conflicts/conflicts/0",
        "/delivery_targets/previous/0",
        "/legacy_stores/0",
        "/last_run/result",
        "/gates/0",
        "/next_steps/0",
    ] {
        assert!(
            trouble.pointer(pointer).is_some(),
            "{pointer} was not tried: {trouble}"
        );
    }
    // The walker can fail.
    let mut wrong = trouble.clone();
    wrong["balance"]["holds"] = json!("yes");
    wrong["gates"][0]["colour"] = json!("red");
    wrong["bodies"].as_object_mut().unwrap().remove("queued");
    assert_eq!(breaches(&schema, &wrong, "$").len(), 3);
}

/// Real documents in every situation of a project, in order, each valid by the schema.
#[test]
fn a_status_keeps_to_the_schema_in_every_situation() {
    let mut sandbox = Sandbox::with_repo();
    let schema = schema(&sandbox);
    let look = |sandbox: &Sandbox, when: &str, pointer: &str, expected: Value| {
        let document = sandbox.status();
        assert_eq!(
            breaches(&schema, &document, "$"),
            Vec::<String>::new(),
            "{when}"
        );
        assert_eq!(
            document.pointer(pointer),
            Some(&expected),
            "{when}: {document}"
        );
    };
    look(&sandbox, "empty", "/project/store_exists", json!(false));
    let _run = sandbox.sk_sync(["run", "--no-drain"]).success();
    look(
        &sandbox,
        "captured",
        "/delivery_targets/current/canonical_url",
        json!("stub://local"),
    );
    let server = Server::answering(|request| crate::support::wire::honest(request, "success"));
    sandbox.target(&server.url());
    look(
        &sandbox,
        "never contacted",
        "/delivery_targets/current/target_id",
        Value::Null,
    );
    let _run = sandbox.sk_sync(["run"]).success();
    look(&sandbox, "drained", "/active_queue/event_count", json!(0));
    look(&sandbox, "drained", "/ok", json!(true));
    let refusing = Server::answering(|request| crate::support::wire::honest(request, "rejected"));
    sandbox.target(&refusing.url());
    sandbox.set("SK_SYNC_DRAIN__MAX_REJECTIONS", "1");
    let _run = sandbox.sk_sync(["drain"]).code(5);
    look(
        &sandbox,
        "failed",
        "/last_run/result",
        json!("undeliverable"),
    );
    drop(refusing);
    let _run = sandbox
        .sk_sync_with(
            ["capture", "-q"],
            "{\"event_id\":\"n\",\"event_type\":\"T\"}\n",
        )
        .success();
    let _run = sandbox.sk_sync(["drain"]).code(3);
    look(
        &sandbox,
        "the server is gone",
        "/last_run/result",
        json!("retryable"),
    );
    sandbox.unset("SK_SYNC_TOKEN");
    look(&sandbox, "blocked", "/balance/blocked", json!(1));
    std::fs::write(sandbox.store().with_file_name("spool-01.damaged"), "x\n").unwrap();
    look(&sandbox, "a damaged spool", "/spool/damaged", json!(1));
    let id = sandbox.status()["delivery_targets"]["previous"][0]["target_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let _run = sandbox.sk_sync(["target", "forget", &id]).success();
    look(
        &sandbox,
        "a target is forgotten",
        "/balance/holds",
        json!(true),
    );
    let wrong =
        "UPDATE store_counters SET value = -5 WHERE name IN ('untried', 'live', 'retryable')";
    crate::support::wire::open(&sandbox.store())
        .execute(wrong, [])
        .unwrap();
    look(&sandbox, "damaged books", "/balance/holds", json!(false));
    sandbox.spoilt();
    std::fs::write(sandbox.store(), "no database").unwrap();
    let told = sandbox.sk_sync(["status", "--json"]).code(6).json();
    assert_eq!(told["error"]["kind"], "store_damaged", "{told}");
}

/// Nothing can be created or written: `status` reads all the same, whether the last writer left a
/// WAL or not.
#[test]
#[cfg(target_os = "linux")]
fn a_status_works_on_a_read_only_file_system() {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run"]).success();
    let plain = sandbox.status();
    let script = "mount --bind \"$DIR\" \"$DIR\" && mount -o remount,ro,bind \"$DIR\" && ! touch \"$DIR\"/x 2>/dev/null && exec \"$SK\" status --json";
    let script = script.replace("$DIR", sandbox.state().to_str().unwrap());
    let Some(run) = crate::support::rights::with_mounts(&sandbox, &script) else {
        return;
    };
    assert_eq!(run.success().json()["balance"], plain["balance"]);
    // A writer that was killed leaves its WAL.
    let conn = crate::support::wire::open(&sandbox.store());
    conn.execute_batch("PRAGMA journal_mode = WAL; UPDATE journal_state SET lamport = lamport + 1")
        .unwrap();
    let copy = sandbox.path("copy");
    std::fs::create_dir(&copy).unwrap();
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        std::fs::copy(sandbox.store().with_file_name(name), copy.join(name)).unwrap();
    }
    drop(conn);
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        std::fs::copy(copy.join(name), sandbox.store().with_file_name(name)).unwrap();
    }
    let Some(run) = crate::support::rights::with_mounts(&sandbox, &script) else {
        return;
    };
    assert_eq!(run.success().json()["balance"], plain["balance"]);
}

/// While a drain waits for its answer: no file is created or removed, nothing blocks, and the
/// status shows what is in flight.
#[test]
fn a_status_during_a_drain_changes_nothing() {
    let (asked, was_asked) = std::sync::mpsc::channel::<()>();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let server = Server::answering(move |request| {
        if request.path.contains("/events/") {
            let _heard = asked.send(());
            // Until the test releases it.
            let _over = may_go.recv();
        }
        crate::support::wire::honest(request, "success")
    });
    let mut sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run", "--no-drain"]).success();
    sandbox.target(&server.url());
    let mut drain = sandbox
        .command(["drain"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    was_asked
        .recv_timeout(std::time::Duration::from_secs(30))
        .unwrap();
    let before = sandbox.listing();
    let during = sandbox.status();
    assert_eq!(sandbox.listing(), before);
    assert_eq!(
        during["delivery_ledger"]["in_flight"], during["balance"]["captured"],
        "{during}"
    );
    drop(go);
    assert_eq!(drain.wait().unwrap().code(), Some(0));
}

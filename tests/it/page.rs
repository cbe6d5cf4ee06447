//! The report of `status --html`, in a real browser: its numbers are those of `status --json`, and
//! nothing untrusted in it is more than text.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};

const EVIL: &str = "<script>document.title='taken'</script>";
const ERROR: &str = "no lane 7 </style><script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

/// Loads a page in a headless Chromium and returns its DOM and the browser's messages. `None`, with
/// a notice, without one.
#[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
fn browse(sandbox: &Sandbox, page: &Path) -> Option<(String, String)> {
    let profile = tempfile::tempdir().unwrap();
    let find = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let Some(chromium) = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(find)
    else {
        eprintln!("SKIPPED: there is no Chromium here to look at the page with");
        return None;
    };
    let mut command = Command::new(chromium);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
    ]);
    command
        .args(["--disable-sync", "--enable-logging=stderr", "--dump-dom"])
        .current_dir(sandbox.repo());
    command
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()));
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some((
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

/// Every number of a DOM with its place in the document.
fn numbers(dom: &str) -> Vec<(String, i64)> {
    let part = |from: &str, name: &str| {
        let rest = &from[from.find(&format!("{name}=\"")).unwrap() + name.len() + 2..];
        rest[..rest.find('"').unwrap()].to_owned()
    };
    let tags = dom
        .split("<data ")
        .skip(1)
        .map(|rest| rest[..rest.find('>').unwrap()].to_owned());
    tags.map(|tag| {
        (
            part(&tag, "data-path"),
            part(&tag, "value").parse().unwrap(),
        )
    })
    .collect()
}

/// A day with failures: some delivered, some refused with an evil reason, bodies refused, a mission
/// of an evil name, a second target.
fn after_a_day() -> Sandbox {
    let words = ["success", "success", "rejected", "pending", "no_such_word"];
    let mut documents = 0;
    let server = Server::answering(move |request| {
        let batch = request.json();
        if !request.path.contains("/events/") {
            documents += 1;
            // Each refusal has its own words: equal ones would be the server's state, and stop the
            // drain.
            let error = format!(
                "{ERROR} of {}",
                batch["artifact_path"].as_str().unwrap_or_default()
            );
            return Reply::json(
                if documents < 3 { 422 } else { 503 },
                &json!({"error": error}),
            );
        }
        let events = batch["events"].as_array().unwrap().iter().enumerate();
        let results = events.map(
            |(n, e)| json!({"event_id": e["event_id"], "status": words[n % 5], "error": ERROR}),
        );
        Reply::json(200, &json!({"results": results.collect::<Vec<_>>()}))
    });
    let mut sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["run", "--preset", "stub"]).success();
    sandbox.target(&server.url());
    sandbox.set("SK_SYNC_DRAIN__MAX_REJECTIONS", "1");
    let _run = sandbox.sk_sync(["run"]);
    let line = |n: u32| format!("{{\"event_id\":\"more-{n}\",\"event_type\":\"T\"}}\n");
    let more: String = (0..50).map(line).collect();
    let _run = sandbox.sk_sync_with(["capture"], more);
    // No directory may have such a name, but a body that was imported may.
    let store = crate::support::wire::open(&sandbox.store());
    let rename = "UPDATE journal_payloads
                  SET envelope = CAST(json_set(CAST(envelope AS TEXT), '$.namespace.mission_slug', ?1) AS BLOB)
                  WHERE seq IN (SELECT seq FROM journal_events WHERE kind = 1)";
    store.execute(rename, [EVIL]).unwrap();
    sandbox.spoilt();
    sandbox
}

#[test]
fn what_the_browser_shows_is_what_status_says() {
    let sandbox = after_a_day();
    let page = sandbox.path("report.html");
    let args = ["status", "--json", "--html", page.to_str().unwrap()];
    let document = sandbox.sk_sync(args).success().json();
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(
        !html.contains("<script") && html.contains("&lt;script&gt;"),
        "untrusted text is text"
    );
    assert!(
        !html.contains("://")
            || html.split("://").count()
                == html.split("<code>").filter(|c| c.contains("://")).count() + 1
    );
    let Some((dom, said)) = browse(&sandbox, &page) else {
        return;
    };
    assert!(!said.contains("CONSOLE"), "{said}");
    assert!(
        dom.contains("<title>harbour-tides: sync status</title>"),
        "no script ran"
    );
    let shown = numbers(&dom);
    assert!(shown.len() > 15, "{shown:?}");
    for (path, number) in &shown {
        let pointer = format!("/{}", path.replace('.', "/"));
        assert_eq!(
            document.pointer(&pointer).and_then(Value::as_i64),
            Some(*number),
            "{path}"
        );
    }
    for path in [
        "balance.captured",
        "balance.delivered",
        "balance.undeliverable",
        "balance.in_flight",
        "bodies.queued",
        "bodies.failures",
    ] {
        let number = shown.iter().find(|(shown, _)| shown == path).unwrap().1;
        assert!(number > 0, "{path} was not tried");
    }
    // Each section of the page exists, and each chart has a text alternative.
    for words in [
        "Missions",
        "Where every event is",
        "Deliveries over time",
        "Growth of the journal",
        "Age of what is left to send",
        "Failures by reason",
        "Documents by mission",
        "no lane # ",
    ] {
        assert!(dom.contains(words), "{words}");
    }
    assert!(
        dom.matches("role=\"img\"").count() == dom.matches("aria-label=").count(),
        "{dom}"
    );
    // The numbers of the charts: deliveries in the bars, events left to send in the ages.
    let delivered = document["balance"]["delivered"].as_u64().unwrap();
    assert!(
        dom.contains(&format!("aria-label=\"{delivered} delivered from ")),
        "{dom}"
    );
}

#[test]
fn a_page_of_nothing_is_a_page_all_the_same() {
    let sandbox = Sandbox::with_empty_repo();
    let page = sandbox.path("report.html");
    let _run = sandbox
        .sk_sync(["status", "-q", "--html", page.to_str().unwrap()])
        .success();
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(
        html.contains("Nothing to show yet.") && html.contains("sk-sync init --project"),
        "{html}"
    );
    let run = sandbox
        .sk_sync(["status", "--html", "/nonexistent/report.html"])
        .code(1);
    assert!(run.stderr.contains("/nonexistent/report.html"), "{run:?}");
    let Some((_, said)) = browse(&sandbox, &page) else {
        return;
    };
    assert!(!said.contains("CONSOLE"), "{said}");
}

//! The receiver's pages from outside: the demo, what a run delivered, and the way to them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::Served;
use crate::support::{Sandbox, pause};

const MISSION: &str = "001-harbour-tide-table";

#[expect(
    clippy::disallowed_methods,
    reason = "a browser is a client of its own"
)]
fn page(served: &Served, path: &str) -> String {
    let mut stream = TcpStream::connect(served.url().strip_prefix("http://").unwrap()).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The page once it has these words.
fn page_with(served: &Served, path: &str, words: &str) -> String {
    let begun = Instant::now();
    loop {
        let page = page(served, path);
        if page.starts_with("HTTP/1.1 200") && page.contains(words) {
            return page;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "{path} without {words:?}: {page}"
        );
        pause(Duration::from_millis(50));
    }
}

#[test]
fn the_demo_shows_a_board_documents_and_changes() {
    let sandbox = Sandbox::new();
    let served = sandbox.serve(&["--demo"]);
    let first = page_with(&served, "/", "harbour-tides");
    let link = first
        .split("href=\"/projects/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let project = format!("/projects/{link}");
    page_with(&served, &project, "storm-surge-alerts-01KQX7M2");
    let mission = page_with(
        &served,
        &format!("{project}/mission?slug={MISSION}"),
        "Render the table",
    );
    for words in [
        "for review",
        "Import predictions",
        "spec.md",
        "WP02</strong> in_progress → for_review",
    ] {
        assert!(mission.contains(words), "{words}: {mission}");
    }
    let document = format!("{project}/document?mission={MISSION}&path=spec.md");
    assert!(page_with(&served, &document, "<article").contains("Two yachts"));
    assert!(
        page_with(&served, &format!("{document}&view=diff"), "class=\"added\"")
            .contains("every December")
    );
    page_with(&served, "/search?q=siren+OR", "No matches");
    page_with(&served, "/search?q=yachts", "spec.md");
}

#[test]
fn what_a_run_delivers_is_shown_and_open_says_where() {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&[]);
    let refused = sandbox.sk_sync(["open"]).code(4);
    assert!(
        refused
            .stderr
            .contains("cannot open a page of the target: a check fails"),
        "{refused:?}"
    );
    sandbox.target(&served.url());
    let delivered = sandbox.sk_sync(["run"]).success();
    assert!(delivered.stderr.is_empty(), "{delivered:?}");
    let opened = sandbox.sk_sync(["open", MISSION]).success();
    let path = opened
        .stdout
        .trim()
        .strip_prefix(&served.url())
        .unwrap()
        .to_owned();
    page_with(&served, &path, "tasks/WP01-import-predictions.md");
    let project = sandbox.sk_sync(["open"]).success();
    page_with(
        &served,
        project.stdout.trim().strip_prefix(&served.url()).unwrap(),
        MISSION,
    );
}

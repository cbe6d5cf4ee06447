//! What readers are told, page by page: where a list goes on, what is not sent again, and tables that
//! were lost.

use serde_json::json;

use super::client::{Talk, file, options};
use super::engines::over_each_engine;
use super::reading::{activity_with, moved, of_project, until};
use super::sample::{id, indexed};
use crate::base::Sha256;
use crate::http::Method;
use crate::serve::{Pages, Server, Storage};

#[test]
fn lists_go_on_where_they_ended() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let events: Vec<_> = (0..300)
            .map(|n| moved(n, &format!("WP{n:03}"), 1, "planned"))
            .collect();
        talk.batch(&events);
        let (mut after, mut seen) = (json!(0), Vec::new());
        until(&talk, &of_project("mission?slug=foo-01KRC4HN"), |answer| {
            answer["lanes"]["planned"] == 300
        });
        loop {
            let page = talk
                .get(&of_project(&format!("activity?limit=70&after={after}")))
                .1;
            let lines = page["activity"].as_array().unwrap();
            seen.extend(
                lines
                    .iter()
                    .map(|line| line["event_id"].as_str().unwrap().to_owned()),
            );
            after = page["next"].clone();
            if lines.is_empty() {
                break;
            }
        }
        assert_eq!(
            seen,
            (0..300).map(id).collect::<Vec<_>>(),
            "{}",
            engine.name
        );
    });
}

#[test]
fn a_receiver_on_the_same_tables_goes_on_and_lost_tables_are_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, pages) = (dir.path().join("serve.db"), dir.path().join("pages.db"));
    let start = || {
        let mut options = options(Storage::File(store.clone()));
        options.pages = Pages::File(pages.clone());
        Server::start(options).unwrap()
    };
    let paths = [
        "/api/v1/projects".to_owned(),
        of_project("activity"),
        of_project("missions"),
        of_project("documents?mission=foo-01KRC4HN"),
    ];
    let told = |server: &Server| {
        let talk = Talk::to(server);
        activity_with(&talk, &id(3));
        paths.each_ref().map(|path| talk.get(path).1)
    };
    let server = start();
    Talk::to(&server).batch(&[
        indexed(&id(1), "spec.md", "a"),
        indexed(&id(2), "spec.md", "b"),
        moved(3, "WP01", 1, "done"),
    ]);
    let first = told(&server);
    server.stop();
    let server = start();
    assert_eq!(told(&server), first, "the tables were there");
    server.stop();
    std::fs::write(
        &pages,
        "not a database, but longer than a header of one would be".repeat(20),
    )
    .unwrap();
    let server = start();
    assert_eq!(told(&server), first, "damaged tables");
    server.stop();
    for file in ["pages.db", "pages.db-wal", "pages.db-shm"] {
        std::fs::remove_file(dir.path().join(file)).ok();
    }
    assert_eq!(told(&start()), first, "removed tables");
}

#[test]
fn an_answer_that_is_known_is_not_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = file(&dir.path().join("serve.db"));
    let talk = Talk::to(&server);
    talk.batch(&[moved(1, "WP01", 1, "done")]);
    activity_with(&talk, &id(1));
    for path in [
        "/api/v1/projects",
        "/api/v1/openapi.json",
        "/assets/style.css",
        "/activity",
    ] {
        let first = talk.try_send(Method::Get, path, b"").unwrap();
        let tag = format!("\"{}\"", Sha256::of(&first.body));
        let again = talk
            .with("If-None-Match", &tag)
            .try_send(Method::Get, path, b"")
            .unwrap();
        assert_eq!(
            (first.status, again.status, again.body.len()),
            (200, 304, 0),
            "{path}"
        );
        let other = talk
            .with("If-None-Match", "\"x\"")
            .try_send(Method::Get, path, b"")
            .unwrap();
        assert_eq!(other.status, 200, "{path}");
    }
}

#[test]
fn questions_that_are_wrong_are_refused_by_name() {
    let server = super::client::memory();
    let talk = Talk::to(&server);
    talk.batch(&[moved(1, "WP01", 1, "done")]);
    activity_with(&talk, &id(1));
    for (path, status, field) in [
        ("/api/v1/projects?limit=0", 400, "limit"),
        ("/api/v1/projects?limit=201", 400, "limit"),
        ("/api/v1/projects?after=x", 400, "after"),
        (&of_project("mission"), 400, "slug"),
        (&of_project("document?mission=m"), 400, "path"),
        (
            &of_project("document?mission=m&path=p&version=zz"),
            400,
            "version",
        ),
        ("/api/v1/search", 400, "q"),
        ("/api/v1/search?q=x&skip=-1", 400, "skip"),
        (
            "/api/v1/projects/00000000-0000-0000-0000-000000000000",
            404,
            "",
        ),
        ("/api/v1/projects/..%2f..%2fetc", 404, ""),
        (&of_project("mission?slug=other"), 404, ""),
    ] {
        let (found, answer) = talk.get(path);
        assert_eq!(found, status, "{path}: {answer}");
        assert!(
            field.is_empty() || answer["fields"][field].is_array(),
            "{path}: {answer}"
        );
    }
    // Operators of the search are words here.
    for question in [
        "%22",
        "a%20OR%20%22",
        "name%3Ax",
        "%2A",
        "NEAR(a%20b)",
        "-done",
        "%00",
    ] {
        assert_eq!(
            talk.get(&format!("/api/v1/search?q={question}")).0,
            200,
            "{question}"
        );
    }
}

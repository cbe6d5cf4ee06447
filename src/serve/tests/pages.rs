//! Pages over HTTP: who sees them, what a browser may do with them, and what hostile names become.

use secrecy::SecretString;
use serde_json::json;

use super::client::{BODIES, Talk, memory, options};
use super::engines::over_each_lasting;
use super::raw::{Raw, connect};
use super::reading::until;
use super::sample::{PROJECT, id, indexed, push, status_changed};
use crate::base::Sha256;
use crate::base::clock::Timestamp;
use crate::http::Method;
use crate::serve::{Scope, Server, Storage, Token, add_token};

fn with_token(token: &str) -> Server {
    let mut options = options(Storage::Memory);
    options.token = Some(SecretString::from(token.to_owned()));
    Server::start(options).unwrap()
}

const OTHER: &str = "262bb566-443d-51a9-8b0c-f82f7d341017";
const PAGES: [&str; 7] = [
    "/",
    "/activity",
    "/search?q=x",
    "/feed.atom",
    "/projects/x",
    "/projects/x/mission?slug=a",
    "/live",
];

#[test]
fn a_person_signs_in_with_the_token_and_out_again() {
    let server = with_token("se cret; =&x");
    let (talk, plain) = (Talk::to(&server), Raw::to(&server));
    let browser = plain.with("Accept", "text/html,*/*");
    for page in PAGES {
        let answer = browser.get(page);
        assert_eq!(answer.status, 303, "{page}");
        assert!(
            answer.header("location").starts_with("/sign-in?to=%2F"),
            "{page}"
        );
        assert_eq!(plain.get(page).status, 401, "{page}");
        assert_eq!(
            plain.with("Cookie", "sk_sync_token=wrong").get(page).status,
            401,
            "{page}"
        );
    }
    assert_eq!(talk.get("/api/v1/projects").0, 401);
    let form = browser.with("Content-Type", "application/x-www-form-urlencoded");
    let refused = form.post("/sign-in", b"token=wrong&to=/activity");
    assert_eq!((refused.status, refused.header("set-cookie")), (401, ""));
    let body = b"token=se+cret%3B+%3D%26x&to=%2Factivity";
    let signed = form.post("/sign-in", body);
    let cookie = signed.header("set-cookie");
    assert_eq!(
        (signed.status, signed.header("location")),
        (303, "/activity")
    );
    assert!(
        cookie.contains("; HttpOnly; SameSite=Strict") && !cookie.contains("Secure"),
        "{cookie}"
    );
    let origin = format!("https://{}", server.origin().rsplit('/').next().unwrap());
    let encrypted = form.with("Origin", &origin).post("/sign-in", body);
    assert!(encrypted.header("set-cookie").contains("; Secure"));
    let foreign = form
        .with("Origin", "https://evil.example")
        .post("/sign-in", body);
    assert_eq!(foreign.status, 403);

    signed_in(&browser.with("Cookie", cookie.split(';').next().unwrap()));
    let basic = plain.with("Authorization", "Basic eDpzZSBjcmV0OyA9Jng=");
    assert_eq!(basic.get("/feed.atom").status, 200);
    let out = form.post("/sign-out", b"");
    assert!(out.header("set-cookie").contains("Max-Age=0"));
}

fn signed_in(inside: &Raw) {
    let first = inside.get("/");
    assert!(first.status == 200 && first.text().contains("Sign out"));
    assert_eq!(inside.get("/api/v1/projects").status, 200);
    // A token that reads does so by cookie; what writes asks for it as before.
    let writing = inside
        .with("Content-Type", "application/json")
        .post("/api/v1/events/batch/", b"{\"events\":[]}");
    assert_eq!(writing.status, 401);
}

#[test]
fn a_link_from_another_site_opens_a_page_and_nothing_else() {
    let navigate = |raw: &Raw| {
        raw.with("Sec-Fetch-Site", "cross-site")
            .with("Sec-Fetch-Mode", "navigate")
            .with("Sec-Fetch-Dest", "document")
    };
    let open = memory();
    let visit = navigate(&Raw::to(&open));
    assert_eq!(visit.get("/activity").status, 200);
    assert_eq!(visit.get("/api/v1/projects").status, 403);
    assert_eq!(visit.get("/__sk-sync__/report").status, 403);
    assert_eq!(
        visit.with("Origin", "https://evil.example").get("/").status,
        403
    );
    assert_eq!(visit.with("Sec-Fetch-Mode", "no-cors").get("/").status, 403);
    assert_eq!(visit.with("Host", "evil.example").get("/").status, 421);
    let closed = with_token("secret");
    let moment = navigate(&Raw::to(&closed)).get("/activity");
    let page = moment.text();
    assert!(
        moment.status == 200
            && page.contains("http-equiv=\"refresh\"")
            && page.contains("href=\"/activity\""),
        "{page}"
    );
}

#[test]
fn every_page_forbids_what_it_does_not_need() {
    let server = memory();
    let plain = Raw::to(&server);
    for page in [
        "/",
        "/activity",
        "/search?q=x",
        "/feed.atom",
        "/sign-in",
        "/projects/x",
        "/assets/live.js",
    ] {
        let answer = plain.get(page);
        if answer.status == 303 {
            continue;
        }
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"),
            "{page}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{page}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{page}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{page}");
        let text = answer.text();
        assert!(
            !text.contains(" style=") && !text.contains("<script>") && !text.contains("<style"),
            "{page}"
        );
    }
}

#[test]
fn hostile_names_are_words() {
    let server = memory();
    let talk = Talk::to(&server);
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}../../x";
    let mut event = status_changed(&id(1));
    for member in ["wp_id", "from_lane", "to_lane", "actor", "mission_slug"] {
        event["payload"][member] = evil.into();
    }
    event["project_slug"] = evil.into();
    event["event_type"] = "WPStatusChanged".into();
    let path = format!("{evil}.md");
    let mut told = indexed(&id(2), &path, evil);
    told["git_branch"] = evil.into();
    let mut odd = status_changed(&id(3));
    odd["event_type"] = evil.into();
    assert_eq!(talk.batch(&[event, told, odd]), ["success"; 3]);
    assert_eq!(talk.post(BODIES, &push(&path, evil)).0, 201);
    until(&talk, "/api/v1/search?q=alert&limit=9", |found| {
        let hits = found["hits"].as_array().unwrap();
        hits.len() >= 2 && hits.iter().any(|hit| hit["sha256"].is_string())
    });
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (mission, path) = (encode("foo-01KRC4HN"), encode(&path));
    for page in [
        "/".to_owned(),
        "/activity".to_owned(),
        "/feed.atom".to_owned(),
        format!("/search?q={}", encode(evil)),
        format!("/projects/{PROJECT}"),
        format!("/projects/{PROJECT}/feed.atom"),
        format!("/projects/{PROJECT}/mission?slug={}", encode(evil)),
        format!("/projects/{PROJECT}/mission?slug={mission}"),
        format!("/projects/{PROJECT}/document?mission={mission}&path={path}"),
        format!("/projects/{}/mission?slug={}", encode(evil), encode(evil)),
    ] {
        let seen = Raw::to(&server).get(&page);
        let (status, text) = (seen.status, seen.text());
        assert!(status == 200 || status == 404, "{page}: {status}");
        let loads = |word: &str| text.contains(word);
        assert!(
            !loads("<script>") && !loads("<img") && !loads("'><") && !text.contains('\u{202e}'),
            "{page}: {text}"
        );
    }
    let raw = format!("/projects/{PROJECT}/document?mission={mission}&path={path}&view=raw");
    let raw = Raw::to(&server).get(&raw);
    assert_eq!((raw.status, raw.body.as_slice()), (200, evil.as_bytes()));
    assert_eq!(raw.header("content-type"), "text/plain; charset=utf-8");
    assert!(raw.header("content-security-policy").ends_with("sandbox"));
    assert!(!raw.header("content-disposition").contains('<'));
}

#[test]
fn an_open_page_is_told_of_what_arrives_and_lets_a_receiver_stop() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let server = memory();
    let mut stream = connect(server.origin().trim_start_matches("http://"));
    stream
        .write_all(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(lines.any(|line| line.contains("text/event-stream")));
    assert!(lines.any(|line| line == ": live"));
    Talk::to(&server).batch(&[status_changed(&id(1))]);
    assert!(lines.any(|line| line == "event: change"));
    server.stop();
    assert!(lines.all(|line| !line.contains("HTTP/1.1 5")));
}

/// Tokens of the storage: of another scope, another project, another team.
#[test]
fn a_reader_sees_what_the_token_is_for_and_no_sign_of_the_rest() {
    over_each_lasting(|name, options| {
        let server = Server::start(options()).unwrap();
        let add = |name: &str, scope, project, team| {
            add_token(&options(), token(name, scope, project, team))
                .unwrap()
                .unwrap()
        };
        let talk = Talk::to(&server);
        let bearer = |token: &str| talk.with("Authorization", &format!("Bearer {token}"));
        let write = bearer(&add("write", Scope::Write, None, ""));
        let elsewhere = bearer(&add("write", Scope::Write, None, "harbour"));
        let mut other = status_changed(&id(2));
        other["project_uuid"] = OTHER.into();
        assert_eq!(
            write.batch(&[status_changed(&id(1)), other]),
            ["success"; 2],
            "{name}"
        );
        let mut foreign = status_changed(&id(1));
        foreign["payload"]["mission_slug"] = "foreign-mission".into();
        assert_eq!(elsewhere.batch(&[foreign]), ["success"], "{name}");

        let all = bearer(&add("all", Scope::Read, None, ""));
        let one = bearer(&add("one", Scope::Read, Some(OTHER), ""));
        let team = bearer(&add("team", Scope::Read, None, "harbour"));
        let uuids = |talk: &Talk, number: usize| {
            let answer = until(talk, "/api/v1/projects", |answer| {
                answer["projects"].as_array().unwrap().len() == number
            });
            let mut uuids: Vec<_> = answer["projects"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| p["uuid"].as_str().unwrap().to_owned())
                .collect();
            uuids.sort();
            uuids
        };
        assert_eq!(uuids(&all, 2), [OTHER, PROJECT], "{name}");
        assert_eq!(uuids(&one, 1), [OTHER], "{name}");
        assert_eq!(uuids(&team, 1), [PROJECT], "{name}");
        let missions = |talk: &Talk| talk.get(&format!("/api/v1/projects/{PROJECT}/missions"));
        assert_eq!(
            missions(&all).1["missions"][0]["slug"],
            "foo-01KRC4HN",
            "{name}"
        );
        assert_eq!(
            missions(&team).1["missions"][0]["slug"],
            "foreign-mission",
            "{name}"
        );
        assert_eq!(missions(&one).0, 404, "{name}");
        assert_eq!(missions(&write).0, 403, "{name}");
        for (talk, word, expected) in [
            (&all, "foreign", 0),
            (&team, "foreign", 1),
            (&one, "foo", 1),
            (&all, "foo", 2),
        ] {
            let hits = talk.get(&format!("/api/v1/search?q={word}")).1["hits"]
                .as_array()
                .unwrap()
                .len();
            assert_eq!(hits, expected, "{name}: {word}");
        }
        pages_are_for(name, [&all, &one, &team]);
        assert_eq!(
            html(&write, "/").0,
            401,
            "{name}: a token that may only send"
        );
    });
}

/// A digest is not a key: a project that announces the digest of another project's text does not
/// find it by search.
#[test]
fn a_search_shows_no_text_of_another_project() {
    over_each_lasting(|name, options| {
        let server = Server::start(options()).unwrap();
        let add = |name: &str, scope, project| {
            add_token(&options(), token(name, scope, project, ""))
                .unwrap()
                .unwrap()
        };
        let talk = Talk::to(&server);
        let bearer = |token: &str| talk.with("Authorization", &format!("Bearer {token}"));
        let write = bearer(&add("write", Scope::Write, None));
        let text = "the tide SECRETPIECE level";
        assert_eq!(
            write.batch(&[indexed(&id(1), "spec.md", text)]),
            ["success"],
            "{name}"
        );
        assert_eq!(write.post(BODIES, &push("spec.md", text)).0, 201, "{name}");
        let mut claim = indexed(&id(2), "tide.md", text);
        claim["project_uuid"] = OTHER.into();
        claim["payload"]["namespace"]["project_uuid"] = OTHER.into();
        assert_eq!(write.batch(&[claim]), ["success"], "{name}");

        let (owner, other) = (
            bearer(&add("owner", Scope::Read, Some(PROJECT))),
            bearer(&add("one", Scope::Read, Some(OTHER))),
        );
        for talk in [&owner, &other] {
            until(talk, "/api/v1/search?q=tide", |answer| {
                answer["hits"] != json!([])
            });
        }
        let found = |talk: &Talk| html(talk, "/search?q=tide").1.contains("SECRETPIECE");
        assert!(found(&owner) && !found(&other), "{name}");
    });
}

fn token(name: &str, scope: Scope, project: Option<&str>, team: &str) -> Token {
    Token {
        digest: Sha256::of(b""),
        team: team.to_owned(),
        name: name.to_owned(),
        scope,
        project: project.map(str::to_owned),
        created_at: Timestamp::from_micros(1),
        expires_at: None,
        revoked_at: None,
    }
}

fn html(talk: &Talk, path: &str) -> (u16, String) {
    let answer = talk.try_send(Method::Get, path, b"").unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

/// The pages of readers of a team, of its other project, and of the other team.
fn pages_are_for(name: &str, [all, one, team]: [&Talk; 3]) {
    assert_eq!(html(one, &format!("/projects/{PROJECT}")).0, 404, "{name}");
    assert_eq!(
        html(one, &format!("/projects/{PROJECT}/feed.atom")).0,
        404,
        "{name}"
    );
    for path in ["/", "/activity", "/feed.atom", "/search?q=mission"] {
        let (status, page) = html(one, path);
        assert!(
            status == 200 && !page.contains(PROJECT) && !page.contains("foreign"),
            "{name} {path}: {page}"
        );
        assert!(
            !html(team, path).1.contains(OTHER) && !html(all, path).1.contains("foreign-"),
            "{name} {path}"
        );
    }
}

//! Tokens that the storage keeps: what each allows, and when it ends.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;

use super::client::{BODIES, EVENTS, HEALTH, REPORT, Talk};
use super::engines::over_each_lasting;
use super::sample::{PROJECT, id, indexed, push, status_changed};
use crate::base::Sha256;
use crate::base::clock::{FixedClock, Timestamp};
use crate::serve::{Options, Scope, Server, Token, add_token, list_tokens, revoke_token};

const OTHER_PROJECT: &str = "262bb566-443d-51a9-8b0c-f82f7d341017";
/// Longer than an answer of the storage is believed.
const FORGOTTEN: Duration = Duration::from_millis(5_200);

fn token(name: &str, scope: Scope) -> Token {
    Token {
        digest: Sha256::of(b""),
        team: String::new(),
        name: name.to_owned(),
        scope,
        project: None,
        created_at: Timestamp::from_micros(1),
        expires_at: None,
        revoked_at: None,
    }
}

fn add(options: &dyn Fn() -> Options, token: Token) -> String {
    add_token(&options(), token).unwrap().unwrap()
}

/// The statuses of an upload of events, of a body, of the facts and of the report.
fn statuses(talk: &Talk) -> [u16; 4] {
    let events = talk
        .post(
            EVENTS,
            &json!({"events": [indexed(&id(1), "spec.md", "text")]}),
        )
        .0;
    let facts = talk.get(&format!("/api/v1/projects/{PROJECT}/facts")).0;
    [
        events,
        talk.post(BODIES, &push("spec.md", "text")).0,
        facts,
        talk.get(REPORT).0,
    ]
}

#[test]
fn each_scope_allows_its_part() {
    over_each_lasting(|name, options| {
        let server = Server::start(options()).unwrap();
        let talk = Talk::to(&server);
        let as_bearer = |token: &str| talk.with("Authorization", &format!("Bearer {token}"));
        let tokens = Scope::ALL.map(|scope| add(options, token(scope.name(), scope)));
        for (token, expected) in tokens.iter().zip([
            [200, 201, 200, 403],
            [403, 403, 200, 403],
            [200, 200, 200, 200],
        ]) {
            assert!(token.starts_with("sks_"), "{token}");
            assert_eq!(statuses(&as_bearer(token)), expected, "{name}");
            assert_eq!(as_bearer(token).get(HEALTH).0, 200, "{name}");
        }
        assert_eq!(statuses(&as_bearer("sks_guess")), [401; 4], "{name}");
        assert_eq!(
            statuses(&talk),
            [401; 4],
            "{name}: with a token in the storage none may be left out"
        );
        let listed = list_tokens(&options()).unwrap();
        assert_eq!(
            listed
                .iter()
                .map(|token| token.name.as_str())
                .collect::<Vec<_>>(),
            ["admin", "read", "write"]
        );
        assert!(
            !format!("{listed:?}").contains(&tokens[0]),
            "only the digest is kept"
        );
    });
}

#[test]
fn a_token_ends_when_it_is_revoked_or_expires_and_its_name_stays_taken() {
    over_each_lasting(|name, options| {
        let server = Server::start(options()).unwrap();
        let talk = Talk::to(&server);
        let as_bearer = |token: &str| talk.with("Authorization", &format!("Bearer {token}"));
        let now = options().clock.now();
        let revoked = add(options, token("old", Scope::Write));
        let next = add(
            options,
            Token {
                expires_at: Some(now.after(Duration::from_secs(1))),
                ..token("new", Scope::Write)
            },
        );
        let late = add(
            options,
            Token {
                expires_at: Some(now),
                ..token("late", Scope::Write)
            },
        );
        assert_eq!(
            [&revoked, &next, &late].map(|token| as_bearer(token).get(HEALTH).0),
            [200, 200, 401],
            "{name}"
        );
        assert_eq!(
            add_token(&options(), token("old", Scope::Read)).unwrap(),
            None,
            "{name}"
        );
        assert!(revoke_token(&options(), "", "old", now).unwrap(), "{name}");
        assert!(
            !revoke_token(&options(), "", "old", now).unwrap(),
            "{name}: revoked before"
        );
        assert!(
            !revoke_token(&options(), "ghosts", "new", now).unwrap(),
            "{name}: another team"
        );
        pause();
        assert_eq!(
            [&revoked, &next].map(|token| as_bearer(token).get(HEALTH).0),
            [401, 200],
            "{name}"
        );
        drop(server);
        let later = Options {
            clock: Arc::new(FixedClock(now.after(Duration::from_secs(2)))),
            ..options()
        };
        let server = Server::start(later).unwrap();
        let talk = Talk::to(&server).with("Authorization", &format!("Bearer {next}"));
        assert_eq!(talk.get(HEALTH).0, 401, "{name}: expired");
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "a receiver believes an answer for this long"
)]
fn pause() {
    std::thread::sleep(FORGOTTEN);
}

#[test]
fn teams_and_projects_are_apart() {
    over_each_lasting(|name, options| {
        let server = Server::start(options()).unwrap();
        let talk = Talk::to(&server);
        let as_bearer = |token: &str| talk.with("Authorization", &format!("Bearer {token}"));
        let of_team = |team: &str| {
            add(
                options,
                Token {
                    team: team.to_owned(),
                    ..token("ci", Scope::Write)
                },
            )
        };
        let (red, blue) = (as_bearer(&of_team("red")), as_bearer(&of_team("blue")));
        let event = indexed(&id(1), "spec.md", "text");
        assert_eq!(
            red.batch(std::slice::from_ref(&event)),
            ["success"],
            "{name}"
        );
        assert_eq!(
            blue.post(BODIES, &push("spec.md", "text")).0,
            404,
            "{name}: announced to the other team"
        );
        assert_eq!(
            blue.batch(std::slice::from_ref(&event)),
            ["success"],
            "{name}: the same id is another event"
        );
        assert_eq!(
            [&red, &blue].map(|team| team.post(BODIES, &push("spec.md", "text")).0),
            [201, 201],
            "{name}"
        );
        let facts = format!("/api/v1/projects/{PROJECT}/facts");
        assert_eq!(
            red.get(&facts).1["facts"].as_array().unwrap().len(),
            1,
            "{name}"
        );

        let only = Token {
            project: Some(OTHER_PROJECT.to_owned()),
            team: "red".to_owned(),
            ..token("one", Scope::Admin)
        };
        let one = as_bearer(&add(options, only));
        assert_eq!(one.get(&facts).0, 404, "{name}: as if it were not there");
        assert_eq!(
            one.get(&format!("/api/v1/projects/{OTHER_PROJECT}/facts"))
                .0,
            200,
            "{name}"
        );
        let mut own = status_changed(&id(2));
        own["project_uuid"] = OTHER_PROJECT.into();
        let both = json!({"events": [own, status_changed(&id(3))]});
        assert_eq!(
            one.post(EVENTS, &both).0,
            403,
            "{name}: nothing of a request for another project is kept"
        );
        assert_eq!(one.post(BODIES, &push("spec.md", "text")).0, 403, "{name}");
        assert_eq!(one.batch(&[own]), ["success"], "{name}");
    });
}

#[test]
fn the_numbers_of_all_are_for_no_token_of_a_team_or_project() {
    over_each_lasting(|name, options| {
        let server = Server::start(options()).unwrap();
        let all = add(options, token("operator", Scope::Admin));
        let of_team = add(
            options,
            Token {
                team: "red".to_owned(),
                ..token("team", Scope::Admin)
            },
        );
        let project = Some(OTHER_PROJECT.to_owned());
        let of_project = add(
            options,
            Token {
                project,
                ..token("project", Scope::Admin)
            },
        );
        for (token, status) in [(&all, 200), (&of_team, 403), (&of_project, 403)] {
            let talk = Talk::to(&server).with("Authorization", &format!("Bearer {token}"));
            let found = [REPORT, "/metrics"].map(|path| talk.get(path).0);
            assert_eq!(found, [status; 2], "{name}");
            assert_eq!(
                talk.get("/api/v1/projects").0,
                200,
                "{name}: it reads its own"
            );
        }
    });
}

#[test]
fn the_operators_own_token_stays_beside_them() {
    over_each_lasting(|name, options| {
        let own = Options {
            token: Some(SecretString::from("own")),
            ..options()
        };
        let server = Server::start(own).unwrap();
        let talk = Talk::to(&server);
        let reader = add(options, token("reader", Scope::Read));
        assert_eq!(
            talk.with("Authorization", "Bearer own").get(REPORT).0,
            200,
            "{name}"
        );
        assert_eq!(
            talk.with("Authorization", &format!("bearer {reader}"))
                .get(HEALTH)
                .0,
            200,
            "{name}"
        );
        assert_eq!(talk.get(HEALTH).0, 401, "{name}");
    });
}

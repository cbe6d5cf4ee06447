//! What an operator had deleted is nowhere, and does not come back: over every storage that
//! outlives its process.

use serde_json::{Value, json};

use super::client::{BODIES, REPORT, Talk};
use super::engines::over_every_lasting;
use super::reading::until;
use super::sample::{PROJECT, id, indexed, push, status_changed};
use crate::base::clock::Timestamp;
use crate::serve::{Amount, Forgot, Options, Part, Removal, Server, forget, list_removals};

pub(super) const MISSION: &str = "foo-01KRC4HN";
const OTHER_MISSION: &str = "bar-01KRC4HN";
const OTHER_PROJECT: &str = "262bb566-443d-51a9-8b0c-f82f7d341017";

pub(super) fn order(mission: Option<&str>, path: Option<&str>) -> Removal {
    Removal {
        team: String::new(),
        part: Part {
            project_uuid: PROJECT.to_owned(),
            mission: mission.map(str::to_owned),
            path: path.map(str::to_owned),
        },
        at: Timestamp::from_micros(7),
        reason: "asked for".to_owned(),
        is_accepted_again: false,
        amount: Amount::default(),
    }
}

/// The same event or document of the other mission.
pub(super) fn elsewhere(mut told: Value) -> Value {
    let namespace = told.pointer_mut("/payload/namespace");
    match namespace {
        Some(namespace) => namespace["mission_slug"] = OTHER_MISSION.into(),
        None => told["mission_slug"] = OTHER_MISSION.into(),
    }
    told
}

/// A text that an object store has, where there is one.
pub(super) fn long() -> String {
    "# Unmistakable\n".repeat(3000)
}

fn told() -> Vec<Value> {
    let mut project = status_changed(&id(7));
    project["project_uuid"] = OTHER_PROJECT.into();
    vec![
        indexed(&id(1), "spec.md", "personal"),
        indexed(&id(2), "plan.md", &long()),
        status_changed(&id(3)),
        elsewhere(indexed(&id(4), "plan.md", &long())),
        elsewhere(indexed(&id(5), "spec.md", "other")),
        project,
    ]
}

fn documents() -> [Value; 4] {
    let long = long();
    [
        push("spec.md", "personal"),
        push("plan.md", &long),
        elsewhere(push("plan.md", &long)),
        elsewhere(push("spec.md", "other")),
    ]
}

pub(super) fn filled(server: &Server) -> Talk {
    let talk = Talk::to(server);
    assert_eq!(talk.batch(&told()), ["success"; 6]);
    assert_eq!(
        documents().map(|document| talk.post(BODIES, &document).0),
        [201; 4]
    );
    talk
}

/// The slugs of the missions that readers see.
fn missions(talk: &Talk, number: usize) -> Vec<String> {
    let path = format!("/api/v1/projects/{PROJECT}/missions");
    let seen = until(talk, &path, |answer| {
        answer["missions"].as_array().unwrap().len() == number
    });
    let mut slugs: Vec<_> = seen["missions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["slug"].as_str().unwrap().to_owned())
        .collect();
    slugs.sort();
    slugs
}

fn text_of(talk: &Talk, mission: &str, path: &str) -> (u16, Value) {
    let (status, answer) = talk.get(&format!(
        "/api/v1/projects/{PROJECT}/document?mission={mission}&path={path}"
    ));
    (status, answer["text"].clone())
}

/// How many facts a client without a journal is told.
fn facts(talk: &Talk) -> usize {
    let facts = talk.get(&format!("/api/v1/projects/{PROJECT}/facts")).1;
    facts["facts"].as_array().unwrap().len()
}

pub(super) fn gone(options: &Options, order: Removal, is_trial: bool) -> Amount {
    match forget(options, order, is_trial).unwrap() {
        Forgot::Gone(amount) => amount,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mission_is_gone_everywhere_and_refused_by_every_receiver() {
    over_every_lasting(|name, options| {
        let (server, other) = (
            Server::start(options()).unwrap(),
            Server::start(options()).unwrap(),
        );
        let talk = filled(&server);
        assert_eq!(missions(&talk, 2), [OTHER_MISSION, MISSION], "{name}");
        let order = order(Some(MISSION), None);
        let trial = gone(&options(), order.clone(), true);
        assert_eq!((trial.events, trial.documents), (3, 2), "{name}");
        assert_eq!(
            trial.texts, 1,
            "{name}: the other mission has the long one too"
        );
        assert_eq!(
            talk.counts(["events", "bodies"]),
            [6, 4],
            "{name}: a trial changes nothing"
        );
        assert_eq!(list_removals(&options()).unwrap(), [], "{name}");

        assert_eq!(gone(&options(), order.clone(), false), trial, "{name}");
        let kept = list_removals(&options()).unwrap();
        assert_eq!(
            kept,
            [Removal {
                amount: trial,
                ..order
            }],
            "{name}: the audit row"
        );
        assert_eq!(
            talk.counts(["events", "bodies", "projects"]),
            [3, 2, 2],
            "{name}"
        );
        assert_eq!(missions(&talk, 1), [OTHER_MISSION], "{name}");
        assert_eq!(text_of(&talk, MISSION, "spec.md").0, 404, "{name}");
        let path =
            format!("/api/v1/projects/{PROJECT}/document?mission={OTHER_MISSION}&path=plan.md");
        until(&talk, &path, |answer| answer["text"] == long());
        assert_eq!(facts(&talk), 2, "{name}");
        assert_eq!(
            talk.get("/api/v1/search?q=personal").1["hits"],
            json!([]),
            "{name}"
        );

        refuses_the_mission(name, &Talk::to(&other));
        refuses_the_mission(name, &talk);
        assert_eq!(
            Talk::to(&server).batch(&[elsewhere(indexed(&id(40), "new.md", "new"))]),
            ["success"],
            "{name}"
        );
        assert_eq!(
            Talk::to(&other).counts(["events", "bodies"]),
            [4, 2],
            "{name}"
        );
    });
}

/// Nothing of the mission is taken, old or new, and the rest is as before.
fn refuses_the_mission(name: &str, talk: &Talk) {
    let (refused, had) = ("rejected", "duplicate");
    assert_eq!(
        talk.batch(&told()),
        [refused, refused, refused, had, had, had],
        "{name}"
    );
    assert_eq!(
        documents().map(|d| talk.post(BODIES, &d).0),
        [422, 422, 200, 200],
        "{name}"
    );
    assert_eq!(
        talk.batch(&[status_changed(&id(30))]),
        [refused],
        "{name}: new words too"
    );
    let (_, answer) = talk.post(
        super::client::EVENTS,
        &json!({"events": [status_changed(&id(31))]}),
    );
    assert!(
        answer["results"][0]["error"]
            .as_str()
            .unwrap()
            .starts_with("forgotten: "),
        "{name}: {answer}"
    );
}

#[test]
fn a_document_goes_alone_and_comes_back_when_it_may() {
    over_every_lasting(|name, options| {
        let server = Server::start(options()).unwrap();
        let talk = filled(&server);
        let amount = gone(&options(), order(Some(MISSION), Some("spec.md")), false);
        let expected = Amount {
            events: 1,
            documents: 1,
            texts: 1,
            ..amount
        };
        assert_eq!(amount, expected, "{name}");
        let expected = [
            "rejected",
            "duplicate",
            "duplicate",
            "duplicate",
            "duplicate",
            "duplicate",
        ];
        assert_eq!(talk.batch(&told()), expected, "{name}");
        let batch = documents().map(|document| document.to_string()).join("\n");
        let (_, answer) = talk.send(
            crate::http::Method::Post,
            "/api/dossier/push-batch/",
            batch.as_bytes(),
        );
        let statuses: Vec<_> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["status"].clone())
            .collect();
        assert_eq!(
            statuses,
            [422, 200, 200, 200].map(Value::from),
            "{name}: {answer}"
        );
        let again = Removal {
            is_accepted_again: true,
            ..order(Some(MISSION), Some("spec.md"))
        };
        assert_eq!(gone(&options(), again, false), Amount::default(), "{name}");
        let expected = [
            "success",
            "duplicate",
            "duplicate",
            "duplicate",
            "duplicate",
            "duplicate",
        ];
        assert_eq!(talk.batch(&told()), expected, "{name}");
        assert_eq!(
            documents().map(|d| talk.post(BODIES, &d).0),
            [201, 200, 200, 200],
            "{name}"
        );
        let path = format!("/api/v1/projects/{PROJECT}/document?mission={MISSION}&path=spec.md");
        until(&talk, &path, |answer| answer["text"] == "personal");
        assert_eq!(list_removals(&options()).unwrap().len(), 2, "{name}");
    });
}

#[test]
fn a_project_goes_and_no_other() {
    over_every_lasting(|name, options| {
        let server = Server::start(options()).unwrap();
        let talk = filled(&server);
        let amount = gone(&options(), order(None, None), false);
        assert_eq!(
            (amount.events, amount.documents, amount.texts),
            (5, 4, 3),
            "{name}"
        );
        assert_eq!(
            talk.counts(["events", "bodies", "projects"]),
            [1, 0, 1],
            "{name}"
        );
        let seen = until(&talk, "/api/v1/projects", |answer| {
            answer["projects"].as_array().unwrap().len() == 1
        });
        assert_eq!(seen["projects"][0]["uuid"], OTHER_PROJECT, "{name}");
        assert_eq!(talk.batch(&told())[5], "duplicate", "{name}");
        assert_eq!(talk.batch(&told())[..5], ["rejected"; 5], "{name}");
        assert_eq!(talk.get(REPORT).1["projects"], 1, "{name}");

        let again = Removal {
            is_accepted_again: true,
            ..order(None, None)
        };
        assert_eq!(gone(&options(), again, false), Amount::default(), "{name}");
        assert_eq!(talk.batch(&told())[..5], ["success"; 5], "{name}");
        assert_eq!(
            documents().map(|d| talk.post(BODIES, &d).0),
            [201; 4],
            "{name}"
        );
        assert_eq!(
            talk.counts(["events", "bodies", "projects"]),
            [6, 4, 2],
            "{name}"
        );
        assert_eq!(missions(&talk, 2), [OTHER_MISSION, MISSION], "{name}");
    });
}

#[test]
fn what_is_not_there_is_said() {
    over_every_lasting(|name, options| {
        let server = Server::start(options()).unwrap();
        filled(&server);
        let mut unknown = order(None, None);
        unknown.part.project_uuid = "8a4a7da6-a97c-4bb4-893a-000000000000".to_owned();
        assert_eq!(
            forget(&options(), unknown, false).unwrap(),
            Forgot::NoProject,
            "{name}"
        );
        let team = Removal {
            team: "red".to_owned(),
            ..order(None, None)
        };
        assert_eq!(
            forget(&options(), team, false).unwrap(),
            Forgot::NoProject,
            "{name}"
        );
        assert_eq!(
            gone(&options(), order(Some("none"), None), true),
            Amount::default(),
            "{name}"
        );
    });
}

#[test]
fn no_file_of_a_sqlite_storage_has_the_words_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        let mut options =
            super::client::options(crate::serve::Storage::File(dir.path().join("serve.db")));
        options.pages = crate::serve::Pages::File(dir.path().join("serve.db.pages"));
        options
    };
    let server = Server::start(start()).unwrap();
    let talk = filled(&server);
    until(&talk, "/api/v1/search?q=personal", |answer| {
        answer["hits"] != json!([])
    });
    let has = |word: &str| {
        let files = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|file| file.unwrap().path());
        let with = files.filter(|file| {
            std::fs::read(file)
                .unwrap()
                .windows(word.len())
                .any(|window| window == word.as_bytes())
        });
        with.map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
            .collect::<Vec<_>>()
    };
    assert_ne!(has("personal"), [""; 0]);
    gone(&start(), order(Some(MISSION), None), false);
    missions(&talk, 1);
    server.stop();
    assert_eq!(has("personal"), [""; 0]);
    assert_eq!(has("Unmistakable").len(), 1, "the other mission's text");
}

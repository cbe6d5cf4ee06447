//! Documents beyond the contract: many in a request, some without their text, and which are missing.

use serde_json::{Value, json};

use super::client::{BODIES, Talk};
use super::engines::over_each_engine;
use super::sample::{id, indexed, push, version};
use crate::http::{Method, gzip};

pub(super) const DOCUMENTS: &str = "/api/dossier/push-batch/";
const HAVE: &str = "/api/dossier/have/";

/// Sends documents as clients do; gives back status and word of each.
pub(super) fn documents(talk: &Talk, all: &[Value]) -> Vec<(u64, String)> {
    let lines: Vec<_> = all.iter().map(Value::to_string).collect();
    let packed = gzip(lines.join("\n").as_bytes()).unwrap();
    let (status, answer) =
        talk.with("Content-Encoding", "gzip")
            .send(Method::Post, DOCUMENTS, &packed);
    assert_eq!(status, 200, "{answer}");
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), all.len());
    let word = |result: &Value| {
        let answer = &result["answer"];
        let word = answer["status"]
            .as_str()
            .or(answer["error"].as_str())
            .unwrap()
            .to_owned();
        (result["status"].as_u64().unwrap(), word)
    };
    results.iter().map(word).collect()
}

fn without_text(path: &str, content: &str) -> Value {
    let mut document = push(path, content);
    document.as_object_mut().unwrap().remove("content_body");
    document
}

#[test]
fn each_document_of_a_batch_has_the_answer_it_would_have_got_alone() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        talk.batch(&[
            indexed(&id(1), "a.md", "a"),
            indexed(&id(2), "b.md", "b"),
            indexed(&id(3), "c.md", "a"),
        ]);
        let mut wrong = push("b.md", "b");
        wrong["content_hash"] = "00".into();
        let sent = [
            push("a.md", "a"),
            push("unknown.md", "x"),
            wrong,
            without_text("b.md", "b"),
            without_text("c.md", "a"),
            push("a.md", "a"),
        ];
        let told = |pairs: &[(u64, &str)]| {
            pairs
                .iter()
                .map(|(n, word)| (*n, (*word).to_owned()))
                .collect::<Vec<_>>()
        };
        let expected = [
            (201, "stored"),
            (404, "index_entry_not_found"),
            (400, "bad_request"),
            (200, "need"),
            (201, "stored"),
            (200, "already_exists"),
        ];
        if engine.is_local() {
            assert_eq!(documents(&talk, &sent), told(&expected), "{}", engine.name);
        } else {
            // Documents of one request are worked on together there: what is left out has to be
            // there before.
            assert_eq!(
                documents(&talk, &sent[..4]),
                told(&expected[..4]),
                "{}",
                engine.name
            );
            assert_eq!(
                documents(&talk, &sent[4..]),
                told(&expected[4..]),
                "{}",
                engine.name
            );
        }
        assert_eq!(talk.counts(["bodies"]), [2], "{}", engine.name);
        assert_eq!(
            documents(&talk, &[push("b.md", "b")]),
            told(&[(201, "stored")]),
            "{}",
            engine.name
        );
        assert_eq!(
            talk.post(BODIES, &push("c.md", "a")).0,
            200,
            "{}",
            engine.name
        );
    });
}

#[test]
fn a_digest_alone_has_to_be_what_was_announced() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        talk.batch(&[indexed(&id(1), "a.md", "a"), indexed(&id(2), "b.md", "b")]);
        assert_eq!(
            documents(&talk, &[push("a.md", "a")]),
            [(201, "stored".to_owned())],
            "{}",
            engine.name
        );
        // The text is here, and nothing says that b.md has it.
        assert_eq!(
            documents(&talk, &[without_text("b.md", "a")]),
            [(200, "need".to_owned())],
            "{}",
            engine.name
        );
        assert_eq!(
            documents(&talk, &[without_text("c.md", "a")])[0].0,
            404,
            "{}",
            engine.name
        );
        assert_eq!(talk.counts(["bodies"]), [1], "{}", engine.name);
        talk.batch(&[indexed(&id(3), "b.md", "a")]);
        assert_eq!(
            documents(&talk, &[without_text("b.md", "a")]),
            [(201, "stored".to_owned())],
            "{}",
            engine.name
        );
    });
}

#[test]
fn what_is_missing_is_told_by_path_and_digest() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        talk.batch(&[indexed(&id(1), "a.md", "a"), indexed(&id(2), "b.md", "b")]);
        documents(&talk, &[push("a.md", "a")]);
        let pair =
            |path: &str, content: &str| json!([path, version(path, content).sha256.to_string()]);
        let mut question = json!({
            "namespace": version("", "").namespace,
            "bodies": [pair("b.md", "b"), pair("a.md", "a"), pair("a.md", "older"), pair("unknown.md", "a")],
        });
        let asked = |question: &Value| Talk::to(engine.other()).post(HAVE, question);
        let missing = json!([
            pair("b.md", "b"),
            pair("a.md", "older"),
            pair("unknown.md", "a")
        ]);
        assert_eq!(
            asked(&question),
            (200, json!({"missing": missing})),
            "{}",
            engine.name
        );
        question["bodies"][0][1] = "00".into();
        assert_eq!(asked(&question).0, 400, "{}", engine.name);
        question["bodies"] = json!(vec![pair("b.md", "b"); 2001]);
        assert_eq!(asked(&question).0, 413, "{}", engine.name);
        question["bodies"] = json!([pair("a.md", "a")]);
        question["namespace"]["project_uuid"] = "262bb566-443d-51a9-8b0c-f82f7d341017".into();
        assert_eq!(
            asked(&question),
            (200, json!({"missing": [pair("a.md", "a")]})),
            "{}",
            engine.name
        );
    });
}

#[test]
fn a_text_of_another_project_is_none_of_this_one() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let other = "262bb566-443d-51a9-8b0c-f82f7d341017";
        let elsewhere = |mut value: Value| {
            value["project_uuid"] = other.into();
            if value["payload"].is_object() {
                value["payload"]["namespace"]["project_uuid"] = other.into();
            }
            value
        };
        talk.batch(&[
            indexed(&id(1), "a.md", "secret"),
            elsewhere(indexed(&id(2), "a.md", "secret")),
        ]);
        assert_eq!(
            documents(&talk, &[push("a.md", "secret")])[0].0,
            201,
            "{}",
            engine.name
        );
        let asked = documents(&talk, &[elsewhere(without_text("a.md", "secret"))]);
        assert_eq!(asked, [(200, "need".to_owned())], "{}", engine.name);
    });
}

#[test]
fn batches_of_documents_are_bounded() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let many = vec![push("a.md", "a").to_string(); 501].join("\n");
        let (status, answer) = talk.send(Method::Post, DOCUMENTS, many.as_bytes());
        assert_eq!(
            (status, &answer["limits"]["max_documents_per_batch"]),
            (413, &json!(500)),
            "{}",
            engine.name
        );
        let long = push("a.md", &"a".repeat(500 << 10)).to_string();
        assert_eq!(
            talk.send(
                Method::Post,
                DOCUMENTS,
                vec![long; 20].join("\n").as_bytes()
            )
            .0,
            413,
            "{}",
            engine.name
        );
        assert_eq!(
            talk.send(Method::Post, DOCUMENTS, b"\n\n").0,
            400,
            "{}",
            engine.name
        );
        assert_eq!(
            talk.send(Method::Post, DOCUMENTS, b"[1]\n\xff").1["results"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
    });
}

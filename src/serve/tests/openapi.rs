//! The `OpenAPI` document and the router name the same paths and methods.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::{Talk, memory};
use super::sample::PROJECT;
use crate::http::Method;
use crate::serve::api::PATHS;

/// The document does not describe itself.
const ITSELF: &str = "/api/v1/openapi.json";
/// The methods of HTTP; other members of a path are not operations.
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

fn document() -> Value {
    serde_json::from_str(include_str!("../openapi.json")).unwrap()
}

/// Operations that one of both lacks.
fn differences(document: &Value) -> Vec<String> {
    let routed: BTreeSet<_> = PATHS
        .iter()
        .filter(|path| **path != ITSELF)
        .map(|path| format!("get {path}"))
        .collect();
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item
                .as_object()
                .unwrap()
                .keys()
                .filter(|name| METHODS.contains(&name.as_str()));
            methods.map(move |method| format!("{method} {path}"))
        })
        .collect();
    routed.symmetric_difference(&described).cloned().collect()
}

#[test]
fn the_document_and_the_router_name_the_same() {
    assert_eq!(differences(&document()), [""; 0]);
}

#[test]
fn a_planted_difference_is_found() {
    let (mut more, mut less, mut other) = (document(), document(), document());
    more["paths"]["/api/v1/planted"] = json!({"get": {}});
    less["paths"]
        .as_object_mut()
        .unwrap()
        .remove("/api/v1/search")
        .unwrap();
    other["paths"]["/api/v1/search"] = json!({"post": {}, "parameters": []});
    assert_eq!(differences(&more), ["get /api/v1/planted"]);
    assert_eq!(differences(&less), ["get /api/v1/search"]);
    assert_eq!(
        differences(&other),
        ["get /api/v1/search", "post /api/v1/search"]
    );
}

/// Every path of the list is really there, with this method alone.
#[test]
fn each_path_answers_get_and_nothing_else() {
    let server = memory();
    let talk = Talk::to(&server);
    let unknown = talk.get("/api/v1/nothing").1;
    for path in PATHS {
        let path = path.replace("{project_uuid}", PROJECT);
        let (status, answer) = talk.get(&path);
        assert!(
            matches!(status, 200 | 400 | 404) && answer != unknown,
            "{path}: {status} {answer}"
        );
        assert_eq!(talk.send(Method::Post, &path, b"{}").0, 405, "{path}");
    }
}

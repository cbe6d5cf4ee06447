//! Tables of lines and their results.

use serde_json::{Value, json};

use super::fixture::{
    ID, MISSION, PROJECT, decided, decision_point, envelope, event, lane, row_in, with, wp_created,
};
use super::*;
use crate::base::json::canonical;

#[test]
fn a_real_line_has_the_bytes_that_every_clone_makes() {
    let event = event(&lane());
    let digest = Sha256::of(&canonical(&event.envelope).unwrap()).to_string();
    assert_eq!(
        digest,
        "8bb1be5734a52e5dcec0140437510481e84cedca6336a3b388fe22e762211a69"
    );
    // The byte form is frozen: after the payload is deleted, only the digest of these bytes is left
    // for comparison.
    insta::assert_snapshot!(String::from_utf8(event.envelope).unwrap(), @r#"{"event_id":"01KJ5V38JT00JPNCGNRNVWXV12","event_type":"WPStatusChanged","aggregate_id":"WP01","aggregate_type":"WorkPackage","schema_version":"3.0.0","build_id":"mission-log","payload":{"actor":"migration","evidence":{"repos":[{"branch":"unknown","commit":"unknown","repo":"unknown"}],"review":{"reference":null,"reviewer":"unknown","verdict":"unknown"},"verification":[]},"execution_mode":"direct_repo","force":true,"from_lane":"planned","mission_slug":"004-modular-code-refactoring","reason":"historical_frontmatter_to_jsonl:v1","review_ref":null,"to_lane":"done","wp_id":"WP01"},"node_id":"211fdf2534ff","lamport_clock":1771870200410438,"causation_id":null,"correlation_id":"113ZFJAD7ZMGNKAJ0Q2H0DAAKA","timestamp":"2026-02-23T18:10:00.410438+00:00","team_slug":null,"project_uuid":"8a4a7da6-a97c-4bb4-893a-b31664abfee4","project_slug":"spec-kitty","git_branch":null,"head_commit_sha":null,"repo_slug":null}"#);
    assert_eq!(
        (event.lamport_clock, event.has_unknown_evidence),
        (1_771_870_200_410_438, true)
    );
}

#[test]
fn each_kind_of_line_has_its_decision() {
    for (row, decision) in [
        (
            json!({"kind": "annotation", "event_id": ID, "to_lane": "done"}),
            "no_contract_type: InnerStateChanged",
        ),
        (json!({"kind": "other"}), "unknown_kind: other"),
        (json!({"kind": null}), "unknown_kind: null"),
        (
            json!({"type": "RetrospectiveCaptured", "to_lane": "done"}),
            "no_contract_type: RetrospectiveCaptured",
        ),
        (
            json!({"event_name": "other", "event_id": ID}),
            "unknown_row",
        ),
        (json!({"event_id": ID}), "unknown_row"),
        (
            with(lane(), &[("/event_type", Value::Null)]),
            "WPStatusChanged",
        ),
        (
            with(lane(), &[("/event_id", json!("(absent)"))]),
            "no_event_id",
        ),
        (
            with(lane(), &[("/event_id", json!("WP01-3"))]),
            "invalid_event_id",
        ),
        (with(lane(), &[("/event_id", json!(7))]), "invalid_event_id"),
        (wp_created(), "WPCreated"),
        (decision_point(), "DecisionPointOpened"),
        (
            json!({"event_name": "retrospective.completed", "event_id": ID, "at": "2026-05-01T00:00:00Z", "payload": {}}),
            "retrospective.completed",
        ),
    ] {
        assert_eq!(decided(&row), decision, "{row}");
    }
}

#[test]
fn a_handle_is_the_directory_and_a_name_is_kept() {
    let mission = LogMission {
        directory: "sweep-01KWD0V5",
        mission_id: Some("01KWD0V5F148VXAXDJ90MECYRR"),
    };
    for (named, resolved) in [
        ("01KWD0V5", "sweep-01KWD0V5"),
        ("01KWD0V5F148VXAXDJ90MECYRR", "sweep-01KWD0V5"),
        ("01KTRC04", "01KTRC04"),
        ("", "sweep-01KWD0V5"),
        ("077-renamed", "077-renamed"),
    ] {
        for row in [
            lane(),
            with(wp_created(), &[("/mission_slug", json!(named))]),
        ] {
            let pointer = if row.get("payload").is_some() {
                "/payload/mission_slug"
            } else {
                "/mission_slug"
            };
            let row = with(row, &[(pointer, json!(named))]);
            if named.is_empty() && pointer.starts_with("/payload") {
                continue; // A closed payload wants a text.
            }
            let event = row_in(mission, &row).becomes.unwrap();
            let value: Value = serde_json::from_slice(&event.envelope).unwrap();
            assert_eq!(
                (
                    event.mission_slug.as_str(),
                    &value["payload"]["mission_slug"]
                ),
                (resolved, &json!(resolved))
            );
        }
    }
}

#[test]
fn typed_lines_are_checked_in_order_and_closed() {
    let created = json!({"mission_id": "i", "mission_slug": "m", "mission_number": 1, "mission_type": "t",
        "target_branch": "b", "wp_count": 0, "friendly_name": "f", "purpose_tldr": "t", "purpose_context": "c"});
    let created = with(
        wp_created(),
        &[
            ("/event_type", json!("MissionCreated")),
            ("/payload", created),
        ],
    );
    for (row, decision) in [
        (
            with(wp_created(), &[("/event_type", json!(5))]),
            "invalid_field: event_type",
        ),
        (
            with(wp_created(), &[("/event_type", json!("FeatureCreated"))]),
            "forbidden_type: FeatureCreated",
        ),
        (
            with(wp_created(), &[("/payload", json!([]))]),
            "missing_field: payload",
        ),
        (
            with(
                wp_created(),
                &[("/payload/x", json!([{"feature_slug": 1}]))],
            ),
            "forbidden_key: feature_slug",
        ),
        (
            with(wp_created(), &[("/payload/wp_title", json!("(absent)"))]),
            "payload: wp_title is missing",
        ),
        (
            with(wp_created(), &[("/payload/depends_on", Value::Null)]),
            "payload: depends_on is invalid",
        ),
        (
            with(wp_created(), &[("/payload/created_at", json!("2026"))]),
            "payload: created_at is invalid",
        ),
        (created.clone(), "MissionCreated"),
        (
            with(
                created.clone(),
                &[("/payload/mission_number", json!("(absent)"))],
            ),
            "payload: mission_number is missing",
        ),
        (
            with(created.clone(), &[("/payload/mission_number", json!(0))]),
            "payload: mission_number is invalid",
        ),
        (
            with(created, &[("/payload/wp_count", json!(-1))]),
            "payload: wp_count is invalid",
        ),
        (
            with(wp_created(), &[("/aggregate_type", json!("Project"))]),
            "aggregate_type: Project",
        ),
        (
            with(wp_created(), &[("/aggregate_type", Value::Null)]),
            "aggregate_type: None",
        ),
        (
            with(wp_created(), &[("/aggregate_id", json!(""))]),
            "invalid_field: aggregate_id",
        ),
        (
            with(wp_created(), &[("/timestamp", json!("(absent)"))]),
            "missing_field: at",
        ),
        (
            with(
                wp_created(),
                &[
                    ("/timestamp", json!(1)),
                    ("/at", json!("2026-07-20T15:33:31Z")),
                ],
            ),
            "invalid_timestamp",
        ),
    ] {
        assert_eq!(decided(&row), decision, "{row}");
    }
    assert!(envelope(&wp_created())["payload"].get("extra").is_none());
    assert_eq!(
        envelope(&decision_point())["payload"],
        json!({"x": 1.5}),
        "an open payload goes as it is"
    );
}

#[test]
fn a_line_without_an_aggregate_is_about_its_mission() {
    for (changes, id) in [
        (
            vec![
                ("/payload/mission_id", json!("p")),
                ("/mission_id", json!("r")),
            ],
            "p",
        ),
        (vec![("/mission_id", json!("r"))], "r"),
        (vec![("/payload/mission_slug", json!("named"))], "named"),
        (vec![], "004-modular-code-refactoring"),
    ] {
        let envelope = envelope(&with(decision_point(), &changes));
        assert_eq!(
            (&envelope["aggregate_type"], &envelope["aggregate_id"]),
            (&json!("Mission"), &json!(id))
        );
    }
}

#[test]
fn times_are_clocks_to_the_microsecond() {
    for (text, micros) in [
        (
            "2026-02-23T18:10:00.410438+00:00",
            Some(1_771_870_200_410_438),
        ),
        ("2026-02-23T18:10:00.4104389Z", Some(1_771_870_200_410_438)),
        (
            "2026-02-23T19:10:00.410438+01:00",
            Some(1_771_870_200_410_438),
        ),
        ("1970-01-01T00:00:00Z", Some(0)),
        ("1970-01-01T00:00:00+00:01", None),
        ("2026-02-23T18:10:00", None),
        ("2026-02-23 18:10:00Z", None),
        ("2026-02-23t18:10:00z", None),
        ("2026-02-30T18:10:00Z", None),
        ("2026-02-23T24:10:00Z", None),
        ("2026-02-23T18:10:60Z", None),
        ("2026-02-23T18:10:00.Z", None),
        ("2026-02-23T18:10:00.1234567890Z", None),
        ("2026-02-23T18:10:00+24:00", None),
        ("2026-02-23T18:10:00+0100", None),
        ("2026-02-23T18:10:00Zx", None),
        ("é026-02-23T18:10:00Z", None),
        ("", None),
    ] {
        assert_eq!(clock::micros(text), micros, "{text}");
    }
}

#[test]
fn one_bad_line_costs_no_other() {
    let good = |id: &str| with(lane(), &[("/event_id", json!(id))]).to_string();
    let mut file = b"\xef\xbb\xbf".to_vec();
    for part in [
        good("01KJ5V38JT00JPNCGNRNVWXV11").as_bytes(),
        b"\r\n\n \t\n<<<<<<< HEAD\n",
        good("01kj5v38jt00jpncgnrnvwxv12").as_bytes(),
        b"\n=======\n  ",
        good("8A4A7DA6A97C4BB4893AB31664ABFEE4").as_bytes(),
        b"  \n>>>>>>> other\n<<<<<<<<\n\xff\n[1]\n{\"event_id\":NaN}\n{\"a\":1e999}\n{\"a\":\"\\ud800\"}\n",
        br#"{"event_id": "x", "event_id": "01KJ5V38JT00JPNCGNRNVWXV12", "kind": "annotation"}"#,
        b"\n{\"event_id\": \"01KJ",
    ] {
        file.extend_from_slice(part);
    }
    let told: Vec<_> = read_log(&file, PROJECT, MISSION)
        .map(|row| {
            let decision = row
                .becomes
                .map_or_else(|skip| skip.to_string(), |_| "captured".to_owned());
            format!(
                "{} {} {decision}",
                row.line,
                row.event_id.as_deref().unwrap_or("-")
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("
"), @r"
    1 01KJ5V38JT00JPNCGNRNVWXV11 captured
    4 - merge_marker
    5 01KJ5V38JT00JPNCGNRNVWXV12 captured
    6 - merge_marker
    7 8a4a7da6-a97c-4bb4-893a-b31664abfee4 captured
    8 - merge_marker
    9 - not_json
    10 - not_utf8
    11 - not_an_object
    12 - not_json
    13 - not_json
    14 - not_json
    15 01KJ5V38JT00JPNCGNRNVWXV12 no_contract_type: InnerStateChanged
    16 - incomplete_line
    ");
}

#[test]
fn of_one_id_the_first_envelope_counts() {
    let other = with(lane(), &[("/wp_id", json!("WP02"))]);
    let same = with(
        lane(),
        &[
            ("/event_id", json!(ID.to_lowercase())),
            ("/policy_metadata", json!({"a": 1})),
        ],
    );
    let broken = with(lane(), &[("/wp_id", json!(""))]);
    let file = [broken, lane(), same, other]
        .map(|row| row.to_string())
        .join("\n");
    let decided: Vec<_> = read_log(file.as_bytes(), PROJECT, MISSION)
        .map(|row| {
            row.becomes
                .map_or_else(|skip| skip.to_string(), |event| event.event_id)
        })
        .collect();
    assert_eq!(
        decided,
        [
            "missing_field: wp_id",
            ID,
            "duplicate_line",
            "conflicting_line"
        ]
    );
}

#[test]
fn another_project_in_a_line_is_noticed_and_not_used() {
    let row = |uuid: &str| event(&with(wp_created(), &[("/project_uuid", json!(uuid))]));
    assert!(!row("8A4A7DA6A97C4BB4893AB31664ABFEE4").names_other_project);
    let other = row("00000000-0000-4000-8000-000000000000");
    assert!(other.names_other_project);
    assert_eq!(other.envelope, event(&wp_created()).envelope);
}

//! Tables of lines and their results.

use serde_json::{Value, json};

use super::*;
use crate::base::json::canonical;

const PROJECT: LogProject<'_> = LogProject {
    project_uuid: "8a4a7da6-a97c-4bb4-893a-b31664abfee4",
    project_slug: Some("spec-kitty"),
    repo_slug: None,
};
const MISSION: LogMission<'_> = LogMission {
    directory: "004-modular-code-refactoring",
    mission_id: None,
};
const ID: &str = "01KJ5V38JT00JPNCGNRNVWXV12";

/// The first line of a real log.
fn lane() -> Value {
    json!({"actor": "migration", "at": "2026-02-23T18:10:00.410438+00:00", "event_id": ID, "evidence": null,
        "execution_mode": "direct_repo", "force": true, "from_lane": "planned", "mission_id": "01KN2371WVTZTM5FD5NT2YSGJ0",
        "mission_slug": "004-modular-code-refactoring", "policy_metadata": null,
        "reason": "historical_frontmatter_to_jsonl:v1", "review_ref": null, "to_lane": "done", "wp_id": "WP01"})
}

fn wp_created() -> Value {
    json!({"aggregate_id": "WP06", "aggregate_type": "WorkPackage", "event_id": ID, "event_type": "WPCreated",
        "payload": {"actor": "a", "created_at": "2026-07-20T16:29:30.253480Z", "depends_on": ["WP02"],
            "mission_number": null, "mission_slug": "m", "wp_id": "WP06", "wp_title": "t", "extra": 1},
        "project_slug": null, "project_uuid": null, "schema_version": "5.0.0",
        "timestamp": "2026-07-20T16:29:30.253609+00:00"})
}

fn decision_point() -> Value {
    json!({"at": "2026-07-20T15:33:31Z", "event_id": ID, "event_type": "DecisionPointOpened", "payload": {"x": 1.5}})
}

/// A row with changed members; `null` as text removes one.
fn with(mut row: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = row.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if *value == json!("(absent)") {
            parent.remove(name);
        } else {
            parent.insert(name.to_owned(), value.clone());
        }
    }
    row
}

fn row_in(mission: LogMission<'_>, row: &Value) -> LogRow {
    read_log(row.to_string().as_bytes(), PROJECT, mission)
        .next()
        .unwrap()
}

fn event(row: &Value) -> LogEvent {
    row_in(MISSION, row).becomes.unwrap()
}

fn envelope(row: &Value) -> Value {
    serde_json::from_slice(&event(row).envelope).unwrap()
}

/// The result for a row, as one word or with the reason.
fn decided(row: &Value) -> String {
    match row_in(MISSION, row).becomes {
        Ok(LogEvent {
            transition: Some(rule),
            ..
        }) => rule,
        Ok(event) => event.event_type,
        Err(skip) => skip.to_string(),
    }
}

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
fn a_lane_change_is_skipped_for_the_first_flaw() {
    for (changes, reason) in [
        (
            vec![("/wp_id", json!("")), ("/to_lane", json!("x"))],
            "missing_field: wp_id",
        ),
        (
            vec![
                ("/wp_id", json!("(absent)")),
                ("/work_package_id", json!("WP01")),
            ],
            "missing_field: wp_id",
        ),
        (vec![("/to_lane", Value::Null)], "missing_field: to_lane"),
        (
            vec![("/to_lane", json!("finished")), ("/force", json!(1))],
            "unknown_lane: finished",
        ),
        (vec![("/to_lane", json!(5))], "unknown_lane: to_lane"),
        (
            vec![("/from_lane", json!(["done"]))],
            "unknown_lane: from_lane",
        ),
        (
            vec![("/force", json!("yes")), ("/reason", json!(1))],
            "invalid_field: force",
        ),
        (
            vec![("/reason", json!(1)), ("/review_ref", json!(1))],
            "invalid_field: reason",
        ),
        (
            vec![("/review_ref", json!(1)), ("/actor", json!(" "))],
            "invalid_field: review_ref",
        ),
        (vec![("/actor", json!(" "))], "missing_field: actor"),
        (vec![("/actor", json!({}))], "missing_field: actor"),
        (vec![("/actor", json!([1]))], "missing_field: actor"),
        (
            vec![
                ("/actor", json!({"a": [{"mission_key": 1}]})),
                ("/at", json!(1)),
            ],
            "forbidden_key: mission_key",
        ),
        (
            vec![("/reason", json!(" ")), ("/at", json!(1))],
            "force_without_reason: planned -> done",
        ),
        (
            vec![("/reason", Value::Null), ("/from_lane", Value::Null)],
            "force_without_reason: None -> done",
        ),
        (vec![("/at", Value::Null)], "missing_field: at"),
        (vec![("/at", json!("2026-02-23"))], "invalid_timestamp"),
    ] {
        assert_eq!(decided(&with(lane(), &changes)), reason, "{changes:?}");
    }
}

#[test]
fn a_lane_change_keeps_what_survives_a_repair() {
    let payload = |changes: &[(&str, Value)]| envelope(&with(lane(), changes))["payload"].clone();
    let original = json!({"role": "implementer", "tool": "x"});
    let flattened = json!({"migration_original_actor": original});
    for (changes, member, expected) in [
        (
            vec![("/policy_metadata", flattened.clone())],
            "actor",
            original.clone(),
        ),
        (
            vec![("/policy_metadata", json!({"migration_original_actor": "x"}))],
            "actor",
            json!("migration"),
        ),
        (
            vec![("/policy_metadata", flattened), ("/actor", json!({"a": 1}))],
            "actor",
            json!({"a": 1}),
        ),
        (
            vec![("/execution_mode", json!("code_change"))],
            "execution_mode",
            json!("direct_repo"),
        ),
        (
            vec![("/execution_mode", json!("worktree"))],
            "execution_mode",
            json!("worktree"),
        ),
        (
            vec![("/to_lane", json!("doing"))],
            "to_lane",
            json!("in_progress"),
        ),
        (
            vec![("/from_lane", json!("(absent)"))],
            "from_lane",
            Value::Null,
        ),
        (
            vec![("/to_lane", json!("blocked"))],
            "evidence",
            Value::Null,
        ),
        (
            vec![("/mission_slug", json!("other"))],
            "mission_slug",
            json!("other"),
        ),
        (
            vec![
                ("/mission_slug", json!("(absent)")),
                ("/feature_slug", json!("older")),
            ],
            "mission_slug",
            json!("older"),
        ),
        (
            vec![("/mission_slug", json!("(absent)"))],
            "mission_slug",
            json!("004-modular-code-refactoring"),
        ),
    ] {
        assert_eq!(payload(&changes)[member], expected, "{changes:?}");
    }
    let names: Vec<_> = payload(&[("/extra", json!(1))])
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let ten = "actor evidence execution_mode force from_lane mission_slug reason review_ref to_lane wp_id";
    assert_eq!(names.join(" "), ten);
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
fn an_approval_says_unknown_for_what_the_log_does_not_name() {
    let evidence = |changes: &[(&str, Value)]| {
        let row = with(lane(), changes);
        let has_unknown = event(&row).has_unknown_evidence;
        (envelope(&row)["payload"]["evidence"].clone(), has_unknown)
    };
    let unknown_repo = json!([{"repo": "unknown", "branch": "unknown", "commit": "unknown"}]);
    let review = json!({"reviewer": "r", "verdict": "approved", "reference": null});
    let repo = json!({"repo": "o/n", "branch": "b", "commit": "c", "files_touched": ["f"]});
    let full = json!({"review": {"reviewer": "r", "verdict": "approved", "reference": 5, "x": 1}, "repos": [repo, {"repo": ""}, 7],
        "verification": [{"command": "c", "result": "r"}, {"command": ""}]});
    let checked = json!([{"command": "c", "result": "r", "summary": null}]);
    let whole = json!({"review": review, "repos": [repo], "verification": checked});
    assert_eq!(
        evidence(&[("/evidence", full.clone())]),
        (whole.clone(), false)
    );
    assert_eq!(
        evidence(&[("/evidence", full), ("/to_lane", json!("blocked"))]),
        (whole, false)
    );
    let (value, has_unknown) = evidence(&[("/review_result", review.clone())]);
    assert_eq!(
        (value["review"].clone(), value["repos"].clone(), has_unknown),
        (review, unknown_repo, true)
    );
    let (value, _) = evidence(&[
        ("/review_ref", json!("ref")),
        ("/evidence", json!({"review": {"reviewer": "r"}})),
    ]);
    assert_eq!(
        value["review"],
        json!({"reviewer": "unknown", "verdict": "unknown", "reference": "ref"})
    );
}

#[test]
fn what_the_transition_rules_refuse_is_named() {
    let rule = |from: &str, to: &str, force: bool, review: &str| {
        let from = if from.is_empty() {
            Value::Null
        } else {
            json!(from)
        };
        let row = with(
            lane(),
            &[
                ("/from_lane", from),
                ("/to_lane", json!(to)),
                ("/force", json!(force)),
                ("/reason", json!("r")),
                ("/review_ref", json!(review)),
            ],
        );
        decided(&row)
    };
    for (from, to, force, review, expected) in [
        ("", "planned", false, "", "WPStatusChanged"),
        (
            "",
            "claimed",
            false,
            "",
            "transition_not_allowed: None -> claimed",
        ),
        ("genesis", "planned", false, "", "WPStatusChanged"),
        ("planned", "claimed", false, "", "WPStatusChanged"),
        (
            "claimed",
            "planned",
            false,
            "",
            "transition_not_allowed: claimed -> planned",
        ),
        (
            "claimed",
            "done",
            false,
            "",
            "transition_not_allowed: claimed -> done",
        ),
        ("claimed", "planned", true, "", "WPStatusChanged"),
        (
            "in_progress",
            "planned",
            false,
            "",
            "force_required: in_progress -> planned",
        ),
        (
            "in_review",
            "planned",
            false,
            "x",
            "force_required: in_review -> planned",
        ),
        ("in_review", "planned", true, "", "WPStatusChanged"),
        (
            "done",
            "in_progress",
            false,
            "",
            "force_required: done -> in_progress",
        ),
        (
            "canceled",
            "blocked",
            false,
            "",
            "force_required: canceled -> blocked",
        ),
        ("done", "in_progress", true, "", "WPStatusChanged"),
        (
            "in_review",
            "in_progress",
            false,
            "",
            "review_ref_required: in_review -> in_progress",
        ),
        (
            "in_review",
            "in_progress",
            true,
            " ",
            "review_ref_required: in_review -> in_progress",
        ),
        ("in_review", "in_progress", false, "x", "WPStatusChanged"),
        (
            "in_progress",
            "in_review",
            false,
            "",
            "transition_not_allowed: in_progress -> in_review",
        ),
        ("blocked", "canceled", false, "", "WPStatusChanged"),
        ("genesis", "blocked", false, "", "WPStatusChanged"),
    ] {
        assert_eq!(
            rule(from, to, force, review),
            expected,
            "{from} -> {to} {force} {review:?}"
        );
    }
    let beside = with(
        lane(),
        &[
            ("/from_lane", json!("in_review")),
            ("/to_lane", json!("in_progress")),
            ("/review_result", json!({"reference": "feedback"})),
        ],
    );
    assert_eq!(decided(&beside), "WPStatusChanged");
    assert_eq!(envelope(&beside)["payload"]["review_ref"], "feedback");
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

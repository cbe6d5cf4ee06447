//! Lines that change a lane.

use serde_json::{Value, json};

use super::fixture::{decided, envelope, event, lane, with};

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
#[expect(clippy::too_many_lines, reason = "the table of transitions")]
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

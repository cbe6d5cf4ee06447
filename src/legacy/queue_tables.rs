//! Tables and columns of the known queues and journals.

/// Tables and columns of a queue in its newest version; older names of `mission_slug` are also
/// accepted.
pub(super) const QUEUE: &[(&str, &[&str])] = &[
    (
        "queue",
        &[
            "id",
            "event_id",
            "event_type",
            "data",
            "timestamp",
            "retry_count",
            "coalesce_key",
        ],
    ),
    ("body_upload_queue", BODY),
    ("body_upload_failure_log", FAILURE),
];

const BODY: &[&str] = &[
    "id",
    "project_uuid",
    "mission_slug",
    "feature_slug",
    "target_branch",
    "mission_type",
    "mission_key",
    "manifest_version",
    "artifact_path",
    "content_hash",
    "hash_algorithm",
    "content_body",
    "size_bytes",
    "retry_count",
    "next_attempt_at",
    "created_at",
    "last_error",
];

const FAILURE: &[&str] = &[
    "id",
    "project_uuid",
    "mission_slug",
    "feature_slug",
    "target_branch",
    "mission_type",
    "mission_key",
    "manifest_version",
    "artifact_path",
    "content_hash",
    "hash_algorithm",
    "size_bytes",
    "failure_reason",
    "failure_count",
    "first_failed_at",
    "last_failed_at",
];

/// Tables and columns of a journal of 3.2.x.
pub(super) const JOURNAL: &[(&str, &[&str])] = &[
    (
        "event_journal",
        &[
            "event_id",
            "event_type",
            "payload",
            "occurred_at",
            "created_at",
            "coalesce_key",
            "archived_at",
            "drain_blocked_reason",
            "project_uuid",
            "project_slug",
            "repo_slug",
        ],
    ),
    (
        "coalesce_superseded",
        &[
            "superseded_event_id",
            "superseded_by_event_id",
            "coalesce_key",
            "at",
        ],
    ),
];

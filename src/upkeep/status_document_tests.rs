//! The names of the members of the document of `status`, and their order.

use super::fixture::nothing;

#[test]
#[expect(clippy::too_many_lines, reason = "the document is long")]
fn the_document_is_the_contract() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&nothing()).unwrap(), @r#"
    {
      "project": {
        "project_uuid": "u",
        "project_slug": "acme",
        "repo": "/src/acme",
        "store": "/state/projects/u/store.db",
        "store_exists": true
      },
      "target_authority": {
        "configured_server_url": "https://sync.example.org",
        "env_server_url": null,
        "override_mode": "none",
        "resolved_server_url": "https://sync.example.org",
        "user_id": null,
        "team_slug": "core",
        "derived_queue_scope": "https://sync.example.org||core",
        "queue_db_path": "",
        "active_queue_scope_status": "absent"
      },
      "event_journal": {
        "retained_event_count": 0,
        "archived_event_count": 0,
        "on_hold": {},
        "oldest_retained_event_at": null,
        "journal_size_bytes": 0,
        "gc_suggested": false,
        "gc_suggestion": null
      },
      "delivery_targets": {
        "current": {
          "target_id": null,
          "canonical_url": "https://sync.example.org",
          "team_slug": "core",
          "user_email": "",
          "page_url": null,
          "next_due_at": null,
          "reset_offer": null,
          "server_check": null
        },
        "previous": []
      },
      "delivery_ledger": {
        "delivered_current_target": 0,
        "delivered_previous_target": 0,
        "pending": 0,
        "rejected": 0,
        "transient": 0,
        "terminal_failed": 0,
        "in_flight": 0,
        "untried": 0
      },
      "migration_conflicts": {
        "count": 0,
        "cleanup_blocked": false,
        "conflicts": []
      },
      "terminal_failures": {
        "count": 0,
        "waived": 0,
        "events": []
      },
      "body_upload_compatibility": {
        "body_upload_queue_count": 0,
        "body_upload_failure_log_count": 0
      },
      "active_queue": {
        "path": "/state/projects/u/store.db",
        "event_count": 0,
        "body_upload_count": 0
      },
      "legacy_queue": {
        "path": "",
        "event_count": 0,
        "body_upload_count": 0,
        "rows_in_scope": 0
      },
      "remote_sync": {
        "remote_project_state": "unknown",
        "materialized_at": null,
        "historical_import_state": "unknown",
        "last_blocker_sample": null
      },
      "auth_required": false,
      "auth_present": false,
      "live_orphan_daemon_count": 0,
      "foreground": {
        "package_version": null,
        "executable_path": null,
        "source_path": null,
        "server_url": null,
        "team_or_user": null,
        "queue_db_path": null,
        "pid": null
      },
      "daemon_owner_record": {
        "status": "absent",
        "port": null,
        "package_version": null,
        "executable_path": null,
        "source_path": null,
        "server_url": null,
        "team_or_user": null,
        "queue_db_path": null,
        "pid": null
      },
      "mismatches": [],
      "orphan_records": [],
      "bodies": {
        "queued": 0,
        "ready": 0,
        "in_backoff": 0,
        "oldest_age_seconds": null,
        "retry_histogram": {},
        "failures": 0
      },
      "spool": {
        "lines": 0,
        "bytes": 0,
        "torn": 0,
        "damaged": 0,
        "kept": []
      },
      "balance": {
        "captured": 0,
        "delivered": 0,
        "in_flight": 0,
        "retryable": 0,
        "undeliverable": 0,
        "blocked": 0,
        "untried": 0,
        "superseded": 0,
        "discarded": 0,
        "purged": 0,
        "holds": true
      },
      "documents": {
        "balance": {
          "captured": 0,
          "delivered": 0,
          "in_flight": 0,
          "retryable": 0,
          "undeliverable": 0,
          "blocked": 0,
          "untried": 0,
          "superseded": 0,
          "discarded": 0,
          "purged": 0,
          "holds": true
        }
      },
      "missions": null,
      "gates": [],
      "blocked_age_seconds": null,
      "legacy_stores": [],
      "unassigned": {
        "events": 0,
        "bytes": 0,
        "undecided": 0,
        "files": [],
        "error": null
      },
      "last_run": null,
      "last_background": null,
      "warnings": [],
      "next_steps": [],
      "work_packages": null
    }
    "#);
}

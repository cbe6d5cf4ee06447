-- Refusals that older queues remember, of texts that are not here. An entry is open until the artifact is accepted after
-- all or a person asks for another try. Times are microseconds since the epoch.
CREATE TABLE bodies_failure_log (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  project_uuid     TEXT NOT NULL,
  mission_slug     TEXT NOT NULL,
  target_branch    TEXT NOT NULL,
  mission_type     TEXT NOT NULL,
  manifest_version TEXT NOT NULL,
  artifact_path    TEXT NOT NULL,
  content_hash     BLOB NOT NULL,
  hash_algorithm   TEXT NOT NULL DEFAULT 'sha256',
  size_bytes       INTEGER NOT NULL,
  failure_reason   TEXT NOT NULL,
  failure_count    INTEGER NOT NULL DEFAULT 1,
  first_failed_at  INTEGER NOT NULL,
  last_failed_at   INTEGER NOT NULL,
  closed_at        INTEGER,
  UNIQUE (project_uuid, mission_slug, target_branch, mission_type, manifest_version, artifact_path, content_hash,
          failure_reason)
);
CREATE INDEX bodies_failure_log_last ON bodies_failure_log (last_failed_at);

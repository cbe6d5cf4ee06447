-- Texts waiting to be uploaded, once each, however many rows want them. A text goes with the last row that refers to it.
CREATE TABLE bodies_blobs (
  sha256  BLOB PRIMARY KEY NOT NULL,
  content BLOB NOT NULL
);

-- One row for each body that a server has not answered for. Times are microseconds since the epoch.
CREATE TABLE bodies_queue (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,   -- never reused: an upload in progress names its row by it
  project_uuid     TEXT NOT NULL,
  mission_slug     TEXT NOT NULL,
  target_branch    TEXT NOT NULL,
  mission_type     TEXT NOT NULL,
  manifest_version TEXT NOT NULL,
  artifact_path    TEXT NOT NULL,
  content_hash     BLOB NOT NULL REFERENCES bodies_blobs (sha256),
  hash_algorithm   TEXT NOT NULL DEFAULT 'sha256',
  size_bytes       INTEGER NOT NULL,
  retry_count      INTEGER NOT NULL DEFAULT 0,
  due_at           INTEGER NOT NULL DEFAULT 0,          -- 0: at once
  created_at       INTEGER NOT NULL,
  last_error       TEXT,
  UNIQUE (project_uuid, mission_slug, target_branch, mission_type, manifest_version, artifact_path, content_hash)
);
CREATE INDEX bodies_queue_order ON bodies_queue (created_at, id);
CREATE INDEX bodies_queue_due ON bodies_queue (due_at);
CREATE INDEX bodies_queue_content ON bodies_queue (content_hash);
CREATE INDEX bodies_queue_retried ON bodies_queue (retry_count) WHERE retry_count > 0;

-- Bodies a server refused for good, written before their row leaves the queue. An entry is open until the artifact is
-- accepted after all or a person asks for another try; a new refusal opens it again.
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

-- Until when a server wants no upload at all.
CREATE TABLE bodies_pauses (
  endpoint   BLOB PRIMARY KEY NOT NULL,   -- SHA-256 of the address, which may hold a secret
  not_before INTEGER NOT NULL
);

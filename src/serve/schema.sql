CREATE TABLE serve_settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE serve_projects (
  project_id   INTEGER PRIMARY KEY,
  project_uuid TEXT NOT NULL UNIQUE           -- lower-case, hyphenated
);

CREATE TABLE serve_events (
  seq         INTEGER PRIMARY KEY,            -- order of receipt
  project_id  INTEGER NOT NULL REFERENCES serve_projects,
  event_id    TEXT NOT NULL,                  -- normalised
  event_type  TEXT NOT NULL,
  received_at INTEGER NOT NULL,               -- microseconds since the epoch
  envelope    BLOB NOT NULL,                  -- byte for byte as it was sent
  UNIQUE (project_id, event_id)
);

CREATE TABLE serve_namespaces (
  namespace_id     INTEGER PRIMARY KEY,
  project_uuid     TEXT NOT NULL,
  mission_slug     TEXT NOT NULL,
  target_branch    TEXT NOT NULL,
  mission_type     TEXT NOT NULL,
  manifest_version TEXT NOT NULL,
  UNIQUE (project_uuid, mission_slug, target_branch, mission_type, manifest_version)
);

CREATE TABLE serve_announcements (            -- what MissionDossierArtifactIndexed events have named
  namespace_id   INTEGER NOT NULL REFERENCES serve_namespaces,
  artifact_path  TEXT NOT NULL,
  PRIMARY KEY (namespace_id, artifact_path)
) WITHOUT ROWID;

CREATE TABLE serve_contents (                 -- each content once, whatever names it
  content_sha256 BLOB PRIMARY KEY,
  content        TEXT NOT NULL
);

CREATE TABLE serve_bodies (
  seq            INTEGER PRIMARY KEY,         -- order of receipt
  namespace_id   INTEGER NOT NULL REFERENCES serve_namespaces,
  artifact_path  TEXT NOT NULL,
  content_sha256 BLOB NOT NULL REFERENCES serve_contents,
  received_at    INTEGER NOT NULL,            -- microseconds since the epoch
  UNIQUE (namespace_id, artifact_path, content_sha256)
);

CREATE TABLE serve_requests (
  idempotency_key TEXT PRIMARY KEY,
  first_at        INTEGER NOT NULL,           -- microseconds since the epoch
  times           INTEGER NOT NULL
) WITHOUT ROWID;

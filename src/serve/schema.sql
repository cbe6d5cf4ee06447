CREATE TABLE serve_settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE serve_teams (                    -- team 0, of which the operator's own token is, has no row
  team INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
);

CREATE TABLE serve_tokens (                   -- rows are never deleted: with any, requests need a token
  token_sha256 BLOB PRIMARY KEY,
  team         INTEGER NOT NULL,
  name         TEXT NOT NULL,
  scope        TEXT NOT NULL,                 -- write, read, admin
  project_uuid TEXT,                          -- the only one it is for, or NULL
  created_at   INTEGER NOT NULL,              -- microseconds since the epoch, as the next two
  expires_at   INTEGER,
  revoked_at   INTEGER,
  UNIQUE (team, name)
) WITHOUT ROWID;

CREATE TABLE serve_projects (
  project_id   INTEGER PRIMARY KEY,
  team         INTEGER NOT NULL,
  project_uuid TEXT NOT NULL,                 -- lower-case, hyphenated
  UNIQUE (team, project_uuid)
);

CREATE TABLE serve_events (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of receipt; never given twice
  project_id  INTEGER NOT NULL REFERENCES serve_projects,
  event_id    TEXT NOT NULL,                  -- normalised
  event_type  TEXT NOT NULL,
  received_at INTEGER NOT NULL,               -- microseconds since the epoch
  envelope    BLOB NOT NULL,                  -- byte for byte as it was sent
  UNIQUE (project_id, event_id)
);

CREATE TABLE serve_namespaces (
  namespace_id     INTEGER PRIMARY KEY,
  project_id       INTEGER NOT NULL REFERENCES serve_projects,
  mission_slug     TEXT NOT NULL,
  target_branch    TEXT NOT NULL,
  mission_type     TEXT NOT NULL,
  manifest_version TEXT NOT NULL,
  UNIQUE (project_id, mission_slug, target_branch, mission_type, manifest_version)
);

CREATE TABLE serve_announcements (            -- what MissionDossierArtifactIndexed events have named
  namespace_id   INTEGER NOT NULL REFERENCES serve_namespaces,
  artifact_path  TEXT NOT NULL,
  seq            INTEGER NOT NULL,            -- of the newest event that names it
  content_sha256 BLOB,                        -- what that event says of its content
  PRIMARY KEY (namespace_id, artifact_path)
) WITHOUT ROWID;

CREATE TABLE serve_words (                    -- the newest other event about the same thing of a mission
  subject      BLOB NOT NULL,                 -- 16 bytes
  namespace_id INTEGER NOT NULL REFERENCES serve_namespaces,
  seq          INTEGER NOT NULL,
  PRIMARY KEY (namespace_id, subject)
) WITHOUT ROWID;

CREATE TABLE serve_contents (                 -- each content of a team once, whatever names it
  content_id     INTEGER PRIMARY KEY,
  team           INTEGER NOT NULL,
  content_sha256 BLOB NOT NULL,
  content        TEXT NOT NULL,
  UNIQUE (team, content_sha256)
);

CREATE TABLE serve_bodies (
  seq            INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of receipt; never given twice
  namespace_id   INTEGER NOT NULL REFERENCES serve_namespaces,
  artifact_path  TEXT NOT NULL,
  content_sha256 BLOB NOT NULL,
  content_id     INTEGER NOT NULL REFERENCES serve_contents,
  received_at    INTEGER NOT NULL,            -- microseconds since the epoch
  UNIQUE (namespace_id, artifact_path, content_sha256)
);

CREATE INDEX serve_bodies_contents ON serve_bodies (content_id);

CREATE TABLE serve_requests (
  idempotency_key TEXT PRIMARY KEY,
  first_at        INTEGER NOT NULL,           -- microseconds since the epoch
  times           INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE serve_removals (                 -- what an operator had deleted; rows are never deleted
  removal_id        INTEGER PRIMARY KEY,
  team              INTEGER NOT NULL,
  project_uuid      TEXT NOT NULL,
  mission_slug      TEXT,                     -- NULL for the whole project
  artifact_path     TEXT,                     -- NULL for the whole mission
  at                INTEGER NOT NULL,         -- microseconds since the epoch
  reason            TEXT NOT NULL,
  is_accepted_again INTEGER NOT NULL,         -- 0 refuses what clients send of it
  events            INTEGER NOT NULL,
  documents         INTEGER NOT NULL,
  texts             INTEGER NOT NULL,
  bytes             INTEGER NOT NULL
);

CREATE INDEX serve_removals_of_project ON serve_removals (team, project_uuid);

CREATE TABLE serve_webhooks (                 -- where the events of a project are sent
  webhook_id     TEXT PRIMARY KEY,            -- a UUID
  team           INTEGER NOT NULL,
  name           TEXT NOT NULL,
  project_uuid   TEXT NOT NULL,
  url            TEXT NOT NULL,
  secret         TEXT NOT NULL,
  may_be_private INTEGER NOT NULL,
  created_at     INTEGER NOT NULL,            -- microseconds since the epoch, as the next two
  due_at         INTEGER NOT NULL DEFAULT 0,  -- not before
  leased_until   INTEGER NOT NULL DEFAULT 0,  -- until then one receiver has it
  position       INTEGER NOT NULL,            -- seq of the last event that was taken
  sending_to     INTEGER,                     -- seq of the last event of the request that is under way
  failures       INTEGER NOT NULL DEFAULT 0,  -- since the last success
  failure        TEXT NOT NULL DEFAULT '',
  UNIQUE (team, name)
) WITHOUT ROWID;

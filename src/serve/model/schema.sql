CREATE TABLE serve_model_settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE serve_model_cursors (            -- how far each feed was read
  stream TEXT PRIMARY KEY,
  seq    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE serve_model_projects (
  project_id INTEGER PRIMARY KEY,
  team       INTEGER NOT NULL,
  uuid       TEXT NOT NULL,
  name       TEXT NOT NULL DEFAULT '',        -- the slug of the newest event that has one
  last_at    INTEGER NOT NULL DEFAULT 0,      -- microseconds since the epoch: the newest receipt
  UNIQUE (team, uuid)
);

CREATE TABLE serve_model_missions (
  mission_id       INTEGER PRIMARY KEY,
  project_id       INTEGER NOT NULL REFERENCES serve_model_projects,
  slug             TEXT NOT NULL,
  name             TEXT NOT NULL DEFAULT '',  -- a name for people, if an event gave one
  kind             TEXT NOT NULL DEFAULT '',  -- mission type
  branch           TEXT NOT NULL DEFAULT '',  -- the branch it is merged into
  artifacts        INTEGER,                   -- of the newest snapshot: how many it counts
  required_missing INTEGER,                   -- of the newest snapshot
  last_at          INTEGER NOT NULL DEFAULT 0,
  UNIQUE (project_id, slug)
);

CREATE INDEX serve_model_missions_by_time ON serve_model_missions (project_id, last_at DESC, mission_id DESC);

CREATE TABLE serve_model_work (               -- work packages, as the newest of their events says
  mission_id INTEGER NOT NULL REFERENCES serve_model_missions,
  wp         TEXT NOT NULL,
  lane       TEXT NOT NULL DEFAULT '',
  title      TEXT NOT NULL DEFAULT '',
  actor      TEXT NOT NULL DEFAULT '',
  lamport    INTEGER NOT NULL DEFAULT -1,     -- with the id of the event that decided the lane
  event_id   TEXT NOT NULL DEFAULT '',
  told       TEXT NOT NULL DEFAULT '',        -- the time in that event
  PRIMARY KEY (mission_id, wp)
) WITHOUT ROWID;

CREATE TABLE serve_model_documents (
  document_id INTEGER PRIMARY KEY,
  mission_id  INTEGER NOT NULL REFERENCES serve_model_missions,
  path        TEXT NOT NULL,
  class       TEXT NOT NULL DEFAULT '',
  is_required INTEGER NOT NULL DEFAULT 0,
  sha256      BLOB,                           -- the current version; NULL if it was only told missing
  size        INTEGER NOT NULL DEFAULT 0,
  at          INTEGER NOT NULL,               -- when the current version came
  is_gone     INTEGER NOT NULL DEFAULT 0,
  boxes       INTEGER NOT NULL DEFAULT 0,     -- task boxes in the text
  boxes_done  INTEGER NOT NULL DEFAULT 0,
  UNIQUE (mission_id, path)
);

CREATE TABLE serve_model_versions (
  document_id INTEGER NOT NULL REFERENCES serve_model_documents,
  sha256      BLOB NOT NULL,
  size        INTEGER NOT NULL,
  at          INTEGER NOT NULL,               -- when it came last
  told        TEXT NOT NULL DEFAULT '',       -- the time in the event
  branch      TEXT NOT NULL DEFAULT '',       -- where it was delivered from
  commit_sha  TEXT NOT NULL DEFAULT '',
  node        TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (document_id, sha256)
) WITHOUT ROWID;

CREATE TABLE serve_model_texts (              -- which texts are kept
  project_id INTEGER NOT NULL REFERENCES serve_model_projects,
  sha256     BLOB NOT NULL,
  PRIMARY KEY (project_id, sha256)
) WITHOUT ROWID;

CREATE TABLE serve_model_unread (             -- documents whose current text is kept and not yet indexed
  document_id INTEGER PRIMARY KEY REFERENCES serve_model_documents
);

CREATE TABLE serve_model_activity (
  activity_id INTEGER PRIMARY KEY,
  team        INTEGER NOT NULL,
  project_id  INTEGER NOT NULL REFERENCES serve_model_projects,
  seq         INTEGER NOT NULL,               -- position in the project's feed
  mission_id  INTEGER REFERENCES serve_model_missions,
  at          INTEGER NOT NULL,               -- time of receipt
  told        TEXT NOT NULL,                  -- the time in the event
  kind        TEXT NOT NULL,                  -- event type
  subject     TEXT NOT NULL,                  -- work package, path, or aggregate
  what        TEXT NOT NULL,
  actor       TEXT NOT NULL,
  event_id    TEXT NOT NULL
);

CREATE INDEX serve_model_activity_of_team ON serve_model_activity (team, activity_id);
CREATE INDEX serve_model_activity_of_project ON serve_model_activity (project_id, seq);
CREATE INDEX serve_model_activity_of_mission ON serve_model_activity (mission_id, seq) WHERE mission_id IS NOT NULL;

-- Row 2n is document n, row 2n+1 is mission n. The texts themselves stay where they are.
CREATE VIRTUAL TABLE serve_model_search USING fts5 (
  name, body, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

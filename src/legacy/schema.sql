-- Rows imported from older stores, in the store that has them.

CREATE TABLE legacy_sources (
  id           INTEGER PRIMARY KEY,
  path         BLOB NOT NULL UNIQUE,          -- the file, byte for byte
  kind         TEXT NOT NULL,                 -- 'queue', 'scoped_queue', 'journal', 'project_store', 'overflow', …
  label        TEXT NOT NULL,                 -- 'legacy', the digest in its name, 'journal-<producer>', …
  provenance   TEXT NOT NULL,                 -- 'known:<digest>' or 'unknown:<label>': whose queue it was
  scope        TEXT,                          -- 'server|user|team', where that is known
  done         TEXT,                          -- the stamp of the file whose whole share is here
  imported_at  INTEGER NOT NULL
);

CREATE TABLE legacy_provenance (
  seq         INTEGER NOT NULL,               -- the journal row
  source      INTEGER NOT NULL REFERENCES legacy_sources (id),
  sha256      BLOB,                           -- of the source's bytes, where they are not the journal's
  differs     INTEGER NOT NULL DEFAULT 0,     -- 1: another content under the same id; kept apart
  queued_at,                                  -- the source's own time, as it stands there
  retry_count,                                -- and its count of failures
  PRIMARY KEY (seq, source)
) WITHOUT ROWID;

CREATE TABLE legacy_bodies (                  -- what was once put into the body queue or the failure log from a source
  body   BLOB NOT NULL,                       -- digest of what identifies it
  source INTEGER NOT NULL REFERENCES legacy_sources (id),
  PRIMARY KEY (body, source)
) WITHOUT ROWID;

CREATE TABLE legacy_ledgers (                 -- older ledgers read for a target
  path      BLOB NOT NULL,
  target_id TEXT NOT NULL,
  done      TEXT NOT NULL,                    -- its stamp, and when something was last imported before that
  PRIMARY KEY (path, target_id)
) WITHOUT ROWID;

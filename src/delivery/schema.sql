-- The ledger: what was delivered to which target. Every *_at is microseconds since the Unix epoch.

CREATE TABLE delivery_targets (
  id                 INTEGER PRIMARY KEY,
  target_id          TEXT NOT NULL UNIQUE,
  receiver           TEXT NOT NULL,
  canonical_url      TEXT NOT NULL,
  team_slug          TEXT NOT NULL,
  user_email         TEXT NOT NULL,
  live               INTEGER NOT NULL DEFAULT 1,
  cursor_seq         INTEGER NOT NULL DEFAULT 0,  -- last journal row examined for a first attempt
  not_before         INTEGER,                     -- the server asked to be left alone until then
  documents_not_before INTEGER,                   -- the same, by an answer to a document: it may have another endpoint
  throttled          INTEGER NOT NULL DEFAULT 0,  -- how often in a row it asked
  limit_events       INTEGER,                     -- learned from its answers
  limit_bytes        INTEGER,
  clean_batches      INTEGER NOT NULL DEFAULT 0,  -- since a limit was learned or raised
  told_events        INTEGER,                     -- what it says it takes at most
  told_bytes         INTEGER,
  told_wait_min      INTEGER,                     -- how long it wants to be left alone, in seconds
  told_wait_max      INTEGER,
  told_at            INTEGER,                     -- when it said so last
  told_documents     INTEGER,                     -- what of documents it takes at most in a request
  told_document_bytes INTEGER,
  told_capabilities  TEXT NOT NULL DEFAULT '',    -- what it can do beyond the contract: names, separated by blanks
  pages              TEXT,                        -- where it has pages for people: a path
  checked_at         INTEGER,                     -- when it was last asked what it has
  checked            TEXT,                        -- what came of that: JSON
  deployment         INTEGER,                     -- the delivery_deployments row it was last seen as
  no_health_until    INTEGER,                     -- it has no health answer to give: not asked before then
  reset_seen_at      INTEGER,                     -- since when another server seems to answer there: nobody said yet
  reset_changes      TEXT,                        -- what says so: JSON, by field
  first_seen_at      INTEGER NOT NULL,
  last_seen_at       INTEGER NOT NULL
);

CREATE TABLE delivery_deployments (
  id                 INTEGER PRIMARY KEY,
  target             INTEGER NOT NULL REFERENCES delivery_targets (id),
  server_instance_id TEXT,                        -- a change of this, the environment or the commit: another server
  deployment_id      TEXT,
  environment_name   TEXT,
  git_sha            TEXT,
  seen_at            INTEGER NOT NULL             -- first
);

CREATE INDEX delivery_live_targets ON delivery_targets (live);

CREATE TABLE delivery_rows (
  target             INTEGER NOT NULL REFERENCES delivery_targets (id),
  seq                INTEGER NOT NULL,
  kind               INTEGER NOT NULL DEFAULT 0,  -- 0 an event, 1 a version of a document, which has no row before its event is delivered
  status             TEXT NOT NULL,
  attempt            INTEGER,                     -- the open attempt that has it in flight
  attempts           INTEGER NOT NULL DEFAULT 0,  -- answers that said something of this event
  failures           INTEGER NOT NULL DEFAULT 0,  -- answers that settled nothing, for the waits
  rejections         INTEGER NOT NULL DEFAULT 0,
  alone              INTEGER NOT NULL DEFAULT 0,  -- found guilty by bisection: sent in a request of its own
  due_at             INTEGER,                     -- NULL: in flight, settled, or behind another; 0: never sent
  behind             INTEGER,                     -- the parked attempt with an earlier event of its aggregate
  http_status        INTEGER,
  error              TEXT,
  by_status          INTEGER NOT NULL DEFAULT 0,  -- a success that the status of the whole request proved
  first_attempted_at INTEGER,
  last_attempted_at  INTEGER,
  settled_at         INTEGER,
  waiver             INTEGER,                     -- the delivery_waivers row: a person has seen that it was given up
  PRIMARY KEY (target, seq)
) WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery_rows (target, due_at, seq) WHERE due_at IS NOT NULL AND kind = 0;
CREATE INDEX delivery_due_documents ON delivery_rows (target, seq) WHERE due_at IS NOT NULL AND kind = 1;
CREATE INDEX delivery_behind ON delivery_rows (behind) WHERE behind IS NOT NULL;
CREATE INDEX delivery_failed ON delivery_rows (target, seq) WHERE status = 'terminal_failed' AND kind = 0;
CREATE INDEX delivery_unseen ON delivery_rows (target, seq)
  WHERE status = 'terminal_failed' AND waiver IS NULL AND kind = 0;
CREATE INDEX delivery_rejected ON delivery_rows (target, seq) WHERE status = 'rejected' AND kind = 0;
CREATE INDEX delivery_transient ON delivery_rows (target, seq) WHERE status = 'transient' AND kind = 0;
CREATE INDEX delivery_failed_documents ON delivery_rows (target, seq) WHERE status = 'terminal_failed' AND kind = 1;

CREATE TABLE delivery_attempts (
  id              INTEGER PRIMARY KEY,
  target          INTEGER NOT NULL REFERENCES delivery_targets (id),
  parent          INTEGER REFERENCES delivery_attempts (id),
  idempotency_key TEXT NOT NULL UNIQUE,
  seqs            TEXT NOT NULL,                  -- journal rows in sending order: '1-5,9'
  first_seq       INTEGER NOT NULL,               -- the first of them: open attempts are sent in this order
  events          INTEGER NOT NULL,
  body_bytes      INTEGER,                        -- NULL until it is first about to be sent
  body_sha256     BLOB,
  deployment      INTEGER REFERENCES delivery_deployments (id),  -- who was there when it was last about to be sent
  opened_at       INTEGER NOT NULL,
  due_at          INTEGER NOT NULL,
  sent            INTEGER NOT NULL DEFAULT 0,     -- how often it was about to be sent
  unknown_ends    INTEGER NOT NULL DEFAULT 0,     -- how often nobody knows what became of it
  in_doubt        INTEGER NOT NULL DEFAULT 0,     -- its events were sent before, under a parent without a known end
  parked          INTEGER NOT NULL DEFAULT 0,     -- a single event whose end stays unknown: holds up nobody
  aggregate       TEXT,                           -- what a parked event happened to: nothing later of it goes first
  closed_at       INTEGER,
  http_status     INTEGER,
  result          TEXT,
  error           TEXT
);

-- What a person has seen of what was given up: one row for each time, over the events that were given up by then.
CREATE TABLE delivery_waivers (
  id         INTEGER PRIMARY KEY,
  target     INTEGER NOT NULL REFERENCES delivery_targets (id),
  grp        TEXT NOT NULL,                       -- the group's id, as it is shown
  event_type TEXT NOT NULL,
  reason     TEXT NOT NULL,                       -- without what differs between events
  note       TEXT NOT NULL,
  events     INTEGER NOT NULL,                    -- that it still covers
  waived_at  INTEGER NOT NULL
);
CREATE INDEX delivery_waivers_of ON delivery_waivers (target);

-- What stopped the last drain to a target, and since when; '' is a target that no source names.
CREATE TABLE delivery_gates (
  target_id TEXT NOT NULL,
  name      TEXT NOT NULL,
  reason    TEXT NOT NULL,
  fix       TEXT NOT NULL,
  since     INTEGER NOT NULL,
  PRIMARY KEY (target_id, name)
) WITHOUT ROWID;

-- The balance that the last drain to a target ended with.
CREATE TABLE delivery_balances (
  target   INTEGER PRIMARY KEY REFERENCES delivery_targets (id),
  at       INTEGER NOT NULL,
  captured INTEGER NOT NULL,
  classes  TEXT NOT NULL                          -- JSON, a number for each class
);

CREATE INDEX delivery_open_attempts ON delivery_attempts (target, parked, first_seq) WHERE closed_at IS NULL;
CREATE INDEX delivery_parked_aggregates ON delivery_attempts (target, aggregate, first_seq)
  WHERE closed_at IS NULL AND parked = 1;
CREATE INDEX delivery_parked_attempts ON delivery_attempts (target, due_at) WHERE closed_at IS NULL AND parked = 1;

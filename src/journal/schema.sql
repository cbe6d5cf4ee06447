-- The journal: what happened, once, in commit order. Rows are never deleted; payload bytes leave only by an
-- operator's act. Every *_at is microseconds since the Unix epoch.

CREATE TABLE journal_events (
  seq            INTEGER PRIMARY KEY,           -- given inside BEGIN IMMEDIATE, so it follows commit order
  kind           INTEGER NOT NULL DEFAULT 0,    -- 0 an event, 1 a version of a document
  event_id       TEXT NOT NULL COLLATE NOCASE,  -- verbatim; ids that differ in case are the same id; of a document 'doc:…'
  event_type     TEXT NOT NULL,
  occurred_at    TEXT,                          -- the envelope's own time, verbatim
  captured_at    INTEGER NOT NULL,
  origin         TEXT NOT NULL,                 -- 'index', 'mission-log', 'capture', 'import:<source>'
  coalesce_key   BLOB,                          -- what the event is about; NULL: never coalesces
  facts_hash     BLOB,                          -- what it says of it; of a document the SHA-256 of its text
  payload_sha256 BLOB NOT NULL,
  size           INTEGER NOT NULL,              -- bytes of the envelope
  announced_by   INTEGER REFERENCES journal_events (seq),  -- of a document: the event that a server must know first
  chain          BLOB NOT NULL,                 -- SHA-256(previous chain, seq, event_id, payload_sha256)
  wire           INTEGER NOT NULL,              -- what sending takes: 0 a rewrite, 1 nothing, 2 nothing without a team, 3 impossible, 4 a rewrite without names
  held           TEXT,                          -- why it waits for `events release`
  superseded_by  INTEGER REFERENCES journal_events (seq),
  follows        INTEGER REFERENCES journal_events (seq),  -- the older of its key, owed as well; of a document the version before
  discarded      TEXT,                          -- why it was given up (evicted, cleared, purged)
  gone           TEXT,                          -- why its payload left
  left_at        INTEGER,                       -- when it left, or was given up
  archived_at    INTEGER
);
-- One row has an id. Where a person decided that another content is the right one, the row that had it before keeps its
-- place, its id and its digest, and is found by its place alone.
CREATE UNIQUE INDEX journal_event_id ON journal_events (event_id) WHERE discarded IS NOT 'replaced';

CREATE INDEX journal_announced ON journal_events (announced_by) WHERE announced_by IS NOT NULL;
CREATE INDEX journal_documents ON journal_events (facts_hash) WHERE kind = 1;

-- Texts of documents, once each, for as long as some target lacks one that has it.
CREATE TABLE journal_texts (
  sha256 BLOB PRIMARY KEY NOT NULL,
  text   BLOB NOT NULL
);
-- Events on hold are few, and looked for by a person and by status.
CREATE INDEX journal_held ON journal_events (held, seq) WHERE held IS NOT NULL;

CREATE TABLE journal_payloads (
  seq      INTEGER PRIMARY KEY REFERENCES journal_events (seq),
  envelope BLOB NOT NULL                        -- the bytes exactly as captured
);

CREATE TABLE journal_keys (
  coalesce_key BLOB PRIMARY KEY,
  seq          INTEGER NOT NULL,                -- the newest event of the key
  facts_hash   BLOB NOT NULL,                   -- and, so that most captures need not look at it, its facts and size
  size         INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE journal_state (
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  sealed_through INTEGER NOT NULL,              -- highest seq ever selected for any target
  lamport        INTEGER NOT NULL,
  spool          TEXT,                          -- the spool file imported last, or being imported
  spool_through  INTEGER NOT NULL               -- and how many of its bytes are in the journal
);
INSERT INTO journal_state VALUES (1, 0, 0, NULL, 0);

CREATE TABLE journal_conflicts (
  id              INTEGER PRIMARY KEY,
  event_id        TEXT NOT NULL COLLATE NOCASE,
  existing_sha256 BLOB NOT NULL,
  incoming_sha256 BLOB NOT NULL,
  envelope        BLOB NOT NULL,                -- the refused bytes, whole
  origin          TEXT NOT NULL,
  found_at        INTEGER NOT NULL,
  resolved_at     INTEGER,
  resolution      TEXT,
  UNIQUE (event_id, incoming_sha256)
);

CREATE TABLE journal_audit (
  id         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  act        TEXT NOT NULL,                     -- 'conflict', 'discarded', 'released', …
  event_id   TEXT,
  event_type TEXT,
  sha256     BLOB,
  reason     TEXT NOT NULL
);
-- Whether an act on an event was audited before. A repair of a mission's log asks it of thousands of lines.
CREATE INDEX journal_audited ON journal_audit (event_id, sha256) WHERE act IN ('rewritten', 'discarded');

-- What imported events say of lines in mission logs: a line whose live copy was imported is not captured again.
CREATE TABLE journal_copies (
  line BLOB PRIMARY KEY                         -- digest of the line's id, or of type, aggregate and time
) WITHOUT ROWID;

-- What delivery may see of the journal.
CREATE VIEW journal_feed AS
SELECT e.seq, e.event_id, e.size, e.wire, e.superseded_by, e.held, e.discarded, e.gone, p.envelope,
       e.event_type, e.captured_at, e.kind, e.announced_by, e.facts_hash
FROM journal_events AS e LEFT JOIN journal_payloads AS p ON p.seq = e.seq;

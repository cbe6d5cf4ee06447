CREATE TABLE sk_settings (
  name  text PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE sk_tenants (                     -- the operator's own, 0, has no row
  tenant int PRIMARY KEY,
  name   text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE sk_tokens (                      -- rows are never deleted: with any, requests need a token
  token_sha256 bytea PRIMARY KEY,
  tenant       int NOT NULL,
  name         text COLLATE "C" NOT NULL,
  scope        text NOT NULL,                 -- write, read, admin
  project_uuid uuid,                          -- the only one it is for, or NULL
  created_at   bigint NOT NULL,               -- microseconds since the epoch, as the next two
  expires_at   bigint,
  revoked_at   bigint,
  UNIQUE (tenant, name)
);

CREATE TABLE sk_projects (
  tenant       int NOT NULL,
  project_uuid uuid NOT NULL,
  head         bigint NOT NULL DEFAULT 0,     -- highest seq given out: raised in the transaction that uses it
  emptied      bigint NOT NULL DEFAULT 0,     -- head when the whole project was deleted
  removals     int NOT NULL DEFAULT 0,        -- how many there were; a writer that knows of fewer writes nothing
  first_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, project_uuid)
) WITH (fillfactor = 50);

CREATE TABLE sk_events (
  tenant         int NOT NULL,
  project_uuid   uuid NOT NULL,
  event_id       text COLLATE "C" NOT NULL,   -- normalised
  seq            bigint NOT NULL,             -- order of commit within the project, with gaps
  event_type     text NOT NULL,
  received_at    timestamptz NOT NULL DEFAULT now(),
  payload_sha256 bytea NOT NULL,              -- of the envelope
  envelope       bytea NOT NULL,              -- byte for byte as it was sent
  PRIMARY KEY (tenant, project_uuid, event_id)
);

-- Questions by position say "tenant + 0", questions by key "tenant": without statistics (a first import) the planner
-- takes this index, the smaller one, for both, and reads the whole project for each key.
CREATE UNIQUE INDEX sk_events_feed ON sk_events ((tenant + 0), project_uuid, seq);

CREATE TABLE sk_artifacts (                   -- what MissionDossierArtifactIndexed events have named
  tenant           int NOT NULL,
  project_uuid     uuid NOT NULL,
  artifact         bytea NOT NULL,            -- SHA-256 of the five texts: they have no bound that an index can hold
  seq              bigint NOT NULL,           -- of the newest event that names it
  mission_slug     text NOT NULL,
  target_branch    text NOT NULL,
  mission_type     text NOT NULL,
  manifest_version text NOT NULL,
  path             text NOT NULL,
  sha256           bytea,                     -- what that event says of its content
  PRIMARY KEY (tenant, project_uuid, artifact)
);

CREATE TABLE sk_words (                       -- the newest other event about the same thing of a mission
  tenant       int NOT NULL,
  project_uuid uuid NOT NULL,
  subject      bytea NOT NULL,
  seq          bigint NOT NULL,
  mission_slug text NOT NULL,
  PRIMARY KEY (tenant, project_uuid, subject)
);

CREATE TABLE sk_bodies (
  tenant       int NOT NULL,
  project_uuid uuid NOT NULL,
  artifact     bytea NOT NULL,
  sha256       bytea NOT NULL,
  seq          bigint NOT NULL,               -- from the same head as the events of the project
  size         int NOT NULL,
  received_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, project_uuid, artifact, sha256)
);

CREATE UNIQUE INDEX sk_bodies_feed ON sk_bodies ((tenant + 0), project_uuid, seq);
CREATE INDEX sk_bodies_texts ON sk_bodies (tenant, project_uuid, sha256);

CREATE TABLE sk_blobs (                       -- texts that are in the database
  tenant       int NOT NULL,
  project_uuid uuid NOT NULL,
  sha256       bytea NOT NULL,
  content      bytea NOT NULL,
  PRIMARY KEY (tenant, project_uuid, sha256)
);

CREATE TABLE sk_removals (                    -- what an operator had deleted; rows are never deleted
  tenant            int NOT NULL,
  project_uuid      uuid NOT NULL,
  number            int NOT NULL,             -- of sk_projects.removals
  mission_slug      text,                     -- NULL for the whole project
  path              text,                     -- NULL for the whole mission
  at                bigint NOT NULL,          -- microseconds since the epoch
  reason            text NOT NULL,
  is_accepted_again boolean NOT NULL,         -- false refuses what clients send of it
  events            bigint NOT NULL,
  documents         bigint NOT NULL,
  texts             bigint NOT NULL,
  bytes             bigint NOT NULL,
  PRIMARY KEY (tenant, project_uuid, number)
);

CREATE TABLE sk_webhooks (                    -- where the events of a project are sent; in the first database
  webhook_id     text PRIMARY KEY,            -- a UUID
  tenant         int NOT NULL,
  name           text COLLATE "C" NOT NULL,
  project_uuid   uuid NOT NULL,
  url            text NOT NULL,
  secret         text NOT NULL,
  may_be_private boolean NOT NULL,
  created_at     bigint NOT NULL,             -- microseconds since the epoch, as the next two
  due_at         bigint NOT NULL DEFAULT 0,   -- not before
  leased_until   bigint NOT NULL DEFAULT 0,   -- until then one receiver has it
  position       bigint NOT NULL,             -- seq of the last event that was taken
  sending_to     bigint,                      -- seq of the last event of the request that is under way
  failures       int NOT NULL DEFAULT 0,      -- since the last success
  failure        text NOT NULL DEFAULT '',
  UNIQUE (tenant, name)
);

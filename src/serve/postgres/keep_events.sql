-- $1 tenant, $2 project; of each event: $3 id, $4 type, $5 digest, $6 envelope;
-- of each announcement: $7 the event's id, $8 artifact, $9 slug, $10 branch, $11 mission type, $12 version, $13 path,
-- $14 digest of the content or NULL; of each other event with a subject: $15 id, $16 subject, $17 mission;
-- $18 how many removals the writer knows: if there were others, nothing is written and the first number is NULL.
WITH head AS (
  INSERT INTO sk_projects AS p (tenant, project_uuid, head) VALUES ($1, $2, cardinality($3))
  ON CONFLICT (tenant, project_uuid) DO UPDATE SET head = p.head + cardinality($3) WHERE p.removals = $18
  RETURNING head - cardinality($3) AS base
), new AS (
  INSERT INTO sk_events (tenant, project_uuid, event_id, seq, event_type, payload_sha256, envelope)
  SELECT $1, $2, e.event_id, head.base + e.n, e.event_type, e.sha256, e.envelope
  FROM head, unnest($3, $4, $5, $6) WITH ORDINALITY AS e (event_id, event_type, sha256, envelope, n)
  ON CONFLICT (tenant, project_uuid, event_id) DO NOTHING
  RETURNING event_id, seq
), announced AS (
  INSERT INTO sk_artifacts AS a
    (tenant, project_uuid, artifact, seq, mission_slug, target_branch, mission_type, manifest_version, path, sha256)
  SELECT DISTINCT ON (u.artifact) $1, $2, u.artifact, new.seq, u.slug, u.branch, u.kind, u.version, u.path, u.sha256
  FROM new JOIN unnest($7, $8, $9, $10, $11, $12, $13, $14)
    AS u (event_id, artifact, slug, branch, kind, version, path, sha256)
    USING (event_id)
  ORDER BY u.artifact, new.seq DESC
  ON CONFLICT (tenant, project_uuid, artifact) DO UPDATE SET seq = excluded.seq, sha256 = excluded.sha256
    WHERE a.seq < excluded.seq
), said AS (
  INSERT INTO sk_words AS w (tenant, project_uuid, subject, seq, mission_slug)
  SELECT DISTINCT ON (u.subject) $1, $2, u.subject, new.seq, u.slug
  FROM new JOIN unnest($15, $16, $17) AS u (event_id, subject, slug) USING (event_id)
  ORDER BY u.subject, new.seq DESC
  ON CONFLICT (tenant, project_uuid, subject) DO UPDATE SET seq = excluded.seq WHERE w.seq < excluded.seq
)
SELECT (SELECT base FROM head), (SELECT count(*) FROM new)

-- $1 tenant, $2 project, $3 artifact, $4 digest, $5 size, $6 content, NULL where it is kept elsewhere;
-- $7 how many removals the writer knows.
WITH announced AS (
  SELECT FROM sk_artifacts WHERE tenant = $1 AND project_uuid = $2 AND artifact = $3
), there AS (
  SELECT FROM sk_bodies WHERE tenant = $1 AND project_uuid = $2 AND artifact = $3 AND sha256 = $4
), head AS (
  UPDATE sk_projects SET head = head + 1
  WHERE tenant = $1 AND project_uuid = $2 AND removals = $7
    AND EXISTS (SELECT FROM announced) AND NOT EXISTS (SELECT FROM there)
  RETURNING head
), blob AS (
  INSERT INTO sk_blobs (tenant, project_uuid, sha256, content) SELECT $1, $2, $4, $6 FROM head WHERE $6 IS NOT NULL
  ON CONFLICT DO NOTHING
), body AS (
  INSERT INTO sk_bodies (tenant, project_uuid, artifact, sha256, seq, size) SELECT $1, $2, $3, $4, head, $5 FROM head
  ON CONFLICT DO NOTHING RETURNING 1
)
SELECT (SELECT count(*) FROM announced), (SELECT count(*) FROM there), (SELECT count(*) FROM head),
       (SELECT count(*) FROM body)

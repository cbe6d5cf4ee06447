-- $1 tenant, $2 project, $3 artifact, $4 digest, $5 size, $6 content, NULL where it is kept elsewhere.
WITH announced AS (
  SELECT FROM sk_artifacts WHERE tenant = $1 AND project_uuid = $2 AND artifact = $3
), blob AS (
  INSERT INTO sk_blobs (tenant, sha256, content) SELECT $1, $4, $6 FROM announced WHERE $6 IS NOT NULL
  ON CONFLICT DO NOTHING
), body AS (
  INSERT INTO sk_bodies (tenant, project_uuid, artifact, sha256, size) SELECT $1, $2, $3, $4, $5 FROM announced
  ON CONFLICT DO NOTHING RETURNING 1
)
SELECT (SELECT count(*) FROM announced), (SELECT count(*) FROM body)

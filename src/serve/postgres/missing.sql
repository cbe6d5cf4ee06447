-- $1 tenant, $2 project; of each version: $3 artifact, $4 digest. OFFSET 0: one look-up a version, whatever the planner
-- believes of a table without statistics.
SELECT v.n FROM unnest($3, $4) WITH ORDINALITY AS v (artifact, sha256, n)
WHERE NOT EXISTS (
  SELECT FROM sk_bodies AS b
  WHERE b.tenant = $1 AND b.project_uuid = $2 AND b.artifact = v.artifact AND b.sha256 = v.sha256 OFFSET 0
)

-- $1 tenant, $2 project, $3 and $4 the key they come after, $5 how many. OFFSET 0: one look-up a row, whatever the planner
-- believes of a table without statistics.
SELECT b.artifact, b.sha256, a.mission_slug, a.target_branch, a.mission_type, a.manifest_version, a.path
FROM sk_bodies AS b CROSS JOIN LATERAL (
  SELECT * FROM sk_artifacts AS a WHERE a.tenant = $1 AND a.project_uuid = $2 AND a.artifact = b.artifact OFFSET 0
) AS a
WHERE b.tenant = $1 AND b.project_uuid = $2 AND (b.artifact, b.sha256) > ($3, $4)
ORDER BY b.artifact, b.sha256 LIMIT $5

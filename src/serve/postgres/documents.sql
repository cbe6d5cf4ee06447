-- $1 tenant, $2 project, $3 and $4 the key they come after, $5 how many.
SELECT b.artifact, b.sha256, a.mission_slug, a.target_branch, a.mission_type, a.manifest_version, a.path
FROM sk_bodies AS b JOIN sk_artifacts AS a USING (tenant, project_uuid, artifact)
WHERE b.tenant = $1 AND b.project_uuid = $2 AND (b.artifact, b.sha256) > ($3, $4)
ORDER BY b.artifact, b.sha256 LIMIT $5

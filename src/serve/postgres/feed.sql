-- $1 tenant, $2 project, $3 position, $4 rows, $5 bytes. Stops where the envelopes before a row have that many bytes.
SELECT seq, at, envelope, path, sha256, mission_slug, target_branch, mission_type, manifest_version
FROM (
  SELECT f.*, coalesce(sum(length(envelope)) OVER (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
    AS before
  FROM (
    (SELECT seq, (extract(epoch FROM received_at) * 1000000)::bigint AS at, envelope, NULL AS path, NULL::bytea AS sha256,
       NULL AS mission_slug, NULL AS target_branch, NULL AS mission_type, NULL AS manifest_version
     FROM sk_events WHERE tenant + 0 = $1 AND project_uuid = $2 AND seq > $3 ORDER BY seq LIMIT $4)
    UNION ALL
    (SELECT b.seq, (extract(epoch FROM received_at) * 1000000)::bigint, NULL, a.path, b.sha256, mission_slug, target_branch,
       mission_type, manifest_version
     FROM sk_bodies b JOIN sk_artifacts a USING (tenant, project_uuid, artifact)
     WHERE b.tenant + 0 = $1 AND b.project_uuid = $2 AND b.seq > $3 ORDER BY b.seq LIMIT $4)
    ORDER BY seq LIMIT $4
  ) f
) counted
WHERE before < $5 ORDER BY seq

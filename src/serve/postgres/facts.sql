-- $1 tenant, $2 project, $3 mission or NULL, $4 the number they come after, $5 how many.
SELECT w.seq, (SELECT octet_length(e.envelope) FROM sk_events AS e
  WHERE e.tenant + 0 = $1 AND e.project_uuid = $2 AND e.seq = w.seq), w.has_document
FROM (
  SELECT a.seq, EXISTS (SELECT FROM sk_bodies AS b WHERE b.tenant = $1 AND b.project_uuid = $2
    AND b.artifact = a.artifact AND b.sha256 = a.sha256) AS has_document
  FROM sk_artifacts AS a
  WHERE a.tenant = $1 AND a.project_uuid = $2 AND a.seq > $4 AND ($3 IS NULL OR a.mission_slug = $3)
  UNION ALL
  SELECT s.seq, false FROM sk_words AS s
  WHERE s.tenant = $1 AND s.project_uuid = $2 AND s.seq > $4 AND ($3 IS NULL OR s.mission_slug = $3)
) AS w
ORDER BY w.seq LIMIT $5

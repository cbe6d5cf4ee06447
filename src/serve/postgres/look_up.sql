-- $1 tenant, $2 project; of each event: $3 id, $4 digest. The envelope comes back only where the digest is another one.
-- OFFSET 0: one look-up an event, whatever the planner believes of a table without statistics.
SELECT e.n, s.seq, CASE WHEN s.payload_sha256 <> e.sha256 THEN s.envelope END
FROM unnest($3, $4) WITH ORDINALITY AS e (event_id, sha256, n)
CROSS JOIN LATERAL (
  SELECT seq, payload_sha256, envelope FROM sk_events
  WHERE tenant = $1 AND project_uuid = $2 AND event_id = e.event_id OFFSET 0
) AS s

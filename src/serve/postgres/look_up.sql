-- $1 tenant, $2 project; of each event: $3 id, $4 digest. The envelope comes back only where the digest is another one.
SELECT e.n, s.seq, CASE WHEN s.payload_sha256 <> e.sha256 THEN s.envelope END
FROM unnest($3, $4) WITH ORDINALITY AS e (event_id, sha256, n)
JOIN sk_events s ON s.tenant = $1 AND s.project_uuid = $2 AND s.event_id = e.event_id

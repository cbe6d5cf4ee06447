-- $1 tenant, $2 project, $3 numbers. OFFSET 0: one look-up a number, whatever the planner believes of a table without
-- statistics.
SELECT e.seq, e.envelope, e.event_id
FROM unnest($3) AS n (seq)
CROSS JOIN LATERAL (
  SELECT seq, envelope, event_id FROM sk_events WHERE tenant + 0 = $1 AND project_uuid = $2 AND seq = n.seq OFFSET 0
) AS e
ORDER BY e.seq

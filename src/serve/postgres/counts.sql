-- $1 tenant.
SELECT (SELECT count(*) FROM sk_projects WHERE tenant = $1), (SELECT count(*) FROM sk_events WHERE tenant = $1),
       (SELECT count(*) FROM sk_bodies WHERE tenant = $1)

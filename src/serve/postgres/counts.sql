SELECT (SELECT count(*) FROM sk_projects), (SELECT count(*) FROM sk_events), (SELECT count(*) FROM sk_bodies)

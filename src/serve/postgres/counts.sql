SELECT (SELECT count(*) FROM sk_projects WHERE head > emptied), (SELECT count(*) FROM sk_events),
       (SELECT count(*) FROM sk_bodies)

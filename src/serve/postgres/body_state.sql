-- $1 tenant, $2 project, $3 artifact, $4 digest.
SELECT EXISTS (SELECT FROM sk_artifacts WHERE tenant = $1 AND project_uuid = $2 AND artifact = $3),
       EXISTS (SELECT FROM sk_artifacts WHERE tenant = $1 AND project_uuid = $2 AND artifact = $3 AND sha256 = $4),
       EXISTS (SELECT FROM sk_bodies WHERE tenant = $1 AND project_uuid = $2 AND artifact = $3 AND sha256 = $4)

-- The keys that could start a session if their orphaned ones were closed, longest blocked first, and how
-- many there are without the limit.
WITH {clock}
SELECT
    pg_catalog.count(*) OVER (),
    extract(epoch FROM {now})::float8,
    extract(epoch FROM oldest_orphan)::float8,
    active,
    orphaned,
    {key}
FROM (
    {keys}
) AS limited
WHERE active - orphaned < {max}
ORDER BY oldest_orphan
LIMIT {limit}

-- What each owner holds: how many active sessions, and how long ago the newest sign of life of any of them
-- was, in seconds; a time too far in the future is none. Owners that hold most come first. A text that is too long for the name of an owner is
-- left out: it is in no answer either.
WITH {clock}
SELECT
    {shown},
    pg_catalog.count(*),
    -pg_catalog.max({ahead})
FROM (
    SELECT
        {owner} AS owner,
        {times}
    FROM {table} AS s
    WHERE {rows}
    OFFSET 0
) AS held
WHERE pg_catalog.octet_length(owner) <= {longest}
GROUP BY owner
ORDER BY pg_catalog.count(*) DESC, owner
LIMIT {limit}

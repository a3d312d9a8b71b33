-- The rows of some kinds of inconsistency, how many there are, and which kinds each is of. The
-- expressions are those of the statement that counts, in a scope of their own, so that no name means
-- another column than there. What is listed is computed only of the rows that are.
WITH {clock}
SELECT
    pg_catalog.count(*) OVER (),
    {kinds},
    {columns}
FROM {table} AS s
CROSS JOIN LATERAL (
    SELECT
    {placed}
    FROM (
        SELECT
        {counted}
    ) AS counted
    OFFSET 0
) AS {alias}
WHERE {rows}
    AND ({is_listed})
ORDER BY {order} NULLS FIRST
LIMIT {limit}

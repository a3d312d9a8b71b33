-- The rows of some kinds of inconsistency, their number, and the kinds of each. The expressions are
-- those of the counting statement, in a separate scope, so that names resolve to the same columns. The
-- listed values are computed only for listed rows.
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

-- The active sessions, counted in one pass into cells by age, silence and label, orphaned or not.
-- width_bucket() places a row among all boundaries at once by binary search: every histogram bucket
-- and the overlong sessions are then sums of cells. Nothing is computed for each row that could be
-- computed once: boundaries are constants, because they are ages, and the time is a subquery.
WITH {clock}
SELECT
    {cell} AS cell,
    extract(epoch FROM {now})::float8,
    pg_catalog.count(*),
    {measures}
FROM (
    SELECT
    {columns}
    FROM {table} AS s
    WHERE {rows}
) AS active
GROUP BY cell

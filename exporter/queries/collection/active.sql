-- The active sessions, counted in one pass into cells by age, silence and label, orphaned or not.
-- width_bucket() places a row among all boundaries at once by binary search: every histogram bucket
-- and the overlong sessions are then sums of cells. The arrays of boundaries are scalar subqueries,
-- so that they are computed once and not for every row.
SELECT
    {cells},
    count(*),
    {measures}
FROM (
    SELECT
    {columns}
    FROM {table} AS s
    WHERE {rows}
) AS active
GROUP BY {groups}

-- The active sessions, counted in one pass into cells by age, silence and label.
-- width_bucket() places a row among all thresholds at once by binary search: every histogram
-- bucket, what is orphaned and what is overlong is then a sum of cells. The arrays of thresholds
-- are scalar subqueries, so that they are computed once and not for every row.
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

-- The active sessions, counted in one pass into cells by age, silence, label, orphaned or not, and
-- contradictions. width_bucket() finds the cell of a row among all boundaries by binary search: every
-- histogram bucket and the overlong sessions are then sums of cells. Values that are the same for all
-- rows are computed once: boundaries are constants, because they are ages, and the time is a subquery.
-- OFFSET 0 keeps values from being computed again at each use, and the planner from expecting as many
-- cells as rows. Lost sessions are not a coordinate: they are few, and a condition that is false for
-- live rows costs less than further cells.
WITH {clock}
SELECT
    cell,
    extract(epoch FROM {now})::float8,
    pg_catalog.count(*),
    pg_catalog.count(*) FILTER (WHERE {lost}),
    {measures}
FROM (
    SELECT
    {cell} AS cell,
    {kept}
    FROM (
        SELECT
        {columns}
        FROM {table} AS s
        WHERE {rows}
    ) AS active
    OFFSET 0
) AS placed
GROUP BY cell{closed}

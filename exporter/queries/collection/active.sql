-- The active sessions, counted in one pass into cells by age, silence, label, orphaned or not, and what
-- contradicts. width_bucket() places a row among all boundaries at once by binary search: every
-- histogram bucket and the overlong sessions are then sums of cells. Nothing is computed for each row
-- that could be computed once: boundaries are constants, because they are ages, and the time is a
-- subquery. OFFSET 0 keeps each value from being computed again wherever it is used, and the planner
-- from expecting as many cells as there are rows. What is lost is no coordinate: those are few, and a
-- condition that is false of a row that lives costs less than another cell for it.
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

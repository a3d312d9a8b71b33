-- How many of each day's sessions are still active, from the active rows alone.
-- A past day whose number did not change is not read again.
SELECT
    pg_catalog.width_bucket(started_at, (
        SELECT pg_catalog.array_agg({first_instant} ORDER BY n DESC)
        FROM generate_series(-1, {oldest}) AS n
    )) AS day,
    {labels}
    count(*)
FROM (
    SELECT
    {columns}
    FROM {table} AS s
    WHERE {rows}
) AS active
GROUP BY {groups}

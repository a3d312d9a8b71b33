-- Of the active rows: how many have a time, the newest of these, how many lie in the future and before
-- 2000, the value in the middle as it is stored, where that is a number, and what time it is.
SELECT
    pg_catalog.count(t.session_exporter_time)::int8,
    extract(epoch FROM pg_catalog.max(t.session_exporter_time))::float8,
    pg_catalog.count(*) FILTER (WHERE t.session_exporter_time > pg_catalog.now() + {ahead})::int8,
    pg_catalog.count(*) FILTER (WHERE t.session_exporter_time < '2000-01-01Z'::timestamptz)::int8,
    pg_catalog.percentile_disc('0.5'::float8) WITHIN GROUP (ORDER BY t.session_exporter_number),
    extract(epoch FROM pg_catalog.now())::float8
FROM (
    SELECT {time} AS session_exporter_time, ({number})::float8 AS session_exporter_number
    FROM {table} AS s
    WHERE {rows}
) AS t
WHERE t.session_exporter_time IS NOT NULL

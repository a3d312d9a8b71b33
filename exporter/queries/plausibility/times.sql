-- For the active rows: the number with a time, the newest time, the numbers in the future and before
-- 2000, the stored median value if it is a number, and the present time.
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
